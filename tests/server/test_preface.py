"""HTTP/2 is told by a connection's first bytes, costs nothing before, and is refused in its own
words where h2 is not installed."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from h2.errors import ErrorCodes
from hypothesis import given
from hypothesis import strategies as st

from tailrace.server.preface import http2_protocol, is_preface
from tests.server.http import post, read_response
from tests.server.http2.peer import Wire

Connect = Callable[[], socket.socket]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# Starts a server that says what it has imported, before and after a request over HTTP/1.1.
_IMPORTED = """
import sys, urllib.request
from tailrace.app import Tailrace
from tailrace.settings import Settings
with Tailrace(Settings(port=0)) as running:
    urllib.request.urlopen(running.endpoint_url + "/health").read()
    print(any(name.partition(".")[0] in ("h2", "hpack", "hyperframe") for name in sys.modules))
"""


@given(st.integers(0, len(PREFACE)), st.binary(max_size=30))
def test_the_first_bytes_tell(size: int, rest: bytes) -> None:
    first = PREFACE[:size] + rest
    same = 0
    while same < min(len(first), len(PREFACE)) and first[same] == PREFACE[same]:
        same += 1
    if same == len(PREFACE):
        assert is_preface(first) is True
    elif same == len(first):
        assert is_preface(first) is None
    else:
        assert is_preface(first) is False


def test_a_server_without_clients_of_http_2_does_not_import_it() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _IMPORTED], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.strip() == "False"


@pytest.fixture
def without_h2(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if the extra were not installed."""
    http2_protocol.cache_clear()
    for name in tuple(sys.modules):
        if name.startswith("tailrace.server.http2.") or name.partition(".")[0] == "h2":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "h2", None)
    yield
    http2_protocol.cache_clear()


@pytest.mark.usefixtures("without_h2")
def test_without_the_extra_it_is_refused_by_name(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        wire = Wire(connect())
        wire.peer.call("ListTables", b"{}")
        wire.send()
        wire.await_end()
        goaway = wire.peer.goaway
        assert goaway is not None
        assert (goaway.error_code, goaway.last_stream_id) == (ErrorCodes.HTTP_1_1_REQUIRED, 0)
        assert goaway.additional_data == (
            b"HTTP/2 needs h2 on the server: pip install 'tailrace[http2]'"
        )
    connection = connect()
    connection.sendall(post("ListTables", b"{}"))
    assert read_response(connection).status == 200
    said = [record.message for record in caplog.records if "tailrace[http2]" in record.message]
    assert len(said) == 1
