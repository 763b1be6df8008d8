"""Pages of GetRecords, taken apart without decoding what is in the records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tailrace.delivery.ports import Record

__all__ = ["RecordForm", "RecordPage", "decode_page", "event_form"]

RecordForm = Callable[[bytes | msgspec.Raw], dict[str, Any]]


class RecordPage(msgspec.Struct):
    """What GetRecords answered; `next` is None at the end of a closed shard. `size` is in bytes."""

    records: list[Record]
    next: str | None
    size: int


class _Change(msgspec.Struct, gc=False):
    sequence: str = msgspec.field(name="SequenceNumber")
    created: float = msgspec.field(name="ApproximateCreationDateTime", default=0.0)


class _Envelope(msgspec.Struct, gc=False):
    dynamodb: _Change


class _Answer(msgspec.Struct):
    records: list[msgspec.Raw] = msgspec.field(name="Records")
    next: str | None = msgspec.field(name="NextShardIterator", default=None)


_answer = msgspec.json.Decoder(_Answer).decode
_envelope = msgspec.json.Decoder(_Envelope).decode
_event = msgspec.json.Decoder().decode


def event_form(arn: str) -> RecordForm:
    """What makes a record of the Streams API into an entry of Lambda's event: seconds as a float,
    the stream's ARN, and the members of `userIdentity` in lower camel case."""

    def form(data: bytes | msgspec.Raw) -> dict[str, Any]:
        event: dict[str, Any] = _event(data)
        change: dict[str, Any] = event["dynamodb"]
        if "ApproximateCreationDateTime" in change:
            change["ApproximateCreationDateTime"] = float(change["ApproximateCreationDateTime"])
        identity: dict[str, Any] | None = event.get("userIdentity")
        if identity:
            event["userIdentity"] = {
                name[:1].lower() + name[1:]: value for name, value in identity.items()
            }
        event["eventSourceARN"] = arn
        return event

    return form


def decode_page(body: bytes, form: RecordForm, added_bytes: int) -> RecordPage:
    """The records of an answer; their event is `form`'s, `added_bytes` longer than the record."""
    answer = _answer(body)
    records: list[Record] = []
    for raw in answer.records:
        change = _envelope(raw).dynamodb
        size = len(memoryview(raw)) + added_bytes
        created_ms = int(change.created * 1000)
        records.append(Record(int(change.sequence), created_ms, size, raw, form))
    return RecordPage(records, answer.next, len(body))
