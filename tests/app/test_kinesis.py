"""Tables' changes reach their Kinesis destination: each of them, in order, over restarts and while
the stream is away."""

from __future__ import annotations

import base64
import json
import time
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tailrace.app import Tailrace
from tailrace.clock import ShiftedClock, SystemClock
from tailrace.settings import Settings
from tailrace.tables.keeping import Policy, keep
from tests.app.conftest import create_table

Connect = Callable[[Tailrace], Any]
ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/changes"
PATIENCE_S = 30.0
HOUSEKEEPING_STEPS = 1000
DAY_US = 86_400_000_000


def kinesis_of(tailrace: Tailrace) -> Any:
    return boto3.client(
        "kinesis",
        endpoint_url=tailrace.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )


def read_all(kinesis: Any) -> list[dict[str, Any]]:
    """All records of the stream `changes`, with their data decoded."""
    records: list[dict[str, Any]] = []
    for shard in kinesis.list_shards(StreamName="changes")["Shards"]:
        place = {"StreamName": "changes", "ShardId": shard["ShardId"]}
        found = kinesis.get_shard_iterator(ShardIteratorType="TRIM_HORIZON", **place)
        page = kinesis.get_records(ShardIterator=found["ShardIterator"])
        records += [{**r, "Data": json.loads(r["Data"])} for r in page["Records"]]
    return records


