"""What SELECT statements read: ranges of keys where the WHERE clause names partition keys, else the
whole table or index.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from tailrace import limits
from tailrace.api.dynamodb.conditions import refuse_parts_of_keys
from tailrace.api.dynamodb.reading import refuse_vectors
from tailrace.api.dynamodb.statement_tokens import Position
from tailrace.api.dynamodb.tables import readable_index
from tailrace.api.operation import Context
from tailrace.errors import ValidationException
from tailrace.expressions.partiql import Columns, KeyReads, Reach, Select, key_reads
from tailrace.model.keys import KeySchema
from tailrace.model.schema import Index, IndexKind, Table
from tailrace.model.schema import Projection as IndexProjection
from tailrace.model.values import Item
from tailrace.tables.capacity import Usage, read_units
from tailrace.tables.engine import Engine, Span
from tailrace.tables.pages import Page, PageRequest, beyond, read_page, segment_bounds

__all__ = ["Found", "Reading", "key_reads_of", "plan_reading", "read", "statement_index"]


class Reading(msgspec.Struct, frozen=True):
    """The ranges that a SELECT reads, one after the other, and what it keeps and shows of them."""

    table: Table
    index: Index | None
    spans: tuple[Span, ...]
    keep: Callable[[Item], bool] | None
    columns: Columns | None
    whole_items: bool


class Found(msgspec.Struct, frozen=True):
    """What one call found: items as JSON, where to go on (None: nowhere), the key where it stopped,
    if it stopped at one, and what reading used.
    """

    items: list[msgspec.Raw]
    position: Position | None
    last_key: Item | None
    usage: Usage


def statement_index(
    context: Context, table: Table, select: Select, consistent: bool | None
) -> Index | None:
    """The index that a SELECT reads, None for the table. Raises ValidationException for one that is
    not there or cannot be read so.
    """
    name = select.target.index
    if name is None:
        return None
    index = readable_index(context, table, name)
    if index is None:
        raise ValidationException("The table does not have the specified index")
    refuse_vectors(index, "Scan operation not supported on this index type")
    if len(index.keys.hash) > 1 or len(index.keys.range) > 1:
        raise ValidationException(
            "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or"
            " multi-attribute RANGE keys."
        )
    if consistent and index.kind is IndexKind.GLOBAL:
        raise ValidationException(
            "Strongly consistent read is not supported on Global Secondary Indexes"
        )
    return index


def key_reads_of(table: Table, index: Index | None, select: Select) -> KeyReads:
    """What a SELECT reads by key. Raises ValidationException."""
    keys = table.keys if index is None else index.keys
    return key_reads(select.where, keys, index is not None)


def plan_reading(table: Table, index: Index | None, select: Select) -> Reading:
    """How to carry a SELECT out. Raises ValidationException for what its table or index cannot
    give, or not in this order.
    """
    whole_items = _check_columns(table, index, select.columns)
    _check_scalars(table, select)
    reads = key_reads_of(table, index, select)
    backwards = _check_order(table.keys if index is None else index.keys, select, reads)
    if index is not None and reads.reaches is not None:
        _check_filter(table, index, reads.filtered)
    where = select.where
    return Reading(
        table,
        index,
        _spans(table, index, _ordered(select, reads, backwards), backwards),
        None if where is None or reads.exact else where.condition.matches,
        select.columns,
        whole_items,
    )


def _missing(table: Table, index: Index, names: Sequence[str]) -> list[str]:
    """Those of some attributes that an index does not hold."""
    if index.projection is IndexProjection.ALL:
        return []
    held = {*table.keys.names, *index.keys.names, *index.included}
    return [name for name in names if name not in held]


def _check_columns(table: Table, index: Index | None, columns: Columns | None) -> bool:
    """Whether columns take reading whole items beside a local index; a global one can't give them.
    All columns are those that the index holds.
    """
    if index is None or columns is None:
        return False
    missing = _missing(table, index, columns.names)
    if missing and index.kind is IndexKind.GLOBAL:
        raise ValidationException(
            f"One or more parameter values were invalid: Global secondary index {index.name} does"
            f" not project [{', '.join(missing)}]"
        )
    return bool(missing)


def _check_scalars(table: Table, select: Select) -> None:
    """Raise ValidationException for a SELECT that looks for parts of a key attribute."""
    if select.where is not None:
        refuse_parts_of_keys(table, select.where.condition.paths)
    if select.columns is not None:
        refuse_parts_of_keys(table, select.columns.paths)


def _check_filter(table: Table, index: Index, names: Sequence[str]) -> None:
    missing = sorted(_missing(table, index, tuple(dict.fromkeys(names))), key=_hash_bucket)
    if missing:
        raise ValidationException(
            f"One or more parameter values were invalid: Secondary index {index.name} does not"
            f" project one or more filter attributes: [{', '.join(missing)}]"
        )


def _hash_bucket(name: str) -> int:
    """The place of a name in the service's sets of names, as its messages show them: a hash table
    of 16 buckets.
    """
    code = 0
    for unit in name.encode("utf-16-be")[1::2]:
        code = (code * 31 + unit) & 0xFFFFFFFF
    return (code ^ code >> 16) & 15


def _check_order(keys: KeySchema, select: Select, reads: KeyReads) -> bool:
    """Whether the sort key goes down. Raises ValidationException for an ORDER BY that reading by
    key does not give.
    """
    if not select.order:
        return False
    for ordering in select.order:
        if ordering.name not in keys.names:
            raise ValidationException(
                f"Attribute {ordering.name} in ORDER BY clause must be part of the primary key"
            )
    if reads.reaches is None:
        raise ValidationException(
            "Must have at least one non-optional hash key condition in WHERE clause when using"
            " ORDER BY clause."
        )
    hash_name = keys.hash[0].name
    directions = {ordering.name: ordering.descending for ordering in reversed(select.order)}
    if len(reads.reaches) > 1 and hash_name not in directions:
        raise ValidationException(
            "Must have hash key in ORDER BY clause when more than one hash key condition specified"
            " in WHERE clause."
        )
    # Without the sort key among those to order by, it goes down: so it was seen on AWS.
    directions.pop(hash_name, None)
    return next(iter(directions.values()), True)


def _ordered(
    select: Select, reads: KeyReads, backwards: bool
) -> tuple[tuple[Reach, ...], ...] | None:
    """The ranges of each partition key, both in the order of reading."""
    if reads.reaches is None or not select.order:
        return reads.reaches
    reaches = [reach for reach in reads.reaches if reach]
    first = select.order[0]
    # Keys begin with a hash, so it is cut off to compare them by value.
    reaches.sort(key=lambda ranges: ranges[0].low[4:], reverse=first.descending)
    return tuple([tuple(reversed(ranges)) if backwards else ranges for ranges in reaches])


def _spans(
    table: Table,
    index: Index | None,
    reaches: tuple[tuple[Reach, ...], ...] | None,
    backwards: bool,
) -> tuple[Span, ...]:
    index_id = None if index is None else index.id
    if reaches is None:
        low, high = segment_bounds(0, 1)
        return (Span(table.id, low, high, index_id),)
    return tuple(
        [
            Span(table.id, reach.low, reach.high, index_id, backwards)
            for ranges in reaches
            for reach in ranges
        ]
    )


def read(
    engine: Engine,
    reading: Reading,
    position: Position | None,
    limit: int | None,
    consistent: bool | None,
) -> Found:
    """Read from a position, None for the beginning, until `limit` rows, 1 MB, or the end."""
    items: list[msgspec.Raw] = []
    usage: Usage | None = None
    scanned = size = 0
    at = position or Position(0)
    while at.span < len(reading.spans):
        span = reading.spans[at.span]
        if at.key is not None:
            span = beyond(span, at.key)
        left = None if limit is None else limit - scanned
        page = read_page(engine, _page_request(reading, span, left))
        items += [msgspec.Raw(data) for data in page.items]
        used = _usage(reading.index, page, consistent)
        usage = used if usage is None else usage.plus(used)
        scanned, size = scanned + page.scanned, size + page.size
        if page.last_key is not None:
            key = _row_key(reading, page.last_key)
            return Found(items, Position(at.span, key), page.last_key, usage)
        at = Position(at.span + 1)
        if at.span < len(reading.spans) and (size >= limits.PAGE_BYTES or scanned == limit):
            return Found(items, at, None, usage)
    return Found(items, None, None, usage or _nothing(reading, consistent))


def _page_request(reading: Reading, span: Span, limit: int | None) -> PageRequest:
    return PageRequest(
        reading.table,
        reading.index,
        span,
        limit,
        reading.keep,
        reading.columns,
        whole_items=reading.whole_items,
    )


def _row_key(reading: Reading, last_key: dict[str, Any]) -> bytes:
    key = reading.table.keys.item_key(last_key)
    if reading.index is None:
        return key
    row = reading.index.keys.index_row(last_key, key)
    return key if row is None else row


def _nothing(reading: Reading, consistent: bool | None) -> Usage:
    """What a SELECT that can find nothing uses: one read of nothing."""
    return _usage(reading.index, Page((), 0, 0, 0, None), consistent)


def _usage(index: Index | None, page: Page, consistent: bool | None) -> Usage:
    """What reading a page used: of the index, and of the table for what the index does not hold."""
    units = read_units(page.size, bool(consistent))
    if index is None:
        return Usage(units)
    fetched = sum(read_units(size, bool(consistent)) for size in page.fetched)
    return Usage(fetched, {index.name: units})
