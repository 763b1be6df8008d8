"""Proves that the text of statements comes apart into the right tokens, in their places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import ValidationException
from tailrace.expressions.partiql.tokens import (
    END,
    IDENTIFIER,
    KEYWORD,
    NUMBER,
    OPERATOR,
    QUOTED,
    STRING,
    tokenize,
)

ENVELOPE = "Statement wasn't well formed, can't be processed: "


def kinds(text: str) -> list[tuple[str, str]]:
    return [(token.kind, token.text) for token in tokenize(text)]


def test_words_numbers_strings_and_symbols():
    assert kinds("SELECT a.\"b\"\"c\" 'it''s' -1.5e+3 .5 <<?>>") == [
        (KEYWORD, "select"),
        (IDENTIFIER, "a"),
        ("symbol", "."),
        (QUOTED, 'b"c'),
        (STRING, "it's"),
        (OPERATOR, "-"),
        (NUMBER, "1.5e3"),
        (NUMBER, ".5"),
        ("symbol", "<<"),
        ("symbol", "?"),
        ("symbol", ">>"),
        (END, ""),
    ]


def test_two_words_can_be_one_token():
    assert kinds("x IS  NOT MISSING not /* so */ in All old INSERT\nINTO")[1:-1] == [
        (OPERATOR, "is_not"),
        (KEYWORD, "missing"),
        (OPERATOR, "not_in"),
        (KEYWORD, "all_old"),
        (KEYWORD, "insert_into"),
    ]


def test_unequal_has_two_spellings():
    assert kinds("!=")[0] == kinds("<>")[0]


def test_comments_are_blanks():
    assert kinds("-- a note\na /* b\n */ /**/ c --") == kinds("a c")


def test_places_count_lines_and_columns_from_one():
    tokens = tokenize('a\n  "bc" \r\n\r1')
    assert [str(token.at) for token in tokens] == ["1:1:1", "2:3:4", "4:1:1", "4:2:0"]


@pytest.mark.parametrize(
    "text",
    [
        "a # b",
        "a /* b",
        "'open",
        '"open',
        "'odd''",
        "1e",
        "12e+",
        "é",
        "1e2147483648",
        "1e99999999999",
        "1.5e-2147483647",
        "a & b",
    ],
)
def test_what_is_no_token_is_refused_without_a_reason(text: str):
    with pytest.raises(ValidationException) as refusal:
        tokenize(text)
    assert refusal.value.message == ENVELOPE


def test_exponents_may_have_zeros_in_front():
    assert kinds(f"1E-{'0' * 8000}7")[0] == (NUMBER, "1e-7")


@given(st.text())
def test_strings_hold_every_text(content: str):
    quoted = "'" + content.replace("'", "''") + "'"
    assert kinds(quoted) == [(STRING, content), (END, "")]