def wait_for(kinesis: Any, count: int) -> list[dict[str, Any]]:
    """The records, as soon as there are `count` of them."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        records = read_all(kinesis)
        if len(records) >= count or time.monotonic() > deadline:
            assert len(records) == count
            return records
        time.sleep(0.05)


def put(client: Any, key: str, **attributes: Any) -> None:
    client.put_item(TableName="orders", Item={"pk": {"S": key}, **attributes})


def enable(client: Any, **more: Any) -> dict[str, Any]:
    return client.enable_kinesis_streaming_destination(TableName="orders", StreamArn=ARN, **more)


def test_each_change_is_put_in_the_form_of_the_service(connect: Connect) -> None:
    with Tailrace(Settings(port=0)) as tailrace:
        client, kinesis = connect(tailrace), kinesis_of(tailrace)
        create_table(client, "orders", stream=False)
        kinesis.create_stream(StreamName="changes", ShardCount=1)
        put(client, "before")
        enable(client)
        put(client, "a", b={"B": b"\0\1"}, l={"L": [{"M": {"s": {"BS": [b"x", b"y"]}}}]})
        put(client, "a", n={"N": "2"})
        client.delete_item(TableName="orders", Key={"pk": {"S": "a"}})
        insert, modify, remove = (record["Data"] for record in wait_for(kinesis, 3))
    assert list(insert) == [
        "awsRegion",
        "eventID",
        "eventName",
        "userIdentity",
        "recordFormat",
        "tableName",
        "dynamodb",
        "eventSource",
    ]
    assert list(insert["dynamodb"]) == [
        "ApproximateCreationDateTime",
        "Keys",
        "NewImage",
        "SizeBytes",
    ]
    assert list(modify["dynamodb"])[2:] == ["NewImage", "OldImage", "SizeBytes"]
    assert list(remove["dynamodb"])[2:] == ["OldImage", "SizeBytes"]
    assert [r["eventName"] for r in (insert, modify, remove)] == ["INSERT", "MODIFY", "REMOVE"]
    assert uuid.UUID(insert["eventID"]) != uuid.UUID(modify["eventID"])
    assert (insert["awsRegion"], insert["tableName"]) == ("us-east-1", "orders")
    assert insert["userIdentity"] is None
    assert insert["recordFormat"] == "application/json"
    assert insert["eventSource"] == "aws:dynamodb"
    twice = base64.b64encode(base64.b64encode(b"\0\1")).decode()
    image = insert["dynamodb"]["NewImage"]
    assert image["b"] == {"B": twice}
    assert image["l"]["L"][0]["M"]["s"]["BS"][0] == base64.b64encode(b"eA==").decode()
    assert modify["dynamodb"]["OldImage"] == image
    assert modify["dynamodb"]["NewImage"] == {"pk": {"S": "a"}, "n": {"N": "2"}}
    assert remove["dynamodb"]["SizeBytes"] == len("pka") + len("pka") + len("n") + 2
    assert len(str(insert["dynamodb"]["ApproximateCreationDateTime"])) == 13


def test_partition_keys_and_precision(connect: Connect) -> None:
    with Tailrace(Settings(port=0)) as tailrace:
        client, kinesis = connect(tailrace), kinesis_of(tailrace)
        create_table(client, "orders")
        kinesis.create_stream(StreamName="changes", ShardCount=2)
        precision = {"ApproximateCreationDateTimePrecision": "MICROSECOND"}
        enable(client, EnableKinesisStreamingConfiguration=precision)
        put(client, "a")
        put(client, "a", n={"N": "1"})
        first, second = wait_for(kinesis, 2)
        change = first["Data"]["dynamodb"]
        assert change["ApproximateCreationDateTimePrecision"] == "MICROSECOND"
        assert len(str(change["ApproximateCreationDateTime"])) == 16
        assert first["PartitionKey"] == second["PartitionKey"]
        assert len(first["PartitionKey"]) == 32
        assert set(first["PartitionKey"]) <= set("0123456789ABCDEF")
        client.update_kinesis_streaming_destination(
            TableName="orders",
            StreamArn=ARN,
            UpdateKinesisStreamingConfiguration={
                "ApproximateCreationDateTimePrecision": "MILLISECOND"
            },
        )
        put(client, "a", n={"N": "2"})
        third = wait_for(kinesis, 3)[-1]["Data"]["dynamodb"]
        assert "ApproximateCreationDateTimePrecision" not in third
        assert len(str(third["ApproximateCreationDateTime"])) == 13


def test_nothing_is_lost_over_restarts_and_outages(connect: Connect, tmp_path: Path) -> None:
    settings = Settings(port=0, data=tmp_path / "data")
    with Tailrace(settings) as tailrace:
        client, kinesis = connect(tailrace), kinesis_of(tailrace)
        create_table(client, "orders")
        kinesis.create_stream(StreamName="changes", ShardCount=1)
        enable(client)
        for n in range(20):
            put(client, "k", n={"N": str(n)})
        wait_for(kinesis, 20)
        kinesis.delete_stream(StreamName="changes")
        for n in range(20, 40):
            put(client, "k", n={"N": str(n)})
    with Tailrace(settings) as tailrace:
        client, kinesis = connect(tailrace), kinesis_of(tailrace)
        for n in range(40, 60):
            put(client, "k", n={"N": str(n)})
        kinesis.create_stream(StreamName="changes", ShardCount=1)
        records = wait_for(kinesis, 40)
    seen = [int(r["Data"]["dynamodb"]["NewImage"]["n"]["N"]) for r in records]
    assert seen == list(range(20, 60))


def test_what_was_captured_when_it_was_disabled_still_comes(connect: Connect) -> None:
    with Tailrace(Settings(port=0)) as tailrace:
        client, kinesis = connect(tailrace), kinesis_of(tailrace)
        create_table(client, "orders")
        kinesis.create_stream(StreamName="changes", ShardCount=1)
        enable(client)
        for n in range(10):
            put(client, f"k{n}")
        client.disable_kinesis_streaming_destination(TableName="orders", StreamArn=ARN)
        put(client, "late")
        wait_for(kinesis, 10)
        enable(client)
        put(client, "later")
        keys = [r["Data"]["dynamodb"]["Keys"]["pk"]["S"] for r in wait_for(kinesis, 11)]
        assert "late" not in keys
        assert "later" in keys


def test_a_stream_of_another_endpoint(connect: Connect) -> None:
    with Tailrace(Settings(port=0)) as other:
        kinesis = kinesis_of(other)
        kinesis.create_stream(StreamName="changes", ShardCount=1)
        settings = Settings(port=0, kinesis_endpoint_url=other.endpoint_url)
        with Tailrace(settings) as tailrace:
            client = connect(tailrace)
            create_table(client, "orders")
            enable(client)
            put(client, "a")
            (record,) = wait_for(kinesis, 1)
            assert record["Data"]["dynamodb"]["Keys"] == {"pk": {"S": "a"}}


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


PLACE = {"TableName": "orders", "StreamArn": ARN}
FINE = {"ApproximateCreationDateTimePrecision": "MICROSECOND"}


def test_the_life_of_a_destination(connect: Connect) -> None:
    with Tailrace(Settings(port=0)) as tailrace:
        client, kinesis = connect(tailrace), kinesis_of(tailrace)
        create_table(client, "orders")
        kinesis.create_stream(StreamName="changes", ShardCount=1)

        def described() -> list[dict[str, Any]]:
            answer = client.describe_kinesis_streaming_destination(TableName="orders")
            assert answer["TableName"] == "orders"
            return answer["KinesisDataStreamDestinations"]

        assert described() == []
        enabled = enable(client)
        enabled.pop("ResponseMetadata")
        assert enabled == {
            **PLACE,
            "DestinationStatus": "ENABLING",
            "EnableKinesisStreamingConfiguration": {},
        }
        assert described() == [{"StreamArn": ARN, "DestinationStatus": "ACTIVE"}]
        updated = client.update_kinesis_streaming_destination(
            UpdateKinesisStreamingConfiguration=FINE, **PLACE
        )
        assert updated["DestinationStatus"] == "UPDATING"
        assert updated["UpdateKinesisStreamingConfiguration"] == FINE
        assert described() == [{"StreamArn": ARN, "DestinationStatus": "ACTIVE", **FINE}]
        disabled = client.disable_kinesis_streaming_destination(**PLACE)
        assert disabled["DestinationStatus"] == "DISABLING"
        assert described() == [{"StreamArn": ARN, "DestinationStatus": "DISABLED", **FINE}]


def test_what_destinations_refuse(connect: Connect) -> None:
    with Tailrace(Settings(port=0)) as tailrace:
        client, kinesis = connect(tailrace), kinesis_of(tailrace)
        create_table(client, "orders")
        invalid = "ValidationException"
        start = client.enable_kinesis_streaming_destination
        assert refusal(start, **PLACE)[0] == invalid, "there is no such stream"
        kinesis.create_stream(StreamName="changes", ShardCount=1)
        enable(client, EnableKinesisStreamingConfiguration=FINE)
        assert refusal(start, **PLACE)[0] == invalid, "it has one"
        update = client.update_kinesis_streaming_destination
        table_id = client.describe_table(TableName="orders")["Table"]["TableId"]
        for configuration, message in (
            (
                FINE,
                (
                    "Invalid Request: Precision is already set to the desired value of MICROSECOND"
                    f" for tableId: {table_id}, kdsArn: {ARN}"
                ),
            ),
            (
                {},
                (
                    "Streaming destination cannot be updated with given parameters:"
                    " UpdateKinesisStreamingConfiguration cannot be null or contain"
                    " only null values"
                ),
            ),
            (
                {"ApproximateCreationDateTimePrecision": "SECOND"},
                (
                    "1 validation error detected: Value 'SECOND' at"
                    " 'updateKinesisStreamingConfiguration"
                    ".approximateCreationDateTimePrecision'"
                    " failed to satisfy constraint: Member must satisfy enum value set:"
                    " [MILLISECOND, MICROSECOND]"
                ),
            ),
        ):
            told = refusal(update, UpdateKinesisStreamingConfiguration=configuration, **PLACE)
            assert told == (invalid, message)
        stop = client.disable_kinesis_streaming_destination
        stop(**PLACE)
        message = (
            "Table is not in a valid state to enable Kinesis Streaming Destination: No streaming"
            f" destination with streamArn: {ARN} found for table with tableName: orders"
        )
        assert refusal(stop, **PLACE) == (invalid, message)
        missing = "Requested resource not found: Table: nothing not found"
        describe = client.describe_kinesis_streaming_destination
        assert refusal(describe, TableName="nothing")[1] == missing
        for call in (start, stop):
            told = refusal(call, TableName="nothing", StreamArn=ARN)
            assert told == ("ResourceNotFoundException", missing)


def test_captures_are_nobodys_streams(connect: Connect) -> None:
    with Tailrace(Settings(port=0)) as tailrace:
        client, kinesis = connect(tailrace), kinesis_of(tailrace)
        create_table(client, "orders", stream=False)
        kinesis.create_stream(StreamName="changes", ShardCount=1)
        enable(client)
        put(client, "a")
        wait_for(kinesis, 1)
        streams = boto3.client(
            "dynamodbstreams",
            endpoint_url=tailrace.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        assert streams.list_streams()["Streams"] == []
        described = client.describe_table(TableName="orders")["Table"]
        assert "LatestStreamArn" not in described
        client.delete_table(TableName="orders")
        assert client.list_tables()["TableNames"] == []


def test_an_outage_longer_than_the_retention_loses_nothing(
    connect: Connect, tmp_path: Path
) -> None:
    clock = ShiftedClock(SystemClock())
    settings = Settings(port=0, data=tmp_path / "data")
    with Tailrace(settings, clock=clock) as tailrace:
        client, kinesis = connect(tailrace), kinesis_of(tailrace)
        create_table(client, "orders")
        kinesis.create_stream(StreamName="changes", ShardCount=1)
        enable(client)
        kinesis.delete_stream(StreamName="changes")
        for n in range(20):
            put(client, "k", n={"N": str(n)})
    clock.advance(3 * DAY_US)
    with Tailrace(settings, clock=clock) as tailrace:
        client, kinesis = connect(tailrace), kinesis_of(tailrace)
        keep_house(tailrace, settings, clock)
        kinesis.create_stream(StreamName="changes", ShardCount=1)
        records = wait_for(kinesis, 20)
    seen = [int(r["Data"]["dynamodb"]["NewImage"]["n"]["N"]) for r in records]
    assert seen == list(range(20))


def test_what_is_lost_beyond_the_bound_is_counted(connect: Connect, tmp_path: Path) -> None:
    clock = ShiftedClock(SystemClock())
    settings = Settings(port=0, data=tmp_path / "data", kinesis_hold_ms=2 * DAY_US // 1000)
    with Tailrace(settings, clock=clock) as tailrace:
        client, kinesis = connect(tailrace), kinesis_of(tailrace)
        create_table(client, "orders")
        kinesis.create_stream(StreamName="changes", ShardCount=1)
        enable(client)
        put(client, "k", n={"N": "0"})
        wait_for(kinesis, 1)
        kinesis.delete_stream(StreamName="changes")
        put(client, "k", n={"N": "1"})
    clock.advance(3 * DAY_US)
    with Tailrace(settings, clock=clock) as tailrace:
        client, kinesis = connect(tailrace), kinesis_of(tailrace)
        keep_house(tailrace, settings, clock)
        kinesis.create_stream(StreamName="changes", ShardCount=1)
        put(client, "k", n={"N": "2"})
        (record,) = wait_for(kinesis, 1)
        assert record["Data"]["dynamodb"]["NewImage"]["n"] == {"N": "2"}
        with urllib.request.urlopen(f"{tailrace.endpoint_url}/metrics") as answer:
            text = answer.read().decode()
    gaps = [line for line in text.splitlines() if line.startswith("tailrace_gaps_total")]
    assert sum(int(line.rpartition(" ")[2]) for line in gaps) >= 1


def keep_house(tailrace: Tailrace, settings: Settings, clock: ShiftedClock) -> None:
    policy = Policy(settings.stream_retention_ms)
    for _ in range(HOUSEKEEPING_STEPS):
        if not keep(tailrace.engine, policy, clock.now_us()):
            return
    pytest.fail("housekeeping finds no end")
