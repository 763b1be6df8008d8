"""Streams are made, described, listed, changed and removed as Kinesis does it."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.kinesis.conftest import client_of

ACCOUNT = "000000000000"
ARN = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/"


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error["Code"], error["Message"]


def test_a_new_stream(desk: Any) -> None:
    desk.stream(shards=2, Tags={"team": "blue"})
    described = desk.client.describe_stream(StreamName="orders")["StreamDescription"]
    created = datetime.datetime.fromtimestamp(desk.clock.now_us() / 1e6, datetime.UTC)
    assert abs(described.pop("StreamCreationTimestamp") - created) < datetime.timedelta(seconds=1)
    shards = described.pop("Shards")
    assert described == {
        "StreamName": "orders",
        "StreamARN": ARN + "orders",
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": "PROVISIONED"},
        "HasMoreShards": False,
        "RetentionPeriodHours": 24,
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
    }
    assert [(s["ShardId"], s["HashKeyRange"]) for s in shards] == [
        (
            "shardId-000000000000",
            {
                "StartingHashKey": "0",
                "EndingHashKey": "170141183460469231731687303715884105727",
            },
        ),
        (
            "shardId-000000000001",
            {
                "StartingHashKey": "170141183460469231731687303715884105728",
                "EndingHashKey": "340282366920938463463374607431768211455",
            },
        ),
    ]
    summary = desk.client.describe_stream_summary(StreamARN=ARN + "orders")
    assert summary["StreamDescriptionSummary"]["OpenShardCount"] == 2
    assert summary["StreamDescriptionSummary"]["MaxRecordSizeInKiB"] == 1024


def test_names_are_taken_once(desk: Any) -> None:
    desk.stream()
    assert refusal(desk.client.create_stream, StreamName="orders", ShardCount=1) == (
        "ResourceInUseException",
        f"Stream orders under account {ACCOUNT} already exists.",
    )


def test_a_stream_that_is_not_there(desk: Any) -> None:
    missing = ("ResourceNotFoundException", f"Stream nothing under account {ACCOUNT} not found.")
    for operation in ("describe_stream", "describe_stream_summary", "delete_stream", "list_shards"):
        assert refusal(getattr(desk.client, operation), StreamName="nothing") == missing
    put = desk.client.put_record
    assert refusal(put, StreamName="nothing", Data=b"", PartitionKey="k") == missing
    code, message = refusal(put, StreamName="no thing", Data=b"", PartitionKey="k")
    assert code == "ValidationException"
    assert message == (
        "1 validation error detected: Value 'no thing' at 'streamName' failed to satisfy"
        " constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
    )


def test_a_request_that_breaks_the_model(desk: Any) -> None:
    assert refusal(desk.client.create_stream, StreamName="", ShardCount=0) == (
        "ValidationException",
        (
            "3 validation errors detected: Value '' at 'streamName' failed to satisfy constraint:"
            " Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value '' at"
            " 'streamName' failed to satisfy constraint: Member must have length greater than or"
            " equal to 1; Value '0' at 'shardCount' failed to satisfy constraint: Member must have"
            " value greater than or equal to 1"
        ),
    )
    assert refusal(desk.client.describe_stream)[0] == "InvalidArgumentException"


def test_deleting_takes_everything(desk: Any) -> None:
    desk.stream()
    desk.put("old")
    desk.client.delete_stream(StreamName="orders")
    assert desk.client.list_streams()["StreamNames"] == []
    desk.stream()
    assert desk.read("shardId-000000000000") == []


def test_streams_are_listed_by_name_and_page(desk: Any) -> None:
    for name in ("b", "a", "c"):
        desk.stream(name)
    page = desk.client.list_streams(Limit=2)
    assert (page["StreamNames"], page["HasMoreStreams"]) == (["a", "b"], True)
    assert [s["StreamARN"] for s in page["StreamSummaries"]] == [ARN + "a", ARN + "b"]
    rest = desk.client.list_streams(NextToken=page["NextToken"])
    assert (rest["StreamNames"], rest["HasMoreStreams"]) == (["c"], False)
    assert desk.client.list_streams(ExclusiveStartStreamName="b")["StreamNames"] == ["c"]


def test_streams_and_tables_do_not_see_each_other(desk: Any) -> None:
    desk.stream()
    tables = client_of(desk.tailrace.endpoint_url, "dynamodb")
    streams = client_of(desk.tailrace.endpoint_url, "dynamodbstreams")
    assert tables.list_tables()["TableNames"] == []
    assert streams.list_streams()["Streams"] == []
    code, _ = refusal(streams.describe_stream, StreamArn=ARN + "orders")
    assert code == "ValidationException"
    iterator = desk.iterator("shardId-000000000000")
    assert refusal(streams.get_records, ShardIterator=iterator)[0] == "ValidationException"


def test_retention(desk: Any) -> None:
    desk.stream()
    increase = desk.client.increase_stream_retention_period
    decrease = desk.client.decrease_stream_retention_period
    desk.put("old")
    increase(StreamName="orders", RetentionPeriodHours=48)
    described = desk.client.describe_stream(StreamName="orders")["StreamDescription"]
    assert described["RetentionPeriodHours"] == 48
    desk.clock.advance(30 * 3_600_000_000)
    desk.put("new")
    assert desk.read("shardId-000000000000") == [b"old", b"new"]
    assert refusal(increase, StreamName="orders", RetentionPeriodHours=47) == (
        "InvalidArgumentException",
        (
            "Requested retention period (47 hours) for stream orders can not be shorter than"
            " existing retention period (48 hours). Use DecreaseRetentionPeriod API."
        ),
    )
    assert refusal(decrease, StreamName="orders", RetentionPeriodHours=49)[1] == (
        "Requested retention period (49 hours) for stream orders can not be longer than existing"
        " retention period (48 hours). Use IncreaseRetentionPeriod API."
    )
    assert refusal(decrease, StreamName="orders", RetentionPeriodHours=23)[1] == (
        "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too"
        " short."
    )
    assert refusal(increase, StreamName="orders", RetentionPeriodHours=8761)[1] == (
        "Maximum allowed retention period is 8760 hours. Requested retention period (8761 hours) is"
        " too long."
    )
    decrease(StreamName="orders", RetentionPeriodHours=24)
    assert desk.read("shardId-000000000000") == [b"new"]


def test_tags(desk: Any) -> None:
    desk.stream(Tags={"a": "1"})
    client = desk.client
    client.add_tags_to_stream(StreamName="orders", Tags={"b": "2", "c": "3"})
    client.tag_resource(ResourceARN=ARN + "orders", Tags={"d": "4"})
    client.remove_tags_from_stream(StreamName="orders", TagKeys=["b"])
    client.untag_resource(ResourceARN=ARN + "orders", TagKeys=["c"])
    expected = [{"Key": "a", "Value": "1"}, {"Key": "d", "Value": "4"}]
    assert client.list_tags_for_resource(ResourceARN=ARN + "orders")["Tags"] == expected
    page = client.list_tags_for_stream(StreamName="orders", Limit=1)
    assert (page["Tags"], page["HasMoreTags"]) == (expected[:1], True)
    rest = client.list_tags_for_stream(StreamName="orders", ExclusiveStartTagKey="a")
    assert (rest["Tags"], rest["HasMoreTags"]) == (expected[1:], False)
    many = {f"t{n}": "" for n in range(49)}
    assert refusal(client.add_tags_to_stream, StreamName="orders", Tags=many) == (
        "InvalidArgumentException",
        (
            f"Failed to add tags to stream orders under account {ACCOUNT} because a given stream"
            " cannot have more than 50 tags associated with it."
        ),
    )
    code, _ = refusal(client.remove_tags_from_stream, StreamName="orders", TagKeys=["nothing"])
    assert code == "InvalidArgumentException"


def test_modes_encryption_and_monitoring(desk: Any) -> None:
    client = desk.client
    client.create_stream(StreamName="orders", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert len(desk.shards()) == 4
    limits = client.describe_limits()
    assert (limits["OpenShardCount"], limits["OnDemandStreamCount"]) == (4, 1)
    mode = {"StreamMode": "PROVISIONED"}
    client.update_stream_mode(StreamARN=ARN + "orders", StreamModeDetails=mode)
    client.start_stream_encryption(StreamName="orders", EncryptionType="KMS", KeyId="alias/x")
    assert desk.put("x")["EncryptionType"] == "KMS"
    enabled = client.enable_enhanced_monitoring(StreamName="orders", ShardLevelMetrics=["ALL"])
    assert len(enabled["DesiredShardLevelMetrics"]) == 7
    disabled = client.disable_enhanced_monitoring(
        StreamName="orders", ShardLevelMetrics=["IncomingBytes"]
    )
    assert len(disabled["DesiredShardLevelMetrics"]) == 6
    described = client.describe_stream(StreamName="orders")["StreamDescription"]
    assert described["StreamModeDetails"] == mode
    assert (described["EncryptionType"], described["KeyId"]) == ("KMS", "alias/x")
    client.stop_stream_encryption(StreamName="orders", EncryptionType="KMS", KeyId="alias/x")
    described = client.describe_stream(StreamName="orders")["StreamDescription"]
    assert described["EncryptionType"] == "NONE"
    assert "KeyId" not in described


def test_consumers(desk: Any) -> None:
    desk.stream()
    client, arn = desk.client, ARN + "orders"
    made = client.register_stream_consumer(StreamARN=arn, ConsumerName="app", Tags={"a": "1"})[
        "Consumer"
    ]
    assert made["ConsumerStatus"] == "CREATING"
    assert made["ConsumerARN"].startswith(f"{arn}/consumer/app:")
    by_arn = client.describe_stream_consumer(ConsumerARN=made["ConsumerARN"])
    by_name = client.describe_stream_consumer(StreamARN=arn, ConsumerName="app")
    assert by_arn["ConsumerDescription"] == by_name["ConsumerDescription"]
    assert by_arn["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE"
    client.tag_resource(ResourceARN=made["ConsumerARN"], Tags={"b": "2"})
    assert len(client.list_tags_for_resource(ResourceARN=made["ConsumerARN"])["Tags"]) == 2
    assert [
        c["ConsumerName"] for c in client.list_stream_consumers(StreamARN=arn)["Consumers"]
    ] == ["app"]
    assert refusal(client.register_stream_consumer, StreamARN=arn, ConsumerName="app")[0] == (
        "ResourceInUseException"
    )
    assert refusal(client.delete_stream, StreamName="orders")[0] == "ResourceInUseException"
    client.deregister_stream_consumer(StreamARN=arn, ConsumerName="app")
    assert refusal(client.describe_stream_consumer, StreamARN=arn, ConsumerName="app") == (
        "ResourceNotFoundException",
        f"Consumer app, account {ACCOUNT} not found.",
    )
    client.register_stream_consumer(StreamARN=arn, ConsumerName="app")
    client.delete_stream(StreamName="orders", EnforceConsumerDeletion=True)
