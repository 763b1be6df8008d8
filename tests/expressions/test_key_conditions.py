"""Proves that key conditions span exactly the keys that meet them, and what is refused."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import ValidationException
from tailrace.expressions import Bindings, key_condition, key_conditions
from tailrace.model.keys import KeyAttribute, KeySchema

PAIR = KeySchema((KeyAttribute("pk", "S"),), (KeyAttribute("sk", "S"),))
SINGLE = KeySchema((KeyAttribute("pk", "S"),))
COMPOSITE = KeySchema(
    (KeyAttribute("g", "S"), KeyAttribute("h", "N")),
    (KeyAttribute("a", "S"), KeyAttribute("b", "S"), KeyAttribute("c", "N")),
)
VALUES: dict[str, Any] = {
    ":v": {"S": "s"},
    ":w": {"S": "t"},
    ":n": {"N": "1"},
    ":e": {"S": ""},
    ":l": {"L": []},
    ":long": {"S": "x" * 2049},
}


def _bindings(text: str) -> Bindings:
    values = {key: value for key, value in VALUES.items() if key in text.replace(":long", ":L")}
    if ":long" in text:
        values[":long"] = VALUES[":long"]
    return Bindings(None, values or None)


def _error(text: str, schema: KeySchema) -> str:
    with pytest.raises(ValidationException) as caught:
        key_condition(text, _bindings(text), schema)
    return caught.value.message


MISSED = "Query condition missed key schema element: "
UNSUPPORTED = "Query key condition not supported"
ONE_EACH = "KeyConditionExpressions must only contain one condition per key"
NESTED = "KeyConditionExpressions cannot contain nested operations"
OPERATOR = "Invalid operator used in KeyConditionExpression: "
CONDITION = "Invalid condition in KeyConditionExpression: "
SEVERAL = CONDITION + "Multiple attribute names used in one condition"
PARTS = "KeyConditionExpressions cannot have conditions on nested attributes"
TYPE = (
    "One or more parameter values were invalid: Condition parameter type does not match schema type"
)
EMPTY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot"
    " contain an empty string value. Key: "
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Invalid KeyConditionExpression: The expression can not be empty;"),
        ("pk", 'Invalid KeyConditionExpression: Syntax error; token: "<EOF>", near: "pk"'),
        (
            "((pk = :v)) and sk = :v",
            "Invalid KeyConditionExpression: The expression has redundant parentheses;",
        ),
        ("sk = :v", MISSED + "pk"),
        ("x = :v", MISSED + "pk"),
        ("pk = :v and x = :v", MISSED + "sk"),
        ("pk > :v", UNSUPPORTED),
        ("begins_with(pk, :v)", UNSUPPORTED),
        ("pk between :v and :w", UNSUPPORTED),
        ("pk <> :v", OPERATOR + "<>"),
        ("pk = :v or sk = :v", OPERATOR + "OR"),
        ("not pk = :v", OPERATOR + "NOT"),
        ("pk = :v and sk in (:v)", OPERATOR + "IN"),
        ("pk = :v and contains(sk, :v)", OPERATOR + "contains"),
        ("attribute_exists(pk)", OPERATOR + "attribute_exists"),
        ("size(pk) = :n", NESTED),
        ("pk = size(sk)", NESTED),
        ("pk = sk", SEVERAL),
        ("pk = :v and sk between :v and x", SEVERAL),
        (":v = :v", CONDITION + "No key attribute specified"),
        (
            "pk = :v and begins_with(:v, sk)",
            CONDITION + "begins_with operator must have the key attribute as its first operand",
        ),
        (
            "pk = :v and :v between sk and :w",
            CONDITION + "BETWEEN operator must have the key attribute as its first operand",
        ),
        ("pk = :v and sk.a = :v", PARTS),
        ("pk = :v and pk = :v", ONE_EACH),
        ("pk = :v and sk > :v and sk < :w", ONE_EACH),
        ("pk = :v and sk = :v and x = :v", "Conditions can be of length 1 or 2 only"),
        ("pk = :n", TYPE),
        ("pk = :v and sk > :n", TYPE),
        ("pk = :l", TYPE),
        ("pk = :e", EMPTY + "pk"),
        ("pk = :v and begins_with(sk, :e)", EMPTY + "sk"),
        (
            "pk = :long",
            (
                "One or more parameter values were invalid: Size of hashkey has exceeded the"
                " maximum size limit of2048 bytes"
            ),
        ),
        (
            "pk = :v and sk = :long",
            (
                "One or more parameter values were invalid: Aggregated size of all range keys has"
                " exceeded the size limit of 1024 bytes"
            ),
        ),
    ],
)
def test_conditions_that_no_key_range_meets(text: str, message: str) -> None:
    assert _error(text, PAIR) == message


def test_a_key_without_a_sort_key_takes_one_condition() -> None:
    assert _error("pk = :v and sk = :v", SINGLE) == UNSUPPORTED
    assert _error("x = :v", SINGLE) == MISSED + "pk"


def test_values_may_stand_on_the_left() -> None:
    text = ":v < sk AND :v = pk"
    expected = key_condition("pk = :v AND sk > :v", _bindings("pk = :v"), PAIR)
    made = key_condition(text, _bindings(text), PAIR)
    assert made.bounds() == expected.bounds()


def _gap(missing: str, present: str) -> str:
    return (
        f"RANGE key attributes {missing} must have equality conditions specified in the query"
        f" because a condition is present on key attribute {present}"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("g = :v", MISSED + "h"),
        ("g = :v and h > :n", UNSUPPORTED),
        ("g = :v and h = :n and b = :v", _gap("a", "b")),
        ("g = :v and h = :n and a > :v and b = :v", _gap("a", "b")),
        ("g = :v and h = :n and c = :n", _gap("a, b", "c")),
        ("g = :v and h = :n and x = :v", MISSED + "a"),
        ("g = :v and h = :v", TYPE),
    ],
)
def test_composite_keys_are_named_from_the_left(text: str, message: str) -> None:
    assert _error(text, COMPOSITE) == message


@pytest.mark.parametrize(
    "text",
    [
        "g = :v and h = :n",
        "b = :w and g = :v and a = :v and h = :n",
        "g = :v and h = :n and a = :v and b = :v and c between :n and :n",
    ],
)
def test_composite_keys(text: str) -> None:
    low, high = key_condition(text, _bindings(text), COMPOSITE).bounds(index=True)
    assert high is not None
    assert low < high


# The range against the keys ----------------------------------------------------------------------

pieces = st.lists(st.sampled_from([0, 1, 97, 98, 255]), min_size=1, max_size=3).map(bytes)
TESTS: dict[str, Callable[[bytes, bytes, bytes], bool]] = {
    "sk = :x": lambda key, x, y: key == x,
    "sk < :x": lambda key, x, y: key < x,
    "sk <= :x": lambda key, x, y: key <= x,
    "sk > :x": lambda key, x, y: key > x,
    "sk >= :x": lambda key, x, y: key >= x,
    "begins_with(sk, :x)": lambda key, x, y: key.startswith(x),
    "sk BETWEEN :x AND :y": lambda key, x, y: x <= key <= y,
}
BINARY = KeySchema((KeyAttribute("pk", "S"),), (KeyAttribute("sk", "B"),))


def _binary(data: bytes) -> dict[str, str]:
    return {"B": base64.b64encode(data).decode()}


@given(st.sampled_from(sorted(TESTS)), pieces, pieces, pieces)
def test_ranges_hold_exactly_the_keys_that_meet_the_condition(
    test: str, x: bytes, y: bytes, key: bytes
) -> None:
    x, y = sorted([x, y])
    values = {":p": {"S": "p"}, ":x": _binary(x)}
    if ":y" in test:
        values[":y"] = _binary(y)
    made = key_condition(f"pk = :p AND {test}", Bindings(None, values), BINARY)
    expected = TESTS[test](key, x, y)
    for partition, is_in in (("p", expected), ("q", False), ("p\0", False)):
        item = {"pk": {"S": partition}, "sk": _binary(key), "id": {"S": "z"}}
        low, high = made.low, made.high
        assert high is not None
        assert (low <= BINARY.item_key(item) < high) == is_in
        row = BINARY.index_row(item, KeySchema((KeyAttribute("id", "S"),)).item_key(item))
        low, high = made.bounds(index=True)
        assert row is not None
        assert high is not None
        assert (low <= row < high) == is_in


@given(pieces, pieces, pieces)
def test_composite_ranges_hold_exactly_their_rows(a: bytes, b: bytes, x: bytes) -> None:
    schema = KeySchema((KeyAttribute("g", "S"),), (KeyAttribute("a", "B"), KeyAttribute("b", "B")))
    values = {":g": {"S": "g"}, ":a": _binary(x), ":b": _binary(b"a")}
    made = key_condition("g = :g AND a = :a AND b > :b", Bindings(None, values), schema)
    item = {"g": {"S": "g"}, "a": _binary(a), "b": _binary(b), "id": {"S": "z"}}
    row = schema.index_row(item, SINGLE.hash_bytes([{"S": "z"}]))
    low, high = made.bounds(index=True)
    assert row is not None
    assert high is not None
    assert (low <= row < high) == (a == x and b > b"a")


# Legacy conditions -------------------------------------------------------------------------------


def _entry(operator: str, *values: Any) -> dict[str, Any]:
    return {"ComparisonOperator": operator, "AttributeValueList": list(values)}


S: Any = {"S": "s"}


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (_entry("EQ", S), "sk = :v"),
        (_entry("LE", S), "sk <= :v"),
        (_entry("GT", S), "sk > :v"),
        (_entry("BEGINS_WITH", S), "begins_with(sk, :v)"),
        (_entry("BETWEEN", S, {"S": "t"}), "sk BETWEEN :v AND :w"),
    ],
)
def test_legacy_conditions_are_the_same_ranges(entry: Any, text: str) -> None:
    text = f"pk = :v AND {text}"
    made = key_conditions({"sk": entry, "pk": _entry("EQ", S)}, PAIR)
    assert made.bounds() == key_condition(text, _bindings(text), PAIR).bounds()


INVALID = "One or more parameter values were invalid: "


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({}, "Conditions can be of length 1 or 2 only"),
        ({"pk": _entry("GT", S)}, UNSUPPORTED),
        ({"sk": _entry("EQ", S)}, MISSED + "pk"),
        ({"pk": _entry("EQ", {"N": "1"})}, TYPE),
        (
            {"pk": _entry("EQ", S), "sk": _entry("NE", S)},
            "Attempted conditional constraint is not an indexable operation",
        ),
        (
            {"pk": _entry("EQ")},
            INVALID + "Invalid number of argument(s) for the EQ ComparisonOperator",
        ),
        (
            {"pk": _entry("GT", {"L": []})},
            INVALID + "ComparisonOperator GT is not valid for L AttributeValue type",
        ),
        ({"pk": {"AttributeValueList": [S]}}, "Comparison type does not exist in DynamoDB"),
    ],
)
def test_bad_legacy_conditions(conditions: Any, message: str) -> None:
    with pytest.raises(ValidationException) as caught:
        key_conditions(conditions, PAIR)
    assert caught.value.message == message
