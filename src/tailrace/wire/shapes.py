"""The shapes of requests, compiled from the service models that botocore ships as data.

A service's model is loaded when it is first asked for (about 0.1 s), reduced to what checking
needs, and kept; the original is let go.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any, Final

import msgspec

from tailrace.wire import differences

__all__ = ["Shape", "input_shape", "member_path"]

_MODEL: Final = "service-2"
_INPUTS: Final = 256  # all operations of three services


class Shape(msgspec.Struct, eq=False):
    """One type of a service's model. Shapes refer to one another, in circles too: `AttributeValue`
    contains itself.

    `kind` is botocore's: structure, list, map, string, integer, long, float, double, boolean, blob,
    timestamp. `members` are in the order in which their violations are reported; `shown` are the
    names of all members as messages show them.
    """

    name: str
    kind: str
    members: dict[str, Shape] = {}
    required: frozenset[str] = frozenset()
    shown: tuple[str, ...] = ()
    element: Shape | None = None
    key: Shape | None = None
    minimum: int | None = None
    maximum: int | None = None
    pattern: str | None = None
    accepts: re.Pattern[str] | None = None
    enum: tuple[str, ...] = ()
    arn: bool = False
    length_first: bool = False


def member_path(name: str) -> str:
    """A member's name as messages write it: the first letter in lower case, `SSESpecification` as
    `sSESpecification`."""
    return name[:1].lower() + name[1:]


@lru_cache(_INPUTS)
def input_shape(service: str, operation: str) -> Shape | None:
    """The shape of an operation's input, with the service's differences applied; None when there is
    no such operation.

    `service` is botocore's name of it: dynamodb, dynamodbstreams or kinesis.
    """
    model = _model(service)
    described: dict[str, Any] | None = model.operations.get(operation)
    if described is None:
        return None
    if "input" not in described:
        return Shape(name=operation + "Input", kind="structure")
    return _Compiler(service, operation, model.shapes).shape(described["input"]["shape"])


class _Model(msgspec.Struct):
    operations: dict[str, Any]
    shapes: dict[str, Any]


@cache
def _model(service: str) -> _Model:
    # Imported here: it costs a fifth of the start-up time, and a server without faulty requests
    # never needs it.
    import botocore.loaders  # pyright: ignore[reportMissingTypeStubs]

    loader: Any = botocore.loaders.Loader()
    raw: dict[str, dict[str, Any]] = loader.load_service_model(service, _MODEL)
    return _Model(
        operations={name: _undocumented(value) for name, value in raw["operations"].items()},
        shapes={name: _undocumented(value) for name, value in raw["shapes"].items()},
    )


def _undocumented(value: Any) -> Any:
    """The same without documentation, which is most of a model's bytes."""
    kind = value.__class__
    if issubclass(kind, dict):
        return {
            name: _undocumented(content)
            for name, content in value.items()
            if name != "documentation" or content.__class__ is not str
        }
    return [_undocumented(content) for content in value] if kind is list else value


class _Compiler:
    """Compiles the shapes that one operation's input reaches; each shape once."""

    def __init__(self, service: str, operation: str, raw: dict[str, Any]) -> None:
        self._service = service
        self._operation = operation
        self._raw = raw
        self._done: dict[str, Shape] = {}

    def shape(self, name: str) -> Shape:
        known = self._done.get(name)
        if known is not None:
            return known
        raw = self._raw[name]
        shape = Shape(
            name=name,
            kind=raw["type"],
            minimum=raw.get("min"),
            maximum=raw.get("max"),
            pattern=raw.get("pattern"),
            accepts=_compiled(raw.get("pattern")),
            enum=self._enum(name, raw),
            length_first=name == "IndexName",
        )
        # Before its parts, which may contain it.
        self._done[name] = shape
        if shape.kind == "structure":
            self._fill_structure(shape, raw)
        elif shape.kind == "list":
            shape.element = self.shape(raw["member"]["shape"])
        elif shape.kind == "map":
            shape.key = self._member(name, "key", raw["key"]["shape"])
            shape.element = self.shape(raw["value"]["shape"])
        return shape

    def _fill_structure(self, shape: Shape, raw: dict[str, Any]) -> None:
        members: dict[str, Any] = raw["members"]
        required: tuple[str, ...] = tuple(raw.get("required", ()))
        shape.required = frozenset(differences.REQUIRED.get(shape.name, required))
        shape.shown = differences.HIDDEN_MEMBERS.get(shape.name, tuple(members))
        first = [name for name in differences.MEMBER_ORDER.get(shape.name, ()) if name in members]
        for name in [*first, *(name for name in members if name not in first)]:
            shape.members[name] = self._member(shape.name, name, members[name]["shape"])

    def _member(self, owner: str, name: str, shape_name: str) -> Shape:
        shape = self.shape(shape_name)
        constraints = differences.MEMBER_CONSTRAINTS.get((owner, name))
        is_table = shape_name == "TableArn" and name in ("TableName", "key")
        if is_table and self._service == "dynamodb":
            constraints = differences.table_name_constraints(self._operation)
        if constraints is None:
            return shape
        return msgspec.structs.replace(
            shape,
            minimum=constraints.minimum,
            maximum=constraints.maximum,
            pattern=constraints.pattern,
            accepts=_compiled(constraints.accepts),
            arn=constraints.arn,
            length_first=constraints.length_first,
        )

    def _enum(self, name: str, raw: dict[str, Any]) -> tuple[str, ...]:
        values = tuple(raw.get("enum", ()))
        printed = differences.ENUM_ORDER.get(name, values)
        # A model with other values than the table's has moved on; then its own order is the best
        # guess.
        return printed if set(printed) == set(values) else values


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    try:
        return re.compile(pattern)
    except re.error:  # Java's dialect has constructs that Python's lacks
        return None
