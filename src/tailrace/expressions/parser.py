"""Parsers for condition, update and projection expressions: text to trees, with AWS's own words for
what is wrong with it.

What is wrong is told in this order: the size, the first syntax error or redundant pair of
parentheses, then functions that do not exist or stand where they may not, reserved words and list
indexes out of range, each by its place in the text; last, a section of an update used twice. What
depends on the request's placeholders is left to `checks`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import lru_cache
from typing import Final

import msgspec

from tailrace import limits
from tailrace.expressions import lexer
from tailrace.expressions.functions import Role
from tailrace.expressions.syntax import REDUNDANT, Reader, Rule, Term, Use, run
from tailrace.expressions.tree import (
    And,
    Arithmetic,
    Between,
    Call,
    Compare,
    Condition,
    In,
    Node,
    Not,
    Operand,
    Or,
    PathNode,
    UpdateAction,
)

__all__ = [
    "ParsedCondition",
    "ParsedProjection",
    "ParsedUpdate",
    "parse_condition",
    "parse_projection",
    "parse_update",
]

_COMPARATORS: Final = frozenset({"=", "<>", "<", "<=", ">", ">="})
_SECTIONS: Final = frozenset({"SET", "REMOVE", "ADD", "DELETE"})


class ParsedCondition(msgspec.Struct, frozen=True):
    """A condition's tree.

    `order` has its operands and comparisons as they end in the text, for `checks`. `by_type` says
    that the types of its values decide on what is wrong with it, whatever the values.
    """

    root: Condition
    order: tuple[Node, ...]
    operators: int
    by_type: bool


class ParsedUpdate(msgspec.Struct, frozen=True):
    """An update's actions in the order of the text. `orders` has, for each, what its value consists
    of, as it ends in the text.
    """

    actions: tuple[UpdateAction, ...]
    orders: tuple[tuple[Node, ...], ...]
    operators: int


class ParsedProjection(msgspec.Struct, frozen=True):
    paths: tuple[PathNode, ...]


@lru_cache(limits.EXPRESSION_CACHE_ENTRIES)
def parse_condition(text: str, parameter: str) -> ParsedCondition:
    """The tree of a condition, filter or key condition. Raises ValidationException; `parameter` is
    what its message names.
    """
    parser = _ConditionReader(text, parameter, in_update=False)
    root = parser.whole_condition()
    parser.check_words()
    by_value = any(
        isinstance(node, Between) or (isinstance(node, Call) and node.function == "attribute_type")
        for node in parser.order
    )
    return ParsedCondition(root, tuple(parser.order), parser.operators, not by_value)


@lru_cache(limits.EXPRESSION_CACHE_ENTRIES)
def parse_update(text: str) -> ParsedUpdate:
    """The actions of an update expression. Raises ValidationException."""
    parser = _UpdateReader(text, "UpdateExpression", in_update=True)
    actions: list[UpdateAction] = []
    orders: list[tuple[Node, ...]] = []
    seen: set[str] = set()
    while not parser.at(lexer.END):
        section = parser.section()
        for action in parser.actions(section):
            actions.append(action)
            orders.append(tuple(parser.order))
            parser.order.clear()
        if section in seen:
            parser.note_twice(section)
        seen.add(section)
    if not actions:
        parser.fail()
    parser.check_words()
    return ParsedUpdate(tuple(actions), tuple(orders), parser.operators)


@lru_cache(limits.EXPRESSION_CACHE_ENTRIES)
def parse_projection(text: str) -> ParsedProjection:
    """The paths of a projection expression. Raises ValidationException."""
    parser = Reader(text, "ProjectionExpression", in_update=False)
    paths = [parser.path()]
    while parser.kind == ",":
        parser.take()
        paths.append(parser.path())
    if parser.kind != lexer.END:
        parser.fail()
    parser.check_words()
    return ParsedProjection(tuple(paths))


class _ConditionReader(Reader):
    """Reads conditions."""

    def whole_condition(self) -> Condition:
        """The condition that the text is."""
        term: Term = run(self._disjunction())
        if self.kind != lexer.END or not self._settled(term):
            self.fail()
        return term.node

    def _settled(self, term: Term) -> bool:
        """Take a term for a condition; False when it is an operand and can't be one."""
        if term.call is not None:
            term.call.role = Role.CONDITION
            term.condition = True
            term.call = None
        if term.condition and term.redundant:
            self.refuse(REDUNDANT)
        return term.condition

    def _joined(self, keyword: str, rule: Callable[[], Rule], node: type[And | Or]) -> Rule:
        first: Term = yield rule()
        if self.kind != keyword:
            return first
        if not self._settled(first):
            self.fail()
        terms = [first.node]
        while self.kind == keyword:
            self.take()
            self.operators += 1
            term: Term = yield rule()
            if not self._settled(term):
                self.fail()
            terms.append(term.node)
        return Term(node(tuple(terms)), condition=True)

    def _disjunction(self) -> Rule:
        return self._joined("OR", self._conjunction, Or)

    def _conjunction(self) -> Rule:
        return self._joined("AND", self._negation, And)

    def _negation(self) -> Rule:
        count = 0
        while self.kind == "NOT":
            self.take()
            count += 1
        self.operators += count
        term: Term = yield self._primary()
        if not count:
            return term
        if not self._settled(term):
            self.fail()
        if not count & 1:
            return Term(term.node, condition=True)
        # Two negations in a row cancel each other.
        negated = term.node.term if isinstance(term.node, Not) else Not(term.node)
        return Term(negated, condition=True)

    def _primary(self) -> Rule:
        term: Term
        if self.kind == "(":
            term = yield self._group()
        else:
            self.undecided = True
            term = yield self.simple(Role.OPERAND)
            self.undecided = False
            term.redundant, self.redundant = self.redundant, False
        if term.condition:
            return term
        if self.kind in _COMPARATORS or self.kind in ("BETWEEN", "IN"):
            if term.redundant:
                self.refuse(REDUNDANT)
            return (yield self._comparison(term.node))
        return term

    def _group(self) -> Rule:
        """A term in parentheses: a condition, or an operand when a comparison follows."""
        self.take("(")
        term: Term = yield self._disjunction()
        self.take(")")
        if term.parenthesized:
            term.redundant = True
            if term.condition:
                self.refuse(REDUNDANT)
        term.parenthesized = True
        return term

    def _comparison(self, left: Operand) -> Rule:
        operator = self.take().kind
        self.operators += 1
        if operator == "BETWEEN":
            low: Operand = yield self.operand(Role.OPERAND)
            self.take("AND")
            high: Operand = yield self.operand(Role.OPERAND)
            return Term(self.made(Between(left, low, high)), condition=True)
        if operator != "IN":
            right: Operand = yield self.operand(Role.OPERAND)
            return Term(self.made(Compare(operator, left, right)), condition=True)
        self.take("(")
        choices: list[Operand] = [(yield self.operand(Role.OPERAND))]
        while self.kind == ",":
            self.take()
            choices.append((yield self.operand(Role.OPERAND)))
        self.take(")")
        return Term(self.made(In(left, tuple(choices))), condition=True)


