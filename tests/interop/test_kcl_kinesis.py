"""The Kinesis Client Library, unchanged and over HTTP/2, reads the Kinesis stream that a table's
changes go to, to the end and across a split: by polling, and by enhanced fan-out."""

from __future__ import annotations

import contextlib
import json
import queue
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from tailrace.app import Tailrace
from tailrace.server.preface import http2_protocol
from tailrace.settings import Settings
from tests.interop.kcl_worker import KclWorker, build, worker

# The first time, the library is fetched; and it waits by design before it begins to read.
pytestmark = pytest.mark.timeout(900)
_PATIENCE_S = 300.0
_ITEMS = 60
_ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/changes"


class _Seen:
    """What a worker read: the events of each item, and the shards that began and ended."""

    def __init__(self, reader: KclWorker) -> None:
        self._reader = reader
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.ids: set[str] = set()
        self.started: set[str] = set()
        self.ended: set[str] = set()

    def _take(self, line: str) -> None:
        kind, shard, *rest = line.split(" ", 3)
        if kind == "started":
            self.started.add(shard)
        elif kind == "ended":
            self.ended.add(shard)
        elif kind == "record":
            event = json.loads(rest[1])
            # At least once: what came before may come again.
            if event["eventID"] not in self.ids:
                self.ids.add(event["eventID"])
                self.events.setdefault(event["dynamodb"]["Keys"]["pk"]["S"], []).append(event)

    def wait(self, records: int, started: int, ended: int) -> None:
        """Until so many records came, and so many shards began and ended."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            seen = (len(self.ids), len(self.started), len(self.ended))
            if seen[0] >= records and seen[1] >= started and seen[2] >= ended:
                return
            assert time.monotonic() < deadline, f"{seen} came of {(records, started, ended)}"
            with contextlib.suppress(queue.Empty):
                self._take(self._reader.lines.get(timeout=0.2))

    def assert_every_change_came_in_order(self) -> None:
        assert self.events.keys() == {f"order-{n}" for n in range(_ITEMS)}
        for n in range(_ITEMS):
            events = self.events[f"order-{n}"]
            names = ["INSERT", "MODIFY", "REMOVE"] if n % 2 == 0 else ["INSERT", "MODIFY"]
            assert [event["eventName"] for event in events] == names
            moments = [event["dynamodb"]["ApproximateCreationDateTime"] for event in events]
            assert moments == sorted(moments)


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


def test_workers_read_the_changes_of_a_table_across_a_split(
    need: Callable[[str], str], tmp_path: Path
) -> None:
    java, mvn, _ = need("java"), need("mvn"), need("javac")
    built = build(mvn, "kinesis")
    http2_protocol.cache_clear()
    with contextlib.ExitStack() as stack:
        tailrace = stack.enter_context(Tailrace(Settings(data=tmp_path / "data", port=0)))
        tables, kinesis = _client(tailrace, "dynamodb"), _client(tailrace, "kinesis")
        _create(tables, kinesis)
        _put(tables, 1)
        place = (java, built, tailrace.endpoint_url, "changes")
        # Two applications, each of which reads everything.
        both = [
            _Seen(
                stack.enter_context(
                    worker(
                        *place,
                        f"by-{name}",
                        name,
                        tmp_path / f"{name}.log",
                        program="tailrace.KinesisReader",
                    )
                )
            )
            for name in ("poller", "subscriber")
        ]
        for seen in both:
            seen.wait(records=_ITEMS, started=2, ended=0)
        split = _split(kinesis)
        _put(tables, 2)
        for n in range(0, _ITEMS, 2):
            tables.delete_item(TableName="orders", Key={"pk": {"S": f"order-{n}"}})
        for seen in both:
            seen.wait(records=2 * _ITEMS + _ITEMS // 2, started=4, ended=1)
    assert http2_protocol.cache_info().misses == 1, "the library has not spoken HTTP/2"
    for seen in both:
        assert seen.ended == {split}
        seen.assert_every_change_came_in_order()
