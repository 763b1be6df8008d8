"""However shards rotate and split, each record has exactly one shard, and names and parents are in
order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.model.keys import KeyAttribute, KeySchema, partition_of
from tailrace.model.schema import Stream, StreamViewType
from tailrace.streams import lineage
from tailrace.streams.log import Shard
from tailrace.streams.sequence import next_clock, time_us

NOW_US = 1_789_651_658_000_000
HOUR_MS = 3_600_000


class World:
    """A stream, its shards by id, and a clock for its partitions."""

    def __init__(self, partitions: int = 4) -> None:
        self.now_us = NOW_US
        self.last = 0
        self.partitions = partitions
        self.records: list[tuple[int, int]] = []
        self.shards = {
            shard.id: shard for shard in lineage.open_first(stream(), partitions, 10, self.tick)
        }

    def tick(self, partition: int) -> int:
        self.last = next_clock(self.last, self.now_us, partition)
        return self.last

    def write(self, key_hash: int) -> None:
        partition = partition_of(key_hash.to_bytes(4, "big"), self.partitions)
        self.records.append((key_hash, self.tick(partition)))

    def holders(self, key_hash: int, clock: int) -> list[Shard]:
        key = key_hash.to_bytes(4, "big")
        partition = partition_of(key, self.partitions)
        return [
            shard
            for shard in self.shards.values()
            if shard.partition == partition and lineage.shard_holds(shard, key, clock)
        ]

    def open_shards(self) -> list[Shard]:
        return [shard for shard in self.shards.values() if shard.open]

    def reshard(self, shard: Shard, pieces: int) -> tuple[Shard, ...]:
        step = lineage.rotate if pieces == 1 else lineage.split
        changed = step(shard, tuple(self.shards.values()), 10 + len(self.shards), self.tick)
        self.shards |= {other.id: other for other in changed}
        return changed


def stream() -> Stream:
    keys = KeySchema((KeyAttribute("pk", "S"),))
    view = StreamViewType.KEYS_ONLY
    return Stream(1, 1, "t", "r", "a", "l", view, keys, created_us=NOW_US)


hashes = st.integers(0, 2**32 - 1)
steps = st.one_of(
    st.tuples(st.just("write"), hashes),
    st.tuples(st.just("rotate"), st.integers(0, 1000)),
    st.tuples(st.just("split"), st.integers(0, 1000)),
    st.tuples(st.just("time"), st.integers(-2_000_000, 20_000_000_000)),
)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 256), st.lists(steps, max_size=40), st.lists(hashes, min_size=1, max_size=5))
def test_the_laws_of_the_tree(
    partitions: int, story: list[tuple[str, int]], probes: list[int]
) -> None:
    world = World(partitions)
    for kind, value in story:
        if kind == "write":
            world.write(value)
        elif kind == "time":
            world.now_us = max(world.now_us + value, 0)
        else:
            candidates = world.open_shards()
            world.reshard(candidates[value % len(candidates)], 1 if kind == "rotate" else 2)
    for probe in probes:
        world.write(probe)
    assert all(len(world.holders(*record)) == 1 for record in world.records)
    check_names(list(world.shards.values()))
    check_family(world.shards)


def check_names(shards: list[Shard]) -> None:
    names = [shard.name for shard in sorted(shards, key=lambda shard: shard.id)]
    assert names == sorted(names), "lexical order is the order of creation"
    assert len(set(names)) == len(names)
    assert all(28 <= len(name) <= 65 for name in names)
    assert all(lineage.name_time_ms(name) is not None for name in names)


def check_family(shards: dict[int, Shard]) -> None:
    by_name = {shard.name: shard for shard in shards.values()}
    for child in shards.values():
        if child.parent is None:
            continue
        parent = by_name[child.parent]
        assert parent.end is not None
        assert child.start == parent.end + 1
        assert parent.partition == child.partition
        assert parent.low <= child.low
        assert parent.high is None or (child.high is not None and child.high <= parent.high)
        assert child.high is None or child.low < child.high
        later = lineage.name_time_ms(child.name) or 0
        assert later > (lineage.name_time_ms(parent.name) or 0)


@given(st.integers(1, 256), hashes)
def test_first_shards_cover_each_hash_once(partitions: int, key_hash: int) -> None:
    world = World(partitions)
    assert len(world.holders(key_hash, 2**62)) == 1
    first, last = (sorted(world.shards.values(), key=lambda s: s.low)[i] for i in (0, -1))
    assert (first.low, last.high) == (b"", None)


@given(st.integers(1, 10_000), st.sampled_from([4, 16]), st.data())
def test_equal_pieces_meet_and_cover_all_keys(pieces: int, width: int, data: st.DataObject) -> None:
    piece = data.draw(st.integers(0, pieces - 1))
    low, high = lineage.cut(piece, pieces, width), lineage.cut(piece + 1, pieces, width)
    assert (low is None) == (piece == 0)
    assert (high is None) == (piece == pieces - 1)
    assert low is None or high is None or low < high
    size = _width(low, high, width)
    assert abs(size - 256**width // pieces) <= 1


@given(st.binary(max_size=16), st.none() | st.binary(min_size=1, max_size=16))
def test_the_middle_halves_a_range_of_keys(low: bytes, high: bytes | None) -> None:
    if high is not None and _width(low, high, 16) <= 0:
        return
    half = lineage.middle(ranged(low, high), 16)
    if half is None:
        assert _width(low, high, 16) == 1
    else:
        assert 0 <= _width(half, high, 16) - _width(low, half, 16) <= 1


def _width(low: bytes | None, high: bytes | None, width: int) -> int:
    """How many keys of `width` bytes lie between two bounds."""
    end = 256**width if high is None else int.from_bytes(high.ljust(width, b"\0"), "big")
    return end - int.from_bytes((low or b"").ljust(width, b"\0"), "big")


def ranged(low: bytes, high: bytes | None) -> Shard:
    return Shard(1, "shardId-00000000000000000001-00000001", 1, 0, low, high, start=1)


def test_splitting_halves_the_hashes() -> None:
    world = World(1)
    closed, low, high = world.reshard(world.shards[10], 2)
    assert closed.end is not None
    assert (low.low, low.high) == (b"", b"\x80\0\0\0")
    assert (high.low, high.high) == (b"\x80\0\0\0", None)
    assert low.parent == high.parent == closed.name


def test_a_single_hash_cannot_be_split() -> None:
    only = ranged(b"\0\0\0\5", b"\0\0\0\6")
    with pytest.raises(ValidationException, match="single hash"):
        lineage.split(only, (only,), 2, World().tick)


def test_names_that_are_none() -> None:
    good = "shardId-00000001789651658000-0000000a"
    assert lineage.name_time_ms(good) == 1_789_651_658_000
    for bad in ("", good[:-1], good[1:], good + "0", good.upper(), good.replace("a", "g")):
        assert lineage.name_time_ms(bad) is None
    assert lineage.name_time_ms("shardId-0000000178965165800٣-0000000a") is None


@given(st.integers(0, 2**32 - 1))
def test_rotation_comes_a_little_after_its_period(shard_id: int) -> None:
    shard = Shard(
        shard_id, f"shardId-{shard_id:020d}-{0:08x}", 1, 0, b"", None, next_clock(0, NOW_US, 0)
    )
    due_us = lineage.rotation_due_us(shard, 4 * HOUR_MS)
    age_h = (due_us - time_us(shard.start)) / 1000 / HOUR_MS
    assert 4.04 <= age_h <= 4.5
    assert lineage.due_rotations((shard,), due_us) == (shard,)
    assert lineage.due_rotations((shard,), due_us - 1) == ()


def test_closed_shards_are_never_due() -> None:
    closed = lineage.close(World(1).shards[10], lambda partition: 2**62)
    assert lineage.due_rotations((closed,), 2 * NOW_US) == ()
    assert lineage.due_splits((closed,), {10: [9**9] * 9}, 1000) == ()


def test_a_split_needs_a_lasting_load() -> None:
    world = World(2)
    shards = tuple(world.shards.values())
    calm = limits.SHARD_SPLIT_WRITES_PER_S * 60
    hot = calm + 1
    steady = [hot] * limits.SHARD_SPLIT_INTERVALS

    def due(counts: list[int]) -> tuple[Shard, ...]:
        return lineage.due_splits(shards, {10: counts}, interval_ms=60_000)

    assert due(steady) == (world.shards[10],)
    assert due([0, *steady]) == (world.shards[10],)
    assert due(steady[1:]) == ()
    assert due([*steady[1:], calm]) == ()
    assert due([*steady, calm]) == ()


def test_splits_stop_at_the_limit_of_open_shards() -> None:
    shards = tuple(
        Shard(number, f"shardId-{number:020d}-{number:08x}", 1, 0, b"", None, start=1)
        for number in range(limits.STREAM_OPEN_SHARDS - 1)
    )
    busy = {shard.id: [10**6] * limits.SHARD_SPLIT_INTERVALS for shard in shards}
    assert len(lineage.due_splits(shards, busy, 1000)) == 1
