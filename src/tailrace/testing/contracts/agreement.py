"""Checks that what a store holds agrees: its items, its indexes, its figures and its records."""

from __future__ import annotations

from collections.abc import Iterable

from tailrace.model.keys import partition_of
from tailrace.model.schema import Table
from tailrace.model.values import Item, decode_item, item_size
from tailrace.tables.engine import Engine, Row, Usage
from tailrace.testing.reading import Seen, history, items_of, rows_of

__all__ = ["check_agreement", "check_history", "check_rows", "replayed"]


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
            key = index.row_of(item, row.key)
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
        assert shard.covers(key)
        assert shard.start <= record.clock, "a record is not older than its shard"
        assert shard.end is None or record.clock <= shard.end, "a closed shard has ended"


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
