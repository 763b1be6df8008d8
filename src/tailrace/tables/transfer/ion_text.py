"""Items as Amazon Ion text and back, as exports write it and imports read it.

Types are mapped as in "DynamoDB to Ion datatype conversion" (S3DataExport.Output.html): numbers
are decimals, sets are lists annotated `$dynamodb_SS`, `$dynamodb_NS` or `$dynamodb_BS`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.model.values import AttributeValue, Item

__all__ = ["IonFault", "ion_struct", "parse_ion"]

VERSION: Final = "$ion_1_0 "
_SETS: Final = {"SS": "$dynamodb_SS", "NS": "$dynamodb_NS", "BS": "$dynamodb_BS"}
_SET_KINDS: Final = {annotation: kind for kind, annotation in _SETS.items()}
_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*", re.ASCII)
_KEYWORDS: Final = frozenset({"null", "true", "false", "nan"})
_text = msgspec.json.Encoder().encode


class IonFault(Exception):
    """What is no Ion text, or not of an item."""


def ion_struct(item: Item) -> str:
    """An item as an Ion struct."""
    fields = [f"{_field(name)}:{_ion(value)}" for name, value in item.items()]
    return "{" + ",".join(fields) + "}"


def _field(name: str) -> str:
    if _IDENTIFIER.fullmatch(name) and name not in _KEYWORDS:
        return name
    return _string(name)


def _string(text: str) -> str:
    return _text(text).decode()


def _decimal(text: str) -> str:
    return text if "." in text else f"{text}."


def _blob(text: str) -> str:
    return "{{" + text + "}}"


def _ion(value: AttributeValue) -> str:
    ((kind, content),) = value.items()
    if kind in _SETS:
        write = _SCALARS[kind[0]]
        return f"{_SETS[kind]}::[{','.join([write(member) for member in content])}]"
    if kind == "M":
        return ion_struct(content)
    if kind == "L":
        return f"[{','.join([_ion(element) for element in content])}]"
    return _SCALARS[kind](content)


_SCALARS: Final[dict[str, Callable[[Any], str]]] = {
    "S": _string,
    "N": _decimal,
    "B": _blob,
    "BOOL": lambda content: "true" if content else "false",
    "NULL": lambda content: "null",
}

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<symbol>'(?:[^'\\]|\\.)+')
      | (?P<blob>\{\{[A-Za-z0-9+/=\s]*\}\})
      | (?P<number>[+-]?(?:0|[1-9][0-9_]*)(?:\.[0-9_]*)?(?:[dDeE][+-]?[0-9]+)?(?![A-Za-z0-9_.$]))
      | (?P<word>[A-Za-z_$][A-Za-z0-9_$]*(?:\.[a-z]+)?)
      | (?P<mark>::|[][{},:])
    )""",
    re.VERBOSE | re.ASCII,
)


class _Tokens:
    """The tokens of a text, one after another."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.kind = ""
        self.token = ""
        self.advance()

    def advance(self) -> None:
        """Go to the next token; at the end, the empty kind."""
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            if self._text[self._at :].strip():
                raise IonFault(f"not Ion text: {self._text[self._at : self._at + 20]!r}")
            self.kind = self.token = ""
            return
        self._at = match.end()
        self.kind = match.lastgroup or ""
        self.token = match[self.kind]

    def take(self, mark: str) -> bool:
        """Whether the token is this mark, which is then passed."""
        if self.kind == "mark" and self.token == mark:
            self.advance()
            return True
        return False

    def expect(self, mark: str) -> None:
        if not self.take(mark):
            raise IonFault(f"{mark!r} expected, not {self.token!r}")


def parse_ion(text: str) -> Item:
    """The top-level struct of one line, with or without its version marker, as an item. Raises
    IonFault; what the values may be is not checked."""
    tokens = _Tokens(text)
    if tokens.kind == "word" and tokens.token == VERSION.strip():
        tokens.advance()
    value = _parsed(tokens, 0)
    if tokens.kind or "M" not in value:
        raise IonFault("one struct expected")
    return value["M"]


def _parsed(tokens: _Tokens, depth: int) -> AttributeValue:
    if depth > limits.ITEM_NESTING + 1:
        raise IonFault("nested too deep")
    kind, token = tokens.kind, tokens.token
    if tokens.take("{"):
        return {"M": _struct(tokens, depth)}
    if tokens.take("["):
        return {"L": _list(tokens, depth)}
    tokens.advance()
    if kind == "word" and token in _SET_KINDS and tokens.take("::"):
        tokens.expect("[")
        return _set(_SET_KINDS[token], _list(tokens, depth))
    if kind == "string":
        return {"S": _unquoted(token)}
    if kind == "number":
        return {"N": token.replace("d", "e").replace("D", "e").replace("_", "")}
    if kind == "blob":
        return {"B": _checked_base64(token[2:-2])}
    if kind == "word" and token in ("true", "false"):
        return {"BOOL": token == "true"}
    if kind == "word" and token.partition(".")[0] == "null":
        return {"NULL": True}
    raise IonFault(f"no value: {token!r}")


def _struct(tokens: _Tokens, depth: int) -> Item:
    fields: Item = {}
    while not tokens.take("}"):
        if tokens.kind in ("string", "symbol"):
            name = _unquoted(tokens.token)
        elif tokens.kind == "word":
            name = tokens.token
        else:
            raise IonFault(f"no name of a field: {tokens.token!r}")
        tokens.advance()
        tokens.expect(":")
        fields[name] = _parsed(tokens, depth + 1)
        if not tokens.take(","):
            tokens.expect("}")
            break
    return fields


def _list(tokens: _Tokens, depth: int) -> list[AttributeValue]:
    elements: list[AttributeValue] = []
    while not tokens.take("]"):
        elements.append(_parsed(tokens, depth + 1))
        if not tokens.take(","):
            tokens.expect("]")
            break
    return elements


def _set(kind: str, elements: list[AttributeValue]) -> AttributeValue:
    members = [element.get(kind[0]) for element in elements]
    if None in members:
        raise IonFault(f"not all members are of a set's type {kind}")
    return {kind: members}


# Ion's escapes that JSON does not have, and the quotes that a symbol has bare.
_ESCAPE: Final = re.compile(r'\\(x[0-9A-Fa-f]{2}|U[0-9A-Fa-f]{8}|.)|"', re.DOTALL)
_ESCAPES: Final = {"'": "'", "?": "?", "a": "\\u0007", "v": "\\u000b", "0": "\\u0000", "\n": ""}


def _unquoted(token: str) -> str:
    try:
        return msgspec.json.decode(f'"{_ESCAPE.sub(_json_escape, token[1:-1])}"', type=str)
    except (msgspec.DecodeError, ValueError) as error:
        raise IonFault(str(error)) from None


def _json_escape(match: re.Match[str]) -> str:
    code: str | None = match[1]
    if code is None:
        return '\\"'
    if code[0] == "x" and len(code) > 1:
        return f"\\u00{code[1:]}"
    if code[0] == "U" and len(code) > 1:
        return _string(chr(int(code[1:], 16)))[1:-1]
    return _ESCAPES.get(code, match[0])


def _checked_base64(text: str) -> str:
    try:
        return base64.b64encode(base64.b64decode("".join(text.split()), validate=True)).decode()
    except (binascii.Error, ValueError):
        raise IonFault("not base64") from None
