"""Pages of Query and Scan: rows of a span until the limit, 1 MB, or the end.

What a page counts, and where it stops, is decided by what the rows hold before any filter; the
filter then only hides. Without a filter or a projection no row is decoded: the page is a join of
stored bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from tailrace import limits
from tailrace.model.keys import HASH_BYTES
from tailrace.model.schema import Index, Projection, Table
from tailrace.model.values import Item, decode_item, encode_item, item_size
from tailrace.tables.capacity import projected
from tailrace.tables.engine import Engine, Row, Span

__all__ = [
    "Page",
    "PageRequest",
    "Selection",
    "beyond",
    "read_page",
    "segment_bounds",
]


class Selection(Protocol):
    """The part of an item that a projection leaves."""

    def apply(self, item: Item) -> Item: ...


class PageRequest(msgspec.Struct, frozen=True):
    """What to read: rows of `span`, at most `limit` of them (None: no such limit), those that
    `keep` holds of, reduced by `selection`.

    `counting` leaves the items out of the answer. `whole_items` reads whole items through a local
    index that does not hold them whole, which costs a read of the table for each.
    """

    table: Table
    index: Index | None
    span: Span
    limit: int | None = None
    keep: Callable[[Item], bool] | None = None
    selection: Selection | None = None
    counting: bool = False
    whole_items: bool = False


class Page(msgspec.Struct, frozen=True):
    """`items` are JSON; `scanned` rows of `size` bytes were read to find them, and `fetched` sizes
    are those of whole items read beside the index. `last_key` is where to go on; None at the
    end."""

    items: Sequence[bytes]
    count: int
    scanned: int
    size: int
    last_key: Item | None
    fetched: Sequence[int] = ()


def read_page(engine: Engine, request: PageRequest) -> Page:
    """Read one page."""
    rows, more = _read_rows(engine, request)
    index = request.index
    shrinks = index is not None and index.projection is not Projection.ALL
    last_key = _last_key(request, rows[-1]) if more and rows else None
    if not shrinks and request.keep is None and request.selection is None:
        items = () if request.counting else [row.data for row in rows]
        return Page(items, len(rows), len(rows), sum(row.size for row in rows), last_key)
    return _decoded_page(request, rows, last_key)


def _decoded_page(request: PageRequest, rows: Sequence[Row], last_key: Item | None) -> Page:
    index = request.index
    shrinks = index is not None and index.projection is not Projection.ALL
    items: list[bytes] = []
    count = size = 0
    fetched: list[int] = []
    for row in rows:
        item = decode_item(row.data)
        if shrinks and index is not None:
            held = projected(item, request.table, index)
            size += item_size(held)
            if request.whole_items:
                fetched.append(row.size)
            else:
                item = held
        else:
            size += row.size
        if request.keep is not None and not request.keep(item):
            continue
        count += 1
        if not request.counting:
            items.append(_shown(request, row, item, shrinks))
    return Page(items, count, len(rows), size, last_key, fetched)


def _shown(request: PageRequest, row: Row, item: Item, shrinks: bool) -> bytes:
    if request.selection is not None:
        return encode_item(request.selection.apply(item))
    return encode_item(item) if shrinks else row.data


def _read_rows(engine: Engine, request: PageRequest) -> tuple[Sequence[Row], bool]:
    """The rows of the page, and whether the page stopped for its limits rather than at the end of
    the span."""
    rows: list[Row] = []
    size = 0
    span = request.span
    while True:
        wanted = limits.ROWS_PER_READ
        if request.limit is not None:
            wanted = min(wanted, request.limit - len(rows))
        room = limits.PAGE_BYTES - size
        found = engine.rows(span, wanted, room)
        for row in found:
            rows.append(row)
            size += _held_size(request, row)
        if size > limits.PAGE_BYTES or len(rows) == request.limit:
            return rows, True
        # Whole items can pass the room where what the index holds of them does not: then there may
        # be more.
        if len(found) < wanted and sum(row.size for row in found) <= room:
            return rows, False
        span = beyond(span, found[-1].key)


def _held_size(request: PageRequest, row: Row) -> int:
    index = request.index
    if index is None or index.projection is Projection.ALL:
        return row.size
    return item_size(projected(decode_item(row.data), request.table, index))


def beyond(span: Span, key: bytes) -> Span:
    """What is left of a span after the row `key`, in its direction."""
    if span.backwards:
        return msgspec.structs.replace(span, high=key)
    return msgspec.structs.replace(span, low=key + b"\0")


def _last_key(request: PageRequest, row: Row) -> Item:
    item = decode_item(row.data)
    names = request.table.keys.names
    if request.index is not None:
        names = dict.fromkeys((*request.index.keys.names, *names))
    return {name: item[name] for name in names}


def segment_bounds(segment: int, total: int) -> tuple[bytes, bytes | None]:
    """The keys `low <= key < high` that a parallel scan's segment covers: an equal share of the
    hashes."""
    low = -(-(segment << 32) // total)
    high = -(-(segment + 1 << 32) // total)
    return low.to_bytes(HASH_BYTES, "big"), None if high >> 32 else high.to_bytes(HASH_BYTES, "big")
