"""Statements as they are written: what the parser makes, before anything is known about their
meaning. `at` is where a node's first or most telling token stands.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from tailrace.expressions.partiql.tokens import Place

__all__ = [
    "Assignment",
    "Bag",
    "Call",
    "Change",
    "Column",
    "Constant",
    "Delete",
    "Insert",
    "Items",
    "Name",
    "Node",
    "Operation",
    "Ordering",
    "Parameter",
    "Path",
    "Removal",
    "Returning",
    "Select",
    "Source",
    "Star",
    "Tuple",
    "TypeName",
]


class Constant(msgspec.Struct, frozen=True):
    """A literal: `kind` is S, N, BOOL, NULL or MISSING, `text` what was written, without quotes."""

    kind: str
    text: str
    at: Place


class Parameter(msgspec.Struct, frozen=True):
    """A question mark; `position` counts them from 0."""

    position: int
    at: Place


class Name(msgspec.Struct, frozen=True):
    text: str
    at: Place


class Star(msgspec.Struct, frozen=True):
    at: Place


class Path(msgspec.Struct, frozen=True):
    """A document path: what stands first, then names after dots and whatever stood in brackets."""

    root: Node
    steps: tuple[str | Node, ...]
    at: Place


class Call(msgspec.Struct, frozen=True):
    """A function's name in small letters, and its arguments."""

    function: str
    arguments: tuple[Node, ...]
    at: Place


class Operation(msgspec.Struct, frozen=True):
    """An operator, in small letters, with one to three operands."""

    operator: str
    operands: tuple[Node, ...]
    at: Place


class TypeName(msgspec.Struct, frozen=True):
    text: str
    at: Place


class Items(msgspec.Struct, frozen=True):
    """A list."""

    elements: tuple[Node, ...]
    at: Place


class Bag(msgspec.Struct, frozen=True):
    elements: tuple[Node, ...]
    at: Place


class Tuple(msgspec.Struct, frozen=True):
    fields: tuple[tuple[Node, Node], ...]
    at: Place


class Source(msgspec.Struct, frozen=True):
    """What a statement reads or writes."""

    of: Node
    aliased: bool


class Column(msgspec.Struct, frozen=True):
    value: Node
    aliased: bool


class Ordering(msgspec.Struct, frozen=True):
    value: Node
    descending: bool


class Select(msgspec.Struct, frozen=True):
    """`columns` has a Star alone for all. `refused` names clauses that there are no words for."""

    columns: tuple[Column, ...]
    source: Source
    where: Node | None
    order: tuple[Ordering, ...]
    refused: tuple[tuple[str, Place], ...]
    at: Place


class Assignment(msgspec.Struct, frozen=True):
    target: Node
    value: Node
    at: Place


class Removal(msgspec.Struct, frozen=True):
    target: Node
    at: Place


class Returning(msgspec.Struct, frozen=True):
    """`mapping` is e.g. ALL OLD; `whole` says that one star follows."""

    mapping: str
    whole: bool
    at: Place


class Insert(msgspec.Struct, frozen=True):
    target: Node
    value: Node
    single: bool
    returning: Returning | None
    at: Place


class Change(msgspec.Struct, frozen=True):
    """UPDATE."""

    source: Source
    actions: tuple[Node, ...]
    where: Node | None
    returning: Returning | None
    at: Place


class Delete(msgspec.Struct, frozen=True):
    source: Source
    where: Node | None
    returning: Returning | None
    at: Place


Node: TypeAlias = (
    Constant
    | Parameter
    | Name
    | Star
    | Path
    | Call
    | Operation
    | TypeName
    | Items
    | Bag
    | Tuple
    | Select
    | Assignment
    | Removal
    | Insert
    | Change
    | Delete
)
