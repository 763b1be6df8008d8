"""A request's JSON against the types of its operation's input: AWS's first step, which knows no
constraints yet.

The service reads the body in order and reports the first member of a wrong type without naming it.
It forgives what a typed decoder doesn't: a null is an absent member, an unknown member is skipped,
`5.7` is the integer 5 and `"TRUE"` a boolean. What comes out here is the request as the service
understood it.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.errors import SerializationException
from tailrace.wire.shapes import Shape

__all__ = ["parse", "understood"]

_MAP_UNEXPECTED: Final = "Start of structure or map found where not expected"
_FIELD_UNEXPECTED: Final = "Unexpected field type"
_VALUE_UNEXPECTED: Final = "Unexpected value type in payload"
_NO_BASE64: Final = "only base-64-encoded strings are convertible to bytes"
_BASE64_LENGTH: Final = "Base64 encoded length is expected a multiple of 4 bytes but found: "
_BASE64_END: Final = "Invalid last non-pad Base64 character dectected"  # the service's own spelling

# Where a list stands in the place of something else, and where a scalar stands for a list or map
# inside another, the service gives no message. It used to print the names of Java classes there.
_UNSAID: Final = ""

_JAVA_NAMES: Final = {
    "string": "String",
    "integer": "Integer",
    "long": "Long",
    "float": "Float",
    "double": "Double",
    "timestamp": "Date",
    "boolean": "Boolean",
}
_LARGEST: Final = {"integer": 2**31 - 1, "long": 2**63 - 1}

_base64_text = re.compile(r"[A-Za-z0-9+/=]*")


def parse(body: bytes) -> dict[str, Any]:
    """The body's JSON object. Raises SerializationException, without a message as the service does,
    when it is none.

    That covers an empty body, text that is no JSON or no UTF-8, numbers beyond 64-bit floats, and
    nesting so deep that the parser gives up (1000 levels; `understood` stops at
    `limits.REQUEST_NESTING` of those that mean something).
    """
    document: Any = None
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass  # the error is raised outside the handler, so that it doesn't drag this one along
    if document.__class__ is not dict:
        raise SerializationException
    return document


def understood(shape: Shape, document: dict[str, Any]) -> dict[str, Any]:
    """The document with every member of its shape's type: nulls and unknown members dropped,
    numbers and booleans converted.

    Raises SerializationException for the first member that cannot be converted.
    """
    return _structure(shape, document, False, 1)


def _read(shape: Shape, value: Any, element: bool, depth: int) -> Any:
    """`element` says that the value stands in a list or map, not in a structure's member."""
    reader = _CONTAINERS.get(shape.kind)
    if reader is not None:
        if depth > limits.REQUEST_NESTING:
            raise SerializationException
        return reader(shape, value, element, depth)
    if isinstance(value, dict):
        raise SerializationException(_MAP_UNEXPECTED)
    if isinstance(value, list):
        raise SerializationException(_UNSAID)
    return _SCALARS[shape.kind](shape.kind, value)


def _structure(shape: Shape, value: Any, element: bool, depth: int) -> dict[str, Any]:
    if value.__class__ is list:
        raise SerializationException(_UNSAID)
    if value.__class__ is not dict:
        raise SerializationException(_VALUE_UNEXPECTED if element else _FIELD_UNEXPECTED)
    known: dict[str, Any] = {}
    for name, content in value.items():
        member = shape.members.get(name)
        if member is not None and content is not None:
            known[name] = _read(member, content, False, depth + 1)
    return known


def _list(shape: Shape, value: Any, element: bool, depth: int) -> list[Any]:
    if value.__class__ is dict:
        raise SerializationException(_MAP_UNEXPECTED)
    if value.__class__ is not list:
        raise SerializationException(_UNSAID if element else _FIELD_UNEXPECTED)
    return [_element(shape, content, depth) for content in value]


def _map(shape: Shape, value: Any, element: bool, depth: int) -> dict[str, Any]:
    if value.__class__ is not dict:
        unsaid = element or value.__class__ is list
        raise SerializationException(_UNSAID if unsaid else _FIELD_UNEXPECTED)
    return {name: _element(shape, content, depth) for name, content in value.items()}


def _element(shape: Shape, value: Any, depth: int) -> Any:
    assert shape.element is not None
    if value is None:
        # A null attribute value is one without a type, which the reading of items refuses in its
        # own words.
        return {} if shape.element.name == "AttributeValue" else None
    return _read(shape.element, value, True, depth + 1)


def _string(kind: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _inconvertible(kind, value)
    return value


def _whole(kind: str, value: Any) -> int:
    """A number of any form, its fraction cut off, held within the type's range."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _inconvertible(kind, value)
    largest = _LARGEST[kind]
    return max(-largest - 1, min(largest, math.trunc(value)))


def _fractional(kind: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _inconvertible(kind, value)
    return value


def _boolean(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise _inconvertible(kind, value)
    word = value.lower()
    if word not in ("true", "false"):
        raise SerializationException("Unexpected token received from parser")
    return word == "true"


def _blob(kind: str, value: Any) -> str:
    """The base64 text as it stands. Raises with the fault that the service finds first: type,
    length, letters, ending."""
    del kind
    if not isinstance(value, str):
        raise SerializationException(_NO_BASE64)
    if len(value) % 4:
        raise SerializationException(f"{_BASE64_LENGTH}{len(value)}")
    if not _base64_text.fullmatch(value):
        raise SerializationException(_VALUE_UNEXPECTED)
    try:
        data = base64.b64decode(value, validate=True)
    except binascii.Error:
        raise SerializationException(_BASE64_END) from None
    if base64.b64encode(data).decode() != value:
        raise SerializationException(_BASE64_END)
    return value


def _inconvertible(kind: str, value: Any) -> SerializationException:
    if isinstance(value, bool):
        token = "TRUE_VALUE" if value else "FALSE_VALUE"
    elif isinstance(value, int):
        token = "NUMBER_VALUE"
    elif isinstance(value, float):
        token = "DECIMAL_VALUE"
    else:
        token = "STRING_VALUE"
    return SerializationException(f"{token} cannot be converted to {_JAVA_NAMES[kind]}")


_CONTAINERS: Final[dict[str, Callable[[Shape, Any, bool, int], Any]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
}
_SCALARS: Final[dict[str, Callable[[str, Any], Any]]] = {
    "string": _string,
    "integer": _whole,
    "long": _whole,
    "float": _fractional,
    "double": _fractional,
    "timestamp": _fractional,
    "boolean": _boolean,
    "blob": _blob,
}
