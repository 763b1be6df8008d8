"""Text of an expression to tokens. Blanks are space, tab, line feed and carriage return; every
other character is a token of its own when it belongs to nothing else, so that syntax errors can
name it.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = ["END", "INDEX", "NAME", "OTHER", "VALUE", "WORD", "Token", "near", "tokenize"]

WORD: Final = "word"
NAME: Final = "#name"
VALUE: Final = ":value"
INDEX: Final = "index"
OTHER: Final = "other"
END: Final = "end"

_KEYWORDS: Final = frozenset(
    {"ADD", "AND", "BETWEEN", "DELETE", "IN", "NOT", "OR", "REMOVE", "SET"}
)
_TOKEN: Final = re.compile(
    r"[ \t\r\n]*(?:([A-Za-z][A-Za-z0-9_]*)|(#[A-Za-z0-9_]+)|(:[A-Za-z0-9_]+)|(0|[1-9][0-9]*)"
    r"|(<=|>=|<>|[-=<>()\[\],.+])|([^ \t\r\n]))"
)
_KINDS: Final = ("", WORD, NAME, VALUE, INDEX, "", OTHER)


class Token(NamedTuple):
    """A token: its kind (a symbol and a keyword, in capitals, are their own kind), its text, and
    where that begins and ends.
    """

    kind: str
    text: str
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """All tokens of a text; the last one is of the kind END and is called `<EOF>`."""
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        group = match.lastindex or 0
        found = match[group]
        if group == 1:
            capitals = found.upper()
            kind = capitals if capitals in _KEYWORDS else WORD
        else:
            kind = _KINDS[group] or found
        tokens.append(Token(kind, found, match.start(group), match.end(group)))
    tokens.append(Token(END, "<EOF>", len(text), len(text)))
    return tokens


def near(text: str, tokens: list[Token], at: int) -> str:
    """The text from the token before `at` to the token after it, as syntax errors quote it."""
    start = tokens[at - 1].start if at else 0
    end = tokens[at + 1].end if at + 1 < len(tokens) else len(text)
    return text[start:end]
