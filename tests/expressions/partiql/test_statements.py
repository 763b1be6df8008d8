"""Proves what is no statement for any table, in the service's words, observed, and that no text is
read without them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.errors import ValidationException
from tailrace.expressions.partiql import Columns, Select, read_statement
from tailrace.model.values import AttributeValue
from tests.expressions.partiql.reading import ITEM, refusal


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x IS INT4", "Unsupported operation: IsType"),
        ("SELECT * FROM t u", "Aliasing is not supported"),
        ("UPDATE t u SET a = 3 WHERE pk = 'x'", "Aliasing is not supported"),
        ("DELETE FROM t u WHERE pk = 'x'", "Aliasing is not supported"),
        ("SELECT COUNT(*) FROM t", "Unexpected path component at 1:8:5"),
        ("SELECT attribute_exists(a) FROM t", "Unexpected path component at 1:8:16"),
        ('SELECT * FROM ""', "Path component cannot be an empty string"),
        ('SELECT * FROM t.""', "Path component cannot be an empty string"),
        ("SELECT * FROM t.i.x", "A path may contain at most 2 components in the FROM clause"),
        (
            "INSERT INTO t.i VALUE {'pk': 'x'}",
            "FROM clause may only contain a single table name",
        ),
        (
            f"SELECT a{'.b' * 32} FROM t",
            "The document path has too many nesting levels; nesting levels: 33",
        ),
        ("UPDATE t.i SET a = 1 WHERE pk = 'x'", "This operation is not supported on an index"),
        ("DELETE FROM t.i WHERE pk = 'x'", "This operation is not supported on an index"),
        (
            "DELETE FROM t WHERE pk = 'x' RETURNING MODIFIED OLD *",
            (
                "Invalid returning clause: RETURNING MODIFIED OLD *."
                " Only RETURNING ALL OLD * is allowed in DELETE statements."
            ),
        ),
        ("SELECT a.k, b.k FROM t", "Duplicate identifiers in select clause: k"),
        (
            "SELECT m, m.k FROM t",
            (
                "Two document paths overlap with each other; must remove or rewrite one of these"
                " paths; path one: [m], path two: [m, k]"
            ),
        ),
        (
            "INSERT INTO t VALUE {'pk': 'x', 'pk': 'y'}",
            "Duplicate keys in tuple. Key: pk under root at 1:33:4",
        ),
        (
            "SELECT * FROM t WHERE m = {'x': 1, 'x': 2}",
            "Duplicate keys in tuple. Key: x under root at 1:27:1",
        ),
        (
            "SELECT * FROM t ORDER BY sk",
            "Must have WHERE clause in the statement when using ORDER BY clause.",
        ),
    ],
)
def test_statements_there_are_none_of(text: str, message: str):
    assert refusal(text) == message


def test_columns_are_called_by_their_last_names():
    select = read_statement("SELECT pk, m.k[0], l[-0], a['b'] FROM t", ())
    assert isinstance(select, Select)
    assert select.columns == Columns(
        ("pk", "k[0]", "l[0]", "b"), (("pk",), ("m", "k", 0), ("l", 0), ("a", "b"))
    )
    assert select.columns.apply(ITEM) == {"pk": {"S": "a"}, "k[0]": {"S": "x"}}


WORDS = """
a b.c pk = <> < >= AND OR NOT IN BETWEEN IS MISSING NULL BOOL ( ) [ ] , ? 1 -2 'x' true << >> { } :
contains( size( attribute_exists( begins_with( set_add( list_append( + - LIKE
"""


def outcome(text: str, *parameters: AttributeValue) -> str:
    """What is wrong with a text, or what kind of statement it is."""
    try:
        return type(read_statement(text, parameters)).__name__
    except ValidationException as error:
        return error.message


@settings(max_examples=300)
@given(
    st.sampled_from(
        ["SELECT * FROM t WHERE ", "UPDATE t SET a = ", "INSERT INTO t VALUE ", "SELECT "]
    ),
    st.lists(st.sampled_from(WORDS.split()), max_size=14).map(" ".join),
    st.sampled_from(["", " WHERE pk = ?", " FROM t", " RETURNING ALL NEW *", " ORDER BY a"]),
)
def test_statements_are_read_or_refused_in_words(head: str, middle: str, tail: str):
    assert outcome(head + middle + tail, {"S": "x"}, {"N": "1"})
