"""A server that is told to enforces throughput, towards real clients; its own work is not held
up."""

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


def test_nothing_is_enforced_unless_asked_for() -> None:
    with Tailrace(Settings(port=0), clock=ManualClock()) as tailrace:
        dynamodb = client(tailrace)
        create(dynamodb)
        try:
            for _ in range(20):
                dynamodb.put_item(TableName="things", Item={"pk": {"S": "a"}})
        except ClientError as error:
            raise AssertionError("throttled without being asked to") from error
