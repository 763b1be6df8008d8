"""Bulk puts through boto3 from a running server: to their end over a restart, and cancelled in the
middle. Their rate goes by a clock that the test moves, so both are in the middle for certain."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from tailrace.app import Tailrace
from tailrace.clock import ManualClock
from tailrace.settings import Settings
from tests.servers.queues_and_buckets import QueuesAndBuckets

WAIT_S = 30.0
SECOND_US = 1_000_000
ITEMS = 3000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A server with objects to put and a bucket for reports."""
    buckets = tmp_path / "buckets"
    for name in ("input", "reports"):
        (buckets / name).mkdir(parents=True)
    lines = [json.dumps({"Item": {"pk": {"S": f"{number:05d}"}}}) for number in range(ITEMS)]
    lines[1] = "no item"
    (buckets / "input" / "all.zst").write_bytes(zstd.compress("\n".join(lines).encode()))
    return Settings(port=0, data=tmp_path / "data", s3_directory=buckets)


def until(holds: Callable[[], Any]) -> Any:
    """What a condition gives when it holds."""
    deadline = time.monotonic() + WAIT_S
    while not (found := holds()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
    return found


def begin(client: Any, **more: Any) -> str:
    client.create_table(
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName="things")
    begun = client.start_bulk_put_items(
        TableName="things",
        InputS3Configuration={
            "S3Bucket": "input",
            "InputFormat": "DYNAMODB_JSON",
            "InputCompressionType": "ZSTD",
        },
        OutputS3Configuration={"S3Bucket": "reports", "OutputType": ["ERROR"]},
        **{"MaxWriteRequestUnits": 1024, **more},
    )["BulkOperationDescription"]
    assert begun["BulkOperationStatus"] == "IN_PROGRESS"
    return begun["BulkOperationArn"]


def described(client: Any, arn: str) -> dict[str, Any]:
    return client.describe_bulk_operation(BulkOperationArn=arn)["BulkOperationDescription"]


def midway(client: Any, arn: str) -> dict[str, Any]:
    """The operation once it has put what it may in its first second."""
    return until(lambda: (found := described(client, arn))["ProcessedItemCount"] >= 1024 and found)


def counted(client: Any) -> int:
    pages = client.get_paginator("scan").paginate(TableName="things", Select="COUNT")
    return sum(page["Count"] for page in pages)


def test_it_goes_on_after_a_restart(settings: Settings, connect: Callable[..., Any]) -> None:
    clock = ManualClock()
    with Tailrace(settings, clock=clock) as tailrace:
        client = connect(tailrace)
        arn = begin(client)
        found = midway(client, arn)
        assert found["ProcessedItemCount"] < ITEMS
        assert found["TotalInputBytes"] > 0
    with Tailrace(settings, clock=clock) as tailrace:
        client = connect(tailrace)
        assert described(client, arn)["BulkOperationStatus"] == "IN_PROGRESS"

        def over() -> dict[str, Any] | None:
            clock.advance(SECOND_US)
            found = described(client, arn)
            return found if found["BulkOperationStatus"] != "IN_PROGRESS" else None

        found = until(over)
        assert found["BulkOperationStatus"] == "COMPLETED_WITH_ERRORS"
        assert (found["ProcessedItemCount"], found["FailedItemCount"]) == (ITEMS, 1)
        assert counted(client) == ITEMS - 1
        (summary,) = client.list_bulk_operations()["BulkOperationsSummaryList"]
        assert (summary["BulkOperationArn"], summary["EndTime"]) == (arn, found["EndTime"])
    assert settings.s3_directory is not None
    (report,) = (settings.s3_directory / "reports").rglob("error/*.json")
    assert json.loads(report.read_text())["Record"] == "no item"


def test_buckets_may_be_at_an_endpoint(
    settings: Settings, connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    assert settings.s3_directory is not None
    service = QueuesAndBuckets()
    packed = (settings.s3_directory / "input" / "all.zst").read_bytes()
    service.buckets = {"input": {"all.zst": packed}, "reports": {}}
    there = Settings(port=0, s3_endpoint_url=service.url)
    with contextlib.closing(service), Tailrace(there) as tailrace:
        client = connect(tailrace)
        arn = begin(client, MaxWriteRequestUnits=10_000)
        found = until(lambda: (now := described(client, arn)).get("EndTime") and now)
        assert found["BulkOperationStatus"] == "COMPLETED_WITH_ERRORS"
        assert found["ProcessedInputBytes"] == found["TotalInputBytes"] == len(packed)
        assert counted(client) == ITEMS - 1
        (report,) = [key for key in service.buckets["reports"] if "/error/" in key]
        assert b"no item" in service.buckets["reports"][report]


def test_it_is_cancelled_in_the_middle(settings: Settings, connect: Callable[..., Any]) -> None:
    with Tailrace(settings, clock=ManualClock()) as tailrace:
        client = connect(tailrace)
        arn = begin(client)
        midway(client, arn)
        answer = client.cancel_bulk_operation(BulkOperationArn=arn)
        assert answer["BulkOperationStatus"] == "CANCELLING"
        found = until(
            lambda: (now := described(client, arn))["BulkOperationStatus"] == "CANCELLED" and now
        )
        assert found["FailureCode"]
        assert 1024 <= found["ProcessedItemCount"] < ITEMS
        assert counted(client) == found["ProcessedItemCount"] - 1
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.cancel_bulk_operation(BulkOperationArn=f"{arn[:-1]}x")
