"""What is checked once the placeholders are known: that they are defined, and that operands fit
their operators.

Conditions are checked from left to right, innermost first. Updates and projections are checked from
their last path to their first, an update's targets before its values. The operators are counted
last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NoReturn

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.expressions.functions import ARITY
from tailrace.expressions.parser import ParsedCondition, ParsedProjection, ParsedUpdate
from tailrace.expressions.tree import (
    Alias,
    Arithmetic,
    Between,
    Call,
    Compare,
    In,
    Literal,
    Node,
    Operand,
    PathNode,
    Truth,
)
from tailrace.model.keys import content_bytes
from tailrace.model.paths import Path, clash, render
from tailrace.model.values import AttributeValue, decoded_base64

__all__ = ["TYPE_WORDS", "check_condition", "check_projection", "check_update", "resolve"]

# The types' names in the messages of updates.
TYPE_WORDS: Final = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
    "M": "MAP",
    "L": "LIST",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
}
_ORDERED: Final = frozenset({"S", "N", "B"})
_TEXTS: Final = frozenset({"S", "B"})
_SIZED: Final = frozenset({"S", "B", "SS", "NS", "BS", "L", "M"})
_NUMBER: Final = frozenset({"N"})
_LIST: Final = frozenset({"L"})
# In these orders, which are a hash table's, the service lists them.
_TYPE_NAMES: Final = "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}"
_ANY_TYPE: Final = "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"
_ADDED: Final = frozenset({"N", "SS", "NS", "BS"})
_DELETED: Final = frozenset({"SS", "NS", "BS"})


def check_condition(
    parsed: ParsedCondition,
    parameter: str,
    names: Mapping[str, str],
    values: Mapping[str, AttributeValue],
) -> None:
    """Raise ValidationException for the first thing wrong with a condition and its placeholders."""
    checker = _Checker(parameter, names, values)
    for node in parsed.order:
        checker.check(node)
    checker.count(parsed.operators)


def check_update(
    parsed: ParsedUpdate,
    names: Mapping[str, str],
    values: Mapping[str, AttributeValue],
    parameter: str = "UpdateExpression",
) -> None:
    """Raise ValidationException for the first thing wrong with an update and its placeholders."""
    checker = _Checker(parameter, names, values)
    checker.targets([action.target for action in parsed.actions])
    for action, order in zip(reversed(parsed.actions), reversed(parsed.orders), strict=True):
        for node in order:
            checker.check(node)
        if isinstance(action.value, Literal) and action.section in ("ADD", "DELETE"):
            checker.check_set_action(action.section, values[action.value.key])
    checker.count(parsed.operators)


def check_projection(
    parsed: ParsedProjection, names: Mapping[str, str], parameter: str = "ProjectionExpression"
) -> None:
    """Raise ValidationException for the first thing wrong with a projection and its names."""
    _Checker(parameter, names, {}).targets(parsed.paths)


def resolve(path: PathNode, names: Mapping[str, str]) -> Path:
    """A path with its placeholders replaced. All of them must be defined."""
    return tuple([names[step.key] if isinstance(step, Alias) else step for step in path.steps])


class _Checker:
    def __init__(
        self, parameter: str, names: Mapping[str, str], values: Mapping[str, AttributeValue]
    ) -> None:
        self._parameter = parameter
        self._names = names
        self._values = values

    def _refuse(self, problem: str) -> NoReturn:
        # Statements have no parameters to name.
        kind = f"Invalid {self._parameter}: " if self._parameter else ""
        raise ValidationException(kind + problem)

    def _refuse_type(self, operator: str, found: str) -> None:
        self._refuse(
            "Incorrect operand type for operator or function;"
            f" operator or function: {operator}, operand type: {found}"
        )

    def count(self, operators: int) -> None:
        if operators > limits.EXPRESSION_OPERATORS:
            # The service stops counting there.
            self._refuse(
                "The expression contains too many operators;"
                f" operator count: {limits.EXPRESSION_OPERATORS + 1}"
            )

    def targets(self, paths: Sequence[PathNode]) -> None:
        """Check paths of which none may lie inside another."""
        later: list[Path] = []
        for path in reversed(paths):
            self.check(path)
            resolved = resolve(path, self._names)
            for other in later:
                problem = clash(resolved, other)
                if problem is not None:
                    self._refuse(
                        f"Two document paths {problem} with each other;"
                        " must remove or rewrite one of these paths;"
                        f" path one: {render(resolved)}, path two: {render(other)}"
                    )
            later.insert(0, resolved)

    def check(self, node: Node) -> None:
        """Check one node; those below it were checked before."""
        match node:
            case PathNode():
                self._check_path(node)
            case Literal():
                self._check_literal(node)
            case Call():
                self._check_call(node)
            case Compare():
                self._check_compare(node)
            case Between():
                self._check_between(node)
            case In():
                self._check_in(node)
            case Arithmetic():
                self._check_types(node.operator, (node.left, node.right), _NUMBER)
            case _:
                pass

    def _check_path(self, path: PathNode) -> None:
        if len(path.steps) > limits.PATH_DEPTH:
            self._refuse(
                f"The document path has too many nesting levels; nesting levels: {len(path.steps)}"
            )
        for step in path.steps:
            if isinstance(step, Alias) and step.key not in self._names:
                self._refuse(
                    "An expression attribute name used in the document path is not defined;"
                    f" attribute name: {step.key}"
                )

    def _check_literal(self, literal: Literal) -> None:
        if literal.key not in self._values:
            self._refuse(
                "An expression attribute value used in expression is not defined;"
                f" attribute value: {literal.key}"
            )

    def _check_call(self, call: Call) -> None:
        name, operands = call.function, call.operands
        if len(operands) != ARITY[name]:
            self._refuse(
                "Incorrect number of operands for operator or function;"
                f" operator or function: {name}, number of operands: {len(operands)}"
            )
        if name in ("attribute_exists", "attribute_not_exists", "if_not_exists"):
            if not isinstance(operands[0], PathNode):
                self._refuse(
                    f"Operator or function requires a document path; operator or function: {name}"
                )
            self._check_distinct(name, operands[0], operands[1:])
        elif name == "size":
            self._check_types(name, operands, _SIZED)
        elif name == "list_append":
            self._check_types(name, operands, _LIST)
        else:
            self._check_distinct(name, operands[0], operands[1:])
            if name == "begins_with":
                self._check_types(name, operands, _TEXTS)
            elif name == "attribute_type":
                self._check_type_name(operands[1])

    def _check_compare(self, compare: Compare) -> None:
        self._check_distinct(compare.operator, compare.left, (compare.right,))
        if compare.operator not in ("=", "<>"):
            self._check_types(compare.operator, (compare.left, compare.right), _ORDERED)

    def _check_in(self, test: In) -> None:
        if len(test.choices) > limits.EXPRESSION_IN_OPERANDS:
            self._refuse(
                "The IN operator is provided with too many operands;"
                f" number of operands: {len(test.choices)}"
            )
        self._check_distinct("IN", test.operand, test.choices)

    def _check_between(self, test: Between) -> None:
        self._check_types("BETWEEN", (test.operand, test.low, test.high), _ORDERED)
        self._check_distinct("BETWEEN", test.operand, (test.low, test.high))
        if not isinstance(test.low, Literal) or not isinstance(test.high, Literal):
            return
        low, high = self._values[test.low.key], self._values[test.high.key]
        if low.keys() != high.keys():
            problem = "same data type for lower and upper bounds"
        elif content_bytes(low) > content_bytes(high):
            problem = "upper bound to be greater than or equal to lower bound"
        else:
            return
        self._refuse(
            f"The BETWEEN operator requires {problem}; lower bound operand:"
            f" AttributeValue: {_shown(low)}, upper bound operand: AttributeValue: {_shown(high)}"
        )

    def check_set_action(self, section: str, value: AttributeValue) -> None:
        """Check the value of an ADD or DELETE."""
        kind = next(iter(value))
        if kind not in (_ADDED if section == "ADD" else _DELETED):
            self._refuse(
                "Incorrect operand type for operator or function;"
                f" operator: {section}, operand type: {TYPE_WORDS[kind]},"
                f" typeSet: ALLOWED_FOR_{section}_OPERAND"
            )

    def _check_types(
        self, operator: str, operands: Iterable[Operand], allowed: frozenset[str]
    ) -> None:
        for operand in operands:
            found = self._type(operand)
            if found is not None and found not in allowed:
                self._refuse_type(operator, found)

    def _type(self, operand: Operand) -> str | None:
        """The type of an operand if it is known without an item."""
        if isinstance(operand, Literal):
            return next(iter(self._values[operand.key]))
        if isinstance(operand, Truth):
            return "BOOL"
        return "N" if isinstance(operand, Call) and operand.function == "size" else None

    def _check_type_name(self, operand: Operand) -> None:
        if not isinstance(operand, Literal):
            self._refuse_type("attribute_type", self._type(operand) or _ANY_TYPE)
            return
        ((kind, content),) = self._values[operand.key].items()
        if kind != "S":
            self._refuse_type("attribute_type", kind)
        if content not in TYPE_WORDS:
            self._refuse(
                f"Invalid attribute type name found; type: {content}, valid types: {_TYPE_NAMES}"
            )

    def _check_distinct(self, operator: str, first: Operand, others: Iterable[Operand]) -> None:
        if not isinstance(first, PathNode):
            return
        path = resolve(first, self._names)
        for other in others:
            if isinstance(other, PathNode) and resolve(other, self._names) == path:
                self._refuse(
                    "The first operand must be distinct from the remaining operands for this"
                    f" operator or function; operator: {operator}, first operand: {render(path)}"
                )


def _shown(value: AttributeValue) -> str:
    """A scalar as the service's messages show it; binary as the buffer that held it."""
    ((kind, content),) = value.items()
    if kind == "B":
        size = len(decoded_base64(content))
        content = f"java.nio.HeapByteBuffer[pos=0 lim={size} cap={size}]"
    return f"{{{kind}:{content}}}"
