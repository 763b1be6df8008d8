"""What a write does to one item: pure functions from the stored item and the intention to a plan.

Each builder here returns the `Decide` that an engine calls inside its commit. The plan of a write
that leaves the item equal by value changes nothing and makes no record; stored bytes are canonical,
so equal bytes are equal values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from tailrace import limits
from tailrace.errors import ConditionalCheckFailedException, ValidationException
from tailrace.model.changes import Change, ChangeKind
from tailrace.model.schema import Table
from tailrace.model.values import Item, decode_item, encode_item, item_size
from tailrace.tables.engine import Decide, IndexChange, Plan

__all__ = ["Guard", "Predicate", "check", "check_indexed", "delete", "put", "update"]

_CONDITION_FAILED = "The conditional request failed"
_ITEM_TOO_LARGE = "Item size to update has exceeded the maximum allowed size"
# What an expression of 4 KB can cost beside the item is less than the difference.
_LARGE_ITEM = limits.ITEM_BYTES - 32 * 1024


class Predicate(Protocol):
    """A condition over an item that may not exist."""

    def matches(self, item: Item | None) -> bool: ...


class Guard(msgspec.Struct, frozen=True, gc=False):
    """The condition of a write; `show_item` puts the stored item into the refusal
    (ReturnValuesOnConditionCheckFailure)."""

    predicate: Predicate
    show_item: bool = False

    def pass_or_refuse(self, item: Item | None, stored: bytes | None) -> None:
        """Raise ConditionalCheckFailedException unless the condition holds of the stored item."""
        if self.predicate.matches(item):
            return
        if self.show_item and stored is not None:
            raise ConditionalCheckFailedException(_CONDITION_FAILED, Item=msgspec.Raw(stored))
        raise ConditionalCheckFailedException(_CONDITION_FAILED)


def put(key: bytes, item: Item, size: int, guard: Guard | None = None) -> Decide:
    """Replace an item by `item`, canonical and of `size` bytes, whose key bytes are `key`."""
    data = encode_item(item)

    def decide(previous: bytes | None, table: Table) -> Plan:
        if guard is not None:
            guard.pass_or_refuse(None if previous is None else decode_item(previous), previous)
        return _replace(table, key, previous, None, item, data, size)

    return decide


def delete(key: bytes, guard: Guard | None = None, *, by_service: bool = False) -> Decide:
    """Remove an item; nothing happens when there is none."""

    def decide(previous: bytes | None, table: Table) -> Plan:
        before = None if previous is None else decode_item(previous)
        if guard is not None:
            guard.pass_or_refuse(before, previous)
        if before is None or previous is None:
            return Plan(False, None, 0, 0)
        return _remove(table, key, previous, before, by_service)

    return decide


def update(
    key: bytes,
    apply: Callable[[Item | None], Item | None],
    guard: Guard | None = None,
    charge: Callable[[Item], int] | None = None,
) -> Decide:
    """Change an item by `apply`, which gets the stored item (None for none) and returns the item
    wanted; None leaves things as they are (an update that would only remove attributes from an item
    that does not exist). `charge` is the bytes that the update counts for, beside the item itself;
    it is asked for large items only."""

    def decide(previous: bytes | None, table: Table) -> Plan:
        before = None if previous is None else decode_item(previous)
        if guard is not None:
            guard.pass_or_refuse(before, previous)
        after = apply(before)
        if after is None:
            return Plan(False, None, 0, 0)
        size = item_size(after)
        if size > _LARGE_ITEM and (
            size > limits.ITEM_BYTES or (charge is not None and charge(after) > limits.ITEM_BYTES)
        ):
            raise ValidationException(_ITEM_TOO_LARGE)
        check_indexed(table, after)
        return _replace(table, key, previous, before, after, encode_item(after), size)

    return decide


def check_indexed(table: Table, item: Item) -> None:
    """Raise ValidationException when an item carries attributes that an index can't have as its
    keys: the error of the first such index by name."""
    try:
        for index in table.secondary_indexes:
            index.rules.check_index(item, index.name)
    except ValidationException:
        for index in sorted(table.secondary_indexes, key=lambda index: index.name):
            index.rules.check_index(item, index.name)


def check(guard: Guard) -> Decide:
    """Write nothing, but refuse unless the condition holds (ConditionCheck in a transaction)."""

    def decide(previous: bytes | None, table: Table) -> Plan:
        del table
        before = None if previous is None else decode_item(previous)
        guard.pass_or_refuse(before, previous)
        size = 0 if before is None else item_size(before)
        return Plan(False, previous, size, size)

    return decide


def _replace(
    table: Table,
    key: bytes,
    previous: bytes | None,
    before: Item | None,
    after: Item,
    data: bytes,
    size: int,
) -> Plan:
    """The plan that puts `after` where `previous` was; `before` is previous decoded, where the
    caller had to."""
    if previous == data:
        return Plan(False, data, size, size)
    if previous is None:
        old_size = 0
    else:
        before = before or decode_item(previous)
        old_size = item_size(before)
    change = None
    if table.recorded:
        keys, keys_size = table.keys.encoded_key(after)
        kind = ChangeKind.INSERT if previous is None else ChangeKind.MODIFY
        change = Change(kind, keys, keys_size, previous, old_size, data, size)
    indexes = _index_changes(table, key, before, after) if table.indexes else ()
    return Plan(True, data, size, old_size, indexes, change)


def _remove(table: Table, key: bytes, previous: bytes, before: Item, by_service: bool) -> Plan:
    old_size = item_size(before)
    change = None
    if table.recorded:
        keys, keys_size = table.keys.encoded_key(before)
        kind = ChangeKind.REMOVE
        change = Change(kind, keys, keys_size, previous, old_size, None, 0, by_service)
    indexes = _index_changes(table, key, before, None) if table.indexes else ()
    return Plan(True, None, 0, old_size, indexes, change)


def _index_changes(
    table: Table, key: bytes, before: Item | None, after: Item | None
) -> tuple[IndexChange, ...]:
    changes: list[IndexChange] = []
    for index in table.indexes:
        old = None if before is None else index.row_of(before, key)
        new = None if after is None else index.row_of(after, key)
        if old != new:
            changes.append(IndexChange(index.id, old, new))
    return tuple(changes)
