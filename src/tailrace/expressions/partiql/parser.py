"""Text of a statement to nodes, with the service's own words for what is wrong with it.

The grammar is PartiQL's, as far as the service makes anything of it: one expression, which may be a
statement.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from tailrace import limits
from tailrace.expressions.partiql import tokens
from tailrace.expressions.partiql.keywords import SELECT_PRECEDENCE
from tailrace.expressions.partiql.nodes import (
    Assignment,
    Change,
    Column,
    Delete,
    Insert,
    Node,
    Ordering,
    Removal,
    Returning,
    Select,
    Source,
    Star,
)
from tailrace.expressions.partiql.terms import NAMES, ExpressionParser
from tailrace.expressions.partiql.tokens import Place, Token, malformed, tokenize
from tailrace.expressions.syntax import Rule, run

__all__ = ["parse"]

_ACTIONS: Final = frozenset({"set", "remove", "insert_into"})
_MAPPINGS: Final = frozenset({"modified_old", "modified_new", "all_old", "all_new"})
# Statements longer than this are parsed anew each time, so that the cache stays small.
_CACHED_BYTES: Final = 1024


def parse(text: str) -> Node:
    """What a statement is written as. Raises ValidationException."""
    return _cached(text) if len(text) <= _CACHED_BYTES else _parsed(text)


def _parsed(text: str) -> Node:
    return _Parser(tokenize(text)).whole()


_cached = lru_cache(limits.EXPRESSION_CACHE_ENTRIES)(_parsed)


class _Parser(ExpressionParser):
    """Reads statements."""

    def whole(self) -> Node:
        """The only statement of the text."""
        node: Node = run(self._expression())
        if self._is(";"):
            self._take()
            if self._next.kind != tokens.END:
                malformed("Unexpected token after semicolon. (Only one query is allowed.)")
        if self._next.kind != tokens.END:
            malformed("Unexpected token after expression")
        return node

    def _statement(self, token: Token) -> Rule | None:
        rules = {
            "select": self._select,
            "insert_into": self._insert,
            "update": self._update,
            "delete": self._delete,
            "from": self._from_first,
        }
        rule = rules.get(token.text)
        if rule is None:
            return None
        self._take()
        return rule(token.at)

    def _select(self, at: Place) -> Rule:
        refused: list[tuple[str, Place]] = []
        while self._next.text in ("distinct", "all", "value") and self._word(self._next.text):
            token = self._take()
            if token.text != "all":
                refused.append((token.text.upper(), token.at))
        columns: list[Column] = yield self._columns()
        if not self._word("from"):
            malformed("Expected FROM after SELECT list")
        self._take()
        source: Source = yield self._source(SELECT_PRECEDENCE)
        where: Node | None = None
        if self._word("where"):
            self._take()
            where = yield self._expression(SELECT_PRECEDENCE)
        order: list[Ordering] = yield self._ordering()
        for clause in ("group", "having", "limit", "offset"):
            if self._word(clause):
                token = self._take()
                if clause == "group":
                    self._by()
                value: Node = yield self._expression(SELECT_PRECEDENCE)
                refused.append((f"{clause.upper()}{' BY' if clause == 'group' else ''}", value.at))
        return Select(tuple(columns), source, where, tuple(order), tuple(refused), at)

    def _by(self) -> None:
        if not self._word("by"):
            malformed("Expected BY")
        self._take()

    def _columns(self) -> Rule:
        columns: list[Column] = []
        while not columns or self._is(","):
            if columns:
                self._take()
            if self._is("*", tokens.OPERATOR):
                columns.append(Column(Star(self._take().at), aliased=False))
            else:
                value: Node = yield self._expression()
                columns.append(Column(value, self._alias()))
        if len(columns) > 1 and any(isinstance(column.value, Star) for column in columns):
            malformed(
                "Other expressions may not be present in the select list when '*' is used without"
                " dot notation."
            )
        return columns

    def _alias(self) -> bool:
        """Whether an alias follows, which is taken."""
        if self._word("as"):
            self._take()
            if self._next.kind not in NAMES:
                malformed("Expected identifier for AS-alias")
        elif self._next.kind not in NAMES:
            return False
        self._take()
        return True

    def _source(self, above: int) -> Rule:
        of: Node = yield self._expression(above)
        return Source(of, self._alias())

    def _ordering(self) -> Rule:
        order: list[Ordering] = []
        if not self._word("order"):
            return order
        self._take()
        self._by()
        while True:
            value: Node = yield self._expression(SELECT_PRECEDENCE)
            descending = self._word("desc")
            if descending or self._word("asc"):
                self._take()
            order.append(Ordering(value, descending))
            if not self._is(","):
                return order
            self._take()

    def _insert(self, at: Place) -> Rule:
        target: Node = yield self._simple_path()
        single = self._word("value")
        if single:
            self._take()
        value: Node = yield self._expression()
        returning: Returning | None = self._returning() if single else None
        return Insert(target, value, single, returning, at)

    def _update(self, at: Place) -> Rule:
        source = Source((yield self._simple_path()), self._alias())
        actions: list[Node] = yield self._actions()
        where: Node | None = yield self._where()
        return Change(source, tuple(actions), where, self._returning(), at)

    def _delete(self, at: Place) -> Rule:
        if not self._word("from"):
            malformed("Expected FROM after DELETE")
        self._take()
        source = Source((yield self._simple_path()), self._alias())
        where: Node | None = yield self._where()
        return Delete(source, where, self._returning(), at)

    def _from_first(self, at: Place) -> Rule:
        source: Source = yield self._source(-1)
        where: Node | None = yield self._where()
        actions: list[Node] = yield self._actions()
        return Change(source, tuple(actions), where, self._returning(), at)

    def _where(self) -> Rule:
        if not self._word("where"):
            return None
        self._take()
        return (yield self._expression())

    def _actions(self) -> Rule:
        """One or more SET and REMOVE clauses."""
        actions: list[Node] = []
        while self._next.kind == tokens.KEYWORD and self._next.text in _ACTIONS:
            token = self._take()
            if token.text == "insert_into":
                actions.append((yield self._insert(token.at)))
            elif token.text == "remove":
                actions.append(Removal((yield self._simple_path()), token.at))
            else:
                actions.append((yield self._assignment()))
                while self._is(","):
                    self._take()
                    actions.append((yield self._assignment()))
        if not actions:
            malformed("Expected data manipulation")
        return actions

    def _assignment(self) -> Rule:
        target: Node = yield self._simple_path()
        if not self._is("=", tokens.OPERATOR):
            malformed("Expected '='")
        self._take()
        return Assignment(target, (yield self._expression()), target.at)

    def _returning(self) -> Returning | None:
        if not self._word("returning"):
            return None
        at = self._take().at
        if self._next.kind != tokens.KEYWORD or self._next.text not in _MAPPINGS:
            malformed("Expected ( MODIFIED | ALL ) ( NEW | OLD ) in each returning element.")
        mapping = self._take().text.replace("_", " ").upper()
        whole = self._is("*", tokens.OPERATOR)
        if whole:
            self._take()
        elif self._is_name():
            run(self._path())
        else:
            malformed("Unsupported syntax in RETURNING columns.")
        return Returning(mapping, whole, at)
