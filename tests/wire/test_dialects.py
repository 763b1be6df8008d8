"""Kinesis is answered in the words it is asked in, with every blob and time of its model."""

from __future__ import annotations

from typing import Any

import botocore.loaders
import msgspec
import pytest

from tailrace.api.registry import OPERATIONS
from tailrace.errors import SerializationException
from tailrace.wire import cbor
from tailrace.wire.call import Reply
from tailrace.wire.cbor import Tagged
from tailrace.wire.dialects import BLOBS, CBOR_1_1, JSON_1_1, TIMES, dialect_of
from tailrace.wire.faults import fault

_KINESIS = tuple(
    operation for target, operation in OPERATIONS.items() if target.startswith("Kinesis_")
)

JSON = dialect_of([(b"content-type", b"application/x-amz-json-1.1")])
CBOR = dialect_of([(b"host", b"x"), (b"content-type", b"Application/X-Amz-CBOR-1.1; a=b")])


def members_of(kind: str) -> set[str]:
    """The names of the members of answers, wherever they stand, whose type is `kind`."""
    model: Any = botocore.loaders.Loader().load_service_model("kinesis", "service-2")
    shapes = model["shapes"]
    found: set[str] = set()

    def walk(name: str, seen: frozenset[str]) -> None:
        shape = shapes[name]
        inner = dict(shape.get("members", {}))
        for part in ("member", "value"):
            if part in shape:
                inner[part] = shape[part]
        for member, place in inner.items():
            if shapes[place["shape"]]["type"] == kind:
                found.add(member)
            elif place["shape"] not in seen:
                walk(place["shape"], seen | {place["shape"]})

    for operation in _KINESIS:
        described = model["operations"][operation.name]
        if "output" in described:
            walk(described["output"]["shape"], frozenset())
    return found


def test_all_blobs_and_times_of_the_model_are_known() -> None:
    assert members_of("blob") == BLOBS
    assert members_of("timestamp") == TIMES


def test_json_passes_through() -> None:
    body = b'{"StreamName": "s"}'
    assert JSON.read(body) == body
    assert JSON.answer(Reply(200, body)) == Reply(200, body, JSON_1_1)


def test_cbor_becomes_json() -> None:
    request = {
        "Data": b"\0\xff",
        "PartitionKey": "k",
        "Timestamp": Tagged(1, 1500),
        "Records": [{}],
    }
    assert msgspec.json.decode(CBOR.read(cbor.encode(request))) == {
        "Data": "AP8=",
        "PartitionKey": "k",
        "Timestamp": 1.5,
        "Records": [{}],
    }
    assert CBOR.read(b"") == b"{}"


def test_json_becomes_cbor() -> None:
    body = (
        b'{"Records":[{"Data":"AP8=","ApproximateArrivalTimestamp":1789651658.123}],'
        b'"MillisBehindLatest":0}'
    )
    reply = CBOR.answer(Reply(200, body))
    assert (reply.status, reply.content_type) == (200, CBOR_1_1)
    assert cbor.decode(reply.body) == {
        "Records": [
            {"Data": b"\0\xff", "ApproximateArrivalTimestamp": Tagged(1, 1_789_651_658_123)}
        ],
        "MillisBehindLatest": 0,
    }
    assert CBOR.answer(Reply(200, b"")).body == b""


def test_errors_have_no_namespace() -> None:
    refused = fault(SerializationException("no"))
    told = {"__type": "SerializationException", "Message": "no"}
    assert msgspec.json.decode(JSON.answer(refused).body) == told
    assert cbor.decode(CBOR.answer(refused).body) == told
    failed = CBOR.answer(fault(RuntimeError()))
    assert failed.status == 500
    assert cbor.decode(failed.body)["__type"] == "InternalFailureException"


@pytest.mark.parametrize("value", [[1], "x", {"a": Tagged(1, "x")}, {"a": Tagged(7, 1)}])
def test_requests_that_are_none(value: Any) -> None:
    with pytest.raises(SerializationException):
        CBOR.read(cbor.encode(value))
