"""Damaged requests to Kinesis get an answer or an error of the caller's, never a fault of ours, in
JSON and in CBOR."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tailrace.api.dispatch import Dispatcher
from tailrace.api.operation import Service
from tailrace.api.registry import OPERATIONS, SERVICES
from tailrace.clock import ManualClock, SequentialIds
from tailrace.engines.memory import MemoryEngine
from tailrace.errors import SerializationException
from tailrace.testing.mutations import ValidRequest, mutated_requests
from tailrace.wire import cbor
from tailrace.wire.call import Call, Reply, Scope
from tailrace.wire.dialects import CBOR_1_1, dialect_of

_KINESIS = tuple(
    operation for target, operation in OPERATIONS.items() if target.startswith("Kinesis_")
)

ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/orders"
SHARD = "shardId-000000000000"
REF = {"StreamName": "orders"}
QUEUE = {"QueueARN": "arn:aws:kinesis:us-east-1:000000000000:queue/1-2-3"}
HANDLE = {"ReceiptHandle": "MTox"}
VISIBLE = {**HANDLE, "VisibilityTimeoutSeconds": 5}
POLICY = '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"kinesis:*"}]}'


class Desk:
    """The dispatcher of a store in memory with the stream `orders`."""

    def __init__(self) -> None:
        clock = ManualClock()
        service = Service(MemoryEngine(clock), clock, SequentialIds(), b"secret")
        self._dispatcher = Dispatcher(service, OPERATIONS, SERVICES)
        self.call("CreateStream", {"StreamName": "orders", "ShardCount": 2})
        place = {**REF, "ShardId": SHARD, "ShardIteratorType": "TRIM_HORIZON"}
        found = msgspec.json.decode(self.call("GetShardIterator", place).body)
        self.iterator = found["ShardIterator"]

    def send(self, operation: str, body: bytes) -> Reply:
        replies: list[Reply] = []
        call = Call(f"Kinesis_20131202.{operation}", body, Scope("000000000000", "us-east-1"))
        self._dispatcher.dispatch(call, replies.append)
        (reply,) = replies
        return reply

    def call(self, operation: str, request: Any) -> Reply:
        return self.send(operation, json.dumps(request).encode())


def _of_channels() -> dict[str, Any]:
    channel = {"ChannelARN": "arn:aws:kinesis:us-east-1:000000000000:channel/1-2-3"}
    place = {"BucketARN": "arn:aws:s3:::lake", "ExpectedBucketOwner": "000000000000"}
    logs = {"CloudWatchLogs": {"Enabled": True, "LogGroupName": "logs"}}
    destination = {
        "DataFreshnessInSeconds": 300,
        "DeadLetterQueueS3Configuration": {**place, "ErrorOutputPrefix": "errors/"},
        "StorageConfiguration": {
            **place,
            "CompressionType": "GZIP",
            "OutputKeyTemplate": "!{yyyy}/!{mm}!{extension}",
        },
    }
    return {
        "CreateChannel": {
            "ChannelName": "lake",
            "ServiceExecutionRoleARN": "arn:aws:iam::000000000000:role/delivery",
            "StreamConfigurationList": [
                {"StreamARN": ARN, "RecordConfiguration": {"RecordFormatType": "JSON"}}
            ],
            "S3DestinationConfiguration": destination,
            "EncryptionConfiguration": {"EncryptionType": "KMS", "KeyId": "k"},
            "LoggingConfiguration": logs,
            "Tags": {"a": "b"},
        },
        "DeleteChannel": channel,
        "DescribeChannel": channel,
        "ListChannels": {"MaxResults": 2, "StreamFilter": [{"StreamARN": ARN}]},
        "UpdateChannel": {
            **channel,
            "S3DestinationConfiguration": {"DataFreshnessInSeconds": 600},
            "LoggingConfiguration": logs,
        },
    }


def _of_queues() -> dict[str, Any]:
    letters = {"TargetType": "BUILT_IN", "MaxReceiveCount": 3}
    attributes = {"VisibilityTimeoutSeconds": 10, "DeadLetterConfiguration": letters}
    start = {"Type": "AT_TIMESTAMP", "Timestamp": 1_789_651_000.5}
    return {
        "AcknowledgeDeadLetterQueueRecords": {**QUEUE, "Entries": [HANDLE]},
        "AcknowledgeQueueRecords": {**QUEUE, "Entries": [HANDLE]},
        "CreateQueue": {
            "QueueName": "work",
            "StreamConfigurationList": [
                {
                    "StreamARN": ARN,
                    "StartingPosition": start,
                }
            ],
            "QueueAttributes": attributes,
            "Tags": {"a": "b"},
        },
        "DeleteQueue": QUEUE,
        "DescribeQueue": QUEUE,
        "ListQueues": {"MaxResults": 2, "StreamFilter": [{"StreamARN": ARN}]},
        "ReceiveDeadLetterQueueRecords": {**QUEUE, "Limit": 2, "WaitTimeSeconds": 1},
        "ReceiveQueueRecords": {**QUEUE, "Limit": 2, "VisibilityTimeoutSeconds": 5},
        "RestoreDeadLetterQueueRecords": {**QUEUE, "Entries": [HANDLE]},
        "UpdateDeadLetterQueueRecordsVisibility": {**QUEUE, "Entries": [VISIBLE]},
        "UpdateQueue": {**QUEUE, "QueueAttributes": attributes},
        "UpdateQueueRecordsVisibility": {**QUEUE, "Entries": [VISIBLE]},
    }


def requests(desk: Desk) -> list[ValidRequest]:
    consumer = {"StreamARN": ARN, "ConsumerName": "app"}
    entry = {"Data": "aGVsbG8=", "PartitionKey": "k", "ExplicitHashKey": "12345"}
    time_s = 1_789_651_000.5
    bodies: dict[str, Any] = {
        **_of_channels(),
        **_of_queues(),
        "AddTagsToStream": {**REF, "Tags": {"a": "b"}},
        "CreateStream": {
            "StreamName": "more",
            "ShardCount": 1,
            "StreamModeDetails": {"StreamMode": "PROVISIONED"},
            "Tags": {"a": "b"},
        },
        "DecreaseStreamRetentionPeriod": {**REF, "RetentionPeriodHours": 24},
        "DeleteStream": {"StreamName": "more", "EnforceConsumerDeletion": True},
        "DeleteResourcePolicy": {"ResourceARN": ARN},
        "DeregisterStreamConsumer": consumer,
        "DescribeAccountSettings": {},
        "DescribeLimits": {},
        "DescribeStream": {**REF, "Limit": 2, "ExclusiveStartShardId": SHARD},
        "DescribeStreamConsumer": consumer,
        "DescribeStreamSummary": {"StreamARN": ARN},
        "DisableEnhancedMonitoring": {**REF, "ShardLevelMetrics": ["ALL"]},
        "EnableEnhancedMonitoring": {**REF, "ShardLevelMetrics": ["IncomingBytes"]},
        "GetRecords": {"ShardIterator": desk.iterator, "Limit": 10},
        "GetResourcePolicy": {"ResourceARN": ARN},
        "GetShardIterator": {
            **REF,
            "ShardId": SHARD,
            "ShardIteratorType": "AT_TIMESTAMP",
            "Timestamp": time_s,
        },
        "IncreaseStreamRetentionPeriod": {**REF, "RetentionPeriodHours": 48},
        "ListShards": {**REF, "ShardFilter": {"Type": "AT_TIMESTAMP", "Timestamp": time_s}},
        "ListStreamConsumers": {"StreamARN": ARN, "MaxResults": 2},
        "ListStreams": {"Limit": 2, "ExclusiveStartStreamName": "a"},
        "ListTagsForResource": {"ResourceARN": ARN},
        "ListTagsForStream": {**REF, "Limit": 2, "ExclusiveStartTagKey": "a"},
        "MergeShards": {
            **REF,
            "ShardToMerge": SHARD,
            "AdjacentShardToMerge": "shardId-000000000001",
        },
        "PutRecord": {**REF, **entry, "SequenceNumberForOrdering": "100000000000000000001"},
        "PutResourcePolicy": {"ResourceARN": ARN, "Policy": POLICY},
        "PutRecords": {**REF, "Records": [entry, entry]},
        "RegisterStreamConsumer": {**consumer, "Tags": {"a": "b"}},
        "RemoveTagsFromStream": {**REF, "TagKeys": ["a"]},
        "SplitShard": {**REF, "ShardToSplit": SHARD, "NewStartingHashKey": "99999"},
        "StartStreamEncryption": {**REF, "EncryptionType": "KMS", "KeyId": "k"},
        "StopStreamEncryption": {**REF, "EncryptionType": "KMS", "KeyId": "k"},
        "TagResource": {"ResourceARN": ARN, "Tags": {"a": "b"}},
        "UntagResource": {"ResourceARN": ARN, "TagKeys": ["a"]},
        "UpdateAccountSettings": {"MinimumThroughputBillingCommitment": {"Status": "DISABLED"}},
        "UpdateMaxRecordSize": {"StreamARN": ARN, "MaxRecordSizeInKiB": 2048},
        "UpdateShardCount": {**REF, "TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"},
        "UpdateStreamMode": {
            "StreamARN": ARN,
            "StreamModeDetails": {"StreamMode": "ON_DEMAND"},
        },
        "UpdateStreamRecordDistributionStrategy": {
            "StreamARN": ARN,
            "RecordDistributionStrategy": "AUTO",
        },
        "UpdateStreamWarmThroughput": {**REF, "WarmThroughputMiBps": 4},
    }
    assert set(bodies) == {operation.name for operation in _KINESIS}
    return [ValidRequest(name, body) for name, body in bodies.items()]


@pytest.mark.parametrize("seed", [1, 2])
def test_no_damage_is_a_fault_of_ours(seed: int) -> None:
    desk = Desk()
    valid = requests(desk)
    answered = 0
    for mutated in mutated_requests(seed, 2500, valid):
        reply = desk.send(mutated.target, mutated.body)
        assert reply.status in (200, 400), mutated
        if reply.status == 400:
            assert msgspec.json.decode(reply.body)["__type"], mutated
        answered += reply.status == 200
    assert 200 < answered < 2300


def test_the_requests_to_damage_are_valid() -> None:
    for request in requests(Desk()):
        desk = Desk()
        told = desk.call(request.target, request.body).body
        assert b"Validation" not in told, request
        assert b"Serialization" not in told, request


@pytest.mark.parametrize(
    ("operation", "member", "value"),
    [
        ("PutRecord", "ExplicitHashKey", "-1"),
        ("PutRecord", "ExplicitHashKey", "٣"),
        ("PutRecord", "ExplicitHashKey", "9" * 5000),
        ("PutRecord", "SequenceNumberForOrdering", "x"),
        ("GetShardIterator", "Timestamp", 1e308),
        ("GetShardIterator", "Timestamp", -1e308),
        ("ListShards", "NextToken", "bm90aGluZw=="),
        ("ListShards", "NextToken", "ä"),
        ("ListShards", "ShardFilter", {"Type": "AT_TIMESTAMP", "Timestamp": 1e308}),
        ("DescribeStream", "StreamARN", "arn:aws:kinesis:us-east-1:000000000000:stream//"),
        ("GetRecords", "ShardIterator", f"{ARN}|1|AAAA"),
    ],
)
def test_odd_values(operation: str, member: str, value: Any) -> None:
    desk = Desk()
    (request,) = [request for request in requests(desk) if request.target == operation]
    reply = desk.call(operation, {**request.body, member: value})
    assert reply.status in (200, 400)


@given(st.binary(max_size=60))
@example(cbor.encode({"StreamName": b"orders"}))
@example(cbor.encode({"StreamName": 2**64 - 1}))
def test_any_cbor_is_answered_in_cbor(body: bytes) -> None:
    dialect = dialect_of([(b"content-type", CBOR_1_1)])
    try:
        text = dialect.read(body)
    except SerializationException:
        return
    reply = dialect.answer(Desk().send("DescribeStream", text))
    assert reply.status in (200, 400)
    assert "__type" in cbor.decode(reply.body)
