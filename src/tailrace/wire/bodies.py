"""The bytes of requests and answers: content encodings and the checksum AWS sends along."""

from __future__ import annotations

import zlib
from typing import Final

from tailrace import limits
from tailrace.errors import PayloadTooLargeException, SerializationException

__all__ = ["checksum", "decoded_body"]

_GZIP: Final = zlib.MAX_WBITS | 16


def checksum(body: bytes) -> bytes:
    """The value of `x-amz-crc32`: CRC-32 of an answer's bytes on the wire, in decimal."""
    return b"%d" % zlib.crc32(body)


def decoded_body(
    body: bytes, content_encoding: bytes = b"", limit: int = limits.REQUEST_BYTES
) -> bytes:
    """The body without its content encoding; `content_encoding` is the header's value, empty when
    there is none.

    Raises PayloadTooLargeException as soon as more than `limit` bytes have come out, so a small
    body that would inflate to gigabytes costs no more than an honest one; SerializationException
    when the encoding is unknown or the data is broken.
    """
    encoding = content_encoding.strip().lower()
    if encoding in (b"", b"identity"):
        if len(body) > limit:
            raise PayloadTooLargeException
        return body
    if encoding not in (b"gzip", b"x-gzip"):
        raise SerializationException
    return _inflated(body, limit)


def _inflated(body: bytes, limit: int) -> bytes:
    """The bytes of one or more gzip members, as RFC 1952 allows."""
    pieces: list[bytes] = []
    room = limit
    while body:
        member = zlib.decompressobj(_GZIP)
        try:
            piece = member.decompress(body, room + 1)
        except zlib.error:
            raise SerializationException from None
        if len(piece) > room:
            raise PayloadTooLargeException
        if not member.eof:
            raise SerializationException
        pieces.append(piece)
        room -= len(piece)
        body = member.unused_data
    return b"".join(pieces)
