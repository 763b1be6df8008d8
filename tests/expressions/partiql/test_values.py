"""Proves which values literals and parameters are, and which cannot be stored."""

from __future__ import annotations

import pytest

from tailrace.errors import ValidationException
from tailrace.expressions.partiql import Insert, canonical_parameters, read_statement
from tailrace.model.values import AttributeValue, Item
from tests.expressions.partiql.reading import refusal


def inserted(text: str, *parameters: AttributeValue) -> Item:
    statement = read_statement(f"INSERT INTO t VALUE {text}", parameters)
    assert isinstance(statement, Insert)
    return statement.item


def test_literals_of_all_kinds():
    assert inserted(
        "{'s': 'it''s', 'n': -1.5e-3, 'e': 1E3, 'z': -0, 'b': TRUE, 'u': null, 'l': [1, 'a', []],"
        " 'm': {'x': {}}, 'ns': <<34, 1, 4.5>>, 'ss': <<'b', 'a'>>}"
    ) == {
        "s": {"S": "it's"},
        "n": {"N": "-0.0015"},
        "e": {"N": "1000"},
        "z": {"N": "0"},
        "b": {"BOOL": True},
        "u": {"NULL": True},
        "l": {"L": [{"N": "1"}, {"S": "a"}, {"L": []}]},
        "m": {"M": {"x": {"M": {}}}},
        "ns": {"NS": ["1", "4.5", "34"]},
        "ss": {"SS": ["a", "b"]},
    }


def test_parameters_may_be_attributes_or_the_item():
    assert inserted("{'pk': ?, 'b': ?}", {"S": "x"}, {"B": "AQ=="}) == {
        "pk": {"S": "x"},
        "b": {"B": "AQ=="},
    }
    assert inserted("?", {"M": {"pk": {"S": "x"}}}) == {"pk": {"S": "x"}}


def test_values_nest_31_levels_deep():
    deep = "{'a':" * 31 + "1" + "}" * 31
    assert inserted("{'d': " + deep + "}")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("<<>>", "Empty bags are not supported"),
        (
            "<<1, 'a'>>",
            (
                "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in"
                " bags"
            ),
        ),
        (
            "<<2, 2.0>>",
            (
                "One or more parameter values were invalid: Input collection [2, 2.0] contains"
                " duplicates! under root"
            ),
        ),
        ("[?]", "Unsupported data type: Parameter under key root[0] at 1:29:1"),
        ("{'k': ?}", "Unsupported data type: Parameter under key root.k at 1:34:1"),
        (
            "set_add(<<'a'>>, <<'b'>>)",
            "Unsupported data type: set_add under key root at 1:28:7",
        ),
        (
            "{'x': 1e-131}",
            (
                "Number underflow. Attempting to store a number with magnitude smaller than"
                " supported range under root.x"
            ),
        ),
        (
            f"[1, {'1' * 39}]",
            "Attempting to store more than 38 significant digits in a Number under root[1]",
        ),
        (
            "{'a':" * 32 + "1" + "}" * 32,
            f"Nesting Levels have exceeded supported limits under root{'.a' * 32}",
        ),
        (
            "{'a':" + "[" * 31 + "1" + "]" * 31 + "}",
            f"Nesting Levels have exceeded supported limits under root.a{'[0]' * 31}",
        ),
    ],
)
def test_values_that_cannot_be_stored(value: str, message: str):
    assert refusal("INSERT INTO t VALUE {'pk': " + value + "}", {"S": "x"}) == message


def test_deep_parameters_are_refused_at_length():
    deep: AttributeValue = {"S": "leaf"}
    for _ in range(40):
        deep = {"M": {"n": deep}}
    with pytest.raises(ValidationException) as refused:
        canonical_parameters([deep, {"N": "abc"}])
    assert refused.value.message == (
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels"
        " beyond supported limit"
    )
    with pytest.raises(ValidationException) as refused:
        canonical_parameters([{"N": "abc"}, deep])
    assert refused.value.message == ("The parameter cannot be converted to a numeric value: abc")
