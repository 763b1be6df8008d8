"""Literals and parameters of statements to attribute values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.expressions.partiql.nodes import (
    Bag,
    Call,
    Constant,
    Items,
    Name,
    Node,
    Operation,
    Parameter,
    Path,
    Tuple,
)
from tailrace.model.numbers import canonical_number
from tailrace.model.values import AttributeValue, Item, canonical_value

__all__ = ["canonical_parameters", "parameter_value", "tuple_item", "value_of", "what"]

_DEEP: Final = "Nesting Levels have exceeded supported limits"
_DUPLICATES: Final = "One or more parameter values were invalid: Input collection "


def canonical_parameters(raw: Sequence[AttributeValue] | None) -> list[AttributeValue]:
    """The canonical values of a request's parameters.

    Raises ValidationException for the first one that is no value, and Malformed for the wrong
    shape.
    """
    return [canonical_value(value)[0] for value in raw or ()]


def parameter_value(node: Parameter, parameters: Sequence[AttributeValue]) -> AttributeValue:
    """What a question mark stands for."""
    if node.position >= len(parameters):
        raise ValidationException("Number of parameters in request and statement don't match.")
    return parameters[node.position]


def value_of(node: Node, parameters: Sequence[AttributeValue]) -> AttributeValue:
    """The value of a literal or a parameter. Raises ValidationException for anything else, for
    values that cannot be stored, and for parameters inside literals.
    """
    if isinstance(node, Parameter):
        return parameter_value(node, parameters)
    return _literal(node, "root", 0)


def tuple_item(node: Node, parameters: Sequence[AttributeValue]) -> Item:
    """The item that an INSERT's value is: its attributes may be parameters, and so may it."""
    if isinstance(node, Parameter):
        value = parameter_value(node, parameters)
        if "M" not in value:
            raise _unsupported(node, "root")
        return value["M"]
    if not isinstance(node, Tuple):
        raise _unsupported(node, "root")
    item: Item = {}
    for key, value in node.fields:
        name = _field_name(key, "root")
        if name in item:
            raise _repeated(name, "root", key)
        item[name] = value_of(value, parameters)
    return item


def what(node: Node) -> str:
    """What messages call a node: a function by its name, anything else by its kind."""
    match node:
        case Call(function):
            return function
        case Name() | Path():
            return "VariableReference" if isinstance(node, Name) else "Path"
        case Operation(operator):
            return "IsType" if operator in ("is", "is_not") else "NAry"
        case Constant("MISSING"):
            return "LiteralMissing"
        case Constant():
            return "Literal"
        case Items():
            return "ListExprNode"
        case Bag():
            return "Bag"
        case Tuple():
            return "Struct"
        case _:
            return type(node).__name__


def _unsupported(node: Node, path: str) -> ValidationException:
    return ValidationException(f"Unsupported data type: {what(node)} under key {path} at {node.at}")


def _repeated(name: str, path: str, node: Node) -> ValidationException:
    return ValidationException(f"Duplicate keys in tuple. Key: {name} under {path} at {node.at}")


def _literal(node: Node, path: str, depth: int) -> AttributeValue:
    """The value of a literal. `path` leads to it from the value that it is a part of."""
    if depth >= limits.ITEM_NESTING:
        raise ValidationException(f"{_DEEP} under {path}")
    match node:
        case Constant("N", text):
            return {"N": _number(text, path)}
        case Constant("S", text):
            return {"S": text}
        case Constant("BOOL", text):
            return {"BOOL": text == "true"}
        case Constant("NULL"):
            return {"NULL": True}
        case Items(elements):
            members: list[Any] = []
            for index, element in enumerate(elements):
                members.append(_literal(element, f"{path}[{index}]", depth + 1))
            return {"L": members}
        case Tuple(fields):
            entries: Item = {}
            for key, value in fields:
                name = _field_name(key, path)
                if name in entries:
                    raise _repeated(name, path, node)
                entries[name] = _literal(value, f"{path}.{name}", depth + 1)
            return {"M": entries}
        case Bag(elements):
            return _bag(elements, path)
        case _:
            raise _unsupported(node, path)


def _field_name(node: Node, path: str) -> str:
    if not isinstance(node, Constant) or node.kind != "S":
        raise _unsupported(node, path)
    if not node.text:
        raise ValidationException("Path component cannot be an empty string")
    return node.text


def _number(text: str, path: str) -> str:
    try:
        return canonical_number(text)
    except ValidationException as error:
        raise ValidationException(f"{error.message} under {path}") from None


def _bag(elements: Sequence[Node], path: str) -> AttributeValue:
    """A set: of numbers or of strings, as a literal."""
    if not elements:
        raise ValidationException("Empty bags are not supported")
    texts: list[str] = []
    kinds: set[str] = set()
    for element in elements:
        kind = element.kind if isinstance(element, Constant) else ""
        texts.append(element.text if isinstance(element, Constant) else "")
        kinds.add(kind)
    if kinds not in ({"N"}, {"S"}):
        raise ValidationException(
            "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags"
        )
    if kinds == {"S"}:
        return canonical_value({"SS": texts})[0]
    numbers = [_number(text, path) for text in texts]
    if len(set(numbers)) != len(numbers):
        shown = ", ".join(texts)
        raise ValidationException(f"{_DUPLICATES}[{shown}] contains duplicates! under {path}")
    return canonical_value({"NS": numbers})[0]
