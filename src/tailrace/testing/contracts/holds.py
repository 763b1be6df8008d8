"""The contract of what trimming leaves: the clock it reached in each shard, and what is held."""

from __future__ import annotations

from typing import Final

import msgspec
import pytest

from tailrace import limits
from tailrace.clock import ManualClock
from tailrace.errors import LimitExceededException, ResourceNotFoundException
from tailrace.model.schema import Stream, Table
from tailrace.tables import holds
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.engine import Engine
from tailrace.tables.keeping import Policy, keep
from tailrace.testing.builders import drop_table, item, put_write, rotate
from tailrace.testing.contracts.store import StoreContract
from tailrace.testing.driving import alter, make_table, settled
from tailrace.testing.reading import history, shards_of

__all__ = ["HoldContract"]

_HOUR_MS: Final = 3_600_000
_HOUR_US: Final = _HOUR_MS * 1000
_POLICY: Final = Policy(2 * _HOUR_MS, rotation_ms=10_000 * _HOUR_MS)


class HoldContract(StoreContract):
    """What was trimmed, what is held."""

    def _put(self, engine: Engine, *tables: Table, count: int = 3) -> None:
        for table in tables:
            settled(engine, *(put_write(table, item(f"k{n}")) for n in range(count)))
            settled(engine, *(put_write(table, item(f"k{n}", v=1)) for n in range(count)))

    def test_each_shard_tells_up_to_where_it_was_trimmed(self, engine: Engine) -> None:
        tables = [make_table(engine, name, partitions=2) for name in ("first", "second")]
        self._put(engine, *tables, count=20)
        shards = [shard for table in tables for shard in shards_of(engine, table)]
        assert [engine.log.trimmed(shard.id) for shard in shards] == [0] * 4
        seen = [record for table in tables for record in history(engine, table)]
        clocks = sorted(record.clock for record in seen)
        while engine.log.trim(clocks[50], 7):
            left = {record.clock for table in tables for record in history(engine, table)}
            for shard in shards:
                gone = {r.clock for r in seen if r.shard.id == shard.id} - left
                assert engine.log.trimmed(shard.id) == max(gone, default=0)
        assert engine.log.trimmed(999_999) == 0

    def test_a_shard_trimmed_alone_tells_it(self, engine: Engine) -> None:
        tables = [make_table(engine, name, partitions=1) for name in ("first", "second")]
        self._put(engine, *tables)
        (mine,), (other,) = (shards_of(engine, table) for table in tables)
        clocks = [record.clock for record in history(engine, tables[0])]
        assert engine.log.trim_shard(mine.id, clocks[0], 10) == 0
        assert engine.log.trimmed(mine.id) == 0
        engine.log.trim_shard(mine.id, clocks[4], 3)
        assert engine.log.trimmed(mine.id) == clocks[2]
        engine.log.trim_shard(mine.id, clocks[4], 3)
        assert engine.log.trimmed(mine.id) == clocks[3]
        assert engine.log.trimmed(other.id) == 0
        engine.log.trim_shard(mine.id, 1 << 62, 100)
        assert engine.log.trimmed(mine.id) == clocks[5]

    def test_a_dropped_shard_tells_nothing(self, engine: Engine) -> None:
        table = make_table(engine, partitions=1)
        self._put(engine, table)
        (shard,) = shards_of(engine, table)
        engine.log.trim(1 << 62, 4)
        assert engine.log.trimmed(shard.id) > 0
        alter(engine, drop_table(table.id))
        while engine.purge(100):
            pass
        assert engine.log.trimmed(shard.id) == 0

    def test_what_is_held_outlives_its_retention(self, engine: Engine, clock: ManualClock) -> None:
        held, other = (make_table(engine, name, partitions=2) for name in ("held", "other"))
        stream = _stream(held)
        self._put(engine, held, other)
        first = history(engine, held)[2].clock
        alter(engine, holds.hold(stream.id, "me", first, clock.now_us(), lease_ms=None))
        clock.advance(_HOUR_US)
        self._put(engine, other)
        alter(engine, rotate(held.id))
        clock.advance(5 * _HOUR_US)
        _keep(engine, clock)
        assert [record.clock >= first for record in history(engine, held)] == [True] * 4
        assert history(engine, other) == []
        assert len(shards_of(engine, held)) == 4, "shards stay with what they hold"
        last = history(engine, held)[-1].clock
        alter(engine, holds.hold(stream.id, "me", last, clock.now_us(), lease_ms=None))
        _keep(engine, clock)
        assert [record.clock for record in history(engine, held)] == [last]
        alter(engine, holds.release(stream.id, "me"))
        _keep(engine, clock)
        assert history(engine, held) == []
        assert len(shards_of(engine, held)) == 2
        assert engine.catalog().holds == {}

    def test_a_hold_never_goes_back(self, engine: Engine, clock: ManualClock) -> None:
        stream = _stream(make_table(engine))
        for reached in (100, 50, 200):
            alter(engine, holds.hold(stream.id, "me", reached, clock.now_us()))
        known = holds.find(engine.catalog(), stream.id, "me")
        assert known is not None
        assert known.clock == 200
        assert known.until_us == clock.now_us() + limits.HOLD_LEASE_MS * 1000

    def test_a_hold_whose_owner_is_gone_ends(self, engine: Engine, clock: ManualClock) -> None:
        table = make_table(engine)
        stream = _stream(table)
        self._put(engine, table)
        alter(engine, holds.hold(stream.id, "me", 0, clock.now_us(), lease_ms=4 * _HOUR_MS))
        clock.advance(3 * _HOUR_US)
        _keep(engine, clock)
        assert len(history(engine, table)) == 6
        alter(engine, holds.hold(stream.id, "me", 0, clock.now_us(), lease_ms=4 * _HOUR_MS))
        clock.advance(3 * _HOUR_US)
        _keep(engine, clock)
        assert len(history(engine, table)) == 6, "it was renewed"
        clock.advance(2 * _HOUR_US)
        _keep(engine, clock)
        assert history(engine, table) == []
        assert engine.catalog().holds == {}

    def test_what_grows_too_old_goes_record_by_record(
        self, engine: Engine, clock: ManualClock
    ) -> None:
        table = make_table(engine)
        stream = _stream(table)
        longest_ms = 4 * _HOUR_MS
        held = holds.hold(stream.id, "me", 0, clock.now_us(), lease_ms=None, longest_ms=longest_ms)
        alter(engine, held)
        for hour in range(9):
            settled(engine, put_write(table, item("a", n=hour)))
            _keep(engine, clock)
            assert len(history(engine, table)) == min(hour + 1, 5)
            clock.advance(_HOUR_US)

    def test_holds_are_counted_and_go_with_their_stream(
        self, engine: Engine, clock: ManualClock
    ) -> None:
        table = make_table(engine)
        stream = _stream(table)
        now_us = clock.now_us()
        for n in range(limits.STREAM_HOLDS):
            alter(engine, holds.hold(stream.id, f"owner-{n}", 0, now_us))
        with pytest.raises(LimitExceededException):
            alter(engine, holds.hold(stream.id, "late", 0, now_us))
        ids = [*engine.catalog().holds, *engine.catalog().shards, stream.id]
        assert len(set(ids)) == len(ids)
        alter(engine, _dropped(stream))
        assert engine.catalog().holds == {}
        with pytest.raises(ResourceNotFoundException):
            alter(engine, holds.hold(stream.id, "late", 0, now_us))
        alter(engine, holds.release(stream.id, "late"))


def _stream(table: Table) -> Stream:
    assert table.stream is not None
    return table.stream


def _keep(engine: Engine, clock: ManualClock) -> None:
    while keep(engine, _POLICY, clock.now_us()):
        pass


def _dropped(stream: Stream) -> Alter:
    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table = msgspec.structs.replace(catalog.tables[stream.table_id], stream=None)
        shards = tuple(shard.id for shard in catalog.shards_of[stream.id])
        return Alteration((table,), dropped_streams=(stream.id,), dropped_shards=shards)

    return decide
