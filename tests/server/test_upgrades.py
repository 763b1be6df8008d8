"""A request that asks for another protocol is answered in HTTP/1.1, whole, and so are those behind
it."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from tailrace.server.upgrades import without_upgrade
from tests.server.http import post, read_response

Connect = Callable[[], socket.socket]
# What Java's client sends with the first request of a connection.
ASKING = (
    b"Connection: Upgrade, HTTP2-Settings\r\n"
    b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
    b"Upgrade: h2c\r\n"
)
MISSING = b'{"TableName":"missing"}'


def _asking(request: bytes) -> bytes:
    line, rest = request.split(b"\r\n", 1)
    return line + b"\r\n" + ASKING + rest


def _chunked(request: bytes, body: bytes) -> bytes:
    head = b"\r\n".join(
        line for line in request.split(b"\r\n\r\n")[0].split(b"\r\n") if b"ontent-" not in line[:8]
    )
    return head + b"\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.parametrize("step", [1, 7, 100, 100_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_the_body_is_read_however_it_comes(connect: Connect, step: int, chunked: bool) -> None:
    request = post("DescribeTable", MISSING)
    asking = _asking(_chunked(request, MISSING) if chunked else request)
    sent = asking + _asking(request) + request
    connection = connect()
    for first in range(0, len(sent), step):
        connection.sendall(sent[first : first + step])
    pending = bytearray()
    for _ in range(3):
        assert "missing" in read_response(connection, pending).json["message"]


def test_many_at_once_are_answered(connect: Connect) -> None:
    connection = connect()
    connection.sendall(_asking(post("DescribeTable", MISSING)) * 500)
    pending = bytearray()
    for _ in range(500):
        assert "missing" in read_response(connection, pending).json["message"]


def test_a_page_is_answered_and_the_connection_goes_on(connect: Connect) -> None:
    connection = connect()
    page = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    connection.sendall(_asking(page) + page + _asking(post("ListTables", b"{}")))
    pending = bytearray()
    statuses = [read_response(connection, pending).status for _ in range(3)]
    assert statuses == [200, 200, 200]


def test_a_tunnel_is_refused(connect: Connect) -> None:
    connection = connect()
    connection.sendall(b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1\r\n\r\n")
    assert read_response(connection).status >= 400


def test_what_else_the_connection_says_stays() -> None:
    headers = [
        (b"connection", b"close, Upgrade, HTTP2-Settings"),
        (b"upgrade", b"h2c"),
        (b"http2-settings", b"AA"),
        (b"host", b"here"),
    ]
    head = without_upgrade(b"POST", b"/a?b", "1.1", headers)
    assert head == b"POST /a?b HTTP/1.1\r\nconnection: close\r\nhost: here\r\n\r\n"
