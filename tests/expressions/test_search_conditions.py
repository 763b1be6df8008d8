"""Proves which conditions a search can have, and in whose words the others are refused."""

from __future__ import annotations

import pytest

from tailrace.errors import ValidationException
from tailrace.expressions import Bindings, search_tests

NAMES = {"#a": "bucket", "#b": "b.c"}
VALUES = {":x": {"S": "x"}, ":n": {"N": "1.0"}}


def bound(text: str) -> dict[str, dict[str, object]]:
    names = {key: name for key, name in NAMES.items() if key in text}
    values = {key: value for key, value in VALUES.items() if key in text}
    bindings = Bindings(names or None, values or None)
    found = search_tests(text, bindings)
    bindings.finish()
    return found


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        ("a = :x", {"a": {"S": "x"}}),
        (":x = a", {"a": {"S": "x"}}),
        ("#a = :n", {"bucket": {"N": "1"}}),
        ("#b = :n", {"b.c": {"N": "1"}}),
        ("a = :x AND b = :n", {"a": {"S": "x"}, "b": {"N": "1"}}),
        (
            "(a = :x) and (b = :n AND c = :x)",
            {"a": VALUES[":x"], "b": {"N": "1"}, "c": VALUES[":x"]},
        ),
    ],
)
def test_attributes_equal_values(text: str, tests: dict[str, dict[str, object]]) -> None:
    assert bound(text) == tests


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a < :x", "Invalid comparator used in SearchConditionExpression"),
        ("a = :x AND b >= :n", "Invalid comparator used in SearchConditionExpression"),
        ("a <> :x", "Invalid comparator used in SearchConditionExpression"),
        ("a BETWEEN :x AND :x", "Invalid operator used in SearchConditionExpression"),
        ("a IN (:x)", "Invalid operator used in SearchConditionExpression"),
        ("a = :x OR b = :n", "Invalid operator used in SearchConditionExpression"),
        ("NOT a = :x", "Invalid operator used in SearchConditionExpression"),
        ("attribute_exists(a)", "Invalid operator used in SearchConditionExpression"),
        ("size(a) = :n", "Invalid operator used in SearchConditionExpression"),
        ("a = b", "Invalid operator used in SearchConditionExpression"),
        (
            "a.b = :x",
            "SearchConditionExpression cannot have conditions on nested attributes",
        ),
        (
            "a = :x AND a = :n",
            "SearchConditionExpression must only contain one condition per attribute",
        ),
        (
            "a = :missing",
            (
                "An expression attribute value used in expression is not defined; attribute value:"
                " :missing"
            ),
        ),
        ("bucket = :x", "Attribute name is a reserved keyword; reserved keyword: bucket"),
        ("", "The expression can not be empty;"),
    ],
)
def test_anything_else_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValidationException) as refusal:
        bound(text)
    assert refusal.value.message == f"Invalid SearchConditionExpression: {problem}"
