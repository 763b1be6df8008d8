"""A request and its answer, free of HTTP."""

from __future__ import annotations

import msgspec

__all__ = ["Call", "Reply", "Scope"]


class Scope(msgspec.Struct, frozen=True):
    """Whose tables a request sees: the account and the region its signature names."""

    account: str
    region: str


class Call(msgspec.Struct, frozen=True, gc=False):
    """One API call. `target` is the `X-Amz-Target` header, e.g. `DynamoDB_20120810.PutItem`; `body`
    the JSON, decompressed.
    """

    target: str
    body: bytes
    scope: Scope


class Reply(msgspec.Struct, frozen=True, gc=False):
    """The answer to a call: HTTP status, JSON body and Content-Type. An error's body carries
    `__type`."""

    status: int
    body: bytes
    content_type: bytes = b"application/x-amz-json-1.0"
