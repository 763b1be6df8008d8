"""Age alone decides what is kept: records by their clock, shards by their end, streams by both."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tailrace.model.keys import KeyAttribute, KeySchema
from tailrace.model.schema import Stream, StreamViewType
from tailrace.streams.log import Shard
from tailrace.streams.retention import gone_shards, horizon, is_stream_gone, kept_shards
from tailrace.streams.sequence import clock_at, next_clock

DAY_MS = 86_400_000
NOW_US = 1_789_651_658_000_000


def shard(end: int | None) -> Shard:
    return Shard(1, "shardId-x", 1, 0, b"", None, start=1, end=end)


def stream(disabled_us: int | None) -> Stream:
    keys = KeySchema((KeyAttribute("pk", "S"),))
    view = StreamViewType.KEYS_ONLY
    return Stream(1, 1, "t", "r", "a", "l", view, keys, created_us=1, disabled_us=disabled_us)


@given(st.integers(1, 2 * DAY_MS * 1000), st.integers(0, 255))
def test_a_record_goes_when_its_age_exceeds_the_retention(age_us: int, partition: int) -> None:
    made = next_clock(0, NOW_US - age_us, partition)
    assert (made < horizon(NOW_US, DAY_MS)) == (age_us > DAY_MS * 1000)


def test_unlimited_retention_keeps_all() -> None:
    assert horizon(NOW_US, None) == 0


def test_a_retention_longer_than_time_itself() -> None:
    assert horizon(NOW_US, 10 * NOW_US) == 0


def test_shards_go_with_their_end() -> None:
    edge = horizon(NOW_US, DAY_MS)
    shards = (shard(None), shard(edge - 1), shard(edge), shard(edge + 1))
    assert gone_shards(shards, edge) == (shard(edge - 1),)
    assert kept_shards(shards, edge) == (shard(None), shard(edge), shard(edge + 1))


def test_a_stream_goes_when_it_was_disabled_long_ago_and_no_shard_is_left() -> None:
    disabled_us = NOW_US - DAY_MS * 1000 - 1
    edge = horizon(NOW_US, DAY_MS)
    assert is_stream_gone(stream(disabled_us), (), edge)
    assert is_stream_gone(stream(disabled_us), (shard(edge - 1),), edge)
    assert not is_stream_gone(stream(disabled_us), (shard(edge),), edge)
    assert not is_stream_gone(stream(disabled_us + 1), (), edge)
    assert not is_stream_gone(stream(None), (), edge)
    late = msgspec.structs.replace(stream(disabled_us), disabled_us=NOW_US)
    assert not is_stream_gone(late, (), clock_at(NOW_US))
