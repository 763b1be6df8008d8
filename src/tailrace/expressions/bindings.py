"""What a request's placeholders stand for, and which of them its expressions have used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.model.values import AttributeValue, canonical_value, name_problem

__all__ = ["Bindings", "refuse_idle"]

_KEYS: Final = {
    "ExpressionAttributeNames": re.compile(r"#[A-Za-z0-9_]+", re.ASCII),
    "ExpressionAttributeValues": re.compile(r":[A-Za-z0-9_]+", re.ASCII),
}
# Placeholders are at most 255 long (Constraints.html).
_KEY_LENGTH: Final = 255
_NONE: Final[frozenset[str]] = frozenset()


class Bindings:
    """A request's ExpressionAttributeNames and ExpressionAttributeValues.

    `names` maps `#name` to attribute names, `values` maps `:value` to canonical attribute values.
    Expressions are bound one after another; `finish` then refuses what none of them used.

    Raises ValidationException for empty maps, malformed keys and invalid contents, and Malformed
    for values whose JSON has the wrong shape.
    """

    __slots__ = ("_used_names", "_used_values", "names", "values")

    def __init__(
        self, names: Mapping[str, str] | None, values: Mapping[str, AttributeValue] | None
    ) -> None:
        self._used_names: set[str] | frozenset[str] = _NONE
        self._used_values: set[str] | frozenset[str] = _NONE
        self.names: Mapping[str, str] = {}
        self.values: Mapping[str, AttributeValue] = {}
        if names is not None:
            _check_keys("ExpressionAttributeNames", names)
            for key, name in names.items():
                _check_name(key, name)
            self.names = names
        if values is not None:
            _check_keys("ExpressionAttributeValues", values)
            self.values = _canonical(values)

    def use(self, names: Iterable[str], values: Iterable[str]) -> None:
        """Note that an expression used these placeholders."""
        if names:
            self._used_names = self._used_names.union(names)
        if values:
            self._used_values = self._used_values.union(values)

    def finish(self) -> None:
        """Raise ValidationException if placeholders were given that no expression used."""
        if len(self._used_names) != len(self.names):
            _refuse_unused("ExpressionAttributeNames", self.names, self._used_names)
        if len(self._used_values) != len(self.values):
            _refuse_unused("ExpressionAttributeValues", self.values, self._used_values)


def refuse_idle(
    names: object | None, values: object | None, expressions: Mapping[str, str | None]
) -> None:
    """Raise ValidationException for placeholders in a request without an expression that could use
    them.

    `expressions` are the operation's expression parameters by name, in the order in which messages
    list them; projections take no values.
    """
    if names is not None and all(text is None for text in expressions.values()):
        raise ValidationException(
            "ExpressionAttributeNames can only be specified when using expressions"
        )
    if values is not None:
        takers = [name for name in expressions if name != "ProjectionExpression"]
        if all(expressions[name] is None for name in takers):
            verb = "is" if len(takers) == 1 else "are"
            raise ValidationException(
                "ExpressionAttributeValues can only be specified when using expressions:"
                f" {' and '.join(takers)} {verb} null"
            )


def _check_keys(parameter: str, entries: Mapping[str, object]) -> None:
    if not entries:
        raise ValidationException(f"{parameter} must not be empty")
    pattern = _KEYS[parameter]
    for key in entries:
        if pattern.fullmatch(key) is not None and len(key) <= _KEY_LENGTH:
            continue
        if not key:
            problem = "The expression attribute map contains an empty key;"
        elif len(key) > _KEY_LENGTH:
            problem = (
                "The expression attribute map contains a key that is too long;"
                f" size of key: {len(key)}"
            )
        else:
            problem = f'Syntax error; key: "{key}"'
        raise ValidationException(f"{parameter} contains invalid key: {problem}")


def _check_name(key: str, name: str) -> None:
    problem = name_problem(name)
    if problem is not None:
        raise ValidationException(
            f"ExpressionAttributeNames contains invalid value: {problem} for key {key}"
        )


def _canonical(values: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    canonical: dict[str, AttributeValue] = {}
    size = 0
    for key, raw in values.items():
        try:
            canonical[key], value_bytes = canonical_value(raw)
        except ValidationException as error:
            raise ValidationException(
                f"ExpressionAttributeValues contains invalid value: {error.message} for key {key}"
            ) from None
        size += value_bytes
    if size > limits.EXPRESSION_VARIABLES_BYTES:
        raise ValidationException("ExpressionAttributeValues exceeds max size")
    return canonical


def _refuse_unused(parameter: str, given: Mapping[str, object], used: Iterable[str]) -> None:
    unused = sorted(set(given).difference(used))
    raise ValidationException(
        f"Value provided in {parameter} unused in expressions: keys: {{{', '.join(unused)}}}"
    )
