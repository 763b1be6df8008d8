"""Shards of Kinesis streams take and give no more than AWS's, and calls have rates."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from tailrace.streams.load import LoadMeter
from tailrace.tables.keeping import Policy, split_hot_shards

if TYPE_CHECKING:
    from conftest import Throttled

ACCOUNT = "000000000000"
EXCEEDED = "ProvisionedThroughputExceededException"


def refusal_of(shard: int, stream: str = "orders") -> str:
    return (
        f"Rate exceeded for shard shardId-{shard:012d} in stream {stream} under account {ACCOUNT}."
    )


class Desk:
    """A stream and whoever puts into it and reads it."""

    def __init__(self, caller: Throttled) -> None:
        self.caller = caller

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        return self.caller.call(f"Kinesis_20131202.{operation}", **members)

    def refused(self, operation: str, **members: Any) -> tuple[str, str]:
        refusal = self.caller.refused(f"Kinesis_20131202.{operation}", **members)
        return refusal.code, refusal.message

    def create(self, **more: Any) -> None:
        self.call("CreateStream", StreamName="orders", **more)

    def put(self, size: int = 1, hash_key: int = 0) -> dict[str, Any]:
        return self.call("PutRecord", StreamName="orders", **record(size, hash_key))

    def iterator(self) -> str:
        place = {"StreamName": "orders", "ShardId": f"shardId-{0:012d}"}
        found = self.call("GetShardIterator", ShardIteratorType="TRIM_HORIZON", **place)
        return found["ShardIterator"]


def record(size: int, hash_key: int = 0) -> dict[str, Any]:
    """A record of so many bytes that count."""
    data = base64.b64encode(b"d" * (size - 1)).decode()
    return {"Data": data, "PartitionKey": "k", "ExplicitHashKey": str(hash_key)}


@pytest.fixture
def desk(throttled: Throttled) -> Desk:
    return Desk(throttled)


def test_a_shard_takes_a_thousand_records_a_second(desk: Desk) -> None:
    desk.create(ShardCount=2)
    for _ in range(2):
        for _ in range(1000):
            desk.put()
        refused = desk.refused("PutRecord", StreamName="orders", **record(1))
        assert refused == (EXCEEDED, refusal_of(0))
        desk.put(hash_key=2**127)
        desk.caller.wait(1)


def test_a_shard_takes_a_mebibyte_a_second(desk: Desk) -> None:
    desk.create(ShardCount=1)
    for _ in range(4):
        desk.put(256 * 1024)
    assert desk.refused("PutRecord", StreamName="orders", **record(1)) == (EXCEEDED, refusal_of(0))
    desk.caller.wait(0.25)
    desk.put(256 * 1024)
    assert desk.refused("PutRecord", StreamName="orders", **record(1)) == (EXCEEDED, refusal_of(0))


def test_records_fail_one_by_one(desk: Desk) -> None:
    desk.create(ShardCount=2)
    for _ in range(997):
        desk.put()
    entries = [record(1, 2**127 * (n % 2)) for n in range(10)]
    answer = desk.call("PutRecords", StreamName="orders", Records=entries)
    assert answer["FailedRecordCount"] == 2
    failed = {"ErrorCode": EXCEEDED, "ErrorMessage": refusal_of(0)}
    assert [r for r in answer["Records"] if "ErrorCode" in r] == [failed, failed]
    assert [n for n, r in enumerate(answer["Records"]) if r == failed] == [6, 8]
    again = desk.call("PutRecords", StreamName="orders", Records=[record(1)])
    assert again == {"FailedRecordCount": 1, "Records": [failed]}
    page = desk.call("GetRecords", ShardIterator=desk.iterator())
    assert len(page["Records"]) == 1000


def test_a_bad_batch_is_refused_before_it_is_counted(desk: Desk) -> None:
    desk.create(ShardCount=1)
    bad = [*(record(1) for _ in range(499)), {**record(1), "ExplicitHashKey": str(2**128)}]
    for _ in range(3):
        assert desk.refused("PutRecords", StreamName="orders", Records=bad)[0] != EXCEEDED
    for _ in range(1000):
        desk.put()


def test_a_shard_is_read_five_times_a_second(desk: Desk) -> None:
    desk.create(ShardCount=1)
    iterator = desk.iterator()
    for _ in range(2):
        for _ in range(5):
            desk.call("GetRecords", ShardIterator=iterator)
        refused = desk.refused("GetRecords", ShardIterator=iterator)
        assert refused == (EXCEEDED, refusal_of(0))
        desk.caller.wait(1)


def test_a_large_page_keeps_readers_waiting(desk: Desk) -> None:
    desk.create(ShardCount=1)
    for _ in range(6):
        desk.put(1024 * 1024)
        desk.caller.wait(1)
    iterator = desk.iterator()
    assert len(desk.call("GetRecords", ShardIterator=iterator)["Records"]) == 6
    desk.caller.wait(1.9)
    assert desk.refused("GetRecords", ShardIterator=iterator) == (EXCEEDED, refusal_of(0))
    desk.caller.wait(0.2)
    desk.call("GetRecords", ShardIterator=iterator)


def test_iterators_of_a_shard_have_a_rate(desk: Desk) -> None:
    desk.create(ShardCount=1)
    for _ in range(5):
        desk.iterator()
    place = {"StreamName": "orders", "ShardId": f"shardId-{0:012d}"}
    refused = desk.refused("GetShardIterator", ShardIteratorType="LATEST", **place)
    assert refused == (EXCEEDED, refusal_of(0))


@pytest.mark.parametrize(
    ("operation", "calls", "members"),
    [
        ("DescribeLimits", 1, {}),
        ("DescribeStream", 10, {"StreamName": "orders"}),
        ("DescribeStreamSummary", 20, {"StreamName": "orders"}),
        ("ListShards", 1000, {"StreamName": "orders"}),
        ("ListStreams", 5, {}),
        ("ListTagsForStream", 5, {"StreamName": "orders"}),
    ],
)
def test_calls_have_a_rate(desk: Desk, operation: str, calls: int, members: dict[str, Any]) -> None:
    desk.create(ShardCount=1)
    named = " for stream orders" if members else ""
    for _ in range(2):
        for _ in range(calls):
            desk.call(operation, **members)
        refused = desk.refused(operation, **members)
        message = f"Rate exceeded{named} under account {ACCOUNT}."
        assert refused == ("LimitExceededException", message)
        desk.caller.wait(1)


def test_a_refused_change_is_not_made(desk: Desk) -> None:
    for number in range(5):
        desk.call("CreateStream", StreamName=f"stream-{number}", ShardCount=1)
    code, _ = desk.refused("CreateStream", StreamName="late", ShardCount=1)
    assert code == "LimitExceededException"
    assert "late" not in desk.call("ListStreams")["StreamNames"]


def test_an_on_demand_stream_gets_more_shards_under_a_lasting_load(desk: Desk) -> None:
    desk.create(StreamModeDetails={"StreamMode": "ON_DEMAND"})
    caller, policy, meter = desk.caller, Policy(split_writes_per_s=20), LoadMeter(1000)
    for _ in range(3):
        split_hot_shards(caller.engine, policy, meter, caller.clock.now_us())
        for _ in range(11):
            desk.put()
        caller.wait(1)
    assert split_hot_shards(caller.engine, policy, meter, caller.clock.now_us())
    shards = desk.call("ListShards", StreamName="orders")["Shards"]
    assert len(shards) == 6
    children = [shard for shard in shards if shard.get("ParentShardId") == f"shardId-{0:012d}"]
    assert [shard["HashKeyRange"]["StartingHashKey"] for shard in children] == ["0", str(2**125)]
