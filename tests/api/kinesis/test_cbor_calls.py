"""Kinesis by CBOR over HTTP, as the Java SDK calls it."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

from tailrace.wire import cbor
from tailrace.wire.cbor import Tagged

CBOR = "application/x-amz-cbor-1.1"


def call(desk: Any, operation: str, request: Any) -> tuple[int, Any]:
    body = request if isinstance(request, bytes) else cbor.encode(request)
    post = urllib.request.Request(
        desk.tailrace.endpoint_url,
        body,
        {"Content-Type": CBOR, "X-Amz-Target": f"Kinesis_20131202.{operation}"},
    )
    try:
        answer: Any = urllib.request.urlopen(post)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        assert answer.headers["Content-Type"] == CBOR
        data = answer.read()
        return answer.status, cbor.decode(data) if data else None


def test_a_record_there_and_back(desk: Any) -> None:
    assert call(desk, "CreateStream", {"StreamName": "orders", "ShardCount": 1}) == (200, None)
    entry = {"StreamName": "orders", "Data": b"\0\1\xff", "PartitionKey": "k"}
    status, receipt = call(desk, "PutRecord", entry)
    assert status == 200
    _, found = call(
        desk,
        "GetShardIterator",
        {
            "StreamName": "orders",
            "ShardId": receipt["ShardId"],
            "ShardIteratorType": "AT_TIMESTAMP",
            "Timestamp": Tagged(1, desk.clock.now_us() // 1000),
        },
    )
    _, page = call(desk, "GetRecords", {"ShardIterator": found["ShardIterator"]})
    (record,) = page["Records"]
    assert record == {
        "SequenceNumber": receipt["SequenceNumber"],
        "ApproximateArrivalTimestamp": Tagged(1, desk.clock.now_us() // 1000),
        "Data": b"\0\1\xff",
        "PartitionKey": "k",
    }
    assert page["MillisBehindLatest"] == 0


def test_maps_of_unknown_length(desk: Any) -> None:
    name = cbor.encode("ShardCount") + b"\1" + cbor.encode("StreamName") + cbor.encode("orders")
    assert call(desk, "CreateStream", b"\xbf" + name + b"\xff") == (200, None)
    assert call(desk, "ListStreams", {})[1]["StreamNames"] == ["orders"]


def test_errors(desk: Any) -> None:
    assert call(desk, "DescribeStream", {"StreamName": "x"}) == (
        400,
        {
            "__type": "ResourceNotFoundException",
            "message": "Stream x under account 000000000000 not found.",
        },
    )
    assert call(desk, "DescribeStream", b"\xff") == (400, {"__type": "SerializationException"})
    status, told = call(desk, "NoSuchThing", {})
    assert (status, told["__type"]) == (400, "UnknownOperationException")
