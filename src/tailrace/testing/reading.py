"""Ways for tests to read a store whole, and to check that its items, indexes and records agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.model.keys import HASH_BYTES, partition_of
from tailrace.model.schema import Index, Table
from tailrace.model.values import Item, decode_item, encode_item, item_size
from tailrace.streams.log import Shard
from tailrace.streams.sequence import from_sequence_number
from tailrace.tables.engine import Engine, Row, Span, Usage

__all__ = [
    "Seen",
    "check_agreement",
    "check_history",
    "check_rows",
    "decoded",
    "encoded_records",
    "history",
    "items_of",
    "replayed",
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


def replayed(records: Iterable[Seen]) -> dict[bytes, Item]:
    """The items by key that the records of a stream with both images, from its start, lead to.

    Raises AssertionError when a record does not continue the one before it of the same item.
    """
    items: dict[bytes, Item] = {}
    for record in records:
        assert record.old == items.get(record.key), "a record's old image is what was there before"
        assert record.old != record.new, "a record stands for a change"
        if record.new is None:
            del items[record.key]
        else:
            items[record.key] = record.new
        assert record.kind == _kind(record), "a record is named after what it did"
    return items


def _kind(record: Seen) -> str:
    if record.old is None:
        return "INSERT"
    return "REMOVE" if record.new is None else "MODIFY"


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


def check_agreement(engine: Engine, table: Table) -> None:
    """Check that a table's items, indexes, figures and records since its creation agree.

    `table` is its value in the catalog; its stream has both images. Raises AssertionError.
    """
    check_rows(engine, table)
    if table.stream is not None:
        records = history(engine, table)
        check_history(records, table)
        assert replayed(records) == items_of(engine, table), "the stream replays to the table"


def check_rows(engine: Engine, table: Table) -> None:
    """Check that every row is what its item makes it, and that indexes hold what they should."""
    rows = rows_of(engine, table)
    expected: dict[int, list[Row]] = {index.id: [] for index in table.indexes}
    for row in rows:
        item = decode_item(row.data)
        assert row.key == table.keys.item_key(item), "an item is stored under its own key"
        assert row.size == item_size(item), "an item's size is that of its content"
        assert engine.get(table.id, row.key) == row.data, "both ways of reading agree"
        for index in table.indexes:
            key = index.keys.index_row(item, row.key)
            if key is not None:
                expected[index.id].append(Row(key, row.size, row.data))
    assert engine.usage(table) == _usage(rows)
    for index in table.indexes:
        found = rows_of(engine, table, index)
        assert found == sorted(expected[index.id], key=lambda row: row.key)
        assert engine.usage(table, index) == _usage(found)


def _usage(rows: list[Row]) -> Usage:
    return Usage(len(rows), sum(row.size for row in rows))


def check_history(records: list[Seen], table: Table) -> None:
    """Check that every record is in the shard of its key and clock, and no clock is there twice."""
    clocks = [record.clock for record in records]
    assert len(set(clocks)) == len(clocks), "no two records of a stream share a sequence number"
    for record in records:
        key = table.keys.item_key(decode_item(record.key))
        shard = record.shard
        assert shard.partition == partition_of(key, table.partitions)
        assert shard.first_hash <= int.from_bytes(key[:HASH_BYTES], "big") <= shard.last_hash
        assert shard.start <= record.clock, "a record is not older than its shard"
        assert shard.end is None or record.clock <= shard.end, "a closed shard has ended"
