"""What all expressions are made of: tokens, paths, placeholders, functions and parentheses around
operands.

The grammar nests without bound and a text of 4 KB can hold thousands of parentheses, so the rules
are generators run by `run` with a stack of its own instead of Python's.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final, NoReturn, TypeAlias

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.expressions import lexer
from tailrace.expressions.functions import Role, check_role
from tailrace.expressions.lexer import Token, tokenize
from tailrace.expressions.tree import Alias, Call, Literal, Node, Operand, PathNode
from tailrace.expressions.words import RESERVED

__all__ = ["REDUNDANT", "Reader", "Rule", "Term", "Use", "run"]

REDUNDANT: Final = "The expression has redundant parentheses;"
_INDEX_MAX: Final = 2**31 - 1

# A rule of the grammar: it yields the rules it stands on, and is sent what they made.
Rule: TypeAlias = Generator[Any, Any, Any]


def run(rule: Rule) -> Any:
    """What a rule makes."""
    stack: list[Rule] = [rule]
    made: Any = None
    while stack:
        try:
            below = stack[-1].send(made)
        except StopIteration as end:
            stack.pop()
            made = end.value
        else:
            stack.append(below)
            made = None
    return made


class Use:
    """A function, a path or a problem in its place in the text.

    How a function is used may show only later.
    """

    __slots__ = ("function", "path", "problem", "role")

    def __init__(
        self,
        function: str | None,
        path: tuple[Token, ...],
        role: Role,
        problem: str | None = None,
    ) -> None:
        self.function = function
        self.problem = problem
        self.path = path
        self.role = role


class Term:
    """What a rule made: a condition, an operand, or a function that can still become either."""

    __slots__ = ("call", "condition", "node", "parenthesized", "redundant")

    def __init__(self, node: Node, condition: bool, call: Use | None = None) -> None:
        self.node: Any = node
        self.condition = condition
        self.call = call
        self.parenthesized = False
        self.redundant = False


class Reader:
    """A text and how far it has been read."""

    def __init__(self, text: str, parameter: str, *, in_update: bool) -> None:
        self._parameter = parameter
        self._in_update = in_update
        if not text:
            self.refuse("The expression can not be empty;")
        if len(text) > limits.EXPRESSION_BYTES:
            self.refuse(
                "Expression size has exceeded the maximum allowed size;"
                f" expression size: {len(text)}"
            )
        self._text = text
        self._tokens = tokenize(text)
        self._at = 0
        self.order: list[Node] = []
        self.operators: int = 0
        # A function that begins a condition is read to its end before it is known what it is. As
        # long as that lasts, redundant parentheses in it are only noted.
        self.undecided = False
        self.redundant = False
        self.uses: list[Use] = []

    @property
    def kind(self) -> str:
        """The kind of the token that comes next."""
        return self._tokens[self._at].kind

    def at(self, *kinds: str) -> bool:
        """Whether the next token is of one of these kinds."""
        return self.kind in kinds

    def refuse(self, problem: str) -> NoReturn:
        raise ValidationException(f"Invalid {self._parameter}: {problem}")

    def fail(self) -> NoReturn:
        """Raise the syntax error of the token that comes next."""
        token = self._tokens[self._at]
        nearby = lexer.near(self._text, self._tokens, self._at)
        self.refuse(f'Syntax error; token: "{token.text}", near: "{nearby}"')

    def take(self, kind: str | None = None) -> Token:
        """The next token, which must be of `kind` if that is given."""
        if kind is not None and self.kind != kind:
            self.fail()
        token = self._tokens[self._at]
        self._at += 1
        return token

    def made(self, node: Any) -> Any:
        self.order.append(node)
        return node

    # Words ---------------------------------------------------------------------------------------

    def check_words(self) -> None:
        """Raise ValidationException for the first wrong function, reserved word or index of the
        text.
        """
        for use in self.uses:
            problem = use.problem
            if use.function is not None:
                problem = check_role(use.function, use.role, self._in_update)
            if problem is not None:
                self.refuse(problem)
            for token in use.path:
                self._check_step(token)

    def _check_step(self, token: Token) -> None:
        if token.kind == lexer.WORD:
            if token.text.upper() in RESERVED:
                self.refuse(f"Attribute name is a reserved keyword; reserved keyword: {token.text}")
        elif token.kind == lexer.INDEX and int(token.text) > _INDEX_MAX:
            self.refuse(f"List index is not within the allowable range; index: [{token.text}]")

    # Operands ------------------------------------------------------------------------------------

    def path(self) -> PathNode:
        """A document path."""
        if not self.at(lexer.WORD, lexer.NAME):
            self.fail()
        tokens = [self.take()]
        while self.at(".", "["):
            if self.take().kind == ".":
                if not self.at(lexer.WORD, lexer.NAME):
                    self.fail()
                tokens.append(self.take())
            else:
                tokens.append(self.take(lexer.INDEX))
                self.take("]")
        self.uses.append(Use(None, tuple(tokens), Role.OPERAND))
        return PathNode(tuple(map(_step, tokens)))

    def literal(self) -> Literal:
        """A placeholder for a value."""
        return Literal(self.take(lexer.VALUE).text)

    def simple(self, role: Role) -> Rule:
        """A path, a placeholder or a function, as a term."""
        if self.kind == lexer.VALUE:
            return Term(self.made(self.literal()), condition=False)
        if self.kind != lexer.WORD or self._tokens[self._at + 1].kind != "(":
            return Term(self.made(self.path()), condition=False)
        use = Use(self.take().text, (), role)
        self.uses.append(use)
        self.take("(")
        operands = [(yield self.operand(Role.ARGUMENT))]
        while self.at(","):
            self.take()
            operands.append((yield self.operand(Role.ARGUMENT)))
        self.take(")")
        self.operators += 1
        call = self.made(Call(use.function or "", tuple(operands)))
        return Term(call, condition=False, call=use)

    def operand(self, role: Role) -> Rule:
        """An operand where nothing else can stand; makes its node."""
        if self.kind != "(":
            term: Term = yield self.simple(role)
            return term.node
        self.take()
        doubled = self.kind == "("
        node: Operand = yield self.operand(role)
        self.take(")")
        if doubled:
            if not self.undecided:
                self.refuse(REDUNDANT)
            self.redundant = True
        return node


def _step(token: Token) -> str | int | Alias:
    if token.kind == lexer.WORD:
        return token.text
    if token.kind == lexer.NAME:
        return Alias(token.text)
    return int(token.text)
