"""A server that is told to enforces throughput, towards real clients; deliveries count as readers
and lose nothing by it."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tailrace.app import Tailrace
from tailrace.clock import ManualClock
from tailrace.settings import Settings


def client(tailrace: Tailrace) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=tailrace.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="k",
        aws_secret_access_key="s",
        config=Config(retries={"total_max_attempts": 1}),
    )


def create(dynamodb: Any) -> None:
    dynamodb.create_table(
        TableName="things",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 2},
    )


def test_a_client_gets_the_exception_by_its_name() -> None:
    clock = ManualClock()
    with Tailrace(Settings(port=0, enforce_throughput=True), clock=clock) as tailrace:
        dynamodb = client(tailrace)
        create(dynamodb)
        for _ in range(2):
            dynamodb.put_item(TableName="things", Item={"pk": {"S": "a"}})
        with pytest.raises(dynamodb.exceptions.ProvisionedThroughputExceededException) as refused:
            dynamodb.put_item(TableName="things", Item={"pk": {"S": "a"}})
        (reason,) = refused.value.response["ThrottlingReasons"]
        assert reason["reason"] == "TableWriteProvisionedThroughputExceeded"
        clock.advance(500_000)
        dynamodb.put_item(TableName="things", Item={"pk": {"S": "a"}})


def test_a_trigger_comes_through_although_its_reads_are_throttled() -> None:
    received: list[str] = []

    def handler(event: Any, context: Any) -> None:
        del context
        received.extend(record["dynamodb"]["NewImage"]["v"]["N"] for record in event["Records"])

    with Tailrace(Settings(port=0, enforce_throughput=True)) as tailrace:
        dynamodb = client(tailrace)
        dynamodb.create_table(
            TableName="things",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        trigger = tailrace.on_change("things", handler)
        for version in range(12):
            item = {"pk": {"S": "k"}, "v": {"N": str(version)}}
            dynamodb.put_item(TableName="things", Item=item)
            # Each change is read by itself, more often than a shard may be read in a second.
            if version < 8:
                trigger.wait_until_caught_up(30)
        trigger.wait_until_caught_up(30)
        assert trigger.progress().errors > 0
    assert received == [str(version) for version in range(12)]


def test_nothing_is_enforced_unless_asked_for() -> None:
    with Tailrace(Settings(port=0), clock=ManualClock()) as tailrace:
        dynamodb = client(tailrace)
        create(dynamodb)
        try:
            for _ in range(20):
                dynamodb.put_item(TableName="things", Item={"pk": {"S": "a"}})
        except ClientError as error:
            raise AssertionError("throttled without being asked to") from error
