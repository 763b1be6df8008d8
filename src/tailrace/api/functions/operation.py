"""What an operation of the Lambda API is: its place in HTTP, a typed input, and what answers it.

Unlike DynamoDB's these may wait: for code to be unpacked, for a function to return.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from tailrace.api.functions.book import Book
from tailrace.api.functions.ports import Bundles, Events, Functions, Mappings
from tailrace.clock import Clock, Ids
from tailrace.wire.call import Scope

__all__ = ["Answer", "AnyOperation", "Desk", "FunctionsOperation", "HttpCall", "json_answer"]

_Input = TypeVar("_Input")
_encode: Final = msgspec.json.encode


class Desk(msgspec.Struct, frozen=True):
    """What the operations stand on. `s3` reads an object by bucket and key, None when it is not
    there."""

    book: Book
    bundles: Bundles
    functions: Functions
    mappings: Mappings
    events: Events
    clock: Clock
    ids: Ids
    s3: Callable[[str, str], Awaitable[bytes | None]]


class HttpCall(msgspec.Struct, frozen=True):
    """One call's surroundings. `host` is how the caller reached us, scheme and all; `payload` the
    body of an operation whose body is no JSON of ours."""

    desk: Desk
    scope: Scope
    request_id: str
    host: str
    payload: bytes


class Answer(msgspec.Struct, frozen=True):
    """An answer's body, and its status when it is not the operation's usual one."""

    body: bytes = b""
    headers: Mapping[str, str] = {}
    status: int | None = None


class FunctionsOperation(msgspec.Struct, Generic[_Input], frozen=True, kw_only=True):
    """A row of the registry. `headers` maps headers, `query` parameters in other spelling, to
    members; with `has_payload` the body is not JSON that is looked into."""

    name: str
    method: str
    path: str
    status: int
    input: type[_Input]
    run: Callable[[HttpCall, _Input], Awaitable[Answer]]
    headers: Mapping[str, str] = {}
    has_payload: bool = False


AnyOperation: TypeAlias = FunctionsOperation[Any]


def json_answer(content: Any, status: int | None = None) -> Answer:
    """An answer of JSON."""
    return Answer(_encode(content), {}, status)