class _UpdateReader(Reader):
    """Reads updates."""

    # Whether the value that was read last is one in parentheses.
    enclosed = False

    def section(self) -> str:
        """The keyword that opens a section."""
        if self.kind not in _SECTIONS:
            self.fail()
        return self.take().kind

    def note_twice(self, section: str) -> None:
        """Note that a section that was just read is not the first of its kind."""
        problem = f'The "{section}" section can only be used once in an update expression;'
        self.uses.append(Use(None, (), Role.VALUE, problem))

    def actions(self, section: str) -> Generator[UpdateAction, None, None]:
        """The actions of a section, one by one."""
        while True:
            target = self.path()
            value: Operand | None = None
            if section == "SET":
                self.take("=")
                value = run(self._set_value())
            elif section != "REMOVE":
                value = self.made(self.literal())
            yield UpdateAction(section, target, value)
            if self.kind != ",":
                break
            self.take()
        if self.kind != lexer.END and self.kind not in _SECTIONS:
            self.fail()

    def _set_value(self) -> Rule:
        """What a SET assigns: an operand, or a sum or difference of two; in parentheses or not."""
        if self.kind != "(":
            term: Term = yield self.simple(Role.VALUE)
            self.enclosed = False
            return (yield self._arithmetic(term.node, term.call))
        self.take()
        first = len(self.uses)
        node: Operand = yield self._set_value()
        self.take(")")
        if self.enclosed:
            self.refuse(REDUNDANT)
        use = self.uses[first] if isinstance(node, Call) else None
        whole: Operand = (
            node if isinstance(node, Arithmetic) else (yield self._arithmetic(node, use))
        )
        self.enclosed = whole is node
        return whole

    def _arithmetic(self, left: Operand, use: Use | None) -> Rule:
        if self.kind not in ("+", "-"):
            return left
        if use is not None:
            use.role = Role.ARGUMENT
        self.enclosed = False
        operator = self.take().kind
        self.operators += 1
        right: Operand = yield self.operand(Role.ARGUMENT)
        return self.made(Arithmetic(operator, left, right))
