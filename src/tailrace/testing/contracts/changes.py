"""The contract of the change log: every change once, in order, in its shard, until trimmed."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Final

import pytest

from tailrace import limits
from tailrace.clock import ManualClock
from tailrace.model.schema import Table
from tailrace.streams.log import Shard
from tailrace.streams.sequence import clock_at, time_us
from tailrace.tables.engine import Engine
from tailrace.testing.builders import delete_write, item, put_write, rotate, split
from tailrace.testing.contracts.agreement import check_agreement
from tailrace.testing.contracts.store import StoreContract
from tailrace.testing.driving import WAIT_S, alter, make_table, settled, submit_all
from tailrace.testing.reading import Seen, decoded, encoded_records, history, shards_of

__all__ = ["ChangeContract"]

_PLENTY: Final = 1 << 30
_HOUR_US: Final = 3_600_000_000


class ChangeContract(StoreContract):
    """Change records."""

    @pytest.fixture
    def single(self, engine: Engine) -> Table:
        """A table whose stream has one shard, with 50 records in it."""
        table = make_table(engine, "single", partitions=1)
        submit_all(engine, [[put_write(table, item(f"k{n}", n=n))] for n in range(50)])
        return table

    def test_each_change_is_a_record(self, engine: Engine) -> None:
        table = make_table(engine)
        settled(engine, put_write(table, item("a", n=1)))
        settled(engine, put_write(table, item("a", n=2)))
        settled(engine, delete_write(table, item("a")))
        first, second, third = history(engine, table)
        assert (first.kind, first.old, first.new) == ("INSERT", None, item("a", n=1))
        assert (second.kind, second.old, second.new) == ("MODIFY", first.new, item("a", n=2))
        assert (third.kind, third.old, third.new) == ("REMOVE", second.new, None)
        assert first.key == second.key == third.key == b'{"pk":{"S":"a"}}'

    def test_tables_without_a_stream_have_no_records(self, engine: Engine) -> None:
        table, streamed = make_table(engine, "plain", streamed=False), make_table(engine)
        settled(engine, put_write(table, item("a")), put_write(streamed, item("a")))
        shards = engine.catalog().shards
        assert sum(len(encoded_records(engine, shard)) for shard in shards) == 1

    def test_records_are_in_the_shard_of_their_key(self, engine: Engine) -> None:
        for partitions in (1, 3, 16):
            table = make_table(engine, f"parted-{partitions}", partitions=partitions)
            settled(engine, *(put_write(table, item(f"k{n}")) for n in range(100)))
            used = {record.shard.partition for record in history(engine, table)}
            assert used == set(range(partitions))
            check_agreement(engine, table)

    def test_split_shards_share_the_keys_of_a_partition(self, engine: Engine) -> None:
        table = make_table(engine, partitions=2)
        for round_ in range(3):
            submit_all(engine, [[put_write(table, item(f"k{n}", n=round_))] for n in range(64)])
            alter(engine, split(table.id))
        submit_all(engine, [[delete_write(table, item(f"k{n}"))] for n in range(64)])
        shards = shards_of(engine, table)
        assert [shard.open for shard in shards] == [False] * 14 + [True] * 16
        assert len({record.shard.id for record in history(engine, table)}) > 20
        check_agreement(engine, table)

    def test_clocks_tell_the_time_and_only_grow(self, engine: Engine, clock: ManualClock) -> None:
        table = make_table(engine)
        moves = [0, 1, 0, _HOUR_US, 0, -_HOUR_US, 0, -5 * _HOUR_US, 1, 7 * _HOUR_US, 0]
        seen: list[Seen] = []
        latest_us = 0
        for n, move in enumerate(moves):
            clock.advance(move)
            settled(engine, *(put_write(table, item(f"k{k}", n=n)) for k in range(12)))
            new = history(engine, table)[len(seen) :]
            assert len(new) == 12
            assert min(record.clock for record in new) > max((r.clock for r in seen), default=0)
            latest_us = max(latest_us, clock.now_us())
            assert all(abs(time_us(record.clock) - latest_us) < 1_000_000 for record in new)
            seen += new
        check_agreement(engine, table)

    def test_a_page_has_as_many_records_as_asked(self, engine: Engine, single: Table) -> None:
        (shard,) = shards_of(engine, single)
        everything = encoded_records(engine, shard.id)
        clocks = _clocks(shard, everything)
        page = engine.log.read(shard.id, 0, 20, _PLENTY)
        assert (list(page.records), page.last, page.more) == (everything[:20], clocks[19], True)
        page = engine.log.read(shard.id, page.last, 30, _PLENTY)
        assert (list(page.records), page.last) == (everything[20:], clocks[49])
        page = engine.log.read(shard.id, page.last, 1, _PLENTY)
        assert (list(page.records), page.last, page.more) == ([], clocks[49], False)
        page = engine.log.read(shard.id, 0, 1000, _PLENTY)
        assert (list(page.records), page.more) == (everything, False)

    def test_a_page_ends_before_its_bytes_do(self, engine: Engine, single: Table) -> None:
        (shard,) = shards_of(engine, single)
        everything = encoded_records(engine, shard.id)
        five = sum(map(len, everything[:5]))
        for size, count in ((five, 5), (five - 1, 4), (five + 1, 5), (1, 1), (0, 1)):
            page = engine.log.read(shard.id, 0, 1000, size)
            assert list(page.records) == everything[:count]
            assert page.more
            rest = encoded_records(engine, shard.id, page.last)
            assert rest == everything[count:]

    def test_a_read_may_begin_between_records(self, engine: Engine, single: Table) -> None:
        (shard,) = shards_of(engine, single)
        everything = encoded_records(engine, shard.id)
        clocks = _clocks(shard, everything)
        for after, first in ((clocks[7] - 1, 7), (clocks[7], 8), (clocks[7] + 1, 8)):
            assert (
                list(engine.log.read(shard.id, after, 5, _PLENTY).records)
                == (everything[first : first + 5])
            )
        beyond = engine.log.read(shard.id, 2**63 - 1, 5, _PLENTY)
        assert (list(beyond.records), beyond.last, beyond.more) == ([], 2**63 - 1, False)

    def test_large_records_are_read_one_by_one(self, engine: Engine) -> None:
        table = make_table(engine, partitions=1)
        for n in range(3):
            settled(engine, put_write(table, item("a", v=f"{n}" * 390_000)))
        (shard,) = shards_of(engine, table)
        page = engine.log.read(shard.id, 0, 1000, limits.STREAM_PAGE_BYTES)
        assert (len(page.records), page.more) == (1, True)
        assert len(encoded_records(engine, shard.id)) == 3
        check_agreement(engine, table)

    def test_tip_and_oldest_are_the_ends_of_a_shard(self, engine: Engine, single: Table) -> None:
        (shard,) = shards_of(engine, single)
        clocks = _clocks(shard, encoded_records(engine, shard.id))
        assert (engine.log.oldest(shard.id), engine.log.tip(shard.id)) == (clocks[0], clocks[-1])
        alter(engine, rotate(single.id))
        _, child = shards_of(engine, single)
        assert (engine.log.oldest(child.id), engine.log.tip(child.id)) == (None, 0)
        assert engine.log.tip(shard.id) == clocks[-1]

    def test_an_unknown_shard_has_no_records(self, engine: Engine) -> None:
        page = engine.log.read(10_000, 7, 10, _PLENTY)
        assert (list(page.records), page.last, page.more) == ([], 7, False)
        assert engine.log.tip(10_000) == 0
        assert engine.log.oldest(10_000) is None

    def test_trimming_takes_the_oldest(self, engine: Engine, single: Table) -> None:
        (shard,) = shards_of(engine, single)
        everything = encoded_records(engine, shard.id)
        clocks = _clocks(shard, everything)
        assert engine.log.trim(clocks[0], 100) == 0
        assert engine.log.trim(clocks[30], 10) == 10
        assert encoded_records(engine, shard.id) == everything[10:]
        assert engine.log.oldest(shard.id) == clocks[10]
        assert engine.log.trim(clocks[30], 100) == 20
        assert engine.log.trim(clocks[30], 100) == 0
        assert encoded_records(engine, shard.id) == everything[30:]
        assert engine.log.trim(clocks[-1] + 1, 100) == 20
        assert (engine.log.oldest(shard.id), engine.log.tip(shard.id)) == (None, 0)

    def test_trimming_leaves_the_end_of_every_shard(
        self, engine: Engine, clock: ManualClock
    ) -> None:
        tables = [make_table(engine, name) for name in ("one-table", "two-table")]
        for hour in range(4):
            for table in tables:
                settled(engine, *(put_write(table, item(f"k{k}", n=hour)) for k in range(12)))
            clock.advance(_HOUR_US)
        shards = [shard for table in tables for shard in shards_of(engine, table)]
        before = {shard.id: encoded_records(engine, shard.id) for shard in shards}
        cut = clock_at(clock.now_us() - 2 * _HOUR_US)
        removed = 0
        while count := engine.log.trim(cut, 7):
            assert count <= 7
            removed += count
            for shard in shards:
                left = encoded_records(engine, shard.id)
                assert before[shard.id][len(before[shard.id]) - len(left) :] == left
        assert removed == 48
        for table in tables:
            assert [record.clock >= cut for record in history(engine, table)] == [True] * 24

    def test_clocks_grow_on_when_all_records_are_trimmed(
        self, engine: Engine, clock: ManualClock
    ) -> None:
        table = make_table(engine)
        settled(engine, put_write(table, item("a", n=1)))
        (first,) = history(engine, table)
        assert engine.log.trim(first.clock + 1, 10) == 1
        clock.advance(-_HOUR_US)
        settled(engine, put_write(table, item("a", n=2)))
        (second,) = history(engine, table)
        assert second.clock > first.clock

    def test_listeners_hear_of_every_shard_that_got_records(self, engine: Engine) -> None:
        table = make_table(engine)
        heard: queue.SimpleQueue[frozenset[int]] = queue.SimpleQueue()
        unsubscribe = engine.log.subscribe(heard.put)
        things = [item(f"k{n}") for n in range(40)]
        settled(engine, *(put_write(table, thing) for thing in things))
        expected = {shard.id for shard in shards_of(engine, table)}
        _hear(heard, expected)
        settled(engine, delete_write(table, things[0]))
        _hear(heard, {history(engine, table)[-1].shard.id})
        unsubscribe()
        settled(engine, delete_write(table, things[1]))
        engine.close()
        assert heard.empty()

    def test_what_a_listener_hears_of_can_be_read(self, engine: Engine) -> None:
        table = make_table(engine, partitions=1)
        (shard,) = shards_of(engine, table)
        heard: queue.SimpleQueue[frozenset[int]] = queue.SimpleQueue()
        engine.log.subscribe(heard.put)
        for n in range(30):
            settled(engine, put_write(table, item("a", n=n)))
            _hear(heard, {shard.id})
            assert len(encoded_records(engine, shard.id)) == n + 1

    def test_listeners_do_not_hear_of_writes_without_records(self, engine: Engine) -> None:
        table, plain = make_table(engine), make_table(engine, "plain", streamed=False)
        settled(engine, put_write(table, item("a")))
        heard: list[frozenset[int]] = []
        # What was announced of the first write may still be on its way: it is of this one shard.
        first = history(engine, table)[0].shard.id
        engine.log.subscribe(heard.append)
        settled(engine, put_write(table, item("a")), delete_write(table, item("missing")))
        settled(engine, put_write(plain, item("a")))
        engine.close()
        assert set(heard) <= {frozenset({first})}
        assert len(heard) <= 1

    def test_listeners_hear_of_shards_that_were_closed(self, engine: Engine) -> None:
        table = make_table(engine)
        closed = {shard.id for shard in shards_of(engine, table)}
        heard: queue.SimpleQueue[frozenset[int]] = queue.SimpleQueue()
        engine.log.subscribe(heard.put)
        alter(engine, rotate(table.id))
        _hear(heard, closed)

    def test_records_are_counted_by_shard(self, engine: Engine) -> None:
        table = make_table(engine, partitions=1)
        (shard,) = shards_of(engine, table)
        assert engine.log.written().get(shard.id, 0) == 0
        settled(engine, put_write(table, item("a")), put_write(table, item("b")))
        settled(engine, put_write(table, item("a")))
        assert engine.log.written()[shard.id] == 2

    def test_every_listener_hears(self, engine: Engine) -> None:
        table = make_table(engine, partitions=1)
        (shard,) = shards_of(engine, table)
        queues = [queue.SimpleQueue[frozenset[int]]() for _ in range(3)]
        ends: list[Callable[[], None]] = [engine.log.subscribe(heard.put) for heard in queues]
        settled(engine, put_write(table, item("a")))
        for heard in queues:
            _hear(heard, {shard.id})
        ends[1]()
        settled(engine, put_write(table, item("b")))
        _hear(queues[0], {shard.id})
        _hear(queues[2], {shard.id})


def _clocks(shard: Shard, records: list[bytes]) -> list[int]:
    return [decoded(shard, record).clock for record in records]


def _hear(heard: queue.SimpleQueue[frozenset[int]], expected: set[int]) -> None:
    """Wait until all of `expected` and nothing else was heard of."""
    missing = set(expected)
    while missing:
        shard_ids = heard.get(timeout=WAIT_S)
        assert shard_ids
        assert shard_ids <= expected
        missing -= shard_ids
