"""The HTTP edge keeps its word: framing, order, limits, and an answer to every request."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable

import pytest

from tailrace import limits
from tests.server.http import post, read_response

Connect = Callable[[], socket.socket]
LIST = b"{}"
HEAD_BYTES = 64 * 1024


def test_an_answer_has_a_request_id_and_a_checksum_and_the_connection_stays(
    connect: Connect,
) -> None:
    connection = connect()
    seen = set()
    for _ in range(3):
        connection.sendall(post("ListTables", LIST))
        response = read_response(connection)
        assert response.status == 200
        assert response.json == {"TableNames": []}
        assert response.headers["content-type"] == "application/x-amz-json-1.0"
        assert "x-amz-crc32" in response.headers
        seen.add(response.headers["x-amzn-requestid"])
    assert len(seen) == 3
    assert all(len(request_id) == 52 for request_id in seen)


def test_pipelined_requests_are_answered_in_order(connect: Connect) -> None:
    connection = connect()
    count = 100
    connection.sendall(
        b"".join(post("DescribeTable", b'{"TableName":"missing-%03d"}' % n) for n in range(count))
    )
    pending = bytearray()
    for n in range(count):
        assert f"missing-{n:03d} " in read_response(connection, pending).json["message"]


def test_calls_and_pages_share_a_connection_in_order(connect: Connect) -> None:
    connection = connect()
    page = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    create = json.dumps(
        {
            "TableName": "interleaved",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
    ).encode()
    connection.sendall(post("CreateTable", create) + page + post("ListTables", LIST) + page)
    pending = bytearray()
    assert "TableDescription" in read_response(connection, pending).json
    assert read_response(connection, pending).body.startswith(b"healthy")
    assert read_response(connection, pending).json == {"TableNames": ["interleaved"]}
    assert read_response(connection, pending).body.startswith(b"healthy")
    connection.sendall(post("DeleteTable", b'{"TableName":"interleaved"}'))
    assert read_response(connection).status == 200


def test_a_body_may_come_in_chunks_and_byte_by_byte(connect: Connect) -> None:
    connection = connect()
    chunked = b"".join(b"1\r\n%c\r\n" % byte for byte in b'{"Limit":1}') + b"0\r\n\r\n"
    connection.sendall(post("ListTables", b"", "Transfer-Encoding: chunked") + chunked)
    assert read_response(connection).status == 200
    for byte in post("ListTables", LIST):
        connection.sendall(bytes([byte]))
    assert read_response(connection).status == 200


def test_expect_100_continue_is_answered_before_the_body(connect: Connect) -> None:
    connection = connect()
    request = post("ListTables", LIST, "Expect: 100-continue")
    connection.sendall(request[: -len(LIST)])
    assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(LIST)
    assert read_response(connection).status == 200


def test_a_gzipped_body_is_inflated(connect: Connect) -> None:
    connection = connect()
    connection.sendall(post("ListTables", gzip.compress(b'{"Limit":0}'), "Content-Encoding: gzip"))
    response = read_response(connection)
    assert response.code == "ValidationException"
    assert "'limit' failed to satisfy constraint" in response.json["message"]


def test_a_gzip_bomb_is_refused(connect: Connect) -> None:
    connection = connect()
    bomb = gzip.compress(b" " * (limits.REQUEST_BYTES + 1))
    assert len(bomb) < 100_000
    connection.sendall(post("ListTables", bomb, "Content-Encoding: gzip"))
    assert read_response(connection).status == 413


def test_a_body_over_the_limit_is_refused_and_the_connection_closed(connect: Connect) -> None:
    connection = connect()
    connection.sendall(post("ListTables", b" " * (limits.REQUEST_BYTES + 1)))
    response = read_response(connection)
    assert response.status == 413
    assert response.headers["connection"] == "close"
    assert connection.recv(1) == b""


def test_a_truncated_body_changes_nothing_and_harms_nobody(connect: Connect) -> None:
    broken = connect()
    broken.sendall(post("CreateTable", b'{"TableName":"half"')[:-3])
    broken.close()
    connection = connect()
    connection.sendall(post("ListTables", LIST))
    assert read_response(connection).json == {"TableNames": []}


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (post("NoSuchOperation", b"{}"), "UnknownOperationException"),
        (post("ListTables", b"{"), "SerializationException"),
        (post("ListTables", b""), "SerializationException"),
        (post("ListTables", b"\xff"), "SerializationException"),
        (post("ListTables", b"[]"), "SerializationException"),
        (post("ListTables", b'{"Limit":"x"}'), "SerializationException"),
        (post("ListTables", b"[" * 100_000), "SerializationException"),
        (post("ListTables", b"{}", service="Other_1"), "UnknownOperationException"),
    ],
)
def test_bad_requests_get_awss_errors(connect: Connect, request_bytes: bytes, code: str) -> None:
    connection = connect()
    connection.sendall(request_bytes)
    response = read_response(connection)
    assert (response.status, response.code) == (400, code)
    connection.sendall(post("ListTables", LIST))
    assert read_response(connection).status == 200


def test_a_request_without_a_target_is_unsigned_or_unknown(connect: Connect) -> None:
    connection = connect()
    head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
    connection.sendall(f"{head}\r\n{{}}".encode())
    assert read_response(connection).code == "MissingAuthenticationTokenException"
    connection.sendall(f"{head}Authorization: AWS4-HMAC-SHA256 x\r\n\r\n{{}}".encode())
    assert read_response(connection).code == "UnknownOperationException"


def test_what_is_no_http_is_refused(connect: Connect) -> None:
    connection = connect()
    connection.sendall(b"\x16\x03\x01\x02\x00 not http\r\n\r\n")
    assert connection.recv(1024).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("opening", "more"),
    [
        (b"GET /", b"x"),
        (b"GET / HTTP/1.1\r\nX-Long: ", b"x"),
        (b"GET / HTTP/1.1\r\n", b"X-Many: y\r\n"),
    ],
    ids=["path", "header", "headers"],
)
def test_a_head_that_goes_on_and_on_is_refused(
    connect: Connect, opening: bytes, more: bytes
) -> None:
    connection = connect()
    # Not a byte more than is refused: what the server had not read would reset the connection.
    connection.sendall((opening + more * HEAD_BYTES)[: HEAD_BYTES + 1])
    assert read_response(connection).status == 431
    assert connection.recv(1) == b""


def test_trailers_that_go_on_and_on_end_the_connection(connect: Connect) -> None:
    connection = connect()
    connection.sendall(post("ListTables", b"2\r\n{}\r\n0\r\n", "Transfer-Encoding: chunked"))
    with pytest.raises(ConnectionError):
        connection.sendall(b"X-Late: y\r\n" * (100 * HEAD_BYTES))


def test_a_long_head_and_a_longer_body_are_taken(connect: Connect) -> None:
    connection = connect()
    body = b'{"Limit": 1}' + b" " * (3 * HEAD_BYTES)
    connection.sendall(post("ListTables", body, "X-Long: " + "x" * (HEAD_BYTES // 2)))
    assert read_response(connection).status == 200


def test_http_1_0_and_connection_close_end_the_connection(connect: Connect) -> None:
    connection = connect()
    connection.sendall(post("ListTables", LIST, "Connection: close"))
    assert read_response(connection).headers["connection"] == "close"
    assert connection.recv(1) == b""
