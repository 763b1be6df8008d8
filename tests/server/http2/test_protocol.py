"""Over HTTP/2 the same gateway and the same app answer as over HTTP/1.1, many requests at once and
under the same limits."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable, Iterator

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from tailrace import limits
from tailrace.app import Tailrace
from tailrace.settings import Settings
from tests.server.http import post, read_response
from tests.server.http2.peer import Header, Peer, Wire

Connect = Callable[[], socket.socket]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SIGNED = ("authorization", "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/lambda/aws4_request")


@pytest.fixture
def wire(connect: Connect) -> Wire:
    return Wire(connect())


def create(name: str) -> bytes:
    key = {"AttributeName": "pk", "KeyType": "HASH"}
    return json.dumps(
        {
            "TableName": name,
            "KeySchema": [key],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
    ).encode()


@pytest.fixture
def table(wire: Wire) -> Iterator[str]:
    """A table of this test."""
    assert wire.response(wire.peer.call("CreateTable", create("http2"))).status == 200
    yield "http2"
    assert wire.response(wire.peer.call("DeleteTable", b'{"TableName":"http2"}')).status == 200


def put(name: str, key: str, size: int = 0) -> bytes:
    item = {"pk": {"S": key}, "data": {"S": "x" * size}}
    return json.dumps({"TableName": name, "Item": item}).encode()


def test_a_call_is_answered_as_over_http_1(connect: Connect, wire: Wire) -> None:
    response = wire.response(wire.peer.call("ListTables", b"{}"))
    assert (response.status, response.json) == (200, {"TableNames": []})
    connection = connect()
    connection.sendall(post("ListTables", b"{}"))
    before = read_response(connection)
    assert before.headers.keys() == response.headers.keys() - {":status"}
    assert response.headers["content-type"] == before.headers["content-type"]
    assert len(response.headers["x-amzn-requestid"]) == len(before.headers["x-amzn-requestid"])


def test_the_preface_may_come_byte_by_byte(connect: Connect) -> None:
    wire = Wire(connect())
    stream_id = wire.peer.call("ListTables", b"{}")
    for byte in wire.peer.h2.data_to_send():
        wire.socket.sendall(bytes([byte]))
    assert wire.response(stream_id).status == 200


@pytest.mark.parametrize("size", [1, 3, 23])
def test_what_only_begins_like_the_preface_is_http_1(connect: Connect, size: int) -> None:
    connection = connect()
    connection.sendall(PREFACE[:size])
    connection.sendall(b"OST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
    assert read_response(connection).status == 400


def test_many_calls_at_once_are_answered_each_on_its_stream(wire: Wire, table: str) -> None:
    streams = {n: wire.peer.call("PutItem", put(table, f"k{n}")) for n in range(100)}
    for stream_id in streams.values():
        assert wire.response(stream_id).status == 200
    gets = {
        n: wire.peer.call("GetItem", b'{"TableName":"http2","Key":{"pk":{"S":"k%d"}}}' % n)
        for n in range(100)
    }
    for n, stream_id in gets.items():
        assert wire.response(stream_id).json["Item"]["pk"] == {"S": f"k{n}"}


def test_calls_and_pages_interleave(wire: Wire) -> None:
    page = wire.peer.open("GET", "/health")
    call = wire.peer.call("ListTables", b"{}")
    metrics = wire.peer.open("GET", "/metrics")
    unknown = wire.peer.open("POST", "/nowhere", SIGNED)
    unsigned = wire.peer.open("POST", "/nowhere")
    head = wire.peer.open("HEAD", "/health")
    assert wire.response(page).body.startswith(b"healthy")
    assert wire.response(call).status == 200
    assert b"# TYPE tailrace_records_total counter" in wire.response(metrics).body
    assert wire.response(unknown).code == "UnknownOperationException"
    assert wire.response(unsigned).code == "MissingAuthenticationTokenException"
    assert wire.response(head).body == b""
    assert wire.response(head).headers["content-length"] == "18"


def test_the_functions_api_is_there(wire: Wire) -> None:
    listed = wire.response(wire.peer.open("GET", "/2015-03-31/functions/", SIGNED))
    assert (listed.status, listed.json) == (200, {"Functions": []})
    stream_id = wire.peer.open("POST", "/2015-03-31/functions", SIGNED, last=False)
    wire.upload(stream_id, b'{"FunctionName": "' + b"f" * 2_000_000 + b'"}')
    response = wire.response(stream_id)
    assert response.status == 400
    assert "functionName" in response.json["message"]


def test_a_body_beyond_the_first_windows_comes_whole(wire: Wire, table: str) -> None:
    stream_id = wire.peer.call("PutItem", b"", last=False)
    wire.upload(stream_id, put(table, "large", 390_000))
    assert wire.response(stream_id).status == 200
    scan = wire.response(wire.peer.call("Scan", b'{"TableName":"http2"}'))
    assert len(scan.json["Items"][0]["data"]["S"]) == 390_000


def test_a_gzipped_body_is_inflated(wire: Wire) -> None:
    body = gzip.compress(b'{"Limit":0}')
    response = wire.response(wire.peer.call("ListTables", body, ("content-encoding", "gzip")))
    assert response.code == "ValidationException"


def test_a_body_over_the_limit_is_refused_and_the_connection_goes_on(wire: Wire) -> None:
    stream_id = wire.peer.call("ListTables", b"", last=False)
    wire.upload(stream_id, b" " * (limits.REQUEST_BYTES + 1))
    assert wire.response(stream_id).status == 413
    assert wire.response(wire.peer.call("ListTables", b"{}")).status == 200


def test_a_body_over_the_limit_of_functions_is_answered_before_its_end(wire: Wire) -> None:
    stream_id = wire.peer.open("POST", "/2015-03-31/functions", SIGNED, last=False)
    peer, chunk = wire.peer, bytes(16384)
    while stream_id not in peer.ended and stream_id not in peer.resets:
        if peer.h2.local_flow_control_window(stream_id) >= len(chunk):
            peer.h2.send_data(stream_id, chunk)
            wire.send()
        else:
            wire.send()
            peer.take(wire.socket.recv(65536))
    assert wire.response(stream_id).status == 413
    assert wire.response(wire.peer.call("ListTables", b"{}")).status == 200


def test_a_client_that_opens_its_window_slowly_gets_all_of_it(connect: Connect) -> None:
    wire = Wire(connect(), Peer({SettingCodes.INITIAL_WINDOW_SIZE: 7}))
    wire.peer.reads = False
    stream_id = wire.peer.call("ListTables", b"{}")
    page = wire.peer.open("GET", "/health")
    wire.until(lambda: len(wire.peer.bodies.get(stream_id, b"")) == 7)
    wire.until(lambda: len(wire.peer.bodies.get(page, b"")) == 7)
    for _ in range(3):
        wire.peer.h2.increment_flow_control_window(7, stream_id)
        wire.peer.h2.increment_flow_control_window(5, page)
    assert wire.response(stream_id).json == {"TableNames": []}
    assert wire.response(page).body == b"healthy: dynamodb\n"


def test_a_client_that_does_not_read_holds_up_nobody(connect: Connect) -> None:
    """One that lets answers pile up, beside another that is answered."""
    slow = Wire(connect(), Peer({SettingCodes.INITIAL_WINDOW_SIZE: 2**24}))
    slow.peer.h2.increment_flow_control_window(2**24)
    assert slow.response(slow.peer.call("CreateTable", create("slow"))).status == 200
    for n in range(3):
        stream_id = slow.peer.call("PutItem", b"", last=False)
        slow.upload(stream_id, put("slow", f"k{n}", 300_000))
        assert slow.response(stream_id).status == 200
    scans = [slow.peer.call("Scan", b'{"TableName":"slow"}') for _ in range(50)]
    slow.send()
    other = Wire(connect())
    assert other.response(other.peer.call("ListTables", b"{}")).status == 200
    for stream_id in scans:
        assert len(slow.response(stream_id).json["Items"]) == 3
    assert other.response(other.peer.call("DeleteTable", b'{"TableName":"slow"}')).status == 200


def test_a_request_that_is_reset_harms_no_other(wire: Wire, table: str) -> None:
    half = wire.peer.call("PutItem", put(table, "half")[:-5], last=False)
    reset = wire.peer.call("PutItem", put(table, "reset"))
    page = wire.peer.open("POST", "/2015-03-31/functions", SIGNED, last=False)
    wire.send()
    for stream_id in (half, reset, page):
        wire.peer.h2.reset_stream(stream_id, ErrorCodes.CANCEL)
    assert wire.response(wire.peer.call("PutItem", put(table, "kept"))).status == 200
    keys = b'{"TableName":"http2","ProjectionExpression":"pk"}'
    items = wire.response(wire.peer.call("Scan", keys)).json["Items"]
    assert {"pk": {"S": "kept"}} in items
    assert {"pk": {"S": "half"}} not in items


@pytest.mark.parametrize(
    "frame",
    [
        b"\x00\x00\x05\x06\x00\x00\x00\x00\x00short",  # a ping of five bytes
        b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00",  # a window that grows by nothing
        b"\x00\x00\x01\x00\x00\x00\x00\x00\x00x",  # data on no stream
        b"\x00\x00\x01\x00\x00\x00\x00\x00\x09x",  # data on a stream that was not opened
        b"\x00\x00\x01\x01\x04\x00\x00\x00\x01\xff",  # headers that can't be read
        b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",  # a frame that is too large
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_bad_frames_end_their_connection_only(connect: Connect, frame: bytes) -> None:
    wire, other = Wire(connect()), Wire(connect())
    assert wire.response(wire.peer.call("ListTables", b"{}")).status == 200
    size = 9 + int.from_bytes(frame[:3], "big")
    wire.socket.sendall(frame.ljust(size, b"\0"))
    wire.await_end()
    assert wire.peer.goaway is not None
    assert wire.peer.goaway.error_code != ErrorCodes.NO_ERROR
    assert other.response(other.peer.call("ListTables", b"{}")).status == 200


def test_headers_over_the_limit_end_the_connection(wire: Wire) -> None:
    assert wire.response(wire.peer.call("ListTables", b"{}")).status == 200
    wire.peer.call("ListTables", b"{}", ("x-long", "x" * 70_000))
    wire.send()
    wire.await_end()
    assert wire.peer.goaway is not None
    assert wire.peer.goaway.error_code == ErrorCodes.ENHANCE_YOUR_CALM


def test_a_client_that_waits_for_it_is_told_to_send_the_body(wire: Wire) -> None:
    stream_id = wire.peer.call("ListTables", b"", ("expect", "100-continue"), last=False)
    wire.until(lambda: wire.peer.continues == [stream_id])
    wire.peer.h2.send_data(stream_id, b"{}", end_stream=True)
    assert wire.response(stream_id).status == 200


def test_a_client_that_takes_leave_gets_its_answer(wire: Wire) -> None:
    stream_id = wire.peer.call("ListTables", b"{}")
    wire.send()
    wire.peer.leave()
    wire.send()
    wire.await_end()
    assert wire.peer.response(stream_id).status == 200


def signed(body: bytes, secret: str) -> list[Header]:
    """The headers of a call as an SDK signs it."""
    target = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Host": "localhost"}
    request = AWSRequest("POST", "http://localhost/", headers=target, data=body)
    SigV4Auth(Credentials("key", secret), "dynamodb", "us-east-1").add_auth(request)
    return [(name.lower(), str(value)) for name, value in request.headers.items()]


def test_signatures_are_checked() -> None:
    with Tailrace(Settings(port=0, credentials={"key": "secret"})) as running:
        port = int(running.endpoint_url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            wire = Wire(connection)
            unsigned = wire.response(wire.peer.call("ListTables", b"{}"))
            assert unsigned.code == "MissingAuthenticationTokenException"
            for secret, status in (("secret", 200), ("other", 400)):
                stream_id = wire.peer.open("POST", "/", *signed(b"{}", secret), last=False)
                wire.upload(stream_id, b"{}")
                assert wire.response(stream_id).status == status
