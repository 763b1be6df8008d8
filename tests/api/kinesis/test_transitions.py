"""Kinesis streams, their consumers and tables' destinations pass through AWS's states when that is
to take time, and refuse what can't be asked of them meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.api.kinesis.conftest import client_of

if TYPE_CHECKING:
    from tests.api.kinesis.conftest import KinesisDesk

SECOND_US = 1_000_000
_PATIENCE_S = 25.0
ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/orders"


@pytest.fixture
def slow(desk: KinesisDesk) -> KinesisDesk:
    """A server on which every change takes ten seconds."""
    desk.tailrace.service.faults.transition_us = 10 * SECOND_US
    return desk


def wait(desk: KinesisDesk, seconds: float = 10) -> None:
    desk.clock.advance(round(seconds * SECOND_US))


def described(desk: KinesisDesk) -> dict[str, Any]:
    return desk.client.describe_stream(StreamName="orders")["StreamDescription"]


def status(desk: KinesisDesk) -> str:
    summary = desk.client.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]
    (listed,) = desk.client.list_streams()["StreamSummaries"]
    shown = {summary["StreamStatus"], listed["StreamStatus"], described(desk)["StreamStatus"]}
    (only,) = shown
    return only


def refusal(call: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**members)
    error = refused.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


NOT_FOUND = "ResourceNotFoundException: Stream orders under account 000000000000 not found."


def busy(state: str) -> str:
    return (
        "ResourceInUseException: Stream orders under account 000000000000 not ACTIVE, instead in"
        f" state {state}"
    )


def test_a_new_stream_has_no_shards_and_takes_no_records_until_it_is_active(
    slow: KinesisDesk,
) -> None:
    slow.stream()
    assert (status(slow), described(slow)["Shards"]) == ("CREATING", [])
    put = {"StreamName": "orders", "Data": b"x", "PartitionKey": "k"}
    assert refusal(slow.client.put_record, **put) == NOT_FOUND
    assert refusal(slow.client.list_shards, StreamName="orders") == busy("CREATING")
    assert refusal(slow.client.delete_stream, StreamName="orders") == busy("CREATING")
    again = {"StreamName": "orders", "ShardCount": 1}
    assert "already exists" in refusal(slow.client.create_stream, **again)
    wait(slow)
    assert status(slow) == "ACTIVE"
    assert len(described(slow)["Shards"]) == 1
    slow.put("x")


def test_a_stream_is_updating_after_what_changes_it(slow: KinesisDesk) -> None:
    slow.stream()
    wait(slow)
    (shard,) = slow.shards()
    slow.put("before")
    split = {
        "StreamName": "orders",
        "ShardToSplit": shard["ShardId"],
        "NewStartingHashKey": str(2**127),
    }
    changes = [
        (slow.client.split_shard, split),
        (
            slow.client.increase_stream_retention_period,
            {"StreamName": "orders", "RetentionPeriodHours": 48},
        ),
        (
            slow.client.start_stream_encryption,
            {"StreamName": "orders", "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"},
        ),
        (
            slow.client.update_shard_count,
            {"StreamName": "orders", "TargetShardCount": 4, "ScalingType": "UNIFORM_SCALING"},
        ),
        (
            slow.client.enable_enhanced_monitoring,
            {"StreamName": "orders", "ShardLevelMetrics": ["ALL"]},
        ),
        (
            slow.client.update_stream_mode,
            {"StreamARN": ARN, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}},
        ),
    ]
    for change, members in changes:
        change(**members)
        assert status(slow) == "UPDATING"
        slow.put("during")
        for other, more in changes[1:]:
            assert refusal(other, **more) == busy("UPDATING")
        slow.client.add_tags_to_stream(StreamName="orders", Tags={"a": "b"})
        wait(slow)
        assert status(slow) == "ACTIVE"
    kept = [data for each in slow.shards() for data in slow.read(each["ShardId"])]
    assert kept.count(b"during") == len(changes)


def test_a_deleted_stream_is_shown_until_it_is_gone(slow: KinesisDesk) -> None:
    slow.stream()
    wait(slow)
    (shard,) = slow.shards()
    iterator = slow.iterator(shard["ShardId"])
    slow.client.delete_stream(StreamName="orders")
    assert (status(slow), described(slow)["Shards"]) == ("DELETING", [])
    assert refusal(slow.client.get_records, ShardIterator=iterator) == NOT_FOUND
    assert refusal(slow.client.delete_stream, StreamName="orders") == busy("DELETING")
    again = {"StreamName": "orders", "ShardCount": 1}
    assert "already exists" in refusal(slow.client.create_stream, **again)
    wait(slow)
    assert refusal(slow.client.describe_stream, StreamName="orders") == NOT_FOUND
    slow.stream()


def test_only_so_many_streams_are_created_at_a_time(slow: KinesisDesk) -> None:
    for number in range(5):
        slow.stream(f"s{number}")
    sixth = {"StreamName": "s5", "ShardCount": 1}
    assert refusal(slow.client.create_stream, **sixth).startswith("LimitExceededException")
    wait(slow)
    slow.stream("s5")


def test_a_consumer_is_creating_active_deleting_gone(slow: KinesisDesk) -> None:
    slow.stream()
    wait(slow)
    made = slow.client.register_stream_consumer(StreamARN=ARN, ConsumerName="reader")["Consumer"]
    consumer_arn = made["ConsumerARN"]

    def consumer() -> dict[str, Any]:
        return slow.client.describe_stream_consumer(ConsumerARN=consumer_arn)["ConsumerDescription"]

    assert made["ConsumerStatus"] == consumer()["ConsumerStatus"] == "CREATING"
    assert consumer().keys() == {
        "ConsumerName",
        "ConsumerARN",
        "ConsumerStatus",
        "ConsumerCreationTimestamp",
        "StreamARN",
    }
    wanted = {
        "ConsumerARN": consumer_arn,
        "ShardId": slow.shards()[0]["ShardId"],
        "StartingPosition": {"Type": "LATEST"},
    }
    assert refusal(slow.client.subscribe_to_shard, **wanted) == (
        "ResourceInUseException: Consumer reader not ACTIVE, instead in state CREATING"
    )
    wait(slow)
    assert consumer()["ConsumerStatus"] == "ACTIVE"
    slow.client.deregister_stream_consumer(ConsumerARN=consumer_arn)
    (listed,) = slow.client.list_stream_consumers(StreamARN=ARN)["Consumers"]
    assert listed["ConsumerStatus"] == "DELETING"
    assert refusal(slow.client.deregister_stream_consumer, ConsumerARN=consumer_arn) == (
        "ResourceInUseException: Consumer reader not ACTIVE, instead in state DELETING"
    )
    wait(slow)
    assert slow.client.list_stream_consumers(StreamARN=ARN)["Consumers"] == []
    assert "not found" in refusal(slow.client.describe_stream_consumer, ConsumerARN=consumer_arn)
    slow.client.register_stream_consumer(StreamARN=ARN, ConsumerName="reader")


def test_a_destination_is_enabling_active_updating_disabling_disabled(slow: KinesisDesk) -> None:
    tables = client_of(slow.tailrace.endpoint_url, "dynamodb")
    slow.stream()
    tables.create_table(
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    place = {"TableName": "things", "StreamArn": ARN}
    assert "permission" in refusal(tables.enable_kinesis_streaming_destination, **place)
    wait(slow)

    def state() -> str:
        answer = tables.describe_kinesis_streaming_destination(TableName="things")
        (destination,) = answer["KinesisDataStreamDestinations"]
        return destination["DestinationStatus"]

    def precision(text: str) -> dict[str, Any]:
        wanted = {"ApproximateCreationDateTimePrecision": text}
        return {**place, "UpdateKinesisStreamingConfiguration": wanted}

    refused = "ValidationException: Table is not in a valid state to enable Kinesis Streaming"
    enable = tables.enable_kinesis_streaming_destination
    disable = tables.disable_kinesis_streaming_destination
    update = tables.update_kinesis_streaming_destination
    enable(**place)
    assert state() == "ENABLING"
    assert refusal(disable, **place) == (
        f"{refused} Destination: KinesisStreamingDestination must be ACTIVE to perform DISABLE"
        " operation."
    )
    assert refusal(update, **precision("MICROSECOND")) == (
        f"{refused} Destination: Kinesis streaming is not in ACTIVE state. Updates are only allowed"
        f" in ACTIVE state. TableName: things, kdsArn: {ARN}"
    )
    wait(slow)
    assert state() == "ACTIVE"
    update(**precision("MICROSECOND"))
    assert state() == "UPDATING"
    assert "must be ACTIVE" in refusal(disable, **place)
    wait(slow)
    assert state() == "ACTIVE"
    disable(**place)
    assert state() == "DISABLING"
    assert "must be DISABLED or ENABLE_FAILED" in refusal(enable, **place)
    wait(slow)
    assert state() == "DISABLED"
    enable(**place)
    assert state() == "ENABLING"
    wait(slow)
    tables.delete_table(TableName="things")
    assert state() == "DISABLING"
    assert "must be DISABLED or ENABLE_FAILED" in refusal(enable, **place)
    assert "must be ACTIVE" in refusal(disable, **place)


def test_a_table_that_is_being_created_gets_no_destination(slow: KinesisDesk) -> None:
    tables = client_of(slow.tailrace.endpoint_url, "dynamodb")
    slow.stream()
    wait(slow)
    tables.create_table(
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    place = {"TableName": "things", "StreamArn": ARN}
    assert refusal(tables.enable_kinesis_streaming_destination, **place) == (
        "ResourceInUseException: Attempt to change a resource which is still in use: Table is being"
        " created: things"
    )


def test_a_destination_gets_what_changes_while_it_is_enabling(slow: KinesisDesk) -> None:
    tables = client_of(slow.tailrace.endpoint_url, "dynamodb")
    slow.stream()
    tables.create_table(
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    wait(slow)
    tables.enable_kinesis_streaming_destination(TableName="things", StreamArn=ARN)
    tables.put_item(TableName="things", Item={"pk": {"S": "a"}})
    (shard,) = slow.shards()
    deadline = time.monotonic() + _PATIENCE_S
    while not slow.read(shard["ShardId"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
