"""Attribute values in DynamoDB's own JSON form, and their canonical form.

An attribute value is a dict of one entry, `{"S": "x"}`; an item maps names to them. This is the
form in which items travel, are stored, compared and put into stream records, so nothing is
converted on the way.

Canonical means: numbers in canonical text, the members of sets sorted, binary in canonical base64.
The bytes of a canonical item, with its map keys sorted, are equal exactly when the items are equal
by value.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

import msgspec

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.model.numbers import canonical_number, number_size, sort_bytes

__all__ = [
    "TYPE_NAMES",
    "AttributeValue",
    "Item",
    "Malformed",
    "canonical_item",
    "canonical_set",
    "canonical_value",
    "check_names",
    "decode_item",
    "decoded_base64",
    "encode_item",
    "item_size",
    "name_problem",
    "nesting",
    "value_size",
]

AttributeValue: TypeAlias = dict[str, Any]
Item: TypeAlias = dict[str, AttributeValue]

TYPE_NAMES: Final = ("S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS")

_EMPTY = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
_SEVERAL = (
    "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the"
    " supported datatypes"
)
_INVALID = "One or more parameter values were invalid: "
_DEEP = (
    "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels"
    " beyond supported limit"
)

# What each element of a list and each entry of a map counts beyond its own size
# (CapacityUnitCalculations.html).
_CONTAINER_BYTES = 3
_ELEMENT_BYTES = 1

_encoder = msgspec.json.Encoder(order="sorted")
_item_decoder = msgspec.json.Decoder(dict[str, dict[str, Any]])


class Malformed(Exception):
    """The JSON is not of the shape of an attribute value; the model-driven check of the request
    words the error.
    """


def encode_item(item: Item) -> bytes:
    """Canonical JSON of a canonical item."""
    return _encoder.encode(item)


def decode_item(data: bytes | memoryview) -> Item:
    """The item of stored canonical JSON."""
    return _item_decoder.decode(data)


def canonical_item(raw: Item) -> tuple[Item, int]:
    """The canonical form of an item a caller sent, and its size in bytes.

    Raises ValidationException with DynamoDB's message, or Malformed when the JSON has the wrong
    shape.
    """
    item: Item = {}
    size = 0
    for name, value in raw.items():
        size += len(name) if name.isascii() else len(name.encode())
        if len(value) != 1:
            raise _count_error(value)
        # A loop over the only entry is the cheapest way to it. Strings and numbers, of which most
        # items consist, are done here for the sake of the calls that saves.
        for kind, content in value.items():
            if kind == "S" and content.__class__ is str:
                item[name] = value
                size += len(content) if content.isascii() else len(content.encode())
            elif kind == "N" and content.__class__ is str:
                text = canonical_number(content)
                item[name] = value if text is content else {"N": text}
                size += number_size(text)
            else:
                item[name], value_bytes = canonical_value(value)
                size += value_bytes
    if "" in item or size > limits.ATTRIBUTE_NAME_BYTES:
        check_names(item)
    return item, size


def check_names(names: Iterable[str]) -> None:
    """Raise ValidationException for what no attribute can be called."""
    for name in names:
        problem = name_problem(name)
        if problem is not None:
            raise ValidationException(problem)


def name_problem(name: str) -> str | None:
    """Why no attribute can be called so; None when one can."""
    if not name:
        return "Empty attribute name"
    longest = limits.ATTRIBUTE_NAME_BYTES
    if len(name) * 3 > longest and len(name.encode()) > longest:
        return f"Attribute name is too large, must be less than {longest + 1} bytes"
    return None


def canonical_value(raw: AttributeValue, depth: int = 0) -> tuple[AttributeValue, int]:
    """The canonical form of one value a caller sent, and its size in bytes. `depth` counts the
    documents around it.
    """
    if len(raw) != 1:
        raise _count_error(raw)
    ((kind, content),) = raw.items()
    if kind == "S":
        if content.__class__ is not str:
            raise Malformed
        return raw, len(content) if content.isascii() else len(content.encode())
    if kind == "N":
        if content.__class__ is not str:
            raise Malformed
        text = canonical_number(content)
        return {"N": text}, number_size(text)
    try:
        canonical = _CANONICAL[kind]
    except KeyError:
        raise ValidationException(_EMPTY) from None
    return canonical(content, depth)


def _count_error(raw: AttributeValue) -> Exception:
    known = [kind for kind in raw if kind in _KINDS and raw[kind] is not None]
    if len(known) > 1:
        return ValidationException(_SEVERAL)
    return ValidationException(_EMPTY) if not known else Malformed()


def _canonical_binary(content: Any, depth: int) -> tuple[AttributeValue, int]:
    del depth
    data = decoded_base64(content)
    return {"B": base64.b64encode(data).decode()}, len(data)


def canonical_set(kind: str, members: set[str]) -> AttributeValue:
    """The set of type `kind` (SS, NS or BS) with these canonical members, of which there is at
    least one.
    """
    key = {"SS": None, "NS": sort_bytes, "BS": decoded_base64}[kind]
    return {kind: sorted(members, key=key)}


def nesting(value: AttributeValue) -> int:
    """How many maps and lists lie inside one another in a value, itself included; 0 for all other
    types.
    """
    ((kind, content),) = value.items()
    if kind == "M":
        return 1 + max(map(nesting, content.values()), default=0)
    if kind == "L":
        return 1 + max(map(nesting, content), default=0)
    return 0


def decoded_base64(content: Any) -> bytes:
    """The bytes of base64 text; Malformed when it is none."""
    if content.__class__ is not str:
        raise Malformed
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed from None


def _canonical_bool(content: Any, depth: int) -> tuple[AttributeValue, int]:
    del depth
    if content.__class__ is not bool:
        raise Malformed
    return {"BOOL": content}, 1


def _canonical_null(content: Any, depth: int) -> tuple[AttributeValue, int]:
    del depth
    if content.__class__ is not bool:
        raise Malformed
    if not content:
        raise ValidationException(
            _INVALID + "Null attribute value types must have the value of true"
        )
    return {"NULL": True}, 1


def _canonical_map(content: Any, depth: int) -> tuple[AttributeValue, int]:
    if content.__class__ is not dict:
        raise Malformed
    if depth >= limits.ITEM_NESTING - 1:
        raise ValidationException(_DEEP)
    entries: Item = {}
    size = _CONTAINER_BYTES
    for name, value in content.items():
        if value.__class__ is not dict:
            raise Malformed
        entries[name], value_bytes = canonical_value(value, depth + 1)
        size += value_bytes + len(name.encode()) + _ELEMENT_BYTES
    if "" in entries or size > limits.ATTRIBUTE_NAME_BYTES:
        check_names(entries)
    return {"M": entries}, size


def _canonical_list(content: Any, depth: int) -> tuple[AttributeValue, int]:
    if content.__class__ is not list:
        raise Malformed
    if depth >= limits.ITEM_NESTING - 1:
        raise ValidationException(_DEEP)
    elements: list[AttributeValue] = []
    size = _CONTAINER_BYTES
    for value in content:
        if value.__class__ is not dict:
            raise Malformed
        element, value_bytes = canonical_value(value, depth + 1)
        elements.append(element)
        size += value_bytes + _ELEMENT_BYTES
    return {"L": elements}, size


def _canonical_strings(content: Any, depth: int) -> tuple[AttributeValue, int]:
    del depth
    members = _members(content, "An string set  may not be empty")
    if len(set(members)) != len(members):
        raise ValidationException(
            f"{_INVALID}Input collection [{', '.join(members)}] contains duplicates."
        )
    return {"SS": sorted(members)}, sum(len(member.encode()) for member in members)


def _canonical_numbers(content: Any, depth: int) -> tuple[AttributeValue, int]:
    del depth
    members = [
        canonical_number(member) for member in _members(content, "An number set  may not be empty")
    ]
    if len(set(members)) != len(members):
        raise ValidationException("Input collection contains duplicates")
    return {"NS": sorted(members, key=sort_bytes)}, sum(map(number_size, members))


def _canonical_binaries(content: Any, depth: int) -> tuple[AttributeValue, int]:
    del depth
    texts = _members(content, "Binary sets should not be empty")
    members = [decoded_base64(text) for text in texts]
    if len(set(members)) != len(members):
        raise ValidationException(
            f"{_INVALID}Input collection [{', '.join(texts)}]of type BS contains duplicates."
        )
    return {"BS": [base64.b64encode(member).decode() for member in sorted(members)]}, sum(
        map(len, members)
    )


def _members(content: Any, empty_message: str) -> list[str]:
    if content.__class__ is not list:
        raise Malformed
    if not content:
        raise ValidationException(_INVALID + empty_message)
    for member in content:
        if member.__class__ is not str:
            raise Malformed
    return content


_CANONICAL: Final[dict[str, Callable[[Any, int], tuple[AttributeValue, int]]]] = {
    "B": _canonical_binary,
    "BOOL": _canonical_bool,
    "NULL": _canonical_null,
    "M": _canonical_map,
    "L": _canonical_list,
    "SS": _canonical_strings,
    "NS": _canonical_numbers,
    "BS": _canonical_binaries,
}
_KINDS: Final = frozenset(TYPE_NAMES)


def item_size(item: Item) -> int:
    """Bytes a canonical item counts for: the UTF-8 length of every name and the size of every
    value.
    """
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def value_size(value: AttributeValue) -> int:
    """Bytes a canonical value counts for (CapacityUnitCalculations.html, and stream records'
    SizeBytes for numbers).
    """
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return number_size(content)
    if kind == "M":
        return _CONTAINER_BYTES + sum(
            len(name.encode()) + value_size(member) + _ELEMENT_BYTES
            for name, member in content.items()
        )
    if kind == "L":
        return _CONTAINER_BYTES + sum(value_size(member) + _ELEMENT_BYTES for member in content)
    if kind == "SS":
        return sum(len(member.encode()) for member in content)
    if kind == "NS":
        return sum(map(number_size, content))
    if kind == "B":
        return _binary_size(content)
    if kind == "BS":
        return sum(map(_binary_size, content))
    return 1


def _binary_size(text: str) -> int:
    return len(text) // 4 * 3 - text.endswith("=") - text.endswith("==")
