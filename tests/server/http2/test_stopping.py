"""A server that is told to stop says so to its HTTP/2 clients, answers what came, and closes."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from tailrace.app import Tailrace
from tailrace.server import idle
from tailrace.settings import Settings
from tests.server.http2.peer import Peer, Wire
from tests.server.http2.test_protocol import create, put


def connected(running: Tailrace, peer: Peer | None = None) -> Wire:
    port = int(running.endpoint_url.rpartition(":")[2])
    return Wire(socket.create_connection(("127.0.0.1", port), timeout=20), peer)


def test_what_was_asked_is_answered_and_kept(tmp_path: Path) -> None:
    tailrace = Tailrace(Settings(data=tmp_path / "data", port=0)).start()
    wire = connected(tailrace)
    assert wire.response(wire.peer.call("CreateTable", create("kept"))).status == 200
    streams = {wire.peer.call("PutItem", put("kept", str(n))): str(n) for n in range(100)}
    wire.send()
    tailrace.stop()
    wire.await_end()
    goaway = wire.peer.goaway
    assert goaway is not None
    assert goaway.error_code == ErrorCodes.NO_ERROR
    last = goaway.last_stream_id
    assert last is not None
    answered = {streams[stream_id] for stream_id in streams if stream_id in wire.peer.ended}
    looked_at = {key for stream_id, key in streams.items() if stream_id <= last}
    assert answered == looked_at
    wire.socket.close()
    with Tailrace(Settings(data=tmp_path / "data", port=0)) as again:
        wire = connected(again)
        items = wire.response(wire.peer.call("Scan", b'{"TableName":"kept"}')).json["Items"]
        wire.socket.close()
    assert {item["pk"]["S"] for item in items} == answered


def test_an_idle_connection_does_not_hold_the_server_up() -> None:
    tailrace = Tailrace(Settings(port=0)).start()
    idle_one, used, half = connected(tailrace), connected(tailrace), connected(tailrace)
    idle_one.until(lambda: bool(idle_one.peer.h2.remote_settings.max_concurrent_streams == 128))
    assert used.response(used.peer.call("ListTables", b"{}")).status == 200
    refused = half.peer.call("ListTables", b"{", last=False)
    half.until(lambda: bool(half.peer.h2.remote_settings.max_concurrent_streams == 128))
    began = time.monotonic()
    tailrace.stop()
    # Sooner than the ten seconds for which it waits for answers under way.
    assert time.monotonic() - began < 9
    for wire in (idle_one, used, half):
        wire.await_end()
        assert wire.peer.goaway is not None
        wire.socket.close()
    assert half.peer.resets == {refused: ErrorCodes.REFUSED_STREAM}


def test_an_answer_that_waits_for_the_client_is_finished_first() -> None:
    tailrace = Tailrace(Settings(port=0)).start()
    wire = connected(tailrace, Peer({SettingCodes.INITIAL_WINDOW_SIZE: 5}))
    wire.peer.reads = False
    stream_id = wire.peer.call("ListTables", b"{}")
    page = wire.peer.open("GET", "/health")
    wire.until(lambda: all(len(wire.peer.bodies.get(n, b"")) == 5 for n in (stream_id, page)))
    stopping = threading.Thread(target=tailrace.stop)
    stopping.start()
    wire.until(lambda: wire.peer.goaway is not None)
    for waiting in (stream_id, page):
        wire.peer.h2.increment_flow_control_window(100, waiting)
    wire.send()
    wire.await_end()
    stopping.join()
    assert wire.peer.response(stream_id).json == {"TableNames": []}
    assert wire.peer.response(page).body == b"healthy: dynamodb\n"
    wire.socket.close()


def test_an_idle_connection_is_closed_in_good_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that nobody uses, and one whose answer nobody takes, whatever else they send."""
    monkeypatch.setattr(idle, "IDLE_S", 0.5)
    with Tailrace(Settings(port=0)) as running:
        unused = connected(running)
        slow = connected(running, Peer({SettingCodes.INITIAL_WINDOW_SIZE: 0}))
        stream_id = slow.peer.call("ListTables", b"{}")
        for wire in (unused, slow):
            wire.peer.h2.ping(b"12345678")
            wire.send()
        for wire in (unused, slow):
            wire.await_end()
            assert wire.peer.goaway is not None
            assert wire.peer.goaway.error_code == ErrorCodes.NO_ERROR
            wire.socket.close()
        assert stream_id not in slow.peer.ended
