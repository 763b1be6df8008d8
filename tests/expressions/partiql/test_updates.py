"""Proves what the clauses of an UPDATE do to an item, and the service's words, observed, for those
there are none of."""

from __future__ import annotations

import pytest

from tailrace.errors import ValidationException
from tailrace.expressions.partiql import UpdateStatement, read_statement
from tailrace.model.values import AttributeValue, Item
from tests.expressions.partiql.reading import ITEM, refusal


def updated(text: str, *parameters: AttributeValue) -> Item:
    statement = read_statement(f"UPDATE t {text} WHERE pk = 'a'", parameters)
    assert isinstance(statement, UpdateStatement)
    return statement.update.apply(ITEM)


OPERAND = "Incorrect operand type for operator or function; operator or function: "


def test_updates_of_all_kinds():
    after = updated(
        "SET n = n - - 2 SET m.k = list_append(m.k, [<<1>>]), ss = set_add(ss, <<'c'>>)"
        " REMOVE nul SET fresh = SET_ADD(fresh, ?), copy = s",
        {"NS": ["1"]},
    )
    assert after == {
        "pk": {"S": "a"},
        "n": {"N": "7"},
        "s": {"S": "str"},
        "copy": {"S": "str"},
        "ss": {"SS": ["a", "b", "c"]},
        "fresh": {"NS": ["1"]},
        "flag": {"BOOL": True},
        "m": {"M": {"k": {"L": [{"S": "x"}, {"NS": ["1"]}]}}},
    }


def test_set_delete_takes_members_and_empty_sets_away():
    assert updated("SET ss = set_delete(ss, <<'a', 'z'>>)")["ss"] == {"SS": ["b"]}
    assert "ss" not in updated("SET ss = set_delete(ss, <<'a', 'b'>>)")
    assert "nope" not in updated("SET nope = set_delete(nope, <<'a'>>)")


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        (
            "t = set_add(ss, <<'x'>>)",
            "The first argument to SET_ADD must equal the assignment value at 1:18:7",
        ),
        (
            "ss = set_add(<<'a'>>, <<'b'>>)",
            "The first argument to SET_ADD must equal the assignment value at 1:19:7",
        ),
        (
            "ss = set_add(ss, 'x')",
            "The second argument to SET_ADD must be a value with type SET at 1:27:2",
        ),
        (
            'ss = set_delete("ss", [1])',
            "The second argument to SET_DELETE must be a value with type SET at 1:30:4",
        ),
        ("ss = set_add(ss)", "SET_ADD must have exactly two arguments at 1:19:7"),
        ("n = 'a' + 1", f"{OPERAND}+, operand type: S"),
        ("n = n - null", f"{OPERAND}-, operand type: NULL"),
        ("n = if_not_exists(n, 1)", "Unrecognized function: if_not_exists at 1:18:13"),
        (
            "a = 1, a.b = 2",
            (
                "Two document paths overlap with each other; must remove or rewrite one of these"
                " paths; path one: [a], path two: [a, b]"
            ),
        ),
    ],
)
def test_updates_there_are_none_of(clause: str, message: str):
    assert refusal(f"UPDATE t SET {clause} WHERE pk = 'a'") == message


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        (
            "ss = set_add(ss, <<1>>)",
            "An operand in the update expression has an incorrect data type",
        ),
        (
            "nope = list_append(nope, [1])",
            "The provided expression refers to an attribute that does not exist in the item",
        ),
        (
            "nope[0] = 1",
            "The document path provided in the update expression is invalid for update",
        ),
    ],
)
def test_updates_that_do_not_fit_the_item(clause: str, message: str):
    with pytest.raises(ValidationException) as refused:
        updated(f"SET {clause}")
    assert refused.value.message == message
