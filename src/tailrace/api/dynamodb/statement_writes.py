"""INSERT, UPDATE and DELETE statements as the writes that their item counterparts are."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec

from tailrace.api.dynamodb.conditions import refuse_parts_of_keys
from tailrace.api.dynamodb.delete_item import delete_write
from tailrace.api.dynamodb.put_item import put_write
from tailrace.api.dynamodb.update_item import update_write
from tailrace.errors import DuplicateItemException, ValidationException
from tailrace.expressions import Condition
from tailrace.expressions.partiql import (
    Delete,
    Insert,
    ItemKey,
    UpdateStatement,
    Where,
    compiled,
    item_key,
)
from tailrace.model.schema import Table
from tailrace.model.values import Item, decode_item, item_size
from tailrace.tables.engine import Plan, Settled, Write
from tailrace.tables.plans import Guard

__all__ = [
    "KEY_MISMATCH",
    "NO_KEY",
    "WriteStatement",
    "returned",
    "statement_write",
]

KEY_MISMATCH: Final = "The provided key element does not match the schema"
NO_KEY: Final = "Where clause does not contain a mandatory equality on all key attributes"

WriteStatement: TypeAlias = Insert | UpdateStatement | Delete


class _Present(msgspec.Struct, frozen=True, gc=False):
    """There is an item, and a condition holds of it."""

    condition: Condition | None

    def matches(self, item: Item | None) -> bool:
        return item is not None and (self.condition is None or self.condition.matches(item))


class _IfPresent(msgspec.Struct, frozen=True, gc=False):
    """There is no item, or a condition holds of it."""

    condition: Condition

    def matches(self, item: Item | None) -> bool:
        return item is None or self.condition.matches(item)


def statement_write(table: Table, statement: WriteStatement, show_item: bool) -> Write:
    """The write that a statement is. `show_item` puts the stored item into the refusal by a
    condition. Raises ValidationException.
    """
    if isinstance(statement, Insert):
        return _insert_write(table, statement)
    key = _written_key(statement.where, table)
    condition = _condition(statement.where, key)
    if condition is not None:
        refuse_parts_of_keys(table, condition.paths)
    if isinstance(statement, UpdateStatement):
        guard = Guard(_Present(condition), show_item)
        return update_write(table, key.values, statement.update, guard)
    if condition is None:
        return delete_write(table, key.values)
    return delete_write(table, key.values, Guard(_IfPresent(condition), show_item))


def _written_key(where: Where | None, table: Table) -> ItemKey:
    """The key of the item that a statement writes. Raises ValidationException unless its WHERE
    clause has one."""
    key = item_key(where, table.keys)
    if len(key.values) != len(table.keys.names):
        raise ValidationException(NO_KEY)
    if key.conflict is not None:
        raise ValidationException(
            f"Multiple conditions on same key {key.conflict}."
            " Only single item Update/Insert/Delete are supported"
        )
    return key


def _condition(where: Where | None, key: ItemKey) -> Condition | None:
    if where is None or key.rest is None:
        return None
    return compiled(key.rest, where.values)


def _insert_write(table: Table, statement: Insert) -> Write:
    write = put_write(table, statement.item, item_size(statement.item))

    def decide(previous: bytes | None, table: Table) -> Plan:
        if previous is not None:
            raise DuplicateItemException("Duplicate primary key exists in table")
        return write.decide(previous, table)

    return Write(write.table_id, write.key, decide)


def returned(statement: WriteStatement, done: Settled) -> Any:
    """The item that RETURNING asks for, JSON or a dict; None when there is none."""
    wanted = None if isinstance(statement, Insert) else statement.returning
    if wanted is None:
        return None
    image = done.previous if wanted.endswith("OLD") else done.plan.new
    if image is None:
        return None
    if wanted.startswith("MODIFIED") and isinstance(statement, UpdateStatement):
        return statement.update.updated(decode_item(image)) or None
    return msgspec.Raw(image)
