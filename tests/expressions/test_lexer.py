"""Proves that every text is cut into tokens without loss, and how syntax errors quote it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.expressions import lexer
from tailrace.expressions.lexer import near, tokenize


@given(st.text(max_size=30))
def test_tokens_are_the_text_without_its_blanks(text: str) -> None:
    tokens = tokenize(text)
    blanks = str.maketrans("", "", " \t\r\n")
    assert "".join(token.text for token in tokens[:-1]) == text.translate(blanks)
    assert all(text[token.start : token.end] == token.text for token in tokens[:-1])
    assert tokens[-1] == (lexer.END, "<EOF>", len(text), len(text))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a", ["word"]),
        ("a_1", ["word"]),
        ("_a", ["other", "word"]),
        ("1a", ["index", "word"]),
        ("01", ["index", "index"]),
        ("#a:b", ["#name", ":value"]),
        ("#", ["other"]),
        ("#1", ["#name"]),
        ("a<=b<>c", ["word", "<=", "word", "<>", "word"]),
        ("= =<", ["=", "=", "<"]),
        ("between And nOt", ["BETWEEN", "AND", "NOT"]),
        ("size", ["word"]),
        ("a\x0b", ["word", "other"]),
        ("é", ["other"]),
    ],
)
def test_kinds(text: str, kinds: list[str]) -> None:
    assert [token.kind for token in tokenize(text)[:-1]] == kinds


@pytest.mark.parametrize(
    ("text", "at", "quoted"),
    [
        ("a b c", 0, "a b"),
        ("a b c", 1, "a b c"),
        ("a b c ", 2, "b c "),
        (" a", 0, " a"),
        ("a = ", 2, "= "),
        ("", 0, ""),
    ],
)
def test_quotes_reach_from_the_token_before_to_the_token_after(
    text: str, at: int, quoted: str
) -> None:
    assert near(text, tokenize(text), at) == quoted
