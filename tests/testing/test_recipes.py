"""Each recipe of docs/testing-consumers.md makes happen what it says, with boto3 and nothing
else."""

from __future__ import annotations

import time
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tailrace.errors import TailraceError
from tailrace.testing.controls import Controls

_NO_RETRIES = Config(retries={"total_max_attempts": 1})
_PATIENCE_S = 60.0


class Bench:
    """A table with a stream of one shard, and what a test does to it."""

    def __init__(self, controls: Controls) -> None:
        self.controls = controls
        self.tables: Any = boto3.client("dynamodb", config=_NO_RETRIES)
        self.streams: Any = boto3.client("dynamodbstreams", config=_NO_RETRIES)
        made = self.tables.create_table(
            TableName="orders",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        self.arn: str = made["TableDescription"]["LatestStreamArn"]

    def put(self, key: str, **more: Any) -> None:
        self.tables.put_item(TableName="orders", Item={"pk": {"S": key}, **more})

    def shards(self) -> list[dict[str, Any]]:
        described = self.streams.describe_stream(StreamArn=self.arn)
        return described["StreamDescription"]["Shards"]

    def iterator(self, shard: dict[str, Any], kind: str = "TRIM_HORIZON", **more: Any) -> str:
        got = self.streams.get_shard_iterator(
            StreamArn=self.arn, ShardId=shard["ShardId"], ShardIteratorType=kind, **more
        )
        return got["ShardIterator"]

    def read(self, iterator: str) -> dict[str, Any]:
        return self.streams.get_records(ShardIterator=iterator)

    def keys(self, shard: dict[str, Any]) -> list[str]:
        records = self.read(self.iterator(shard))["Records"]
        return [record["dynamodb"]["Keys"]["pk"]["S"] for record in records]

    def refused(self, iterator: str) -> str:
        with pytest.raises(ClientError) as refusal:
            self.read(iterator)
        return refusal.value.response["Error"]["Code"]


@pytest.fixture
def bench(tailrace_endpoint: str, tailrace_controls: Controls) -> Bench:
    assert tailrace_endpoint
    return Bench(tailrace_controls)


def test_a_shard_ends(bench: Bench) -> None:
    bench.put("before")
    (parent,) = bench.shards()
    bench.controls.rotate_shards(bench.arn)
    bench.put("after")
    parent, child = bench.shards()
    assert "EndingSequenceNumber" in parent["SequenceNumberRange"]
    assert child["ParentShardId"] == parent["ShardId"]
    assert "NextShardIterator" not in bench.read(bench.iterator(parent))
    assert (bench.keys(parent), bench.keys(child)) == (["before"], ["after"])


def test_a_shard_splits(bench: Bench) -> None:
    for n in range(20):
        bench.put(f"k{n}")
    (parent,) = bench.shards()
    bench.controls.split_shards(bench.arn, parent["ShardId"])
    for n in range(20):
        bench.put(f"k{n}", v={"N": "2"})
    parent, left, right = bench.shards()
    assert left["ParentShardId"] == right["ParentShardId"] == parent["ShardId"]
    halves = [set(bench.keys(left)), set(bench.keys(right))]
    assert halves[0]
    assert halves[1]
    assert not halves[0] & halves[1]
    assert halves[0] | halves[1] == set(bench.keys(parent))


def test_the_child_is_not_listed_yet(bench: Bench) -> None:
    bench.controls.delay_shards(children_seconds=600)
    bench.controls.rotate_shards(bench.arn)
    assert len(bench.shards()) == 1
    bench.controls.advance_clock(601)
    assert len(bench.shards()) == 2


def test_the_parent_still_looks_open(bench: Bench) -> None:
    bench.controls.delay_shards(ends_seconds=600)
    bench.controls.rotate_shards(bench.arn)
    parent, child = bench.shards()
    assert "EndingSequenceNumber" not in parent["SequenceNumberRange"]
    assert child["ParentShardId"] == parent["ShardId"]
    bench.controls.advance_clock(601)
    assert "EndingSequenceNumber" in bench.shards()[0]["SequenceNumberRange"]


@pytest.mark.parametrize("by_clock", [True, False])
def test_the_iterator_expires(bench: Bench, by_clock: bool) -> None:
    bench.put("a")
    (shard,) = bench.shards()
    page = bench.read(bench.iterator(shard))
    if by_clock:
        bench.controls.advance_clock(16 * 60)
    else:
        bench.controls.expire_iterators()
    assert bench.refused(page["NextShardIterator"]) == "ExpiredIteratorException"
    last = page["Records"][-1]["dynamodb"]["SequenceNumber"]
    bench.put("b")
    again = bench.iterator(shard, "AFTER_SEQUENCE_NUMBER", SequenceNumber=last)
    (record,) = bench.read(again)["Records"]
    assert record["dynamodb"]["Keys"]["pk"]["S"] == "b"


def test_the_data_is_trimmed(bench: Bench) -> None:
    bench.put("old")
    bench.put("unread")
    (shard,) = bench.shards()
    page = bench.streams.get_records(ShardIterator=bench.iterator(shard), Limit=1)
    iterator = page["NextShardIterator"]
    bench.controls.trim_stream(bench.arn)
    bench.put("new")
    assert bench.refused(iterator) == "TrimmedDataAccessException"
    assert bench.keys(shard) == ["new"]


def test_the_data_ages_out(bench: Bench) -> None:
    bench.put("old")
    (shard,) = bench.shards()
    number = bench.read(bench.iterator(shard))["Records"][0]["dynamodb"]["SequenceNumber"]
    bench.controls.advance_clock(25 * 3600)
    bench.put("new")
    with pytest.raises(ClientError) as refusal:
        bench.iterator(shard, "AT_SEQUENCE_NUMBER", SequenceNumber=number)
    assert refusal.value.response["Error"]["Code"] == "TrimmedDataAccessException"


def test_calls_are_throttled_and_fail_as_often_as_asked_for(bench: Bench) -> None:
    bench.put("a")
    (shard,) = bench.shards()
    iterator = bench.iterator(shard)
    bench.controls.throttle_calls(2, "GetRecords")
    codes = [bench.refused(iterator) for _ in range(2)]
    assert codes == ["ProvisionedThroughputExceededException"] * 2
    assert len(bench.read(iterator)["Records"]) == 1
    bench.controls.fail_calls(1, "GetRecords")
    assert bench.refused(iterator) == "InternalServerError"
    bench.controls.fail_calls(5, "GetRecords", "LimitExceededException")
    assert bench.refused(iterator) == "LimitExceededException"
    bench.controls.clear_faults()
    assert len(bench.read(iterator)["Records"]) == 1


def test_items_reach_the_end_of_their_time(bench: Bench) -> None:
    bench.tables.update_time_to_live(
        TableName="orders",
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"},
    )
    now = bench.controls.advance_clock(0)
    bench.put("short", until={"N": str(int(now) + 3600)})
    bench.controls.advance_clock(2 * 3600)
    deadline = time.monotonic() + _PATIENCE_S
    records: list[dict[str, Any]] = []
    while len(records) < 2:
        assert time.monotonic() < deadline
        records = [
            record
            for shard in bench.shards()
            for record in bench.read(bench.iterator(shard))["Records"]
        ]
    assert records[-1]["eventName"] == "REMOVE"
    assert records[-1]["userIdentity"] == {
        "Type": "Service",
        "PrincipalId": "dynamodb.amazonaws.com",
    }


def test_what_is_made_is_not_there_at_once(bench: Bench) -> None:
    bench.controls.set_transition_time(60)
    bench.tables.create_table(
        TableName="later",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {"TableName": "later", "Item": {"pk": {"S": "a"}}}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        bench.tables.put_item(**item)
    with pytest.raises(ClientError, match="ResourceInUseException"):
        bench.tables.delete_table(TableName="later")
    bench.controls.advance_clock(60)
    bench.tables.get_waiter("table_exists").wait(TableName="later")
    bench.tables.put_item(**item)
    bench.controls.clear_faults()
    bench.tables.delete_table(TableName="later")
    assert "later" not in bench.tables.list_tables()["TableNames"]


def test_a_stream_has_no_shards_while_it_is_enabling(bench: Bench) -> None:
    bench.controls.set_transition_time(60)
    off: dict[str, Any] = {"StreamEnabled": False}
    on: dict[str, Any] = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    bench.tables.update_table(TableName="orders", StreamSpecification=off)
    bench.controls.advance_clock(60)
    made = bench.tables.update_table(TableName="orders", StreamSpecification=on)
    bench.arn = made["TableDescription"]["LatestStreamArn"]
    assert bench.shards() == []
    bench.put("a")
    bench.controls.advance_clock(60)
    (shard,) = bench.shards()
    assert bench.keys(shard) == ["a"]


def test_what_is_no_control_is_refused(bench: Bench) -> None:
    with pytest.raises(TailraceError, match="ResourceNotFoundException"):
        bench.controls.rotate_shards(bench.arn.replace("orders", "others"))
    with pytest.raises(TailraceError, match="ValidationException"):
        bench.controls.advance_clock(-1)
