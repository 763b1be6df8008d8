"""Statements with everything about them that can be known without their table.

Names, values and functions are checked here, in the service's order and words; what takes a table's
keys is left to `keys`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from tailrace.errors import ValidationException
from tailrace.expressions.checks import check_projection
from tailrace.expressions.parser import ParsedProjection
from tailrace.expressions.partiql import nodes
from tailrace.expressions.partiql.conditions import Where, lowered_where
from tailrace.expressions.partiql.nodes import Call, Name, Node, Star
from tailrace.expressions.partiql.parser import parse
from tailrace.expressions.partiql.paths import Target, attribute_path, label, target_of
from tailrace.expressions.partiql.updates import lowered_update
from tailrace.expressions.partiql.values import tuple_item, what
from tailrace.expressions.updates import Update
from tailrace.model.paths import Path, find
from tailrace.model.values import AttributeValue, Item

__all__ = [
    "Columns",
    "Delete",
    "Exists",
    "Insert",
    "Ordering",
    "Select",
    "Statement",
    "UpdateStatement",
    "read_statement",
]


class Columns(msgspec.Struct, frozen=True):
    """What a SELECT shows of an item: names and the paths of their values."""

    labels: tuple[str, ...]
    paths: tuple[Path, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The top-level attributes that the columns are taken from."""
        return tuple(dict.fromkeys([str(path[0]) for path in self.paths]))

    def apply(self, item: Item) -> Item:
        """The columns of an item; what isn't there is left out."""
        shown: Item = {}
        for name, path in zip(self.labels, self.paths, strict=True):
            value = find(item, path)
            if value is not None:
                shown[name] = value
        return shown


class Ordering(msgspec.Struct, frozen=True):
    name: str
    descending: bool


class Select(msgspec.Struct, frozen=True):
    """`columns` None shows all attributes."""

    target: Target
    columns: Columns | None
    where: Where | None
    order: tuple[Ordering, ...]


class Insert(msgspec.Struct, frozen=True):
    target: Target
    item: Item


class UpdateStatement(msgspec.Struct, frozen=True):
    """`returning` is ALL OLD, MODIFIED OLD, ALL NEW, MODIFIED NEW or None."""

    target: Target
    update: Update
    where: Where | None
    returning: str | None


class Delete(msgspec.Struct, frozen=True):
    """`returning` is any of those of updates: only ALL OLD may be carried out."""

    target: Target
    where: Where | None
    returning: str | None


class Exists(msgspec.Struct, frozen=True):
    """EXISTS(SELECT …), a check in a transaction."""

    select: Select


Statement: TypeAlias = Select | Insert | UpdateStatement | Delete | Exists


def read_statement(text: str, parameters: Sequence[AttributeValue]) -> Statement:
    """The statement that a text is, with canonical values for its question marks.

    Raises ValidationException.
    """
    node = parse(text)
    match node:
        case nodes.Select():
            return _select(node, parameters)
        case nodes.Insert():
            return _insert(node, parameters)
        case nodes.Change():
            return _update(node, parameters)
        case nodes.Delete():
            target = _written(node.source)
            returning = _returning(node.returning)
            if returning not in (None, "ALL OLD"):
                raise ValidationException(
                    f"Invalid returning clause: RETURNING {returning} *."
                    " Only RETURNING ALL OLD * is allowed in DELETE statements."
                )
            return Delete(target, _where(node.where, parameters), returning)
        case Call("exists", (nodes.Select() as select,)):
            return Exists(_select(select, parameters))
        case _:
            raise ValidationException(f"Unsupported operation: {what(node)}")


def _where(node: Node | None, parameters: Sequence[AttributeValue]) -> Where | None:
    return None if node is None else lowered_where(node, parameters)


def _select(node: nodes.Select, parameters: Sequence[AttributeValue]) -> Select:
    for clause, at in node.refused:
        raise ValidationException(f"Unsupported clause: {clause} at {at}")
    target = target_of(node.source)
    columns = _columns(node.columns)
    where = _where(node.where, parameters)
    if node.order and where is None:
        raise ValidationException(
            "Must have WHERE clause in the statement when using ORDER BY clause."
        )
    return Select(target, columns, where, tuple(map(_ordering, node.order)))


def _columns(columns: Sequence[nodes.Column]) -> Columns | None:
    if isinstance(columns[0].value, Star):
        return None
    if any(column.aliased for column in columns):
        raise ValidationException("Aliasing is not supported")
    paths = [attribute_path(column.value) for column in columns]
    labels = tuple([label(path) for path in paths])
    for place, name in enumerate(labels):
        if name in labels[:place]:
            raise ValidationException(f"Duplicate identifiers in select clause: {name}")
    check_projection(ParsedProjection(tuple(paths)), {}, "")
    return Columns(labels, tuple([tuple(path.steps) for path in paths]))


def _ordering(node: nodes.Ordering) -> Ordering:
    if not isinstance(node.value, Name):
        raise ValidationException(
            f"Argument to ORDER BY must be of type VariableReference. Type: {what(node.value)}"
        )
    return Ordering(node.value.text, node.descending)


def _insert(node: nodes.Insert, parameters: Sequence[AttributeValue]) -> Insert:
    if not isinstance(node.target, Name):
        raise ValidationException("FROM clause may only contain a single table name")
    target = target_of(nodes.Source(node.target, aliased=False))
    if node.returning is not None:
        raise ValidationException(f"Unsupported clause: RETURNING at {node.returning.at}")
    if not node.single:
        raise ValidationException(f"Unsupported operation: {what(node)}")
    return Insert(target, tuple_item(node.value, parameters))


def _update(node: nodes.Change, parameters: Sequence[AttributeValue]) -> UpdateStatement:
    target = _written(node.source)
    returning = _returning(node.returning)
    update = lowered_update(node.actions, parameters)
    return UpdateStatement(target, update, _where(node.where, parameters), returning)


def _written(source: nodes.Source) -> Target:
    target = target_of(source)
    if target.index is not None:
        raise ValidationException("This operation is not supported on an index")
    return target


def _returning(node: nodes.Returning | None) -> str | None:
    if node is None:
        return None
    if not node.whole:
        raise ValidationException(f"Unsupported clause: RETURNING at {node.at}")
    return node.mapping
