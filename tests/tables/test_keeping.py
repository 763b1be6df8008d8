"""Records are trimmed when their own stream's retention is over, and only then."""

from __future__ import annotations

import msgspec

from tailrace.clock import ManualClock
from tailrace.engines.memory import MemoryEngine
from tailrace.model.schema import StreamKind, Table
from tailrace.streams.log import Shard
from tailrace.tables.catalog import Alteration, Catalog, Tick
from tailrace.tables.keeping import Policy, keep
from tailrace.testing.builders import item, put_write
from tailrace.testing.driving import alter, make_table, settled
from tailrace.testing.reading import encoded_records

HOUR_MS = 3_600_000
HOUR_US = HOUR_MS * 1000


class House:
    """Two tables, of which the second's stream has a retention of its own."""

    def __init__(self, own_hours: int, kind: StreamKind = StreamKind.TABLE) -> None:
        self.clock = ManualClock()
        self.engine = MemoryEngine(self.clock)
        self.tables = [make_table(self.engine, name, partitions=1) for name in ("one", "two")]

        def decide(catalog: Catalog, tick: Tick) -> Alteration:
            del tick
            table = catalog.tables[self.tables[1].id]
            assert table.stream is not None
            retention_ms = own_hours * HOUR_MS
            stream = msgspec.structs.replace(table.stream, retention_ms=retention_ms, kind=kind)
            table = msgspec.structs.replace(table, stream=stream)
            return Alteration(tables=(table,), streams=(stream,))

        alter(self.engine, decide)

    def put(self) -> None:
        for table in self.tables:
            settled(self.engine, put_write(table, item(str(self.clock.now_us()))))

    def keep(self, retention_hours: int | None = 24) -> None:
        retention_ms = None if retention_hours is None else retention_hours * HOUR_MS
        policy = Policy(retention_ms, rotation_ms=10_000 * HOUR_MS)
        while keep(self.engine, policy, self.clock.now_us()):
            pass

    def shards(self, table: Table) -> tuple[Shard, ...]:
        stream = self.engine.catalog().tables[table.id].stream
        return self.engine.catalog().shards_of[stream.id] if stream else ()

    def held(self) -> list[int]:
        return [
            sum(len(encoded_records(self.engine, shard.id)) for shard in self.shards(table))
            for table in self.tables
        ]


def test_a_longer_retention_holds_for_its_stream_alone() -> None:
    house = House(own_hours=48)
    house.put()
    house.clock.advance(25 * HOUR_US)
    house.put()
    house.keep()
    assert house.held() == [1, 2]
    house.clock.advance(24 * HOUR_US)
    house.keep()
    assert house.held() == [1, 1]


def test_a_shorter_retention_holds_in_a_store_that_keeps_all() -> None:
    house = House(own_hours=2)
    house.put()
    house.clock.advance(3 * HOUR_US)
    house.put()
    house.keep(retention_hours=None)
    assert house.held() == [2, 1]


def test_shards_of_kinesis_streams_are_not_rotated() -> None:
    house = House(24, StreamKind.KINESIS)
    house.clock.advance(10 * HOUR_US)
    keep(house.engine, Policy(None, rotation_ms=HOUR_MS), house.clock.now_us())
    assert [len(house.shards(table)) for table in house.tables] == [2, 1]
