"""Damaged HTTP/2 is an error of the client's: the server neither fails nor hangs, and others are
served."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Callable

import pytest

from tests.server.http2.peer import Peer, Wire

Connect = Callable[[], socket.socket]
_SESSIONS = 250


def session() -> bytes:
    """Calls and pages, with bodies, and a reset."""
    peer = Peer()
    for n in range(3):
        peer.call("DescribeTable", b'{"TableName":"missing-%d"}' % n)
        peer.open("GET", "/metrics")
    half = peer.call("ListTables", b"{", last=False)
    page = peer.open("POST", "/2015-03-31/functions", ("authorization", "AWS4-x"), last=False)
    peer.h2.send_data(page, bytes(1000))
    peer.h2.reset_stream(half)
    peer.h2.ping(b"12345678")
    peer.h2.send_data(page, b"{}", end_stream=True)
    return peer.h2.data_to_send()


def damaged(good: bytes, chance: random.Random) -> bytes:
    """The session with some bytes changed, left out, or there twice."""
    # Most of the time the preface stays, or this would be about HTTP/1.1.
    first = 24 if chance.random() < 0.95 else 0
    data = bytearray(good)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(first, len(data))
        end = min(len(data), at + chance.randint(1, 20))
        match chance.randrange(4):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at:end] = chance.randbytes(end - at)
            case 2:
                del data[at:end]
            case _:
                data[at:at] = data[at:end]
        if len(data) <= first:
            break
    return bytes(data)


def test_a_damaged_session_harms_nobody_else(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    chance, good = random.Random(20), session()
    for _ in range(_SESSIONS):
        connection = connect()
        # The server may have closed the connection before it has read everything.
        with contextlib.suppress(ConnectionError, BrokenPipeError):
            connection.sendall(damaged(good, chance))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        connection.close()
    wire = Wire(connect())
    assert wire.response(wire.peer.call("ListTables", b"{}")).json == {"TableNames": []}
    assert not [record for record in caplog.records if record.exc_info is not None]
