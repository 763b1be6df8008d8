"""Items as plain JSON documents: what search indexes and files hold.

Numbers become integers or floats where nothing is lost and stay text where something would be; sets
become lists; binary stays base64.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from tailrace.delivery.ports import Batch, Failure, Record

__all__ = ["DocumentChange", "changes_of", "document_id", "document_of", "newest", "plain_value"]

_INT64: Final = range(-(2**63), 2**63)
# OpenSearch takes ids of up to 512 bytes; a DynamoDB key may have 3 KB.
ID_BYTES: Final = 512
_HASHED: Final = "sha256:"
_ESCAPES: Final = str.maketrans({"%": "%25", "|": "%7C"})


class DocumentChange(msgspec.Struct, frozen=True):
    """What a record does to a document; `document` None removes it. `version` grows with each
    change of an item."""

    sequence: int
    created_ms: int
    id: str
    document: dict[str, Any] | None


def document_of(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """An item as a plain JSON document."""
    return {name: plain_value(value) for name, value in item.items()}


def plain_value(value: Mapping[str, Any]) -> Any:
    """An attribute value as plain JSON."""
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return _number(content)
        case "NS":
            return [_number(member) for member in content]
        case "M":
            return document_of(content)
        case "L":
            return [plain_value(member) for member in content]
        case "NULL":
            return None
        case _:
            return content


def _number(text: str) -> int | float | str:
    if text.lstrip("-").isdigit():
        whole = int(text)
        if whole in _INT64:
            return whole
    near = float(text)
    return near if Decimal(repr(near)) == Decimal(text) else text


def document_id(keys: Mapping[str, Mapping[str, Any]]) -> str:
    """The id of an item's document, from its key attributes: their values, in the order of their
    names. Different keys have different ids; keys too long for an id have their hash."""
    values = [next(iter(keys[name].values())) for name in sorted(keys)]
    if len(values) == 1:
        text = str(values[0])
    else:
        text = "|".join(str(value).translate(_ESCAPES) for value in values)
    if len(text.encode()) > ID_BYTES or text.startswith(_HASHED):
        return _HASHED + hashlib.sha256(text.encode()).hexdigest()
    return text


def changes_of(batch: Batch) -> tuple[Sequence[DocumentChange], Sequence[Failure]]:
    """What a batch does to documents, in order, and the first record of which that cannot be said:
    one that a stream without new images gave. Records behind that one are left out."""
    changes: list[DocumentChange] = []
    for record in batch.records:
        event = record.event
        change = event["dynamodb"]
        image = change.get("NewImage")
        if image is None and event["eventName"] != "REMOVE":
            reason = "the record has no NewImage: the stream's view type must include new images"
            return changes, [Failure(record.sequence, reason)]
        changes.append(_change(record, change["Keys"], image))
    return changes, ()


def _change(
    record: Record, keys: Mapping[str, Any], image: Mapping[str, Any] | None
) -> DocumentChange:
    document = None if image is None else document_of(image)
    return DocumentChange(record.sequence, record.created_ms, document_id(keys), document)


def newest(changes: Iterable[DocumentChange]) -> dict[str, DocumentChange]:
    """The last change of each document."""
    found: dict[str, DocumentChange] = {}
    for change in changes:
        known = found.get(change.id)
        if known is None or known.sequence <= change.sequence:
            found[change.id] = change
    return found
