"""Changes as Python code wants them: keys and images as plain values."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable, Mapping
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow
from typing import Any, Final, cast

import msgspec

from tailrace.delivery.ports import Record

__all__ = [
    "Binary",
    "Change",
    "StreamRecord",
    "change_of",
    "deserialize",
    "serialize",
    "typed",
]

# DynamoDB's numbers: 38 digits, never rounded (as boto3 has it).
_NUMBERS: Final = Context(
    Emin=-128, Emax=126, prec=38, traps=[Clamped, Inexact, Overflow, Rounded, Underflow]
)


class Binary:
    """Bytes of an item; equal to `bytes` of the same content, like boto3's."""

    __slots__ = ("value",)

    def __init__(self, value: bytes | bytearray) -> None:
        self.value = bytes(value)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Binary):
            return self.value == other.value
        return self.value == other

    def __hash__(self) -> int:
        return hash(self.value)

    def __bytes__(self) -> bytes:
        return self.value

    def __len__(self) -> int:
        return len(self.value)

    def __repr__(self) -> str:
        return f"Binary({self.value!r})"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one item. `old` and `new` are the item before and after, None where there was
    none or the stream does not carry it. `kind` is INSERT, MODIFY or REMOVE. `sequence` orders the
    changes of an item, as a version does. `snapshot`: it is no change but the item as a scan of the
    table found it; `expired`: it was deleted because its time to live was over.
    """

    kind: str
    keys: Mapping[str, Any]
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None
    sequence: int
    created_at: datetime.datetime
    event_id: str
    size: int
    snapshot: bool
    expired: bool
    event: Mapping[str, Any]


class StreamRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record of a Kinesis stream."""

    partition_key: str
    data: bytes
    sequence: int
    arrived_at: datetime.datetime
    event_id: str
    event: Mapping[str, Any]


def typed(record: Record, event: Mapping[str, Any]) -> Change | StreamRecord:
    """The change, or the Kinesis record, of a record whose event is given."""
    if "dynamodb" in event:
        return change_of(record, event)
    arrived: Mapping[str, Any] = event["kinesis"]
    moment_s = float(arrived["approximateArrivalTimestamp"])
    return StreamRecord(
        partition_key=str(arrived["partitionKey"]),
        data=base64.b64decode(arrived["data"]),
        sequence=record.sequence,
        arrived_at=datetime.datetime.fromtimestamp(moment_s, datetime.UTC),
        event_id=str(event.get("eventID", "")),
        event=event,
    )


def change_of(record: Record, event: Mapping[str, Any]) -> Change:
    """The change of a record of a DynamoDB stream, whose event is given."""
    change: Mapping[str, Any] = event["dynamodb"]
    identity: Mapping[str, Any] = event.get("userIdentity") or {}
    return Change(
        kind=str(event["eventName"]),
        keys=_item(change["Keys"]),
        old=_image(change, "OldImage"),
        new=_image(change, "NewImage"),
        sequence=record.sequence,
        created_at=datetime.datetime.fromtimestamp(record.created_ms / 1000, datetime.UTC),
        event_id=str(event.get("eventID", "")),
        size=int(change.get("SizeBytes", 0)),
        snapshot=bool(event.get("snapshot")),
        expired=identity.get("type") == "Service",
        event=event,
    )


def _image(change: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    return _item(change[name]) if name in change else None


def _item(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    # Most values are strings: not calling anything for them is a third of the time.
    return {
        name: value["S"] if "S" in value and len(value) == 1 else deserialize(value)
        for name, value in item.items()
    }


def deserialize(value: Mapping[str, Any]) -> Any:
    """The Python value of an attribute value in JSON: `Decimal` for numbers, `Binary` for bytes,
    sets, lists and dicts, as boto3's TypeDeserializer has it. Raises TypeError for anything else.
    """
    if len(value) == 1:
        ((kind, content),) = value.items()
        if kind in _FROM:
            return _FROM[kind](content)
    raise TypeError(f"no attribute value: {value!r}")


def _binary(text: str | bytes) -> Binary:
    return Binary(text if isinstance(text, bytes) else base64.b64decode(text))


_FROM: Final[dict[str, Callable[[Any], Any]]] = {
    "S": lambda content: content,
    "N": _NUMBERS.create_decimal,
    "B": _binary,
    "BOOL": lambda content: content,
    "NULL": lambda content: None,
    "SS": set,
    "NS": lambda content: {_NUMBERS.create_decimal(number) for number in content},
    "BS": lambda content: {_binary(member) for member in content},
    "L": lambda content: [deserialize(member) for member in content],
    "M": lambda content: _item(content),
}


def serialize(value: Any) -> dict[str, Any]:
    """The attribute value of a Python value: what `deserialize` takes back. Raises TypeError for
    what DynamoDB has no type for, floats included."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (int, Decimal)):
        return {"N": str(_NUMBERS.create_decimal(value))}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, (bytes, bytearray, Binary)):
        return {"B": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return {"M": {name: serialize(member) for name, member in members.items()}}
    if isinstance(value, (list, tuple)):
        return {"L": [serialize(member) for member in cast("list[Any]", value)]}
    if isinstance(value, (set, frozenset)):
        return _serialize_set(cast("set[Any]", value))
    raise TypeError(f"no DynamoDB type for {value!r}")


def _serialize_set(members: set[Any] | frozenset[Any]) -> dict[str, Any]:
    values = [serialize(member) for member in members]
    kinds = {kind for value in values for kind in value}
    if len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
        raise TypeError(f"no DynamoDB set: {set(members)!r}")
    (kind,) = kinds
    return {kind + "S": sorted(value[kind] for value in values)}
