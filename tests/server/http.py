"""Requests as bytes and responses from a socket, so that tests decide every byte."""

from __future__ import annotations

import json
import socket
import zlib
from dataclasses import dataclass
from typing import Any

__all__ = ["Response", "post", "read_response"]


@dataclass(frozen=True)
class Response:
    """A response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The error's code, without its namespace."""
        return self.json["__type"].rpartition("#")[2]


def post(operation: str, body: bytes, *headers: str, service: str = "DynamoDB_20120810") -> bytes:
    """A request; a Content-Length is added unless `headers` frame the body themselves."""
    framed = any(header.lower().startswith("transfer-encoding") for header in headers)
    lines = [
        "POST / HTTP/1.1",
        "Host: localhost",
        f"X-Amz-Target: {service}.{operation}",
        "Content-Type: application/x-amz-json-1.0",
        *headers,
        *([] if framed else [f"Content-Length: {len(body)}"]),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def read_response(connection: socket.socket, pending: bytearray | None = None) -> Response:
    """The next response. Bytes read beyond it stay in `pending` for the next call."""
    data = bytearray() if pending is None else pending
    while b"\r\n\r\n" not in data:
        _receive(connection, data)
    head, _, rest = bytes(data).partition(b"\r\n\r\n")
    status_line, *lines = head.decode().split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    length = int(headers.get("content-length", "0"))
    while len(rest) < length:
        chunk = bytearray()
        _receive(connection, chunk)
        rest += bytes(chunk)
    data[:] = rest[length:]
    body = rest[:length]
    if "x-amz-crc32" in headers:
        assert int(headers["x-amz-crc32"]) == zlib.crc32(body)
    return Response(int(status_line.split()[1]), headers, body)


def _receive(connection: socket.socket, into: bytearray) -> None:
    chunk = connection.recv(65536)
    if not chunk:
        raise ConnectionError("the server closed the connection")
    into += chunk
