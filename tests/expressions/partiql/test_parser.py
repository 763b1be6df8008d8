"""Proves what is a statement, how its operators bind, and the words for what is none; the wording
is that of the service, observed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.errors import ValidationException
from tailrace.expressions.partiql import nodes
from tailrace.expressions.partiql.parser import parse

ENVELOPE = "Statement wasn't well formed, can't be processed: "


def refusal(text: str) -> str:
    with pytest.raises(ValidationException) as refused:
        parse(text)
    return refused.value.message


def shape(node: Any) -> str:
    """An expression with all its parentheses."""
    match node:
        case nodes.Operation(operator, operands):
            return f"({operator} {' '.join(map(shape, operands))})"
        case nodes.Constant() | nodes.Name() | nodes.TypeName():
            return node.text
        case nodes.Call(function, arguments):
            return f"{function}[{' '.join(map(shape, arguments))}]"
        case nodes.Items(elements):
            return f"[{' '.join(map(shape, elements))}]"
        case nodes.Parameter(position):
            return f"?{position}"
        case _:
            return type(node).__name__


def where(text: str) -> str:
    select = parse(f"SELECT * FROM t WHERE {text}")
    assert isinstance(select, nodes.Select)
    return shape(select.where)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1 AND b = 2 OR c = 3", "(or (and (= a 1) (= b 2)) (= c 3))"),
        ("a = 1 OR b = 2 AND c = 3", "(or (= a 1) (and (= b 2) (= c 3)))"),
        ("NOT a = 1 AND b < 2", "(and (not (= a 1)) (< b 2))"),
        ("NOT a IN [1, ?]", "(not (in a [1 ?0]))"),
        ("a NOT IN (1, 2)", "(not_in a [1 2])"),
        ("a BETWEEN 1 AND 2 AND b", "(and (between a 1 2) b)"),
        ("a IS NOT DOUBLE PRECISION", "(is_not a double_precision)"),
        ("a < 1 = true", "(= (< a 1) true)"),
        ("a = b + 1 * 2 - c", "(= a (- (+ b (* 1 2)) c))"),
        ("a = - - 1 AND b > -/* so */-1", "(and (= a 1) (> b 1))"),
        ("a = +5 OR a = -2.50", "(or (= a 5) (= a -2.50))"),
        ("((a)) != SIZE(b)", "(<> a size[b])"),
        ("a = ? AND b = ?", "(and (= a ?0) (= b ?1))"),
        ("Attribute_Exists()", "attribute_exists[]"),
    ],
)
def test_operators_bind_as_they_do_in_sql(text: str, expected: str):
    assert where(text) == expected


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("SELECT * FROM t WHERE pk = 1 foo", "Unexpected token after expression"),
        ("SELECT * FROM t WHERE pk = 1 e5", "Unexpected token after expression"),
        ("INSERT INTO t VALUE {'pk': 1} foo", "Unexpected token after expression"),
        ("INSERT INTO t u VALUE {'pk': 'x'}", "Unexpected token after expression"),
        ("UPDATE t SET a = 9 WHERE pk = 1 foo", "Unexpected token after expression"),
        ("DELETE FROM t WHERE pk = 1 foo", "Unexpected token after expression"),
        ("DELETE FROM t WHERE pk = 1 ORDER BY pk", "Unexpected token after expression"),
        ("SELECT * FROM t ORDER BY pk WHERE pk = 1", "Unexpected token after expression"),
        ("SELECT * FROM t WHERE pk = 1)", "Unexpected token after expression"),
        ("FROM t SET c = 1 WHERE pk = 'x'", "Unexpected token after expression"),
        ("SELECTT * FROMM t", "Unexpected token after expression"),
        (
            "SELECT * FROM t; SELECT",
            "Unexpected token after semicolon. (Only one query is allowed.)",
        ),
        ("SELECT * FROM t WHERE", "Unexpected term"),
        ("SELECT * FROM t WHERE;", "Unexpected term"),
        ("UPDATE t SET a = 1 WHERE", "Unexpected term"),
        ("DELETE FROM t WHERE  ", "Unexpected term"),
        ("SELECT * FROM t WHERE NOT", "Unexpected term"),
        ("SELECT * FROM t WHERE (", "Unexpected term"),
        ("SELECT * FROM t WHERE ()", "Unexpected term"),
        ("SELECT * FROM", "Unexpected term"),
        ("", "Unexpected term"),
        (
            "SELECT * FROM t WHERE pk = 'a' AND",
            "Missing right-hand side expression of infix operator",
        ),
        ("SELECT * FROM t WHERE pk =", "Missing right-hand side expression of infix operator"),
        ("SELECT * FROM t WHERE ORDER BY pk", "Unexpected keyword"),
        ("INSERT INTO t (key, b) VALUES (?, ?)", "Unexpected keyword"),
        ("SELECT * FROM t WHERE size > 3", "Unexpected keyword"),
        ("SELECT * FROM t WHERE x IS FOO", "Expected type name"),
        ("SELECT * FROM t WHERE IS NULL", "Unexpected operator"),
        ("SELECT * FROM t WHERE pk = LIKE", "Unexpected operator"),
        ("DELETE FROM", "Expected identifier for simple path"),
        ("DELETE FROM;", "Expected identifier for simple path"),
        ("DELETE FROM WHERE pk = 'a'", "Expected identifier for simple path"),
        ("UPDATE t SET WHERE", "Expected identifier for simple path"),
        ("SELECT * FROM t WHERE attribute_exists(m.inner)", "Invalid path dot component"),
        ("UPDATE t SET m.inner = 1", "Invalid path dot component"),
        ("SLECT * FROM t WHERE pk = 'x'", "Expected data manipulation"),
        ("UPDATE a-b SET x = 1", "Expected data manipulation"),
        ("FROM t WHERE pk = 'x'", "Expected data manipulation"),
        ("SELECT a", "Expected FROM after SELECT list"),
        ("DELETE t WHERE pk = 'x'", "Expected FROM after DELETE"),
        ("UPDATE t SET a", "Expected '='"),
        (
            "UPDATE t SET a = 1 WHERE pk = 'x' RETURNING *",
            "Expected ( MODIFIED | ALL ) ( NEW | OLD ) in each returning element.",
        ),
    ],
)
def test_what_is_no_statement(text: str, detail: str):
    assert refusal(text) == ENVELOPE + detail


def test_clauses_of_an_update_follow_one_another():
    update = parse("UPDATE t SET a = 1, b = 2 REMOVE c SET d = 3 WHERE k = 1 RETURNING ALL OLD *")
    assert isinstance(update, nodes.Change)
    assert [type(action).__name__ for action in update.actions] == [
        "Assignment",
        "Assignment",
        "Removal",
        "Assignment",
    ]
    assert update.returning is not None
    assert (update.returning.mapping, update.returning.whole) == ("ALL OLD", True)


def test_the_table_may_stand_first():
    first, usual = parse("from t where k = 1 set a = 2"), parse("UPDATE t SET a = 2 WHERE k = 1")
    assert isinstance(first, nodes.Change)
    assert isinstance(usual, nodes.Change)
    assert shape(first.where) == shape(usual.where)
    assert len(first.actions) == len(usual.actions)


def test_aliases_are_seen():
    for text in ("SELECT * FROM t u", "SELECT * FROM t AS u", 'SELECT * FROM t "u"'):
        select = parse(text)
        assert isinstance(select, nodes.Select)
        assert select.source.aliased


@pytest.mark.parametrize("opener", ["(", "[", "<<", "{'a':", "NOT ", "-", "f(", "a="])
def test_no_statement_nests_too_deep(opener: str):
    text = "SELECT * FROM t WHERE " + opener * (8000 // len(opener))
    assert refusal(text).startswith(ENVELOPE)


PIECES = """
SELECT INSERT INTO UPDATE DELETE FROM WHERE SET REMOVE VALUE RETURNING ALL OLD NEW MODIFIED ORDER
BY DESC AND OR NOT IN BETWEEN IS MISSING NULL LIKE EXISTS size ( ) [ ] { } << >> , : ; . * ? = <> <
+ - 'a' "b" t pk 1 .5 -- /* */
"""


def outcome(text: str) -> str:
    """What is wrong with a text; nothing for a statement."""
    try:
        parse(text)
    except ValidationException as error:
        return error.message
    return ENVELOPE


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES.split()), max_size=30).map(" ".join) | st.text(max_size=60))
def test_texts_that_mean_nothing_are_refused_in_words(text: str):
    assert outcome(text).startswith(ENVELOPE)
