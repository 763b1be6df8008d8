"""The functions of expressions: where each may stand, and how many operands it takes."""

from __future__ import annotations

import enum
from typing import Final

__all__ = ["ARITY", "Role", "check_role"]

# Operands of each function (Expressions.OperatorsAndFunctions.html,
# Expressions.UpdateExpressions.html).
ARITY: Final = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
    "if_not_exists": 2,
    "list_append": 2,
}
_UPDATE: Final = frozenset({"if_not_exists", "list_append"})


class Role(enum.Enum):
    """How a function is used: as a condition, as what a SET assigns, as an argument or a term of a
    sum, or as another operand.
    """

    CONDITION = "condition"
    OPERAND = "operand"
    ARGUMENT = "argument"
    VALUE = "value"


def check_role(function: str, role: Role, in_update: bool) -> str | None:
    """What is wrong with a function where it stands, or None. Names are compared as they are: case
    matters.
    """
    if function not in ARITY:
        return f"Invalid function name; function: {function}"
    if in_update != (function in _UPDATE):
        expression = "an update" if in_update else "a condition"
        return f"The function is not allowed in {expression} expression; function: {function}"
    if in_update:
        fits = function == "if_not_exists" or role is Role.VALUE
    else:
        fits = (role is Role.CONDITION) != (function == "size")
    if fits:
        return None
    return f"The function is not allowed to be used this way in an expression; function: {function}"
