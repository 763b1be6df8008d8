"""Ways for tests to read a store whole."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.model.schema import Index, Table
from tailrace.model.values import Item, decode_item, encode_item
from tailrace.streams.log import Shard
from tailrace.streams.sequence import from_sequence_number
from tailrace.tables.engine import Engine, Row, Span

__all__ = [
    "Seen",
    "decoded",
    "encoded_records",
    "history",
    "items_of",
    "rows_of",
    "shards_of",
]

_PAGE_ROWS: Final = 500
_PAGE_RECORDS: Final = 100


class Seen(msgspec.Struct, frozen=True):
    """A change record read from a shard. `key` is the canonical JSON of the item's key."""

    shard: Shard
    clock: int
    kind: str
    key: bytes
    old: Item | None
    new: Item | None


def shards_of(engine: Engine, table: Table) -> tuple[Shard, ...]:
    """All shards of a table's present stream, parents before children."""
    return engine.catalog().shards_of[table.stream.id] if table.stream else ()


def encoded_records(engine: Engine, shard_id: int, after: int = 0) -> list[bytes]:
    """All records of a shard behind a clock, read page by page."""
    records: list[bytes] = []
    more = True
    while more:
        page = engine.log.read(shard_id, after, _PAGE_RECORDS, limits.STREAM_PAGE_BYTES)
        records.extend(page.records)
        after, more = page.last, page.more
    return records


def history(engine: Engine, table: Table) -> list[Seen]:
    """All records of a table's present stream in the order of their clocks."""
    records = [
        decoded(shard, record)
        for shard in shards_of(engine, table)
        for record in encoded_records(engine, shard.id)
    ]
    return sorted(records, key=lambda record: record.clock)


def decoded(shard: Shard, data: bytes) -> Seen:
    """A record of a shard, from its JSON."""
    record: dict[str, Any] = msgspec.json.decode(data)
    body: dict[str, Any] = record["dynamodb"]
    return Seen(
        shard=shard,
        clock=from_sequence_number(body["SequenceNumber"]),
        kind=record["eventName"],
        key=encode_item(body["Keys"]),
        old=body.get("OldImage"),
        new=body.get("NewImage"),
    )


def rows_of(engine: Engine, table: Table, index: Index | None = None) -> list[Row]:
    """All rows of a table or of one of its indexes in their order, read page by page."""
    rows: list[Row] = []
    low = b""
    while True:
        span = Span(table.id, low, None, index.id if index else None)
        page = engine.rows(span, _PAGE_ROWS, limits.PAGE_BYTES)
        if not page:
            return rows
        rows.extend(page)
        low = page[-1].key + b"\0"


def items_of(engine: Engine, table: Table) -> dict[bytes, Item]:
    """All items of a table by the canonical JSON of their keys."""
    items = [decode_item(row.data) for row in rows_of(engine, table)]
    return {encode_item(table.keys.key_of(item)): item for item in items}
