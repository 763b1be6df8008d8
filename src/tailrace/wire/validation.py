"""The slow path of validation: what is wrong with a request, in AWS's words.

The happy path never comes here (`wire.decode`). When it stumbles, the request is read again with
the service's own model in hand: first the types (`wire.parsing`), then all constraints together, as
`2 validation errors detected: Value '' at 'tableName' failed to satisfy constraint: ...; Value null
at 'key' failed to satisfy constraint: ...`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final

from tailrace.errors import AwsError, SerializationException, ValidationException
from tailrace.wire import differences
from tailrace.wire.echo import echo
from tailrace.wire.parsing import parse, understood
from tailrace.wire.shapes import Shape, input_shape, member_path

__all__ = ["VIOLATIONS_REPORTED", "examine", "explain"]

# Seen on AWS: further violations are neither listed nor counted.
VIOLATIONS_REPORTED: Final = 10
# Longer strings are judged by their beginning: they break the length constraint anyway, and some
# patterns are quadratic.
_PATTERN_CHARACTERS: Final = 4096
_ARN_CHARACTERS: Final = 1024

_NULL: Final = "Member must not be null"


def explain(service: str, operation: str, body: bytes) -> AwsError | None:
    """The error that AWS answers to this request before it runs the operation; None when it has
    none to find.

    `service` is "dynamodb", "dynamodbstreams" or "kinesis"; `body` the JSON, decompressed. Never
    raises.
    """
    found = examine(service, operation, body)
    return found if isinstance(found, AwsError) else None


def examine(service: str, operation: str, body: bytes) -> AwsError | dict[str, Any]:
    """The request's error, or the request as the service understands it: see
    `wire.parsing.understood`."""
    try:
        document = parse(body)
        shape = input_shape(service, operation)
        if shape is None:
            return document
        request = understood(shape, document)
    except SerializationException as error:
        return error
    return _refusal(service, operation, shape, request) or request


def _refusal(
    service: str, operation: str, shape: Shape, request: dict[str, Any]
) -> ValidationException | None:
    manages_tables = service == "dynamodb" and operation not in differences.ITEM_OPERATIONS
    if manages_tables and "TableName" in shape.required and "TableName" not in request:
        return ValidationException(
            "The parameter 'TableName' is required but was not present in the request"
        )
    violations = list(islice(_structure("", shape, request), VIOLATIONS_REPORTED))
    if violations:
        plural = "" if len(violations) == 1 else "s"
        return ValidationException(
            f"{len(violations)} validation error{plural} detected: {'; '.join(violations)}"
        )
    required_map = differences.REQUIRED_MAPS.get(operation)
    if service == "dynamodb" and required_map is not None and not request.get(required_map):
        return ValidationException(
            f"The {member_path(required_map)} parameter is required for {operation}"
        )
    # Kinesis has them as a map.
    return _tag_refusal(request.get("Tags") or ()) if service == "dynamodb" else None


def _tag_refusal(tags: Iterable[dict[str, Any]]) -> ValidationException | None:
    for tag in tags:
        for member in differences.TAG_MEMBERS:
            if member not in tag:
                return ValidationException(f"The Tag {member} provided is invalid, {member}: null")
    return None


def _violation(path: str, shape: Shape, value: Any, constraint: str) -> str:
    shown = "null" if value is None else f"'{echo(shape, value)}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _structure(path: str, shape: Shape, value: dict[str, Any]) -> Iterator[str]:
    prefix = path + "." if path else ""
    for name, member in shape.members.items():
        content = value.get(name)
        if content is not None:
            yield from _value(prefix + member_path(name), member, content)
        elif name in shape.required:
            yield _violation(prefix + member_path(name), member, None, _NULL)


def _value(path: str, shape: Shape, value: Any) -> Iterator[str]:
    for constraint in _broken(shape, value):
        yield _violation(path, shape, value, constraint)
    descend = _DESCEND.get(shape.kind)
    if descend is not None:
        yield from descend(path, shape, value)


def _list(path: str, shape: Shape, value: list[Any]) -> Iterator[str]:
    element = shape.element
    assert element is not None
    if _is_free(element):
        return
    if element.kind not in _DESCEND:
        constraint = _together(element, value)
        if constraint:
            yield _violation(path, shape, value, f"Member must satisfy constraint: {constraint}")
    for position, content in enumerate(value, 1):
        yield from _element(f"{path}.{position}.member", element, content)


def _map(path: str, shape: Shape, value: dict[str, Any]) -> Iterator[str]:
    element, key = shape.element, shape.key
    assert element is not None
    assert key is not None
    constraint = _together(key, list(value))
    if constraint:
        yield _violation(path, shape, value, f"Map keys must satisfy constraint: {constraint}")
    if _is_free(element):
        return
    constraint = _together(element, list(value.values()))
    if constraint:
        yield _violation(path, shape, value, f"Map value must satisfy constraint: {constraint}")
    for name, content in value.items():
        yield from _element(f"{path}.{name}.member", element, content)


def _element(path: str, shape: Shape, value: Any) -> Iterator[str]:
    """What is wrong inside an element; its own constraints were reported with the list or map it
    stands in."""
    if value is None:
        yield _violation(path, shape, None, _NULL)
        return
    descend = _DESCEND.get(shape.kind)
    if descend is not None:
        yield from descend(path, shape, value)


def _is_free(shape: Shape) -> bool:
    """Attribute values have no constraints in the model; the reading of items checks them."""
    return shape.name == "AttributeValue"


def _together(shape: Shape, values: list[Any]) -> str:
    """`[all constraints of the elements]` when one of them is broken by one of the values, else
    nothing."""
    if not any(value is not None and any(True for _ in _broken(shape, value)) for value in values):
        return ""
    return f"[{', '.join(_constraints(shape))}]"


def _constraints(shape: Shape) -> Iterator[str]:
    if shape.enum:
        yield _enum(shape)
    if shape.maximum is not None:
        yield f"Member must have {_measure(shape)} less than or equal to {shape.maximum}"
    if shape.minimum is not None:
        yield f"Member must have {_measure(shape)} greater than or equal to {shape.minimum}"
    if shape.pattern is not None:
        yield f"Member must satisfy regular expression pattern: {shape.pattern}"


def _broken(shape: Shape, value: Any) -> Iterator[str]:
    """The constraints that a value itself breaks, in the service's order."""
    if shape.enum and value not in shape.enum:
        yield _enum(shape)
    if shape.arn and value.startswith("arn:"):
        if len(value) > _ARN_CHARACTERS:
            yield f"Member must have length less than or equal to {_ARN_CHARACTERS}"
        return
    if shape.length_first:
        yield from _out_of_range(shape, value)
    if shape.accepts is not None and not shape.accepts.fullmatch(value[:_PATTERN_CHARACTERS]):
        yield f"Member must satisfy regular expression pattern: {shape.pattern}"
    if not shape.length_first:
        yield from _out_of_range(shape, value)


def _out_of_range(shape: Shape, value: Any) -> Iterator[str]:
    minimum, maximum = shape.minimum, shape.maximum
    if minimum is None and maximum is None:
        return
    measured = _size(shape, value)
    if minimum is not None and measured < minimum:
        yield f"Member must have {_measure(shape)} greater than or equal to {minimum}"
    if maximum is not None and measured > maximum:
        yield f"Member must have {_measure(shape)} less than or equal to {maximum}"


def _size(shape: Shape, value: Any) -> int | float:
    if shape.kind in _NUMBERS:
        return value
    if shape.kind == "blob":
        # The text was found to be canonical base64.
        return len(value) // 4 * 3 - value.count("=", -2)
    return len(value)


def _measure(shape: Shape) -> str:
    return "value" if shape.kind in _NUMBERS else "length"


def _enum(shape: Shape) -> str:
    return f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"


_NUMBERS: Final = frozenset({"integer", "long", "float", "double"})
_DESCEND: Final[dict[str, Callable[[str, Shape, Any], Iterator[str]]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
}
