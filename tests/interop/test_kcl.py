"""The Kinesis Client Library, with the DynamoDB Streams adapter and unchanged, reads a stream to
its end: across rotation and splits, with two workers of which one is killed."""

from __future__ import annotations

import json
import queue
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tailrace.app import Tailrace
from tailrace.settings import Settings
from tests.interop.kcl_worker import build, worker

# The KCL waits by design: about 40 s at its start, and up to 120 s until a dead leader's lock is
# free.
pytestmark = pytest.mark.timeout(900)
_PATIENCE_S = 400.0
_ITEMS = 150
_DELETED = 75


class _Seen:
    """What workers read: sequence numbers by key, in the order of arrival."""

    def __init__(self) -> None:
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.records: dict[str, list[int]] = {}
        self.numbers: set[int] = set()
        self.started: set[str] = set()

    def take(self, line: str) -> None:
        kind, *rest = line.split()
        if kind == "started":
            self.started.add(rest[0])
        elif kind == "record":
            number = int(rest[1])
            self.numbers.add(number)
            self.records.setdefault(rest[3], []).append(number)

    def await_records(self, count: int) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while len(self.numbers) < count:
            assert time.monotonic() < deadline, f"{len(self.numbers)} of {count} records came"
            try:
                self.take(self.lines.get(timeout=0.5))
            except queue.Empty:
                continue


@pytest.fixture
def tailrace(tmp_path: Path) -> Iterator[Tailrace]:
    with Tailrace(Settings(data=tmp_path / "data", port=0, test_controls=True)) as running:
        yield running


def _control(tailrace: Tailrace, name: str, **body: Any) -> None:
    request = urllib.request.Request(
        f"{tailrace.endpoint_url}/_tailrace/{name}", data=json.dumps(body).encode(), method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status == 200


def _client(tailrace: Tailrace) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=tailrace.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )


def _create(client: Any) -> str:
    made = client.create_table(
        TableName="changes",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return made["TableDescription"]["LatestStreamArn"]


def _put(client: Any, version: int) -> None:
    for n in range(_ITEMS):
        client.put_item(
            TableName="changes", Item={"pk": {"S": f"item-{n}"}, "version": {"N": str(version)}}
        )


def test_two_workers_read_everything_in_order_though_one_dies(
    tailrace: Tailrace, need: Callable[[str], str], tmp_path: Path
) -> None:
    java, mvn, _ = need("java"), need("mvn"), need("javac")
    built = build(mvn)
    client = _client(tailrace)
    arn = _create(client)
    _put(client, 1)
    seen = _Seen()
    place = (java, built, tailrace.endpoint_url, arn, "interop")
    with (
        worker(*place, "first", tmp_path / "first.log", seen.lines) as first,
        worker(*place, "second", tmp_path / "second.log", seen.lines),
    ):
        seen.await_records(_ITEMS)
        _control(tailrace, "RotateShards", StreamArn=arn)
        _put(client, 2)
        _control(tailrace, "SplitShards", StreamArn=arn)
        for n in range(_DELETED):
            client.delete_item(TableName="changes", Key={"pk": {"S": f"item-{n}"}})
        seen.await_records(2 * _ITEMS)
        first.kill()
        seen.await_records(2 * _ITEMS + _DELETED)
    assert len(seen.numbers) == 2 * _ITEMS + _DELETED
    # Four shards, four children of the rotation, eight of the split.
    assert len(seen.started) == 16
    for numbers in seen.records.values():
        # A worker that died may leave records to be read again, but never out of order.
        firsts = list(dict.fromkeys(numbers))
        assert firsts == sorted(firsts)
