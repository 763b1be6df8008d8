"""What lowering a WHERE clause and lowering an update have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.expressions import tree
from tailrace.model.values import AttributeValue

__all__ = ["Lowering", "refuse_operators"]


def refuse_operators() -> NoReturn:
    """Raise ValidationException for an expression of too many operators."""
    raise ValidationException(
        "The expression contains too many operators;"
        f" operator count: {limits.EXPRESSION_OPERATORS + 1}"
    )


class Lowering:
    """Makes trees: keeps the nodes in the order in which they are checked, numbers the literals,
    and counts the operators.
    """

    def __init__(self, parameters: Sequence[AttributeValue]) -> None:
        self.parameters = parameters
        self.values: dict[str, AttributeValue] = {}
        self.order: list[tree.Node] = []
        self.operators = 0

    def made(self, node: Any) -> Any:
        self.order.append(node)
        return node

    def literal(self, value: AttributeValue) -> tree.Literal:
        key = f":{len(self.values)}"
        self.values[key] = value
        return self.made(tree.Literal(key))

    def count(self) -> None:
        """Count an operator. Raises ValidationException for the first one too many."""
        self.operators += 1
        if self.operators > limits.EXPRESSION_OPERATORS:
            refuse_operators()
