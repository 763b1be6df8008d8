"""Search conditions: which of a vector index's items a search looks at.

A conjunction of equalities, each of one top-level attribute and a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NoReturn

from tailrace.errors import ValidationException
from tailrace.expressions.bindings import Bindings
from tailrace.expressions.checks import check_condition, resolve
from tailrace.expressions.conditions import placeholders
from tailrace.expressions.parser import parse_condition
from tailrace.expressions.tree import And, Compare, Condition, Literal, PathNode
from tailrace.model.values import AttributeValue

__all__ = ["search_tests"]

_PARAMETER: Final = "SearchConditionExpression"


def search_tests(text: str, bindings: Bindings) -> dict[str, AttributeValue]:
    """What a SearchConditionExpression asks attributes to equal, by their names.

    Raises ValidationException for everything that is wrong whatever the index's search schema is.
    """
    parsed = parse_condition(text, _PARAMETER)
    names, values = bindings.names, bindings.values
    check_condition(parsed, _PARAMETER, names, values)
    bindings.use(*placeholders(parsed.order))
    tests: dict[str, AttributeValue] = {}
    pending: list[Condition] = [parsed.root]
    while pending:
        condition = pending.pop()
        if isinstance(condition, And):
            pending.extend(reversed(condition.terms))
            continue
        name, key = _equality(condition, names)
        if name in tests:
            _refuse(f"{_PARAMETER} must only contain one condition per attribute")
        tests[name] = values[key]
    return tests


def _equality(condition: Condition, names: Mapping[str, str]) -> tuple[str, str]:
    """The attribute and the placeholder of the value that a condition compares."""
    if not isinstance(condition, Compare):
        _refuse(f"Invalid operator used in {_PARAMETER}")
    if condition.operator != "=":
        _refuse(f"Invalid comparator used in {_PARAMETER}")
    path, value = condition.left, condition.right
    if isinstance(path, Literal):
        path, value = value, path
    if not isinstance(path, PathNode) or not isinstance(value, Literal):
        _refuse(f"Invalid operator used in {_PARAMETER}")
    name, *below = resolve(path, names)
    if below:
        _refuse(f"{_PARAMETER} cannot have conditions on nested attributes")
    return str(name), value.key


def _refuse(problem: str) -> NoReturn:
    raise ValidationException(f"Invalid {_PARAMETER}: {problem}")
