"""A running server for each test module, in memory, and raw connections to it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from tailrace.app import Tailrace
from tailrace.settings import Settings

CreateTable = Callable[[str], None]
Connect = Callable[[], socket.socket]


@pytest.fixture(scope="module")
def tailrace() -> Iterator[Tailrace]:
    with Tailrace(Settings(port=0)) as running:
        yield running


@pytest.fixture
def connect(tailrace: Tailrace) -> Iterator[Connect]:
    """Opens raw connections, and closes them at the end."""
    opened: list[socket.socket] = []

    def open_one() -> socket.socket:
        port = int(tailrace.endpoint_url.rpartition(":")[2])
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        opened.append(connection)
        return connection

    yield open_one
    for connection in opened:
        connection.close()
