"""The expressions inside of statements: operators, paths, literals, functions.

Rules are generators (see `expressions.syntax`), so no text nests too deep.
"""

from __future__ import annotations

import abc
from typing import Final

from tailrace.expressions.partiql import tokens
from tailrace.expressions.partiql.keywords import (
    FUNCTIONS,
    INFIX,
    NOT_PRECEDENCE,
    TYPES,
)
from tailrace.expressions.partiql.nodes import (
    Bag,
    Call,
    Constant,
    Items,
    Name,
    Node,
    Operation,
    Parameter,
    Path,
    Star,
    Tuple,
    TypeName,
)
from tailrace.expressions.partiql.tokens import Token, malformed
from tailrace.expressions.syntax import Rule

__all__ = ["NAMES", "ExpressionParser"]

NAMES: Final = (tokens.IDENTIFIER, tokens.QUOTED)
_CLOSERS: Final = {
    "(": (")", "RIGHT_PAREN"),
    "[": ("]", "RIGHT_BRACKET"),
    "{": ("}", "RIGHT_CURLY"),
    "<<": (">>", "RIGHT_DOUBLE_ANGLE_BRACKET"),
}


class ExpressionParser(abc.ABC):
    """Tokens, and how far they have been read."""

    def __init__(self, made: list[Token]) -> None:
        self._tokens = made
        self._at = 0
        self._parameters = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    @property
    def _after(self) -> Token:
        """The token after the next."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += token.kind != tokens.END
        return token

    def _is(self, text: str, kind: str = tokens.SYMBOL) -> bool:
        return self._next.text == text and self._next.kind == kind

    def _is_name(self) -> bool:
        return self._next.kind in NAMES

    def _word(self, text: str) -> bool:
        return self._is(text, tokens.KEYWORD)

    def _close(self, opener: str) -> None:
        closer, name = _CLOSERS[opener]
        if not self._is(closer):
            malformed(f"Expected {name}")
        self._take()

    @abc.abstractmethod
    def _statement(self, token: Token) -> Rule | None:
        """The rule of the statement that a keyword begins, the token being taken when there is one;
        None when it begins none.
        """

    # Expressions ---------------------------------------------------------------------------------

    def _expression(self, above: int = -1) -> Rule:
        """An expression of operators that bind more closely than `above`."""
        node: Node = yield self._unary()
        while self._next.kind == tokens.OPERATOR:
            operator = self._next
            precedence = INFIX.get(operator.text, -1)
            if precedence <= above:
                break
            node = yield self._infix(node, operator, precedence)
        return node

    def _infix(self, left: Node, operator: Token, precedence: int) -> Rule:
        self._take()
        name = operator.text
        if name in ("is", "is_not"):
            return Operation(name, (left, self._type()), operator.at)
        if name in ("in", "not_in") and self._is("("):
            choices: list[Node] = yield self._enclosed("(")
            return Operation(name, (left, Items(tuple(choices), operator.at)), operator.at)
        if self._next.kind == tokens.END:
            malformed("Missing right-hand side expression of infix operator")
        right: Node = yield self._expression(precedence)
        if name not in ("between", "not_between"):
            return Operation(name, (left, right), operator.at)
        if not self._is("and", tokens.OPERATOR):
            malformed("Expected AND")
        self._take()
        if self._next.kind == tokens.END:
            malformed("Expected expression after AND")
        high: Node = yield self._expression(precedence)
        return Operation(name, (left, right, high), operator.at)

    def _type(self) -> TypeName:
        token = self._next
        if token.kind != tokens.KEYWORD or token.text not in TYPES:
            malformed("Expected type name")
        self._take()
        return TypeName(token.text, token.at)

    def _unary(self) -> Rule:
        token = self._next
        if token.kind != tokens.OPERATOR or token.text not in ("+", "-", "not"):
            return (yield self._path())
        self._take()
        if token.text == "not":
            return Operation("not", ((yield self._expression(NOT_PRECEDENCE)),), token.at)
        node: Node = yield self._unary()
        if not isinstance(node, Constant) or node.kind != "N":
            return Operation(token.text, (node,), token.at)
        if token.text == "-":
            opposite = node.text[1:] if node.text.startswith("-") else f"-{node.text}"
            return Constant("N", opposite, node.at)
        return node

    def _path(self) -> Rule:
        root: Node = yield self._term()
        steps: list[str | Node] = []
        while self._is(".") or self._is("["):
            if self._take().text == ".":
                if self._next.kind not in NAMES and not self._is("*", tokens.OPERATOR):
                    malformed("Invalid path dot component")
                token = self._take()
                steps.append(token.text if token.kind in NAMES else Star(token.at))
            else:
                steps.append((yield self._index()))
        return Path(root, tuple(steps), root.at) if steps else root

    def _index(self) -> Rule:
        """What stands in brackets, the first of which was taken."""
        if self._is("*", tokens.OPERATOR):
            index: Node = Star(self._take().at)
        else:
            index = yield self._expression()
        self._close("[")
        return index

    def _simple_path(self) -> Rule:
        """A path as the target of a change."""
        if self._next.kind not in NAMES:
            malformed("Expected identifier for simple path")
        token = self._take()
        root = Name(token.text, token.at)
        steps: list[str | Node] = []
        while self._is(".") or self._is("["):
            if self._take().text == ".":
                if self._is("*", tokens.OPERATOR):
                    malformed("Invalid path dot component for simple path")
                if self._next.kind not in NAMES:
                    malformed("Invalid path dot component")
                steps.append(self._take().text)
            else:
                index: Node = yield self._index()
                if not isinstance(index, Constant | Parameter):
                    malformed("Invalid path component for simple path")
                steps.append(index)
        return Path(root, tuple(steps), root.at) if steps else root

    def _term(self) -> Rule:
        token = self._next
        if token.kind == tokens.OPERATOR:
            malformed("Unexpected term" if token.text == "*" else "Unexpected operator")
        if token.kind == tokens.KEYWORD:
            return (yield self._keyword(token))
        if token.kind == tokens.SYMBOL and token.text in _CLOSERS:
            return (yield self._group(token))
        if token.kind in (tokens.NUMBER, tokens.STRING):
            self._take()
            return Constant("N" if token.kind == tokens.NUMBER else "S", token.text, token.at)
        if token.kind in NAMES:
            self._take()
            return (yield self._call(token)) if self._is("(") else Name(token.text, token.at)
        if not self._is("?"):
            malformed("Unexpected term")
        self._take()
        self._parameters += 1
        return Parameter(self._parameters - 1, token.at)

    def _keyword(self, token: Token) -> Rule:
        """What begins with a keyword: a statement, a constant, or a function."""
        word = token.text
        if word in ("true", "false", "null", "missing"):
            self._take()
            kind = "BOOL" if word in ("true", "false") else word.upper()
            return Constant(kind, word, token.at)
        if word in FUNCTIONS and self._after.text == "(" and self._after.kind == tokens.SYMBOL:
            self._take()
            return (yield self._call(token))
        rule = self._statement(token)
        if rule is None:
            malformed("Unexpected keyword")
        return (yield rule)

    def _call(self, name: Token) -> Rule:
        function = name.text.lower()
        if self._after.text == "*" and self._after.kind == tokens.OPERATOR:
            if function != "count":
                malformed(f"{function}(*) is not allowed")
            self._take()
            star = self._take()
            self._close("(")
            return Call(function, (Star(star.at),), name.at)
        arguments: list[Node] = yield self._enclosed("(")
        return Call(function, tuple(arguments), name.at)

    def _group(self, opener: Token) -> Rule:
        """What is between brackets of some kind."""
        if opener.text == "{":
            return (yield self._tuple(opener))
        if opener.text == "(" and self._after.text == ")" and self._after.kind == tokens.SYMBOL:
            malformed("Unexpected term")
        elements: list[Node] = yield self._enclosed(opener.text)
        if opener.text == "<<":
            return Bag(tuple(elements), opener.at)
        if opener.text == "(" and len(elements) == 1:
            return elements[0]
        return Items(tuple(elements), opener.at)

    def _enclosed(self, opener: str) -> Rule:
        """The expressions between brackets, separated by commas; there may be none."""
        self._take()
        elements: list[Node] = []
        if not self._is(_CLOSERS[opener][0]):
            elements.append((yield self._expression()))
            while self._is(","):
                self._take()
                elements.append((yield self._expression()))
        self._close(opener)
        return elements

    def _tuple(self, opener: Token) -> Rule:
        self._take()
        fields: list[tuple[Node, Node]] = []
        while not fields or self._is(","):
            if not fields and self._is("}"):
                break
            if fields:
                self._take()
            name: Node = yield self._expression()
            if not self._is(":"):
                malformed("Expected COLON")
            self._take()
            fields.append((name, (yield self._expression())))
        self._close("{")
        return Tuple(tuple(fields), opener.at)
