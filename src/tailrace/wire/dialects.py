"""How Kinesis speaks: JSON 1.1, or CBOR, which the Java SDK prefers. Operations see JSON alone.

In CBOR blobs are byte strings instead of base64, times are tag 1 with whole milliseconds instead of
seconds, and errors are maps too (the SDKs' `application/x-amz-cbor-1.1`). Both name errors without
a namespace.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import msgspec

from tailrace.errors import SerializationException
from tailrace.wire import cbor
from tailrace.wire.call import Reply

__all__ = ["BLOBS", "CBOR_1_1", "JSON_1_1", "TIMES", "Dialect", "dialect_of"]

JSON_1_1: Final = b"application/x-amz-json-1.1"
CBOR_1_1: Final = b"application/x-amz-cbor-1.1"
# The members of all answers that are blobs and times, whatever they stand in.
BLOBS: Final = frozenset({"Data"})
TIMES: Final = frozenset(
    {
        "ApproximateArrivalTimestamp",
        "ChannelCreationTimestamp",
        "ConsumerCreationTimestamp",
        "EarliestAllowedEndAt",
        "EndedAt",
        "FirstReceiveTimestamp",
        "QueueCreationTimestamp",
        "StartedAt",
        "StreamCreationTimestamp",
        "Timestamp",
    }
)
_TIME_TAG: Final = 1
_OK: Final = 200
# Kinesis's own names for what the services share.
_CODES: Final = {"InternalServerError": "InternalFailureException"}


class Dialect(msgspec.Struct, frozen=True):
    """`read` makes a request's JSON of its body, or raises SerializationException; `answer` makes
    of a reply in JSON the one to send."""

    read: Callable[[bytes], bytes]
    answer: Callable[[Reply], Reply]

    def answering(self, respond: Callable[[Reply], None]) -> Callable[[Reply], None]:
        """What takes replies in JSON for `respond`."""
        return lambda reply: respond(self.answer(reply))


def dialect_of(headers: Sequence[tuple[bytes, bytes]]) -> Dialect:
    """The dialect of a request by its headers, whose names are in lower case; JSON for whatever
    isn't CBOR."""
    for name, value in headers:
        if name == b"content-type":
            return _CBOR if value.split(b";")[0].strip().lower() == CBOR_1_1 else _JSON
    return _JSON


def _same(body: bytes) -> bytes:
    return body


def _json_answer(reply: Reply) -> Reply:
    if reply.status == _OK:
        return Reply(_OK, reply.body, JSON_1_1)
    return Reply(reply.status, msgspec.json.encode(_error(reply.body)), JSON_1_1)


def _error(body: bytes) -> dict[str, Any]:
    members: dict[str, Any] = msgspec.json.decode(body)
    code = str(members.get("__type", "")).rpartition("#")[2]
    return {**members, "__type": _CODES.get(code, code)}


def _cbor_answer(reply: Reply) -> Reply:
    if reply.status != _OK:
        return Reply(reply.status, cbor.encode(_error(reply.body)), CBOR_1_1)
    body = cbor.encode(_to_cbor(msgspec.json.decode(reply.body))) if reply.body else b""
    return Reply(_OK, body, CBOR_1_1)


def _to_cbor(value: Any) -> Any:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: _member_to_cbor(name, content) for name, content in members.items()}
    if isinstance(value, list):
        elements = cast("list[Any]", value)
        return [_to_cbor(element) for element in elements]
    return value


def _member_to_cbor(name: str, content: Any) -> Any:
    if name in BLOBS and isinstance(content, str):
        return binascii.a2b_base64(content)
    if name in TIMES and isinstance(content, int | float):
        return cbor.Tagged(_TIME_TAG, round(content * 1000))
    return _to_cbor(content)


def _read_cbor(body: bytes) -> bytes:
    document: Any = cbor.decode(body) if body else {}
    if not isinstance(document, dict):
        raise SerializationException
    return msgspec.json.encode(_to_json(cast("dict[str, Any]", document)))


def _to_json(value: Any) -> Any:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: _to_json(content) for name, content in members.items()}
    if isinstance(value, list):
        elements = cast("list[Any]", value)
        return [_to_json(element) for element in elements]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, cbor.Tagged):
        if value.tag != _TIME_TAG or not isinstance(value.value, int | float):
            raise SerializationException
        return value.value / 1000
    return value


_JSON: Final = Dialect(_same, _json_answer)
_CBOR: Final = Dialect(_read_cbor, _cbor_answer)
