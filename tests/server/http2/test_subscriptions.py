"""A consumer gets a shard's records pushed over HTTP/2, as its windows allow, until it cancels."""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from tailrace.app import Tailrace
from tailrace.clock import ManualClock
from tailrace.settings import Settings
from tests.server.http import Response
from tests.server.http2.peer import Header, Peer, Wire

SERVICE = "Kinesis_20131202"
ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/orders"
SHARD = "shardId-000000000000"


class Desk:
    """A stream with a consumer, and clients of it."""

    def __init__(self, running: Tailrace) -> None:
        self.running = running
        self.wires: list[Wire] = []
        self.client = self.connect()
        self.said("CreateStream", StreamName="orders", ShardCount=1)
        made = self.said("RegisterStreamConsumer", StreamARN=ARN, ConsumerName="app")
        self.consumer = made["Consumer"]["ConsumerARN"]

    def connect(self, settings: dict[SettingCodes, int] | None = None) -> Wire:
        port = int(self.running.endpoint_url.rpartition(":")[2])
        wire = Wire(socket.create_connection(("127.0.0.1", port), timeout=20), Peer(settings))
        self.wires.append(wire)
        return wire

    def call(self, wire: Wire, operation: str, **members: Any) -> int:
        kind: Header = ("content-type", "application/x-amz-json-1.1")
        stream_id = wire.peer.open(
            "POST", "/", ("x-amz-target", f"{SERVICE}.{operation}"), kind, last=False
        )
        wire.peer.h2.send_data(stream_id, json.dumps(members).encode(), end_stream=True)
        return stream_id

    def said(self, operation: str, **members: Any) -> Any:
        response = self.client.response(self.call(self.client, operation, **members))
        assert response.status == 200, response.body
        return json.loads(response.body) if response.body else {}

    def put(self, data: str) -> None:
        blob = base64.b64encode(data.encode()).decode()
        self.said("PutRecord", StreamName="orders", Data=blob, PartitionKey="k")

    def subscribe(self, wire: Wire) -> int:
        return self.call(
            wire,
            "SubscribeToShard",
            ConsumerARN=self.consumer,
            ShardId=SHARD,
            StartingPosition={"Type": "TRIM_HORIZON"},
        )

    def close(self) -> None:
        for wire in self.wires:
            wire.socket.close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Tailrace(Settings(port=0), clock=ManualClock()) as running:
        desk = Desk(running)
        yield desk
        desk.close()


def pushed(wire: Wire, stream_id: int) -> list[str]:
    """The data of the records that came so far, of messages that are whole."""
    rest, found = bytes(wire.peer.bodies.get(stream_id, b"")), []
    while len(rest) >= 12 and len(rest) >= (size := struct.unpack(">I", rest[:4])[0]):
        (head,) = struct.unpack(">I", rest[4:8])
        event = json.loads(rest[12 + head : size - 4])
        found += [base64.b64decode(x["Data"]).decode() for x in event.get("Records", ())]
        rest = rest[size:]
    return found


def test_records_are_pushed_as_they_come_beside_other_calls(desk: Desk) -> None:
    desk.put("0")
    stream_id = desk.subscribe(desk.client)
    for n in range(1, 10):
        desk.client.until(lambda n=n: pushed(desk.client, stream_id) == [str(m) for m in range(n)])
        desk.put(str(n))
    head = desk.client.peer.heads[stream_id]
    assert head["content-type"] == "application/vnd.amazon.eventstream"
    assert "transfer-encoding" not in head


def test_a_client_that_cancels_makes_room_for_the_next(desk: Desk) -> None:
    desk.put("0")
    stream_id = desk.subscribe(desk.client)
    desk.client.until(lambda: pushed(desk.client, stream_id) == ["0"])
    taken: Response = desk.client.response(desk.subscribe(desk.client))
    assert taken.code == "ResourceInUseException"
    desk.client.peer.h2.reset_stream(stream_id, ErrorCodes.CANCEL)
    # Let in as soon as the other is heard to have ended: the clock stands still.
    while True:
        again = desk.subscribe(desk.client)
        desk.client.until(lambda again=again: again in desk.client.peer.heads)
        if desk.client.peer.heads[again][":status"] == "200":
            break
    desk.client.until(lambda: pushed(desk.client, again) == ["0"])


def test_a_client_that_does_not_read_is_waited_for(desk: Desk) -> None:
    slow = desk.connect({SettingCodes.INITIAL_WINDOW_SIZE: 1000})
    slow.peer.reads = False
    stream_id = desk.subscribe(slow)
    slow.until(lambda: stream_id in slow.peer.heads)
    for n in range(40):
        desk.put(f"{n}-" + "x" * 5000)
    slow.until(lambda: len(slow.peer.bodies[stream_id]) == 1000)
    slow.peer.reads = True
    slow.peer.h2.increment_flow_control_window(2**20, stream_id)
    slow.until(lambda: len(pushed(slow, stream_id)) == 40)
    assert [data.partition("-")[0] for data in pushed(slow, stream_id)] == [*map(str, range(40))]


def test_an_open_subscription_ends_when_the_server_stops() -> None:
    running = Tailrace(Settings(port=0), clock=ManualClock()).start()
    desk = Desk(running)
    stream_id = desk.subscribe(desk.client)
    desk.client.until(lambda: stream_id in desk.client.peer.heads)
    stopping = threading.Thread(target=running.stop)
    stopping.start()
    desk.client.await_end()
    stopping.join()
    assert stream_id in desk.client.peer.ended
    assert desk.client.peer.goaway is not None
    desk.close()
