"""The Kinesis Client Library, unchanged, reads the Kinesis stream that a table's changes go to, to
the end and across a split."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from tailrace.app import Tailrace
from tailrace.settings import Settings
from tests.interop.kcl_worker import KclWorker, build, worker

# The first time, the library is fetched; and it waits by design before it begins to read.
pytestmark = pytest.mark.timeout(900)
_PATIENCE_S = 300.0
_ITEMS = 60
_ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/changes"


class _Seen:
    """What a worker read: the events of each item by the shard they came in, and shards' ends."""

    def __init__(self) -> None:
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.ids: set[str] = set()
        self.started: set[str] = set()
        self.ended: set[str] = set()

    def take(self, line: str) -> None:
        kind, shard, *rest = line.split(" ", 3)
        if kind == "started":
            self.started.add(shard)
        elif kind == "ended":
            self.ended.add(shard)
        elif kind == "record":
            event = json.loads(rest[1])
            if event["eventID"] not in self.ids:
                self.ids.add(event["eventID"])
                self.events.setdefault(event["dynamodb"]["Keys"]["pk"]["S"], []).append(event)

    def wait(self, reader: KclWorker, what: str, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not done():
            assert time.monotonic() < deadline, f"{what}: {len(self.ids)} records came"
            try:
                self.take(reader.lines.get(timeout=0.2))
            except queue.Empty:
                continue


def _client(tailrace: Tailrace, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=tailrace.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )


def _create(tables: Any, kinesis: Any) -> None:
    kinesis.create_stream(StreamName="changes", ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(
        StreamName="changes", WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    tables.create_table(
        TableName="orders",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    tables.enable_kinesis_streaming_destination(
        TableName="orders",
        StreamArn=_ARN,
        EnableKinesisStreamingConfiguration={"ApproximateCreationDateTimePrecision": "MICROSECOND"},
    )
    deadline = time.monotonic() + 20
    while True:
        described = tables.describe_kinesis_streaming_destination(TableName="orders")
        (destination,) = described["KinesisDataStreamDestinations"]
        if destination["DestinationStatus"] == "ACTIVE":
            return
        assert time.monotonic() < deadline, destination
        time.sleep(0.1)


def _put(tables: Any, version: int) -> None:
    for n in range(_ITEMS):
        item = {"pk": {"S": f"order-{n}"}, "version": {"N": str(version)}}
        tables.put_item(TableName="orders", Item=item)


def _split(kinesis: Any) -> str:
    """Split the first shard in the middle; its id."""
    shard = kinesis.list_shards(StreamName="changes")["Shards"][0]
    hashes = shard["HashKeyRange"]
    middle = (int(hashes["StartingHashKey"]) + int(hashes["EndingHashKey"])) // 2
    kinesis.split_shard(
        StreamName="changes", ShardToSplit=shard["ShardId"], NewStartingHashKey=str(middle)
    )
    return shard["ShardId"]


def test_a_worker_reads_the_changes_of_a_table_across_a_split(
    need: Callable[[str], str], tmp_path: Path
) -> None:
    java, mvn, _ = need("java"), need("mvn"), need("javac")
    built = build(mvn, "kcl-kinesis")
    seen = _Seen()
    with Tailrace(Settings(data=tmp_path / "data", port=0)) as tailrace:
        tables, kinesis = _client(tailrace, "dynamodb"), _client(tailrace, "kinesis")
        _create(tables, kinesis)
        _put(tables, 1)
        place = (java, built, tailrace.endpoint_url, "changes", "interop", "reader")
        with worker(*place, tmp_path / "reader.log") as reader:
            seen.wait(reader, "before the split", lambda: len(seen.ids) >= _ITEMS)
            split = _split(kinesis)
            _put(tables, 2)
            for n in range(0, _ITEMS, 2):
                tables.delete_item(TableName="orders", Key={"pk": {"S": f"order-{n}"}})
            wanted = 2 * _ITEMS + _ITEMS // 2
            seen.wait(reader, "after the split", lambda: len(seen.ids) >= wanted)
            seen.wait(reader, "the end of the shard", lambda: split in seen.ended)
            seen.wait(reader, "the other shards", lambda: len(seen.started) >= 4)
    assert seen.ended == {split}
    assert len(seen.ids) == wanted
    for n in range(_ITEMS):
        events = seen.events[f"order-{n}"]
        names = ["INSERT", "MODIFY", "REMOVE"] if n % 2 == 0 else ["INSERT", "MODIFY"]
        assert [event["eventName"] for event in events] == names
        moments = [event["dynamodb"]["ApproximateCreationDateTime"] for event in events]
        assert moments == sorted(moments)
