"""Shard iterators that carry all they mean: `<stream ARN>|1|<base64>`.

The base64 holds the position, the shard, the time of issue and a generation, under a keyed BLAKE2b
code over them and the ARN; nothing is remembered between two calls.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import hmac
import struct

import msgspec

from tailrace import limits
from tailrace.errors import ExpiredIteratorException, ValidationException
from tailrace.streams.reader import Position, PositionKind

__all__ = ["ShardIterator", "check_age", "issue", "parse"]

_VERSION = "1"
# Kind, shard id, clock, time of issue, generation: 29 bytes. With the code 45, a multiple of three,
# so the base64 has no padding and each text stands for other bytes.
_PAYLOAD = struct.Struct(">BQQQI")
_CODE_BYTES = 16
_TEXT_LENGTH = (_PAYLOAD.size + _CODE_BYTES) // 3 * 4
_SECRET_BYTES_MAX = 64


class ShardIterator(msgspec.Struct, frozen=True, gc=False):
    """A parsed iterator. `position.taken_us` is its time of issue; `generation` counts how often
    all iterators were made to expire before it was issued."""

    stream_arn: str
    shard_id: int
    position: Position
    generation: int = 0


def issue(iterator: ShardIterator, secret: bytes) -> str:
    """The text of an iterator. `secret` is up to 64 bytes that callers don't know."""
    position = iterator.position
    payload = _PAYLOAD.pack(
        position.kind,
        iterator.shard_id,
        position.clock,
        position.taken_us,
        iterator.generation,
    )
    head = f"{iterator.stream_arn}|{_VERSION}|"
    return head + base64.b64encode(payload + _code(head, payload, secret)).decode()


def parse(text: str, secret: bytes) -> ShardIterator:
    """The iterator a text stands for.

    Raises ValidationException `Invalid ShardIterator` for every text that was not issued with this
    secret.
    """
    head, separator, body = text.rpartition("|")
    head += separator
    arn, version = head[: -len(f"|{_VERSION}|")], head[-len(f"|{_VERSION}|") :]
    try:
        data = base64.b64decode(body.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise _invalid() from None
    # The decoder overlooks padding that isn't needed.
    if version != f"|{_VERSION}|" or len(body) != _TEXT_LENGTH:
        raise _invalid()
    payload, code = data[: _PAYLOAD.size], data[_PAYLOAD.size :]
    if not hmac.compare_digest(code, _code(head, payload, secret)):
        raise _invalid()
    kind, shard_id, clock, taken_us, generation = _PAYLOAD.unpack(payload)
    position = Position(PositionKind(kind), clock, taken_us)
    return ShardIterator(arn, shard_id, position, generation)


def check_age(
    iterator: ShardIterator, generation: int, now_us: int, life_ms: int = limits.ITERATOR_LIFE_MS
) -> None:
    """Raise ExpiredIteratorException when an iterator is older than `life_ms`, or of a generation
    before `generation`."""
    issued_us = iterator.position.taken_us
    if now_us - issued_us <= life_ms * 1000 and iterator.generation >= generation:
        return
    raise ExpiredIteratorException(
        f"Iterator expired. The iterator was created at time {_moment(issued_us)} while right now"
        f" it is {_moment(now_us)} which is further in the future than the tolerated delay of"
        f" {life_ms} milliseconds."
    )


def _code(head: str, payload: bytes, secret: bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=_CODE_BYTES, key=secret[:_SECRET_BYTES_MAX])
    digest.update(head.encode("utf-8", "surrogatepass"))
    digest.update(payload)
    return digest.digest()


def _invalid() -> ValidationException:
    return ValidationException("Invalid ShardIterator")


def _moment(us: int) -> str:
    moment = datetime.datetime.fromtimestamp(us // 1_000_000, datetime.UTC)
    return moment.strftime("%a %b %d %H:%M:%S UTC %Y")
