"""Text of a statement to tokens. Comments and blanks are skipped; what is no token at all makes the
statement ill-formed, without a word on where.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, NoReturn

from tailrace.errors import ValidationException
from tailrace.expressions.partiql.keywords import COMBINED, KEYWORDS, WORD_OPERATORS

__all__ = [
    "END",
    "IDENTIFIER",
    "KEYWORD",
    "NUMBER",
    "OPERATOR",
    "QUOTED",
    "STRING",
    "SYMBOL",
    "Place",
    "Token",
    "malformed",
    "tokenize",
]

IDENTIFIER: Final = "identifier"
QUOTED: Final = "quoted identifier"
KEYWORD: Final = "keyword"
OPERATOR: Final = "operator"
NUMBER: Final = "number"
STRING: Final = "string"
SYMBOL: Final = "symbol"
END: Final = "end"

_ENVELOPE: Final = "Statement wasn't well formed, can't be processed: "
_TOKEN: Final = re.compile(
    r"""(?P<blank>[ \t\r\n\f\v]+|--[^\r\n]*|/\*.*?\*/)
    |(?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+|(?![eE])))
    |(?P<string>'[^']*(?:''[^']*)*')
    |(?P<quoted>"[^"]*(?:""[^"]*)*")
    |(?P<symbol><<|>>|[()\[\]{}:,;?.])
    |(?P<operator>\|\||!=|<=|<>|>=|/(?!\*)|[-+*%<>=@~^])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_EXPONENT: Final = 2**31 - 1


class Place(NamedTuple):
    """Where a token stands: line and column, from 1, and its length, all in characters."""

    line: int
    column: int
    length: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}:{self.length}"


class Token(NamedTuple):
    """A token. `text` is in small letters for keywords and operators, without its quotes for
    strings and quoted identifiers.
    """

    kind: str
    text: str
    at: Place


def malformed(detail: str = "") -> NoReturn:
    """Raise ValidationException for a statement that is no PartiQL."""
    raise ValidationException(_ENVELOPE + detail)


def tokenize(text: str) -> list[Token]:
    """All tokens of a statement; the last one is of the kind END."""
    tokens: list[Token] = []
    lines = _Lines(text)
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            malformed()
        start, position = position, match.end()
        if match.lastgroup != "blank":
            place = lines.place(start, position)
            _append(tokens, _token(match.lastgroup or "", match[0], place))
    tokens.append(Token(END, "", lines.place(len(text), len(text))))
    return tokens


class _Lines:
    """Knows where the lines of a text begin. Asked from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *[match.end() for match in _LINE_END.finditer(text)]]
        self._line = 0

    def place(self, start: int, end: int) -> Place:
        while self._line + 1 < len(self._starts) and self._starts[self._line + 1] <= start:
            self._line += 1
        return Place(self._line + 1, start - self._starts[self._line] + 1, end - start)


def _token(group: str, text: str, at: Place) -> Token:
    if group == "word":
        small = text.lower()
        if small in WORD_OPERATORS:
            return Token(OPERATOR, small, at)
        return Token(KEYWORD, small, at) if small in KEYWORDS else Token(IDENTIFIER, text, at)
    if group == "number":
        return Token(NUMBER, _checked_number(text), at)
    if group == "string":
        return Token(STRING, text[1:-1].replace("''", "'"), at)
    if group == "quoted":
        return Token(QUOTED, text[1:-1].replace('""', '"'), at)
    if group == "symbol":
        return Token(SYMBOL, text, at)
    return Token(OPERATOR, "<>" if text == "!=" else text, at)


def _checked_number(text: str) -> str:
    """A numeral whose exponent and scale the service can hold, in 32 bits each."""
    mantissa, _, exponent = text.lower().partition("e")
    if exponent:
        digits = exponent.lstrip("+-").lstrip("0") or "0"
        if len(digits) > len(str(_EXPONENT)):
            malformed()
        power = -int(digits) if exponent[0] == "-" else int(digits)
        scale = len(mantissa.partition(".")[2]) - power
        if abs(power) > _EXPONENT or abs(scale) > _EXPONENT:
            malformed()
        return f"{mantissa}e{power}"
    return text


def _append(tokens: list[Token], token: Token) -> None:
    """Append a token, or make one of it and the one before."""
    if tokens and token.kind in (KEYWORD, OPERATOR):
        before = tokens[-1]
        both = COMBINED.get((before.text, token.text))
        if both is not None and before.kind in (KEYWORD, OPERATOR):
            tokens[-1] = Token(before.kind, both, before.at)
            return
    tokens.append(token)
