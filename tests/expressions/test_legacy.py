"""Proves that legacy parameters mean what expressions mean, and are refused in their own words."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.errors import ValidationException
from tailrace.expressions import attribute_updates, expected, query_filter, scan_filter
from tailrace.model.keys import KeyAttribute, KeySchema

S: Any = {"S": "s"}
N: Any = {"N": "1"}
ITEM: dict[str, Any] = {
    "pk": {"S": "x"},
    "s": {"S": "s"},
    "n": {"N": "5"},
    "ss": {"SS": ["a", "b"]},
    "l": {"L": [{"N": "1"}]},
    "a.b": {"S": "dotted"},
}
INVALID = "One or more parameter values were invalid: "


def _entry(operator: str, *values: Any) -> dict[str, Any]:
    return {"ComparisonOperator": operator, "AttributeValueList": list(values)}


@pytest.mark.parametrize(
    ("name", "entry", "holds"),
    [
        ("s", {"Value": S}, True),
        ("s", {"Value": S, "Exists": True}, True),
        ("s", {"Exists": False}, False),
        ("zz", {"Exists": False}, True),
        ("a.b", {"Value": {"S": "dotted"}}, True),
        ("s", {"Value": S, "ComparisonOperator": "EQ"}, True),
        ("n", _entry("EQ", {"N": "5.0"}), True),
        ("ss", _entry("EQ", {"SS": ["b", "a"]}), True),
        ("n", _entry("NE", S), True),
        ("zz", _entry("NE", S), True),
        ("n", _entry("LT", {"N": "10"}), True),
        ("n", _entry("LE", N), False),
        ("n", _entry("GT", S), False),
        ("n", _entry("GE", {"N": "5"}), True),
        ("s", _entry("BEGINS_WITH", S), True),
        ("ss", _entry("CONTAINS", {"S": "a"}), True),
        ("l", _entry("CONTAINS", N), True),
        ("s", _entry("NOT_CONTAINS", {"S": "z"}), True),
        ("zz", _entry("NOT_CONTAINS", S), False),
        ("n", _entry("IN", N, {"N": "5"}), True),
        ("n", _entry("BETWEEN", N, {"N": "5"}), True),
        ("n", _entry("NULL"), False),
        ("zz", {"ComparisonOperator": "NULL"}, True),
        ("n", {"ComparisonOperator": "NOT_NULL"}, True),
    ],
)
def test_expectations(name: str, entry: Any, holds: bool) -> None:
    made = expected({name: entry}, None)
    assert made is not None
    assert made.matches(ITEM) == holds
    assert made.paths == ((name,),)


def test_operators_join_conditions() -> None:
    both = {"s": _entry("EQ", S), "n": _entry("EQ", S)}
    for make in (expected, query_filter, scan_filter):
        for operator, holds in ((None, False), ("AND", False), ("OR", True)):
            made = make(both, operator)
            assert made is not None
            assert made.matches(ITEM) == holds
        assert make({}, None) is None
        assert make(None, None) is None


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, "Value must be provided when Exists is null for Attribute: a"),
        ({"Exists": True}, "Value must be provided when Exists is true for Attribute: a"),
        (
            {"Exists": False, "Value": S},
            "Value cannot be used when Exists is false for Attribute: a",
        ),
        (
            {"Exists": True, "ComparisonOperator": "NULL"},
            "Exists and ComparisonOperator cannot be used together for Attribute: a",
        ),
        (
            {"Value": S, "AttributeValueList": [S]},
            "Value and AttributeValueList cannot be used together for Attribute: a",
        ),
        (
            {"AttributeValueList": [S]},
            "AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
        ),
        (
            {"ComparisonOperator": "EQ"},
            "Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: a",
        ),
        (_entry("EQ", S, S), "Invalid number of argument(s) for the EQ ComparisonOperator"),
        (_entry("NULL", S), "Invalid number of argument(s) for the NULL ComparisonOperator"),
        (_entry("BETWEEN", S), "Invalid number of argument(s) for the BETWEEN ComparisonOperator"),
        (_entry("IN"), "Invalid number of argument(s) for the IN ComparisonOperator"),
        (_entry("IN", S, N), "AttributeValues inside AttributeValueList must be of same type"),
        (_entry("LT", {"L": []}), "ComparisonOperator LT is not valid for L AttributeValue type"),
        (
            _entry("BEGINS_WITH", N),
            "ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type",
        ),
        (
            _entry("CONTAINS", {"SS": ["a"]}),
            "ComparisonOperator CONTAINS is not valid for SS AttributeValue type",
        ),
    ],
)
def test_bad_expectations(entry: Any, message: str) -> None:
    with pytest.raises(ValidationException) as caught:
        expected({"a": entry}, None)
    assert caught.value.message == INVALID + message


@pytest.mark.parametrize(
    ("conditions", "operator", "message"),
    [
        (None, "AND", "ConditionalOperator cannot be used without Filter or Expected"),
        ({}, "OR", "ConditionalOperator cannot be used without Filter or Expected"),
        (
            {"a": _entry("EQ", S)},
            "OR",
            "ConditionalOperator can only be used when Filter or Expected has two or more elements",
        ),
        ({"a": {}}, None, "Comparison type does not exist in DynamoDB"),
        (
            {"a": _entry("BETWEEN", {"N": "10"}, {"N": "9"})},
            None,
            (
                "The BETWEEN condition was provided a range where the lower bound is greater"
                " than the upper bound"
            ),
        ),
    ],
)
def test_bad_filters(conditions: Any, operator: str | None, message: str) -> None:
    for make in (query_filter, scan_filter):
        with pytest.raises(ValidationException) as caught:
            make(conditions, operator)
        assert caught.value.message == message


# AttributeUpdates --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "entry", "after"),
    [
        ("s", {"Value": {"N": "1.0"}}, {"N": "1"}),
        ("zz", {"Action": "PUT", "Value": S}, S),
        ("n", {"Action": "ADD", "Value": {"N": "-7"}}, {"N": "-2"}),
        ("zz", {"Action": "ADD", "Value": N}, N),
        ("ss", {"Action": "ADD", "Value": {"SS": ["0", "a"]}}, {"SS": ["0", "a", "b"]}),
        ("l", {"Action": "ADD", "Value": {"L": [S]}}, {"L": [N, S]}),
        ("ss", {"Action": "DELETE", "Value": {"SS": ["a", "q"]}}, {"SS": ["b"]}),
        ("ss", {"Action": "DELETE", "Value": {"SS": ["a", "b"]}}, None),
        ("zz", {"Action": "DELETE", "Value": {"SS": ["a"]}}, None),
        ("s", {"Action": "DELETE"}, None),
        ("a.b", {"Action": "PUT", "Value": S}, S),
    ],
)
def test_attribute_updates(name: str, entry: Any, after: Any) -> None:
    made = attribute_updates({name: entry})
    result = made.apply(ITEM)
    assert result.get(name) == after
    assert {**result, name: None} == {**ITEM, name: None}
    assert made.updated(result) == ({} if after is None else {name: after})


@pytest.mark.parametrize(
    ("updates", "creates"),
    [
        ({}, True),
        ({"a": {"Value": S}}, True),
        ({"a": {"Action": "ADD", "Value": N}}, True),
        ({"a": {"Action": "DELETE"}}, False),
        ({"a": {"Action": "DELETE", "Value": {"SS": ["a"]}}}, False),
        ({"a": {"Action": "DELETE"}, "b": {"Value": S}}, True),
    ],
)
def test_only_deleting_makes_no_item(updates: Any, creates: bool) -> None:
    assert attribute_updates(updates).creates == creates


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, INVALID + "Only DELETE action is allowed when no attribute value is specified"),
        (
            {"Action": "ADD"},
            INVALID + "Only DELETE action is allowed when no attribute value is specified",
        ),
        (
            {"Action": "ADD", "Value": S},
            INVALID + "ADD action is not supported for the type S",
        ),
        (
            {"Action": "DELETE", "Value": N},
            INVALID + "DELETE action with value is not supported for the type N",
        ),
        ({"Value": {"SS": []}}, INVALID + "An string set  may not be empty"),
    ],
)
def test_bad_updates(entry: Any, message: str) -> None:
    with pytest.raises(ValidationException) as caught:
        attribute_updates({"a": entry})
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("n", {"Action": "ADD", "Value": {"SS": ["a"]}}),
        ("s", {"Action": "ADD", "Value": N}),
        ("ss", {"Action": "DELETE", "Value": {"NS": ["1"]}}),
        ("s", {"Action": "DELETE", "Value": {"SS": ["s"]}}),
    ],
)
def test_types_must_fit_the_item(name: str, entry: Any) -> None:
    with pytest.raises(ValidationException, match=r"^Type mismatch for attribute to update$"):
        attribute_updates({name: entry}).apply(ITEM)


def test_keys_cannot_be_updated() -> None:
    schema = KeySchema((KeyAttribute("pk", "S"),))
    with pytest.raises(ValidationException, match="Cannot update attribute pk"):
        attribute_updates({"a": {"Value": S}, "pk": {"Value": S}}).check_keys(schema)
