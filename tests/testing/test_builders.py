"""Proves that what the builders make fits together as the catalog's values promise."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tailrace.clock import ManualClock
from tailrace.engines.memory import MemoryEngine
from tailrace.model.keys import partition_of
from tailrace.testing.builders import index, item, key_range, plan, rotate, split, table
from tailrace.testing.driving import alter, make_table
from tailrace.testing.reading import shards_of

_LAST_HASH = 2**32 - 1


@given(st.integers(1, 256), st.integers(0, _LAST_HASH))
def test_a_hash_is_in_the_range_of_its_partition(partitions: int, key_hash: int) -> None:
    partition = partition_of(key_hash.to_bytes(4, "big"), partitions)
    low, high = key_range(partition, partitions)
    key = key_hash.to_bytes(4, "big")
    assert low <= key
    assert high is None or key < high


@given(st.integers(1, 256))
def test_ranges_meet_and_cover_all_hashes(partitions: int) -> None:
    ranges = [key_range(partition, partitions) for partition in range(partitions)]
    assert ranges[0][0] == bytes(4)
    assert ranges[-1][1] is None
    assert all(one[1] == other[0] for one, other in pairwise(ranges))


@given(st.integers(1, 9), st.lists(st.booleans(), max_size=4))
def test_open_shards_cover_each_partition_once(partitions: int, splits: list[bool]) -> None:
    engine = MemoryEngine(ManualClock())
    made = make_table(engine, partitions=partitions)
    for is_split in splits:
        alter(engine, split(made.id) if is_split else rotate(made.id))
    names = {shard.name for shard in shards_of(engine, made)}
    for shard in shards_of(engine, made):
        assert shard.parent is None or shard.parent in names
        assert shard.end is None or shard.start <= shard.end
    for partition in range(partitions):
        (stream_id,) = engine.catalog().streams
        ranges = [
            (shard.low, shard.high) for shard in engine.catalog().open_shards[stream_id, partition]
        ]
        assert ranges[0][0] == key_range(partition, partitions)[0]
        assert ranges[-1][1] == key_range(partition, partitions)[1]
        assert all(one[1] == other[0] for one, other in pairwise(ranges))


def test_a_plan_lists_the_index_rows_that_move() -> None:
    made = table(1, indexes=(index(2, "g"), index(3, "h")))
    thing = item("a", g="x", h="y")
    key = made.keys.item_key(thing)
    first = plan(made, key, None, thing)
    assert [change.index_id for change in first.indexes] == [2, 3]
    assert [change.old for change in first.indexes] == [None, None]
    moved = plan(made, key, first.new, item("a", g="z", h="y"))
    assert [change.index_id for change in moved.indexes] == [2]
    assert moved.indexes[0].old == first.indexes[0].new
    assert not plan(made, key, first.new, thing).changed
    assert not plan(made, key, None, None).changed
