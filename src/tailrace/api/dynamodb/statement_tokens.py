"""NextToken of statements: where a SELECT goes on, bound to the statement and its parameters.

The token holds the number of the range of keys that was being read and the last key, under a keyed
BLAKE2b code over them and the request it was issued for; nothing is remembered between two calls.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any

import msgspec

from tailrace.errors import ValidationException
from tailrace.wire.call import Scope

__all__ = ["Position", "issue", "parse", "request_digest"]

_CODE_BYTES = 16
_DIGEST_BYTES = 16
_SECRET_BYTES_MAX = 64


class Position(msgspec.Struct, frozen=True, array_like=True):
    """Go on in the range number `span`, from 0, after the row `key`; None: at its beginning."""

    span: int
    key: bytes | None = None


class _Payload(msgspec.Struct, frozen=True, array_like=True):
    digest: bytes
    position: Position


_decode = msgspec.json.Decoder(_Payload).decode


def request_digest(scope: Scope, statement: str, parameters: list[dict[str, Any]] | None) -> bytes:
    """What a token is bound to: a caller's statement with its parameters. The limit may change."""
    request = (scope.account, scope.region, statement, parameters or [])
    encoded = msgspec.json.encode(request, order="sorted")
    return hashlib.blake2b(encoded, digest_size=_DIGEST_BYTES).digest()


def issue(position: Position, digest: bytes, secret: bytes) -> str:
    """The text of a token. `secret` is up to 64 bytes that callers don't know."""
    payload = msgspec.json.encode(_Payload(digest, position))
    return base64.urlsafe_b64encode(_code(payload, secret) + payload).decode()


def parse(text: str, digest: bytes, secret: bytes) -> Position:
    """The position a token stands for.

    Raises ValidationException for texts that were not issued with this secret, or not for the
    request with this digest.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValidationException("Invalid NextToken") from None
    code, payload = data[:_CODE_BYTES], data[_CODE_BYTES:]
    if not hmac.compare_digest(code, _code(payload, secret)):
        raise ValidationException("Invalid NextToken")
    held = _decode(payload)
    if held.digest != digest:
        raise ValidationException("NextToken does not match request")
    return held.position


def _code(payload: bytes, secret: bytes) -> bytes:
    return hashlib.blake2b(
        payload, digest_size=_CODE_BYTES, key=secret[:_SECRET_BYTES_MAX]
    ).digest()
