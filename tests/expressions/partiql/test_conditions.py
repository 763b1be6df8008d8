"""Proves what WHERE clauses hold of, and the service's words, observed, for those there are none
of."""

from __future__ import annotations

import pytest

from tailrace.expressions.partiql import Select, read_statement
from tailrace.model.values import AttributeValue
from tests.expressions.partiql.reading import ITEM, refusal


def holds(condition: str, *parameters: AttributeValue) -> bool:
    select = read_statement(f"SELECT * FROM t WHERE {condition}", parameters)
    assert isinstance(select, Select)
    assert select.where is not None
    return select.where.condition.matches(ITEM)


@pytest.mark.parametrize(
    "condition",
    [
        "n = 5 AND s <> 'x' AND 4 < n AND n >= 5.0",
        "n BETWEEN - 2 AND +5 AND n IN [- 1, 5] AND n NOT IN (1, 2)",
        "n NOT BETWEEN 6 AND 7",
        "begins_with(s, 'st') AND contains(ss, 'a') AND size(s) = 3 AND size(ss) < size(s)",
        "attribute_type(ss, 'SS') AND ATTRIBUTE_EXISTS(\"ss\") AND attribute_not_exists(nope)",
        "nope IS MISSING AND s IS NOT MISSING",
        "nul IS NULL AND s IS NOT NULL AND nope IS NOT NULL",
        "flag IS BOOL AND s IS STRING AND n IS INT AND m IS STRUCT AND m.k IS LIST",
        "m.k[0] = 'x' AND attribute_exists(m.k[-0]) AND m = {'k': ['x']}",
        "ss = <<'b', 'a'>>",
        "nul = null AND flag = TRUE",
        "attribute_exists(n) = true AND true = attribute_exists(n)",
        "attribute_exists(nope) = false AND attribute_exists(n) <> 1",
        "contains(nope, 'z') = false AND (n BETWEEN 0 AND 5) = true",
        "(n = 6 OR s = 'x') = false",
        "attribute_exists(nope) IN [true, false]",
        "attribute_exists(n) = attribute_exists(s) AND attribute_exists(n) = flag",
        "NOT attribute_exists(nope) AND NOT nope = 1",
        "nope <> 1",
    ],
)
def test_conditions_that_hold(condition: str):
    assert holds(condition)
    assert not holds(f"NOT ({condition})")


@pytest.mark.parametrize(
    "condition",
    [
        "attribute_exists(n) = 1",
        "NOT attribute_exists(n) = true",
        "(attribute_exists(n) = true) = false",
        "attribute_exists(n) = s",
        "nope IS NULL",
        "s IS BOOL",
        "n < 'x'",
        "nope = 1",
    ],
)
def test_conditions_that_do_not_hold(condition: str):
    assert not holds(condition)


def test_parameters_are_taken_in_their_order():
    assert holds("n = ? AND s = ? AND n IN [?, 2]", {"N": "5"}, {"S": "str"}, {"N": "5"})


OPERAND = "Incorrect operand type for operator or function; operator or function: "
COUNT = "Incorrect number of operands for operator or function; operator or function: "


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (
            "attribute_exists('ss')",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        ("attribute_exists()", f"{COUNT}attribute_exists, number of operands: 0"),
        ("attribute_exists(a, b)", f"{COUNT}attribute_exists, number of operands: 2"),
        ("EXISTS(ss)", "Unrecognized function: exists at 1:23:6"),
        ("set_add(ss, <<'x'>>) = ss", "Unrecognized function: set_add at 1:23:7"),
        ("attribute_type(l, 1)", f"{OPERAND}attribute_type, operand type: N"),
        ("attribute_type(l, true)", f"{OPERAND}attribute_type, operand type: BOOL"),
        ("a < true", f"{OPERAND}<, operand type: BOOL"),
        ("a BETWEEN true AND false", f"{OPERAND}BETWEEN, operand type: BOOL"),
        ("attribute_exists(n) > false", f"{OPERAND}>, operand type: BOOL"),
        ("l[-1] = 1", "List index is not within the allowable range; index: [-1] at 1:26:1"),
        (
            f"a IN [{', '.join('1' * 101)}]",
            "The IN operator is provided with too many operands; number of operands: 101",
        ),
        (
            "a = 1e126",
            (
                "Number overflow. Attempting to store a number with magnitude larger than supported"
                " range under root"
            ),
        ),
        (
            "a = <<'a', 'a'>>",
            (
                "One or more parameter values were invalid: Input collection [a, a]"
                " contains duplicates."
            ),
        ),
        ("a = ?", "Number of parameters in request and statement don't match."),
        (
            " AND ".join(["a = 1"] * 301),
            "The expression contains too many operators; operator count: 301",
        ),
    ],
)
def test_conditions_there_are_none_of(condition: str, message: str):
    assert refusal(f"SELECT * FROM t WHERE {condition}") == message
