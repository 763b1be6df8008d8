"""SET and REMOVE lowered to the actions that all updates are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tailrace.errors import ValidationException
from tailrace.expressions import tree
from tailrace.expressions.parser import ParsedUpdate
from tailrace.expressions.partiql.lowering import Lowering
from tailrace.expressions.partiql.nodes import (
    Assignment,
    Bag,
    Call,
    Constant,
    Items,
    Node,
    Operation,
    Parameter,
    Removal,
    Tuple,
)
from tailrace.expressions.partiql.paths import attribute_path, is_path
from tailrace.expressions.partiql.values import value_of, what
from tailrace.expressions.updates import Update, parsed_update
from tailrace.model.values import AttributeValue

__all__ = ["lowered_update"]

_SETS: Final = frozenset({"SS", "NS", "BS"})
_SET_FUNCTIONS: Final = {"set_add": "ADD", "set_delete": "DELETE"}


def lowered_update(actions: Sequence[Node], parameters: Sequence[AttributeValue]) -> Update:
    """The update that the clauses of an UPDATE are. Raises ValidationException."""
    lowering = _UpdateLowering(parameters)
    made: list[tree.UpdateAction] = []
    orders: list[tuple[tree.Node, ...]] = []
    for action in actions:
        made.append(lowering.action(action))
        orders.append(tuple(lowering.order))
        lowering.order.clear()
    parsed = ParsedUpdate(tuple(made), tuple(orders), lowering.operators)
    return parsed_update(parsed, lowering.values)


class _UpdateLowering(Lowering):
    """Lowers actions."""

    def action(self, node: Node) -> tree.UpdateAction:
        if isinstance(node, Removal):
            return tree.UpdateAction("REMOVE", attribute_path(node.target), None)
        if not isinstance(node, Assignment):
            raise ValidationException(f"Unsupported operation: {what(node)}")
        target = attribute_path(node.target)
        value = node.value
        if isinstance(value, Call) and value.function in _SET_FUNCTIONS:
            members = self._members(value, target)
            return tree.UpdateAction(_SET_FUNCTIONS[value.function], target, members)
        return tree.UpdateAction("SET", target, self._value(value))

    def _members(self, call: Call, target: tree.PathNode) -> tree.Operand:
        """What set_add adds or set_delete removes."""
        function = call.function.upper()
        if len(call.arguments) != 2:
            raise ValidationException(f"{function} must have exactly two arguments at {call.at}")
        first, second = call.arguments
        if not is_path(first) or attribute_path(first) != target:
            raise ValidationException(
                f"The first argument to {function} must equal the assignment value at {call.at}"
            )
        value = None
        if isinstance(second, Constant | Parameter | Items | Bag | Tuple):
            value = value_of(second, self.parameters)
        if value is None or not _SETS.intersection(value):
            raise ValidationException(
                f"The second argument to {function} must be a value with type SET at {first.at}"
            )
        return self.literal(value)

    def _value(self, node: Node) -> tree.Operand:
        if isinstance(node, Operation) and node.operator in ("+", "-") and len(node.operands) == 2:
            self.count()
            left, right = map(self._operand, node.operands)
            return self.made(tree.Arithmetic(node.operator, left, right))
        if not isinstance(node, Call):
            return self._operand(node)
        if node.function != "list_append":
            raise ValidationException(f"Unrecognized function: {node.function} at {node.at}")
        self.count()
        operands = tuple([self._operand(argument) for argument in node.arguments])
        return self.made(tree.Call("list_append", operands))

    def _operand(self, node: Node) -> tree.Operand:
        """A path, a literal or a parameter."""
        if is_path(node):
            return self.made(attribute_path(node))
        return self.literal(value_of(node, self.parameters))
