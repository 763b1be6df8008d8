"""Load is what each whole interval brought; gaps in looking are no load."""

from __future__ import annotations

from tailrace import limits
from tailrace.streams.load import LoadMeter

_SECOND = 1_000_000


def test_counts_are_those_of_whole_intervals() -> None:
    meter = LoadMeter(interval_ms=1000)
    assert meter.observe({1: 100}, 0) is None
    assert meter.observe({1: 150}, _SECOND // 2) is None
    assert meter.observe({1: 300, 2: 7}, _SECOND) == {1: [200], 2: [7]}
    assert meter.observe({1: 310, 2: 7}, 2 * _SECOND) == {1: [200, 10], 2: [7, 0]}


def test_only_the_recent_intervals_are_kept_and_gone_shards_forgotten() -> None:
    meter = LoadMeter(interval_ms=1000)
    for n in range(10):
        counts = meter.observe({1: n, 2: n}, n * _SECOND)
    assert counts == {1: [1] * limits.SHARD_SPLIT_INTERVALS, 2: [1] * limits.SHARD_SPLIT_INTERVALS}
    assert meter.observe({2: 10}, 10 * _SECOND) == {2: [1] * limits.SHARD_SPLIT_INTERVALS}


def test_a_gap_begins_anew() -> None:
    meter = LoadMeter(interval_ms=1000)
    meter.observe({1: 0}, 0)
    meter.observe({1: 500}, _SECOND)
    assert meter.observe({1: 9000}, 100 * _SECOND) is None
    assert meter.observe({1: 9001}, 101 * _SECOND) == {1: [1]}
