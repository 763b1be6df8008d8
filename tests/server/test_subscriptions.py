"""A consumer gets a shard's records pushed, from its place to the shard's end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from tailrace.app import Tailrace
from tailrace.clock import ManualClock
from tailrace.settings import Settings

SHARD = "shardId-000000000000"
ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/orders"
HORIZON = {"Type": "TRIM_HORIZON"}


class Desk:
    def __init__(self, running: Tailrace, clock: ManualClock) -> None:
        self.clock = clock
        self.client: Any = boto3.client(
            "kinesis",
            endpoint_url=running.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
        self.client.create_stream(StreamName="orders", ShardCount=1)
        made = self.client.register_stream_consumer(StreamARN=ARN, ConsumerName="app")
        self.consumer = made["Consumer"]["ConsumerARN"]
        self.streams: list[Any] = []

    def put(self, data: str) -> str:
        return self.client.put_record(StreamName="orders", Data=data.encode(), PartitionKey="k")[
            "SequenceNumber"
        ]

    def subscribe(self, **start: Any) -> Iterator[dict[str, Any]]:
        answer = self.client.subscribe_to_shard(
            ConsumerARN=self.consumer, ShardId=SHARD, StartingPosition=start or HORIZON
        )
        self.streams.append(answer["EventStream"])
        for event in answer["EventStream"]:
            yield event["SubscribeToShardEvent"]

    def close(self) -> None:
        for stream in self.streams:
            stream.close()
        self.client.close()

    def data(self, events: Iterator[dict[str, Any]], count: int) -> list[bytes]:
        """The data of the next `count` records."""
        found: list[bytes] = []
        while len(found) < count:
            found += [record["Data"] for record in next(events)["Records"]]
        return found


@pytest.fixture
def desk() -> Iterator[Desk]:
    clock = ManualClock()
    with Tailrace(Settings(port=0), clock=clock) as running:
        desk = Desk(running, clock)
        yield desk
        desk.close()


def test_records_are_pushed_as_they_come(desk: Desk) -> None:
    desk.put("0")
    events = desk.subscribe()
    assert desk.data(events, 1) == [b"0"]
    last = ""
    for n in range(1, 20):
        last = desk.put(str(n))
    seen: list[bytes] = []
    event: dict[str, Any] = {}
    while len(seen) < 19:
        event = next(events)
        seen += [record["Data"] for record in event["Records"]]
        assert "ChildShards" not in event
    assert seen == [b"%d" % n for n in range(1, 20)]
    assert event["ContinuationSequenceNumber"] == last
    assert event["MillisBehindLatest"] == 0


def test_a_subscription_goes_on_where_another_ended(desk: Desk) -> None:
    desk.put("0")
    events = desk.subscribe(Type="LATEST")
    first = next(events)
    assert first["Records"] == []
    desk.put("1")
    assert desk.data(events, 1) == [b"1"]
    desk.clock.advance(6_000_000)
    place = first["ContinuationSequenceNumber"]
    again = desk.subscribe(Type="AFTER_SEQUENCE_NUMBER", SequenceNumber=place)
    assert desk.data(again, 1) == [b"1"]
    assert list(events) == [], "the newer subscription has taken over"


def test_it_ends_with_the_shard(desk: Desk) -> None:
    desk.put("0")
    desk.client.split_shard(StreamName="orders", ShardToSplit=SHARD, NewStartingHashKey="99999")
    (event,) = desk.subscribe()
    assert [record["Data"] for record in event["Records"]] == [b"0"]
    assert [child["ParentShards"] for child in event["ChildShards"]] == [[SHARD]] * 2
    assert "ContinuationSequenceNumber" not in event


def test_what_is_refused(desk: Desk) -> None:
    events = desk.subscribe()
    next(events)
    assert refusal(desk) == "ResourceInUseException"
    assert refusal(desk, ShardId="shardId-000000000007") == "ResourceNotFoundException"
    assert refusal(desk, ConsumerARN=desk.consumer + "1") == "ResourceNotFoundException"
    late = {"Type": "AT_TIMESTAMP", "Timestamp": 9_999_999_999}
    assert refusal(desk, StartingPosition=late) == "InvalidArgumentException"
    assert refusal(desk, StartingPosition={"Type": "SOON"}) == "ValidationException"


def refusal(desk: Desk, **changed: Any) -> str:
    request = {"ConsumerARN": desk.consumer, "ShardId": SHARD, "StartingPosition": HORIZON}
    with pytest.raises(ClientError) as caught:
        desk.client.subscribe_to_shard(**{**request, **changed})
    return caught.value.response["Error"]["Code"]


def test_it_ends_when_the_consumer_goes(desk: Desk) -> None:
    events = desk.subscribe()
    next(events)
    desk.client.deregister_stream_consumer(ConsumerARN=desk.consumer)
    with pytest.raises(EventStreamError, match="not found"):
        next(events)


def test_an_open_subscription_does_not_hold_the_server_up() -> None:
    running = Tailrace(Settings(port=0), clock=ManualClock()).start()
    desk = Desk(running, ManualClock())
    events = desk.subscribe()
    next(events)
    began = time.monotonic()
    running.stop()
    # Sooner than the ten seconds for which it waits for answers under way.
    assert time.monotonic() - began < 9
    assert list(events) == []
    desk.close()


def test_when_throughput_is_enforced_a_shard_is_subscribed_to_once_in_five_seconds() -> None:
    clock = ManualClock()
    with Tailrace(Settings(port=0, enforce_throughput=True), clock=clock) as running:
        desk = Desk(running, clock)
        desk.put("0")
        half = str(2**127)
        desk.client.split_shard(StreamName="orders", ShardToSplit=SHARD, NewStartingHashKey=half)
        for _ in range(2):
            assert [len(event["Records"]) for event in desk.subscribe()] == [1], "it has ended"
            with pytest.raises(ClientError) as refused:
                next(desk.subscribe())
            assert refused.value.response["Error"] == {
                "Code": "ResourceInUseException",
                "Message": (
                    "Another active subscription exists for this consumer:"
                    f" 000000000000:orders:{SHARD}:app"
                ),
            }
            clock.advance(5_000_000)
        desk.close()


def test_when_throughput_is_enforced_a_consumer_gets_two_mebibytes_a_second() -> None:
    clock = ManualClock()
    with Tailrace(Settings(port=0, enforce_throughput=True), clock=clock) as running:
        desk = Desk(running, clock)
        for n in range(4):
            desk.put(str(n) * 1_000_000)
            clock.advance(1_000_000)
        events = desk.subscribe()
        assert len(desk.data(events, 4)) == 4
        put_us = clock.now_us()
        desk.put("next")
        with _passing(clock):
            assert desk.data(events, 1) == [b"next"]
        # Four megabytes are two seconds' worth, of which one was there at the beginning.
        assert 850_000 < clock.now_us() - put_us < 1_500_000
        desk.close()


@contextmanager
def _passing(clock: ManualClock) -> Iterator[None]:
    """Time goes on meanwhile, four times as fast as it does outside, for 1.4 seconds at most."""
    over = threading.Event()

    def advance() -> None:
        for _ in range(70):
            if over.wait(0.005):
                return
            clock.advance(20_000)

    passing = threading.Thread(target=advance)
    passing.start()
    try:
        yield
    finally:
        over.set()
        passing.join()
