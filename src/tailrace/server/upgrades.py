"""Requests that ask to go on in another protocol (RFC 9110, 7.8). A server may leave that unheard,
and this one does: a client that wants HTTP/2 from the start says so by its preface.

Java's own client asks so with the first request of each connection, whatever its body.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["without_upgrade"]

_ASKING: Final = (b"upgrade", b"http2-settings")


def without_upgrade(
    method: bytes, url: bytes, version: str, headers: Sequence[tuple[bytes, bytes]]
) -> bytes:
    """The head of such a request as if it had not asked. Names of headers are lower case."""
    lines = [b"%b %b HTTP/%b" % (method, url, version.encode())]
    for name, value in headers:
        if name == b"connection":
            options = [option.strip() for option in value.split(b",")]
            value = b", ".join(option for option in options if option.lower() not in _ASKING)
        if name not in _ASKING and value:
            lines.append(b"%b: %b" % (name, value))
    return b"\r\n".join(lines) + b"\r\n\r\n"
