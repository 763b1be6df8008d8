"""Proves that no text, however long, deep or odd, does worse than be refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import ValidationException
from tailrace.expressions import Bindings, condition, key_condition, projection, update
from tailrace.expressions.parser import parse_condition, parse_update
from tailrace.model.keys import KeyAttribute, KeySchema

REDUNDANT = "The expression has redundant parentheses;"
SCHEMA = KeySchema((KeyAttribute("a", "S"),))


def _condition_error(text: str) -> str:
    with pytest.raises(ValidationException) as caught:
        parse_condition(text, "ConditionExpression")
    return caught.value.message.removeprefix("Invalid ConditionExpression: ")


def _update_error(text: str) -> str:
    with pytest.raises(ValidationException) as caught:
        parse_update(text)
    return caught.value.message.removeprefix("Invalid UpdateExpression: ")


def test_the_size_is_looked_at_first() -> None:
    text = "a = :v" + " or a = :v" * 500
    assert _condition_error(text) == (
        "Expression size has exceeded the maximum allowed size; expression size: 5006"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * 2000 + "a = :v" + ")" * 2000, REDUNDANT),
        ("(" * 4000, 'Syntax error; token: "<EOF>", near: "("'),
        ("a = " + "(" * 2000 + ":v" + ")" * 2000, REDUNDANT),
        ("foo(" * 1000 + "a" + ")" * 24, 'Syntax error; token: "<EOF>", near: ")"'),
        ("foo(" * 800 + "a" + ")" * 800, "Invalid function name; function: foo"),
        ("not (" * 800, 'Syntax error; token: "<EOF>", near: "("'),
    ],
)
def test_thousands_of_parentheses_are_bad_input_like_any_other(text: str, message: str) -> None:
    assert _condition_error(text) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SET a = " + "(" * 2000 + "b" + ")" * 2000, REDUNDANT),
        ("SET a = " + "(" * 4000, 'Syntax error; token: "<EOF>", near: "("'),
        ("SET a = " + "if_not_exists(" * 280, 'Syntax error; token: "<EOF>", near: "("'),
    ],
)
def test_thousands_of_parentheses_in_updates_too(text: str, message: str) -> None:
    assert _update_error(text) == message


WORDS = [
    *("a", "#a", ":v", "status", "size(", "foo(", "list_append(", "(", ")", ",", ".", "[", "]"),
    *("0", "99999999999", "=", "<", "<>", "+", "-", "and", "or", "not", "between", "in", "SET"),
    *("remove", "ADD", "delete", '"', "é"),
]
tokens = st.sampled_from(WORDS)
texts = st.one_of(st.lists(tokens, max_size=12).map(" ".join), st.text(max_size=20))


@given(texts)
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    bindings = Bindings({"#a": "a"}, {":v": {"S": "s"}})
    item = {"a": {"S": "s"}}
    for use in (
        lambda: condition(text, bindings).matches(item),
        lambda: update(text, bindings).apply(item),
        lambda: projection(text, bindings).apply(item),
        lambda: key_condition(text, bindings, SCHEMA).bounds(),
    ):
        with contextlib.suppress(ValidationException):
            use()
