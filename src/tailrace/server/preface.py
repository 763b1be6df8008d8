"""The first bytes of a connection tell HTTP/2 with prior knowledge from HTTP/1.1."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tailrace.server.http2.protocol import Http2Protocol

__all__ = ["REFUSAL", "http2_protocol", "is_preface"]

# RFC 9113, 3.4.
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_NEEDED: Final = "HTTP/2 needs h2 on the server: pip install 'tailrace[http2]'"
_HTTP_1_1_REQUIRED: Final = 0xD
_log: Final = logging.getLogger("tailrace.server")


def is_preface(first: bytes) -> bool | None:
    """Whether a connection that begins with these bytes speaks HTTP/2; None while either may
    be."""
    if first.startswith(_PREFACE):
        return True
    return None if _PREFACE.startswith(first) else False


@functools.cache
def http2_protocol() -> type[Http2Protocol] | None:
    """The protocol of HTTP/2 connections; None without the extra, which the log then names once."""
    try:
        from tailrace.server.http2.protocol import Http2Protocol
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("h2", "hpack", "hyperframe"):
            raise
        _log.warning("A client opened a connection with HTTP/2. %s", _NEEDED)
        return None
    return Http2Protocol


def _frame(kind: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, 0]) + bytes(4) + payload


# What is said to a client when h2 is not there: SETTINGS, as RFC 9113 wants it first, and GOAWAY
# that no stream was looked at.
REFUSAL: Final = _frame(4, b"") + _frame(
    7, bytes(4) + _HTTP_1_1_REQUIRED.to_bytes(4, "big") + _NEEDED.encode()
)
