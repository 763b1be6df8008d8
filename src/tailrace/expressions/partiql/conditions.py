"""WHERE clauses lowered to the tree that all conditions are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.expressions import tree
from tailrace.expressions.checks import check_condition, resolve
from tailrace.expressions.conditions import Condition
from tailrace.expressions.evaluation import Values, compile_test
from tailrace.expressions.parser import ParsedCondition
from tailrace.expressions.partiql.keywords import TYPES
from tailrace.expressions.partiql.lowering import Lowering, refuse_operators
from tailrace.expressions.partiql.nodes import (
    Bag,
    Call,
    Constant,
    Items,
    Node,
    Operation,
    Parameter,
    Tuple,
    TypeName,
)
from tailrace.expressions.partiql.paths import attribute_path, is_path
from tailrace.expressions.partiql.values import value_of, what
from tailrace.expressions.syntax import Rule, run
from tailrace.model.values import AttributeValue

__all__ = ["Where", "compiled", "lowered_where", "path_nodes"]

_COMPARISONS: Final = frozenset({"=", "<>", "<", "<=", ">", ">="})
_TESTS: Final = frozenset({"attribute_exists", "attribute_not_exists", "attribute_type"}) | {
    "begins_with",
    "contains",
}
_CONDITIONS: Final = frozenset(
    {"and", "or", "not", "between", "not_between", "in", "not_in", "is", "is_not", *_COMPARISONS}
)


class Where(msgspec.Struct, frozen=True):
    """A condition as a tree, and the values of its literals."""

    root: tree.Condition
    values: Values
    condition: Condition


def compiled(root: tree.Condition, values: Values) -> Condition:
    """The condition of a tree that was checked, or a part of it."""
    paths = [resolve(node, {}) for node in path_nodes(root)]
    return Condition(compile_test(root, {}), values, tuple(paths))


def lowered_where(node: Node, parameters: Sequence[AttributeValue]) -> Where:
    """The condition that a WHERE clause is.

    Raises ValidationException for what the service has no such condition for, operands that do not
    fit and parameters that are missing.
    """
    lowering = _ConditionLowering(parameters)
    root: tree.Condition = run(lowering.condition(node))
    parsed = ParsedCondition(root, tuple(lowering.order), lowering.operators, by_type=False)
    check_condition(parsed, "", {}, lowering.values)
    return Where(root, lowering.values, compiled(root, lowering.values))


def path_nodes(root: tree.Node) -> list[tree.PathNode]:
    """The paths of a tree, from left to right."""
    found: list[tree.PathNode] = []
    pending: list[tree.Node] = [root]
    while pending:
        node = pending.pop()
        match node:
            case tree.PathNode():
                found.append(node)
            case tree.And(terms) | tree.Or(terms):
                pending.extend(reversed(terms))
            case tree.Not(term):
                pending.append(term)
            case tree.Truth(condition):
                pending.append(condition)
            case tree.Call(_, operands):
                pending.extend(reversed(operands))
            case tree.Compare(_, left, right) | tree.Arithmetic(_, left, right):
                pending.extend((right, left))
            case tree.Between(operand, low, high):
                pending.extend((high, low, operand))
            case tree.In(operand, choices):
                pending.extend((*reversed(choices), operand))
            case _:
                pass
    return found


class _ConditionLowering(Lowering):
    """Lowers conditions. Its rules are run by `syntax.run`."""

    # How many conditions the next one is compared inside of.
    _comparing = 0

    # Conditions ----------------------------------------------------------------------------------

    def condition(self, node: Node) -> Rule:
        if isinstance(node, Call):
            return (yield self._function(node))
        if not isinstance(node, Operation) or node.operator not in _CONDITIONS:
            raise ValidationException(f"Unsupported operation: {what(node)}")
        operator = node.operator
        if operator in ("and", "or"):
            return (yield self._joined(node))
        self.count()
        if operator == "not":
            return tree.Not((yield self.condition(node.operands[0])))
        if operator.startswith(("not_", "is_not")):
            positive = "is" if operator == "is_not" else operator.removeprefix("not_")
            return tree.Not((yield self._test(positive, node)))
        return (yield self._test(operator, node))

    def _joined(self, node: Operation) -> Rule:
        """AND or OR of two or more terms, which the parser has nested to the left."""
        operator = node.operator
        terms: list[Node] = []
        left: Node = node
        while isinstance(left, Operation) and left.operator == operator:
            self.count()
            terms.append(left.operands[1])
            left = left.operands[0]
        terms.append(left)
        lowered: list[tree.Condition] = []
        for term in reversed(terms):
            lowered.append((yield self.condition(term)))  # noqa: PERF401
        return (tree.And if operator == "and" else tree.Or)(tuple(lowered))

    def _test(self, operator: str, node: Operation) -> Rule:
        first = node.operands[0]
        if operator == "is":
            return (yield self._type_test(node))
        operand: tree.Operand = yield self._operand(first)
        if operator == "between":
            low: tree.Operand = yield self._operand(node.operands[1])
            high: tree.Operand = yield self._operand(node.operands[2])
            return self.made(tree.Between(operand, low, high))
        if operator == "in":
            choices: list[tree.Operand] = []
            for choice in self._choices(node.operands[1]):
                choices.append((yield self._operand(choice)))  # noqa: PERF401
            return self.made(tree.In(operand, tuple(choices)))
        right: tree.Operand = yield self._operand(node.operands[1])
        return self.made(tree.Compare(operator, operand, right))

    def _choices(self, node: Node) -> Sequence[Node]:
        if not isinstance(node, Items) or not node.elements:
            raise ValidationException(f"Unsupported operand of IN: {what(node)} at {node.at}")
        return node.elements

    def _type_test(self, node: Operation) -> Rule:
        operand: tree.Operand = yield self._operand(node.operands[0])
        type_name = node.operands[1]
        text = type_name.text if isinstance(type_name, TypeName) else ""
        kind = TYPES[text]
        if kind == "MISSING":
            return self.made(tree.Call("attribute_not_exists", (operand,)))
        if kind is None:
            raise ValidationException(f"Unsupported type: {text.upper()} at {type_name.at}")
        return self.made(tree.Call("attribute_type", (operand, self.literal({"S": kind}))))

    def _function(self, node: Call) -> Rule:
        if node.function not in _TESTS:
            raise ValidationException(f"Unrecognized function: {node.function} at {node.at}")
        return (yield self._call(node))

    def _call(self, node: Call) -> Rule:
        self.count()
        operands: list[tree.Operand] = []
        for argument in node.arguments:
            operands.append((yield self._operand(argument)))  # noqa: PERF401
        return self.made(tree.Call(node.function, tuple(operands)))

    # Operands ------------------------------------------------------------------------------------

    def _operand(self, node: Node) -> Rule:
        if isinstance(node, Call) and node.function == "size":
            return (yield self._call(node))
        if isinstance(node, Call) or (isinstance(node, Operation) and node.operator in _CONDITIONS):
            return (yield self._truth(node))
        if is_path(node):
            return self.made(attribute_path(node))
        if isinstance(node, Constant | Parameter | Items | Bag | Tuple):
            return self.literal(value_of(node, self.parameters))
        raise ValidationException(f"Unsupported operation: {what(node)}")

    def _truth(self, node: Node) -> Rule:
        """A condition that is compared with something."""
        self._comparing += 1
        if self._comparing > limits.COMPARED_CONDITIONS:
            refuse_operators()
        condition: tree.Condition = yield self.condition(node)
        self._comparing -= 1
        return self.made(tree.Truth(condition))
