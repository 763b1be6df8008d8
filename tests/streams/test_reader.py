"""A reader gets every record once and in order, or is told that it lost some; never neither."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.errors import TrimmedDataAccessException
from tailrace.streams import reader
from tailrace.streams.log import LogPage, Shard
from tailrace.streams.reader import Position, PositionKind
from tailrace.streams.retention import horizon
from tailrace.streams.sequence import clock_at, next_clock

NOW_US = 1_789_651_658_000_000
SECOND_US = 1_000_000
RETENTION_MS = 10_000


class OneShardLog:
    """The records of one shard: their clocks, as text."""

    def __init__(self) -> None:
        self.clocks: list[int] = []
        self.gone = 0

    def read(self, shard_id: int, after: int, max_records: int, max_bytes: int) -> LogPage:
        del shard_id, max_bytes
        first = bisect_right(self.clocks, after)
        found = self.clocks[first : first + max_records]
        return LogPage(
            records=[str(clock).encode() for clock in found],
            last=found[-1] if found else after,
            more=first + max_records < len(self.clocks),
        )

    def tip(self, shard_id: int) -> int:
        del shard_id
        return self.clocks[-1] if self.clocks else 0

    def oldest(self, shard_id: int) -> int | None:
        del shard_id
        return self.clocks[0] if self.clocks else None

    def trim(self, before: int, max_records: int) -> int:
        gone = [clock for clock in self.clocks if clock < before][:max_records]
        self.clocks = self.clocks[len(gone) :]
        self.gone = max([self.gone, *gone])
        return len(gone)

    def trimmed(self, shard_id: int) -> int:
        del shard_id
        return self.gone

    def subscribe(self, listener: Callable[[frozenset[int]], None]) -> Callable[[], None]:
        raise AssertionError(listener)


class World:
    """A shard, a clock, all records ever made, and a reader of them."""

    def __init__(self) -> None:
        self.log = OneShardLog()
        self.now_us = NOW_US
        self.made: list[int] = []
        self.shard = Shard(1, "s", 1, 0, b"", None, start=next_clock(0, NOW_US - 1, 0))
        self.position: Position | None = reader.oldest(NOW_US)
        self.read: list[int] = []
        self.lost = 0
        self.held_us: int | None = None
        self.moved = False

    @property
    def horizon(self) -> int:
        """Of the retention, or of a hold, which may come and go."""
        edge = horizon(self.now_us, RETENTION_MS)
        return edge if self.held_us is None else min(edge, clock_at(self.held_us))

    def begin(self, place: int) -> None:
        """Begin anew at one of four kinds of places."""
        last = self.read[-1] if self.read else self.shard.start
        try:
            if place == 0:
                self.position = reader.oldest(self.now_us)
            elif place == 1:
                self.position = reader.tip(self.log, self.shard, self.now_us)
            else:
                find = reader.after_clock if place == 2 else reader.at_clock
                self.position = find(self.log, self.shard, last, self.horizon, self.now_us)
        except TrimmedDataAccessException:
            behind = last - (place == 3)
            gone = max(self.horizon, self.log.gone + 1)
            assert any(behind < clock < gone for clock in self.made)
            self.position = reader.oldest(self.now_us)
        self.moved = True

    def write(self) -> None:
        last = self.made[-1] if self.made else self.shard.start
        self.made.append(next_clock(last, self.now_us, 0))
        self.log.clocks.append(self.made[-1])

    def close(self) -> None:
        last = self.made[-1] if self.made else self.shard.start
        end = self.shard.end or next_clock(last, self.now_us, 0)
        self.shard = Shard(1, "s", 1, 0, b"", None, start=self.shard.start, end=end)

    def poll(self, limit: int) -> None:
        """Read a page; a reader that lost records begins again at the horizon."""
        if self.position is None:
            return
        edge = self.horizon
        try:
            page = reader.read(self.log, self.shard, self.position, edge, limit, self.now_us)
        except TrimmedDataAccessException:
            self.check_alarm(edge)
            self.lost += 1
            self.position = reader.oldest(self.now_us)
            return
        assert len(page.records) <= limit
        self.check_nothing_skipped([int(record) for record in page.records], edge)
        self.position = page.following

    def check_alarm(self, edge: int) -> None:
        """Nobody is told of a loss who had all that is trimmed."""
        assert self.position is not None
        assert self.position.kind is not PositionKind.HORIZON
        behind = self.position.clock - (self.position.kind is PositionKind.NEXT)
        gone = max(edge, self.log.gone + 1)
        assert any(behind < clock < gone for clock in self.made)

    def check_nothing_skipped(self, clocks: list[int], edge: int) -> None:
        assert all(clock >= edge for clock in clocks), "what is trimmed is not served"
        assert self.position is not None
        if self.position.kind is PositionKind.HORIZON:
            expected = [clock for clock in self.made if clock >= max(edge, self.log.gone + 1)]
        else:
            behind = self.position.clock - (self.position.kind is PositionKind.NEXT)
            expected = [clock for clock in self.made if clock > behind]
        assert clocks == expected[: len(clocks)]
        if not clocks:
            assert expected == []
        self.read += clocks


steps = st.one_of(
    st.just(("write", 1)),
    st.tuples(st.just("begin"), st.integers(0, 3)),
    st.tuples(st.just("hold"), st.integers(0, 30)),
    st.tuples(st.just("poll"), st.integers(1, 3)),
    st.tuples(st.just("time"), st.integers(0, 12)),
    st.tuples(st.just("remove"), st.integers(1, 5)),
    st.just(("close", 0)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=60))
def test_nothing_is_lost_unnoticed_and_nobody_is_alarmed_for_nothing(
    story: list[tuple[str, int]],
) -> None:
    world = World()
    for action, value in story:
        if action == "write" and world.shard.open:
            world.write()
        elif action == "poll":
            world.poll(value)
        elif action == "time":
            world.now_us += value * SECOND_US
        elif action == "remove":
            world.log.trim(world.horizon, value)
        elif action == "close":
            world.close()
        elif action == "begin":
            world.begin(value)
        elif action == "hold":
            world.held_us = world.now_us - value * SECOND_US
    if world.moved:
        return
    assert world.read == sorted(set(world.read)), "in order, and none twice"
    if not world.lost and world.now_us - NOW_US <= RETENTION_MS * 1000:
        while world.position is not None and len(world.read) < len(world.made):
            world.poll(2)
        assert world.read == world.made


@given(st.integers(1, 6), st.integers(1, 6), st.booleans())
def test_a_closed_shard_ends_on_the_page_of_its_last_record(
    records: int, limit: int, closed: bool
) -> None:
    world = World()
    for _ in range(records):
        world.write()
    if closed:
        world.close()
    pages = -(-records // limit)
    for page in range(pages):
        assert world.position is not None, page
        world.poll(limit)
    assert (world.position is None) == closed
    assert world.read == world.made


def test_positions_of_an_empty_shard() -> None:
    world = World()
    for position in (
        reader.oldest(NOW_US),
        reader.tip(world.log, world.shard, NOW_US),
        reader.at_clock(world.log, world.shard, world.shard.start, 0, NOW_US),
        reader.after_clock(world.log, world.shard, world.shard.start, 0, NOW_US),
    ):
        page = reader.read(world.log, world.shard, position, 0, 10, NOW_US)
        assert page.records == []
        assert page.following is not None
    world.write()
    assert page.following is not None
    assert reader.read(world.log, world.shard, page.following, 0, 10, NOW_US).records


def test_a_clock_below_the_horizon() -> None:
    world = World()
    world.write()
    edge = world.made[0] + 1
    with pytest.raises(TrimmedDataAccessException):
        reader.at_clock(world.log, world.shard, world.made[0], edge, NOW_US)
    reader.after_clock(world.log, world.shard, world.made[0], edge, NOW_US)
    world.log.trim(edge, 10)
    with pytest.raises(TrimmedDataAccessException):
        reader.at_clock(world.log, world.shard, world.made[0], 0, NOW_US)
    reader.after_clock(world.log, world.shard, world.made[0], edge, NOW_US)
