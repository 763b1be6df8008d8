"""What expressions mean: the tree that the parser makes and that the legacy parameters are lowered
to.

Placeholders stay in it (`Alias` for `#name`, `Literal` for `:value`), so that one tree serves every
request with the same text.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

__all__ = [
    "Action",
    "Alias",
    "And",
    "Arithmetic",
    "Between",
    "Call",
    "Compare",
    "Condition",
    "In",
    "Literal",
    "Node",
    "Not",
    "Operand",
    "Or",
    "PathNode",
    "Truth",
    "UpdateAction",
]


class Alias(msgspec.Struct, frozen=True):
    """A placeholder for an attribute's name; `key` with its `#`."""

    key: str


class PathNode(msgspec.Struct, frozen=True):
    """A document path: names, placeholders for names, and list indexes."""

    steps: tuple[str | int | Alias, ...]


class Literal(msgspec.Struct, frozen=True):
    """A placeholder for a value; `key` with its `:`."""

    key: str


class Call(msgspec.Struct, frozen=True):
    """A function and its operands. Functions are conditions or operands by where they stand."""

    function: str
    operands: tuple[Operand, ...]


class Arithmetic(msgspec.Struct, frozen=True):
    """The sum or the difference of two operands; `operator` is + or -."""

    operator: str
    left: Operand
    right: Operand


class Truth(msgspec.Struct, frozen=True):
    """Whether a condition holds, as a boolean to compare with (PartiQL)."""

    condition: Condition


Operand: TypeAlias = PathNode | Literal | Call | Arithmetic | Truth


class Compare(msgspec.Struct, frozen=True):
    """Two operands compared; `operator` is one of = <> < <= > >=."""

    operator: str
    left: Operand
    right: Operand


class Between(msgspec.Struct, frozen=True):
    operand: Operand
    low: Operand
    high: Operand


class In(msgspec.Struct, frozen=True):
    operand: Operand
    choices: tuple[Operand, ...]


class And(msgspec.Struct, frozen=True):
    terms: tuple[Condition, ...]


class Or(msgspec.Struct, frozen=True):
    terms: tuple[Condition, ...]


class Not(msgspec.Struct, frozen=True):
    term: Condition


Condition: TypeAlias = Compare | Between | In | Call | And | Or | Not
Node: TypeAlias = Operand | Condition


class UpdateAction(msgspec.Struct, frozen=True):
    """One action of an update; `section` is SET, REMOVE, ADD or DELETE. REMOVE has no value, ADD
    and DELETE have a literal.
    """

    section: str
    target: PathNode
    value: Operand | None


Action: TypeAlias = UpdateAction
