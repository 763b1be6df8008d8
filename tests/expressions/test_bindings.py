"""Proves that placeholders are checked, made canonical, and refused when nothing uses them."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.errors import ValidationException
from tailrace.expressions import Bindings, condition, refuse_idle
from tailrace.model.values import Malformed


def _refusal(names: Any, values: Any) -> str:
    with pytest.raises(ValidationException) as caught:
        Bindings(names, values)
    return caught.value.message


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ({}, "must not be empty"),
        ({"": "a"}, "contains invalid key: The expression attribute map contains an empty key;"),
        *(
            ({key: "a"}, f'contains invalid key: Syntax error; key: "{key}"')
            for key in ["a", "#", ":a", "# a", "#a b", "#a-b", "##a", "#a.b", "#é", "#a\n"]
        ),
        (
            {"#" + "a" * 255: "a"},
            (
                "contains invalid key: The expression attribute map contains a key that is"
                " too long; size of key: 256"
            ),
        ),
        ({"#a": ""}, "contains invalid value: Empty attribute name for key #a"),
        (
            {"#a": "é" * 32_768},
            (
                "contains invalid value: Attribute name is too large, must be less than 65536 bytes"
                " for key #a"
            ),
        ),
        ({"#a": "", "b": "x"}, 'contains invalid key: Syntax error; key: "b"'),
    ],
)
def test_bad_names(names: dict[str, str], problem: str) -> None:
    separator = " "
    assert _refusal(names, None) == f"ExpressionAttributeNames{separator}{problem}"


_PREFIX = "ExpressionAttributeValues contains invalid value: "


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "ExpressionAttributeValues must not be empty"),
        (
            {"a": {"S": ""}},
            'ExpressionAttributeValues contains invalid key: Syntax error; key: "a"',
        ),
        (
            {":b": {}, "c": {}},
            'ExpressionAttributeValues contains invalid key: Syntax error; key: "c"',
        ),
        (
            {":a": {}},
            (
                f"{_PREFIX}Supplied AttributeValue is empty, must contain exactly one of the"
                " supported datatypes for key :a"
            ),
        ),
        (
            {":a": {"N": "b"}},
            f"{_PREFIX}The parameter cannot be converted to a numeric value: b for key :a",
        ),
        (
            {":a": {"SS": ["a", "a"]}},
            (
                f"{_PREFIX}One or more parameter values were invalid: Input collection [a, a]"
                " contains duplicates. for key :a"
            ),
        ),
        ({":a": {"S": "x" * (2 * 1024 * 1024 + 1)}}, "ExpressionAttributeValues exceeds max size"),
    ],
)
def test_bad_values(values: dict[str, Any], message: str) -> None:
    assert _refusal(None, values) == message


def test_names_are_looked_at_before_values() -> None:
    assert _refusal({"a": "b"}, {"a": {}}).startswith("ExpressionAttributeNames")


def test_values_of_the_wrong_shape_are_malformed() -> None:
    with pytest.raises(Malformed):
        Bindings(None, {":a": {"S": 1}})


def test_values_become_canonical() -> None:
    bindings = Bindings(None, {":n": {"N": "1.50"}, ":s": {"SS": ["b", "a"]}})
    assert bindings.values == {":n": {"N": "1.5"}, ":s": {"SS": ["a", "b"]}}


def test_what_no_expression_used_is_refused_names_first() -> None:
    names = {"#a": "a", "#c": "c", "#b": "b"}
    values = {":v": {"S": "s"}, ":z": {"S": "s"}, ":w": {"S": "s"}}
    bindings = Bindings(names, values)
    condition("#a = :v", bindings)
    with pytest.raises(ValidationException) as caught:
        bindings.finish()
    assert caught.value.message == (
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#b, #c}"
    )
    condition("#b = #c", bindings)
    with pytest.raises(ValidationException) as caught:
        bindings.finish()
    assert caught.value.message == (
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w, :z}"
    )
    condition("#b IN (:w, :z)", bindings, "FilterExpression")
    bindings.finish()


@pytest.mark.parametrize(
    ("names", "values", "expressions", "message"),
    [
        (
            {},
            {},
            {"UpdateExpression": None, "ConditionExpression": None},
            "ExpressionAttributeNames can only be specified when using expressions",
        ),
        (
            None,
            {},
            {"UpdateExpression": None, "ConditionExpression": None},
            (
                "ExpressionAttributeValues can only be specified when using expressions:"
                " UpdateExpression and ConditionExpression are null"
            ),
        ),
        (
            {},
            {},
            {"ProjectionExpression": "a", "FilterExpression": None},
            (
                "ExpressionAttributeValues can only be specified when using expressions:"
                " FilterExpression is null"
            ),
        ),
    ],
)
def test_placeholders_need_an_expression(
    names: Any, values: Any, expressions: dict[str, str | None], message: str
) -> None:
    with pytest.raises(ValidationException) as caught:
        refuse_idle(names, values, expressions)
    assert caught.value.message == message


def test_placeholders_with_an_expression_pass() -> None:
    refuse_idle({}, {}, {"ConditionExpression": ""})
    refuse_idle(None, None, {"ConditionExpression": None})
    refuse_idle({}, None, {"ProjectionExpression": "a"})
