"""Messages of `application/vnd.amazon.eventstream`, the framing in which AWS pushes events.

    total length (4) | headers' length (4) | CRC-32 of these (4) | headers | payload
                     | CRC-32 of all before (4)

A header is its name and a string, each after its length in one and two bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Final

__all__ = ["CONTENT_TYPE", "event_message", "exception_message", "message"]

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"
_STRING: Final = 7
_FRAME_BYTES: Final = 16


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """The bytes of a message."""
    pieces: list[bytes] = []
    for name, value in headers.items():
        text, content = name.encode(), value.encode()
        pieces.append(struct.pack(">B", len(text)) + text)
        pieces.append(struct.pack(">BH", _STRING, len(content)) + content)
    block = b"".join(pieces)
    prelude = struct.pack(">II", _FRAME_BYTES + len(block) + len(payload), len(block))
    framed = prelude + struct.pack(">I", zlib.crc32(prelude)) + block + payload
    return framed + struct.pack(">I", zlib.crc32(framed))


def event_message(event_type: str, content_type: str, payload: bytes) -> bytes:
    """The bytes of an event."""
    return message(
        {":event-type": event_type, ":content-type": content_type, ":message-type": "event"},
        payload,
    )


def exception_message(code: str, content_type: str, payload: bytes) -> bytes:
    """The bytes of an error that ends a stream of events."""
    return message(
        {":exception-type": code, ":content-type": content_type, ":message-type": "exception"},
        payload,
    )
