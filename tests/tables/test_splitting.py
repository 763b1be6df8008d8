"""A shard under a lasting load is split in two, and a calm one is not."""

from __future__ import annotations

from tailrace import limits
from tailrace.clock import ManualClock
from tailrace.engines.memory import MemoryEngine
from tailrace.streams.load import LoadMeter
from tailrace.tables.keeping import Policy, split_hot_shards
from tailrace.testing.builders import item, put_write
from tailrace.testing.driving import make_table, settled
from tailrace.testing.reading import shards_of

_INTERVAL_MS = 1000


def _splits(writes: int, policy: Policy) -> int:
    """The shards of a one-shard table after as many intervals of `writes` as a split takes."""
    clock = ManualClock()
    engine = MemoryEngine(clock)
    table = make_table(engine, partitions=1)
    meter = LoadMeter(_INTERVAL_MS)
    number = 0
    for _ in range(limits.SHARD_SPLIT_INTERVALS + 1):
        split_hot_shards(engine, policy, meter, clock.now_us())
        for _ in range(writes):
            number += 1
            settled(engine, put_write(table, item(f"k{number}")))
        clock.advance(_INTERVAL_MS * 1000)
    split_hot_shards(engine, policy, meter, clock.now_us())
    return len(shards_of(engine, table))


def test_a_hot_shard_is_split_in_two() -> None:
    assert _splits(60, Policy(split_writes_per_s=50)) == 3


def test_a_calm_shard_is_left_alone() -> None:
    assert _splits(50, Policy(split_writes_per_s=50)) == 1


def test_splitting_can_be_turned_off() -> None:
    assert _splits(60, Policy(split_writes_per_s=None)) == 1
