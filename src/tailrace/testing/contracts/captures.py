"""The contract of streams beside a table's own: captures, and records that stand for no item."""

from __future__ import annotations

from typing import Final

import msgspec

from tailrace.clock import ManualClock
from tailrace.errors import ConditionalCheckFailedException
from tailrace.model.changes import Change, ChangeKind
from tailrace.model.schema import Stream, Table
from tailrace.streams.sequence import sequence_number
from tailrace.tables.captures import close_captures, open_capture
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.engine import Engine, Plan, Usage, Write
from tailrace.testing.builders import check_write, delete_write, item, put_write, rotate
from tailrace.testing.contracts.store import StoreContract
from tailrace.testing.driving import alter, make_table, settled, submit
from tailrace.testing.reading import decoded, encoded_records, history, items_of, shards_of

__all__ = ["CaptureContract"]

_NOW_US: Final = 1_789_651_658_000_000


def _capture(table_id: int) -> Alter:
    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        return open_capture(catalog, tick, catalog.tables[table_id], _NOW_US)

    return decide


def _end(table: Table) -> Alter:
    ids = frozenset(stream.id for stream in table.captures)

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        return close_captures(catalog, tick, catalog.tables[table.id], ids, _NOW_US)

    return decide


def _captured(engine: Engine, stream: Stream) -> list[tuple[str, bytes]]:
    """Kind and key of each record of a stream, by the clock; each is in the shard of its key."""
    found = [
        decoded(shard, record)
        for shard in engine.catalog().shards_of[stream.id]
        for record in encoded_records(engine, shard.id)
    ]
    return [
        (seen.kind, seen.key)
        for seen in sorted(found, key=lambda seen: seen.clock)
        if seen.shard.start <= seen.clock
    ]


class CaptureContract(StoreContract):
    """Captures, receipts, and records without an item."""

    def test_a_capture_gets_what_the_stream_gets(self, engine: Engine) -> None:
        table = make_table(engine, partitions=3)
        settled(engine, put_write(table, item("before")))
        table = alter(engine, _capture(table.id)).tables[table.id]
        settled(engine, *(put_write(table, item(f"k{n}")) for n in range(20)))
        settled(engine, delete_write(table, item("k3")))
        (stream,) = table.captures
        public = [(seen.kind, seen.key) for seen in history(engine, table)]
        assert sorted(_captured(engine, stream)) == sorted(public[1:])
        assert _captured(engine, stream)[-1] == public[-1]

    def test_a_capture_needs_no_stream(self, engine: Engine) -> None:
        table = make_table(engine, streamed=False)
        table = alter(engine, _capture(table.id)).tables[table.id]
        (done,) = settled(engine, put_write(table, item("a", n=1)))
        assert done.clock == 0
        (stream,) = table.captures
        assert _captured(engine, stream) == [("INSERT", b'{"pk":{"S":"a"}}')]

    def test_each_of_several_captures_gets_each_record(self, engine: Engine) -> None:
        table = make_table(engine)
        alter(engine, _capture(table.id))
        table = alter(engine, _capture(table.id)).tables[table.id]
        settled(engine, put_write(table, item("a")))
        one, other = table.captures
        assert one.arn != other.arn
        assert _captured(engine, one) == _captured(engine, other)
        assert len(_captured(engine, one)) == 1

    def test_a_refused_unit_is_not_captured(self, engine: Engine) -> None:
        table = make_table(engine)
        table = alter(engine, _capture(table.id)).tables[table.id]
        refusal = check_write(table, item("b"), ConditionalCheckFailedException("no"))
        submit(engine, put_write(table, item("a")), refusal)
        assert _captured(engine, table.captures[0]) == []

    def test_a_closed_capture_gets_nothing_and_keeps_what_it_has(self, engine: Engine) -> None:
        table = make_table(engine)
        table = alter(engine, _capture(table.id)).tables[table.id]
        settled(engine, put_write(table, item("a")))
        catalog = alter(engine, _end(table))
        assert catalog.tables[table.id].captures == ()
        (stream,) = table.captures
        assert not any(shard.open for shard in catalog.shards_of[stream.id])
        settled(engine, put_write(table, item("b")))
        assert len(_captured(engine, stream)) == 1
        assert len(history(engine, table)) == 2

    def test_an_outcome_tells_the_clock_of_its_record(self, engine: Engine) -> None:
        table = make_table(engine, partitions=1)
        first, second = settled(engine, put_write(table, item("a")), put_write(table, item("b")))
        assert [first.clock, second.clock] == [seen.clock for seen in history(engine, table)]
        (idle,) = settled(engine, put_write(table, item("a")))
        assert idle.clock == 0

    def test_a_record_without_an_item(self, engine: Engine) -> None:
        table = make_table(engine, partitions=1)
        change = Change(ChangeKind.INSERT, b'{"pk":{"S":"x"}}', 3, None, 0, b"{}", 2)
        plan = Plan(True, None, 0, 0, (), change)
        write = Write(table.id, b"\0\0\0\1key", lambda previous, table: plan)
        (one,) = settled(engine, write)
        (other,) = settled(engine, write)
        assert one.previous is other.previous is None
        (shard,) = shards_of(engine, table)
        numbers = [
            msgspec.json.decode(record)["dynamodb"]["SequenceNumber"]
            for record in encoded_records(engine, shard.id)
        ]
        assert numbers == [sequence_number(one.clock), sequence_number(other.clock)]
        assert items_of(engine, table) == {}
        assert engine.usage(table) == Usage(0, 0)

    def test_one_shard_is_trimmed_alone(self, engine: Engine, clock: ManualClock) -> None:
        tables = [make_table(engine, name, partitions=1) for name in ("first", "second")]
        for table in tables:
            settled(engine, *(put_write(table, item(f"k{n}")) for n in range(30)))
            alter(engine, rotate(table.id))
            settled(engine, put_write(table, item("late")))
        (mine, child), others = (shards_of(engine, table) for table in tables)
        before = encoded_records(engine, mine.id)
        kept = [decoded(mine, record).clock for record in before][12]
        assert engine.log.trim_shard(mine.id, kept, 5) == 5
        assert engine.log.trim_shard(mine.id, kept, 100) == 7
        assert engine.log.trim_shard(mine.id, kept, 100) == 0
        assert engine.log.trim_shard(999_999, kept, 100) == 0
        assert encoded_records(engine, mine.id) == before[12:]
        assert len(encoded_records(engine, child.id)) == 1
        assert [len(encoded_records(engine, shard.id)) for shard in others] == [30, 1]
        assert engine.log.trim_shard(mine.id, 2**62, 100) == 18
        clock.advance(-3_600_000_000)
        (late,) = settled(engine, put_write(tables[0], item("later")))
        assert late.clock > kept
