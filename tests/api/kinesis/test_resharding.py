"""Shards split and merge with their hash keys, parents and readers intact."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.clock import ManualClock
from tailrace.engines.memory import MemoryEngine
from tailrace.streams.log import Shard
from tailrace.tables import kinesis_resharding, kinesis_streams
from tailrace.testing.driving import alter
from tests.api.kinesis.test_streams import ACCOUNT, refusal

FIRST = "shardId-000000000000"
LAST_KEY = 2**128 - 1
OWNER = (ACCOUNT, "us-east-1", "orders")


def test_a_split(desk: Any) -> None:
    desk.stream()
    desk.put("before")
    iterator = desk.iterator(FIRST)
    desk.client.split_shard(StreamName="orders", ShardToSplit=FIRST, NewStartingHashKey=str(2**100))
    parent, low, high = desk.shards()
    assert low["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": str(2**100 - 1)}
    assert high["HashKeyRange"]["StartingHashKey"] == str(2**100)
    assert low["ParentShardId"] == high["ParentShardId"] == FIRST
    assert "AdjacentParentShardId" not in low
    ended = int(parent["SequenceNumberRange"]["EndingSequenceNumber"])
    assert int(low["SequenceNumberRange"]["StartingSequenceNumber"]) == ended + 1
    page = desk.client.get_records(ShardIterator=iterator)
    assert "NextShardIterator" not in page
    assert [(c["ShardId"], c["ParentShards"]) for c in page["ChildShards"]] == [
        (low["ShardId"], [FIRST]),
        (high["ShardId"], [FIRST]),
    ]
    assert desk.put("low", ExplicitHashKey="1")["ShardId"] == low["ShardId"]
    assert desk.put("high", ExplicitHashKey=str(2**100))["ShardId"] == high["ShardId"]


def test_on_demand_streams_are_not_resharded_by_hand(desk: Any) -> None:
    desk.client.create_stream(StreamName="orders", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    one, two = (shard["ShardId"] for shard in desk.shards()[:2])
    calls = (
        (desk.client.split_shard, {"ShardToSplit": one, "NewStartingHashKey": str(2**100)}),
        (desk.client.merge_shards, {"ShardToMerge": one, "AdjacentShardToMerge": two}),
        (
            desk.client.update_shard_count,
            {"TargetShardCount": 8, "ScalingType": "UNIFORM_SCALING"},
        ),
    )
    for call, members in calls:
        code, message = refusal(call, StreamName="orders", **members)
        assert (code, "provisioned capacity mode" in message) == ("ValidationException", True)
    assert len(desk.shards()) == 4


def test_a_merge(desk: Any) -> None:
    desk.stream(shards=3)
    one, two, three = (shard["ShardId"] for shard in desk.shards())
    merge = desk.client.merge_shards
    assert refusal(merge, StreamName="orders", ShardToMerge=one, AdjacentShardToMerge=three) == (
        "InvalidArgumentException",
        (
            f"Shards {one} and {three} in stream orders under account {ACCOUNT} are not an adjacent"
            " pair of shards eligible for merging"
        ),
    )
    merge(StreamName="orders", ShardToMerge=two, AdjacentShardToMerge=one)
    child = desk.shards()[-1]
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == (two, one)
    assert child["HashKeyRange"]["StartingHashKey"] == "0"
    for parent in (one, two):
        page = desk.client.get_records(ShardIterator=desk.iterator(parent))
        assert [c["ShardId"] for c in page["ChildShards"]] == [child["ShardId"]]
    assert refusal(merge, StreamName="orders", ShardToMerge=one, AdjacentShardToMerge=three) == (
        "ResourceInUseException",
        (
            f"Shard {one} in stream orders under account {ACCOUNT} has already been merged or"
            " split, and thus is not eligible for merging or splitting."
        ),
    )
    assert desk.put("x", ExplicitHashKey="0")["ShardId"] == child["ShardId"]


@pytest.mark.parametrize("key", ["0", "1", str(LAST_KEY), str(2 * LAST_KEY)])
def test_a_split_at_the_edge(desk: Any, key: str) -> None:
    desk.stream()
    code, message = refusal(
        desk.client.split_shard, StreamName="orders", ShardToSplit=FIRST, NewStartingHashKey=key
    )
    assert code == "InvalidArgumentException"
    assert message.endswith(
        f"is not both greater than one plus the shard's StartingHashKey 0 and less than the shard's"
        f" EndingHashKey {LAST_KEY - 1}."
    )


def test_shards_that_are_not_there(desk: Any) -> None:
    desk.stream()
    assert refusal(
        desk.client.split_shard, StreamName="orders", ShardToSplit="none", NewStartingHashKey="9"
    ) == (
        "ResourceNotFoundException",
        f"Could not find shard none in stream orders under account {ACCOUNT}.",
    )


def test_a_new_count_of_shards(desk: Any) -> None:
    desk.stream(shards=2)
    update = desk.client.update_shard_count
    how = {"StreamName": "orders", "ScalingType": "UNIFORM_SCALING"}
    done = update(TargetShardCount=3, **how)
    assert (done["CurrentShardCount"], done["TargetShardCount"]) == (2, 3)
    assert len(desk.open_shards()) == 3
    assert refusal(update, TargetShardCount=7, **how) == (
        "InvalidArgumentException",
        (
            "UpdateShardCount cannot scale up over double your current open shard count. Current"
            " open shard count: 3 Target shard count: 7"
        ),
    )
    assert refusal(update, TargetShardCount=1, **how)[0] == "InvalidArgumentException"


def test_shards_by_filter_and_page(desk: Any) -> None:
    desk.stream()
    born = desk.clock.now_us() / 1e6
    desk.clock.advance(3_600_000_000)
    desk.client.split_shard(StreamName="orders", ShardToSplit=FIRST, NewStartingHashKey="99999")
    desk.clock.advance(3_600_000_000)

    def listed(**chosen: Any) -> list[int]:
        found = desk.client.list_shards(StreamName="orders", ShardFilter=chosen)["Shards"]
        return [int(shard["ShardId"][-2:]) for shard in found]

    assert listed(Type="AT_LATEST") == [1, 2]
    assert listed(Type="AT_TRIM_HORIZON") == [0]
    assert listed(Type="FROM_TRIM_HORIZON") == [0, 1, 2]
    assert listed(Type="AFTER_SHARD_ID", ShardId=FIRST) == [1, 2]
    assert listed(Type="AT_TIMESTAMP", Timestamp=born + 60) == [0]
    assert listed(Type="FROM_TIMESTAMP", Timestamp=born + 60) == [0, 1, 2]
    assert listed(Type="FROM_TIMESTAMP", Timestamp=born + 7000) == [1, 2]
    page = desk.client.list_shards(StreamName="orders", MaxResults=2)
    rest = desk.client.list_shards(NextToken=page["NextToken"])
    assert [s["ShardId"] for s in page["Shards"] + rest["Shards"]] == [
        s["ShardId"] for s in desk.shards()
    ]
    both = {"NextToken": page["NextToken"], "StreamName": "orders"}
    assert refusal(desk.client.list_shards, **both)[1] == (
        "NextToken and StreamName cannot be provided together."
    )
    desk.clock.advance(301_000_000)
    code, _ = refusal(desk.client.list_shards, NextToken=page["NextToken"])
    assert code == "ExpiredNextTokenException"
    first = desk.client.describe_stream(StreamName="orders", Limit=1)["StreamDescription"]
    assert first["HasMoreShards"]
    more = desk.client.describe_stream(StreamName="orders", ExclusiveStartShardId=FIRST)
    assert len(more["StreamDescription"]["Shards"]) == 2


def test_closed_shards_go_when_their_records_are_trimmed(desk: Any) -> None:
    desk.stream()
    desk.client.split_shard(StreamName="orders", ShardToSplit=FIRST, NewStartingHashKey="99999")
    desk.clock.advance(25 * 3_600_000_000)
    assert [shard["ShardId"][-1] for shard in desk.shards()] == ["1", "2"]


class World:
    """A stream in a store, cut again and again."""

    def __init__(self, shards: int) -> None:
        self.engine = MemoryEngine(ManualClock())
        settings = {"StreamMode": "PROVISIONED", "MaxRecordSizeInKiB": 1024}
        alter(self.engine, kinesis_streams.create(OWNER, shards, settings, 0))

    def shards(self) -> list[Shard]:
        catalog = self.engine.catalog()
        found = kinesis_streams.found(catalog, *OWNER)
        return list(catalog.shards_of[found.stream.id])

    def open(self) -> list[Shard]:
        return sorted((s for s in self.shards() if s.open), key=lambda shard: shard.low)

    def check(self) -> None:
        """The open shards meet and cover all keys, and no key was ever in two open shards."""
        ranges = [kinesis_resharding.hash_key_range(shard) for shard in self.open()]
        assert ranges[0][0] == 0
        assert ranges[-1][1] == LAST_KEY
        assert all(one[1] + 1 == two[0] for one, two in itertools.pairwise(ranges))
        by_name = {shard.name: shard for shard in self.shards()}
        for shard in by_name.values():
            for name in (shard.parent, shard.adjacent_parent):
                if name is not None:
                    assert shard.start > (by_name[name].end or 2**64)


steps = st.one_of(
    st.tuples(st.just("count"), st.integers(1, 12)),
    st.tuples(st.just("split"), st.integers(0, 100)),
    st.tuples(st.just("merge"), st.integers(0, 100)),
)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.lists(steps, max_size=6))
def test_open_shards_cover_all_hash_keys_once(count: int, story: list[tuple[str, int]]) -> None:
    world = World(count)
    for kind, value in story:
        open_shards = world.open()
        place = value % len(open_shards)
        first, last = kinesis_resharding.hash_key_range(open_shards[place])
        if kind == "count":
            alter(world.engine, kinesis_resharding.uniform(OWNER, value, lambda current: None))
            sizes = [b - a for a, b in map(kinesis_resharding.hash_key_range, world.open())]
            assert len(sizes) == value
            assert max(sizes) - min(sizes) <= 1
        elif kind == "split":
            name = open_shards[place].name
            at = (first + last) // 2 + 1
            alter(world.engine, kinesis_resharding.split_shard(OWNER, name, at))
        elif place:
            names = open_shards[place - 1].name, open_shards[place].name
            alter(world.engine, kinesis_resharding.merge_shards(OWNER, *names))
        world.check()
