"""A Java application's stream is taken over where it stands, across a rotation, and handed back."""

from __future__ import annotations

import asyncio
import json
import queue
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from tailrace.app import Tailrace
from tailrace.consumer import Change, Consumer
from tailrace.settings import Settings
from tests.interop.kcl_worker import build, worker

# The KCL waits by design: about 40 s at each start.
pytestmark = pytest.mark.timeout(900)
PATIENCE_S = 400.0
ITEMS = 60


def _take(lines: queue.SimpleQueue[str], wanted: int, patience_s: float = PATIENCE_S) -> list[int]:
    """The sequence numbers of the records that workers printed, once there are so many."""
    deadline, found = time.monotonic() + patience_s, list[int]()
    while len(found) < wanted and time.monotonic() < deadline:
        try:
            words = lines.get(timeout=0.5).split()
        except queue.Empty:
            continue
        if words[0] == "record":
            found.append(int(words[2]))
    return found


def _put(client: Any, value: str) -> None:
    for number in range(ITEMS):
        item = {"pk": {"S": f"item-{number}"}, "v": {"S": value}}
        client.put_item(TableName="changes", Item=item)


def test_java_python_java(need: Callable[[str], str], tmp_path: Path) -> None:
    java, mvn, _ = need("java"), need("mvn"), need("javac")
    built = build(mvn)
    with Tailrace(Settings(port=0, test_controls=True)) as tailrace:
        client: Any = boto3.client(
            "dynamodb",
            endpoint_url=tailrace.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        made = client.create_table(
            TableName="changes",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        arn = made["TableDescription"]["LatestStreamArn"]
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        place = (java, built, tailrace.endpoint_url, arn, "takeover")
        _put(client, "one")
        with worker(*place, "before", tmp_path / "before.log", lines) as application:
            first = _take(lines, ITEMS)
            application.stop()
        url = f"{tailrace.endpoint_url}/_tailrace/RotateShards"
        body = json.dumps({"StreamArn": arn}).encode()
        urllib.request.urlopen(urllib.request.Request(url, body, method="POST")).close()
        _put(client, "two")
        second = asyncio.run(_consume(arn, tailrace.endpoint_url))
        _put(client, "three")
        with worker(*place, "after", tmp_path / "after.log", lines):
            third = _take(lines, ITEMS) + _take(lines, 1, patience_s=3)
    assert [len(first), len(second), len(third)] == [ITEMS, ITEMS, ITEMS]
    assert len({*first, *second, *third}) == 3 * ITEMS, "records were read twice"


async def _consume(arn: str, endpoint_url: str) -> list[int]:
    taken: list[Change] = []

    async def handle(changes: list[Change]) -> None:
        taken.extend(changes)

    options = {"group": "takeover", "endpoint_url": endpoint_url, "handler": handle}
    async with Consumer(arn, **options) as consumer:
        await consumer.caught_up()
    assert {change.new["v"] for change in taken if change.new} == {"two"}
    return [change.sequence for change in taken]
