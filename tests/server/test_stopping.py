"""A server that is told to stop answers what is under way, keeps what it acknowledged, and lets go
of its port."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tailrace.app import Tailrace
from tailrace.settings import Settings
from tests.server.http import post, read_response

_CREATE = json.dumps(
    {
        "TableName": "kept",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
).encode()
_WAIT_S = 60


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def _put(number: int) -> bytes:
    return post("PutItem", b'{"TableName":"kept","Item":{"pk":{"S":"%d"}}}' % number)


def _acknowledged(connection: socket.socket, wanted: int) -> int:
    """How many puts were answered before the server closed the connection."""
    pending = bytearray()
    for count in range(wanted):
        try:
            assert read_response(connection, pending).status == 200
        except ConnectionError:
            return count
    return wanted


def _stored(data: Path) -> set[int]:
    with Tailrace(Settings(data=data, port=0)) as tailrace:
        connection = _connect(int(tailrace.endpoint_url.rpartition(":")[2]))
        connection.sendall(post("Scan", b'{"TableName":"kept"}'))
        items = read_response(connection).json["Items"]
        connection.close()
    return {int(item["pk"]["S"]) for item in items}


def test_what_was_acknowledged_is_kept(tmp_path: Path) -> None:
    count = 200
    tailrace = Tailrace(Settings(data=tmp_path / "data", port=0)).start()
    connection = _connect(int(tailrace.endpoint_url.rpartition(":")[2]))
    connection.sendall(post("CreateTable", _CREATE))
    assert read_response(connection).status == 200
    connection.sendall(b"".join(map(_put, range(count))))
    tailrace.stop()
    answered = _acknowledged(connection, count)
    connection.close()
    assert set(range(answered)) <= _stored(tmp_path / "data") <= set(range(count))


def test_an_idle_connection_does_not_hold_the_server_up(tmp_path: Path) -> None:
    tailrace = Tailrace(Settings(data=tmp_path / "data", port=0)).start()
    port = int(tailrace.endpoint_url.rpartition(":")[2])
    idle, used = _connect(port), _connect(port)
    used.sendall(post("ListTables", b"{}"))
    assert read_response(used).status == 200
    tailrace.stop()
    assert idle.recv(1) == used.recv(1) == b""
    idle.close()
    used.close()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_serve_ends_in_good_order_on_a_signal(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tailrace", "serve", "--data", "data", "--port", "0", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        port = int(json.loads(server.stdout.readline())["endpoint_url"].rpartition(":")[2])
        connection = _connect(port)
        connection.sendall(post("CreateTable", _CREATE) + _put(1))
        pending = bytearray()
        assert [read_response(connection, pending).status for _ in range(2)] == [200, 200]
        server.send_signal(signal.SIGTERM)
        said = server.stderr.read()
        assert server.wait(_WAIT_S) in (0, -signal.SIGTERM)
        assert b"Traceback" not in said
        connection.close()
    assert _stored(tmp_path / "data") == {1}
