"""Time to live: items whose own time is over are deleted by the service.

A table with a time to live has an internal index of its items by that attribute, all below one
prefix, so that what is due is one range of rows. An item is due when the attribute is a number of
seconds that has passed, and not more than five years ago (howitworks-ttl.html). Until it is
deleted it can be read and written like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tailrace import limits
from tailrace.errors import AwsError, ConditionalCheckFailedException, ResourceNotFoundException
from tailrace.model.keys import KeyAttribute, KeySchema, closed, successor
from tailrace.model.numbers import sort_bytes
from tailrace.model.schema import Index, IndexKind, IndexStatus, Projection, Table
from tailrace.model.values import Item, decode_item
from tailrace.tables import plans
from tailrace.tables.catalog import Catalog
from tailrace.tables.engine import Engine, Outcome, Span, Write
from tailrace.tables.waiting import Waiter

__all__ = [
    "TtlChange",
    "expire",
    "is_enabling",
    "last_change",
    "ttl_index",
    "with_change",
    "with_ttl",
    "without_ttl",
]

_SECOND_US: Final = 1_000_000
_CHANGE: Final = "TimeToLiveChange"


def with_ttl(
    table: Table, attribute: str, next_id: int, *, filled: bool = False
) -> tuple[Table, int]:
    """A table whose items expire by an attribute, and the next free id. `filled` says that the
    table has no items yet, so that there are none to put into the index."""
    index = Index(
        id=next_id,
        name="time to live",
        kind=IndexKind.INTERNAL,
        keys=KeySchema((), (KeyAttribute(attribute, "N"),)),
        projection=Projection.ALL,
        status=IndexStatus.ACTIVE if filled else IndexStatus.CREATING,
        backfilling=not filled,
    )
    indexes = (*table.indexes, index)
    return msgspec.structs.replace(table, indexes=indexes, ttl_attribute=attribute), next_id + 1


def without_ttl(table: Table) -> Table:
    """A table whose items do not expire."""
    gone = ttl_index(table)
    indexes = tuple(index for index in table.indexes if index is not gone)
    return msgspec.structs.replace(table, indexes=indexes, ttl_attribute=None)


class TtlChange(msgspec.Struct, frozen=True):
    """When a table's time to live was changed last, and until when that takes."""

    changed_us: int
    settles_us: int


def last_change(table: Table) -> TtlChange | None:
    """The last change of a table's time to live, None when it took no time."""
    stored = table.settings.get(_CHANGE)
    return None if stored is None else msgspec.convert(stored, TtlChange)


def with_change(table: Table, change: TtlChange | None) -> Table:
    """A table whose time to live has just been changed."""
    settings = {name: value for name, value in table.settings.items() if name != _CHANGE}
    if change is not None:
        settings[_CHANGE] = msgspec.to_builtins(change)
    return msgspec.structs.replace(table, settings=settings)


def is_enabling(table: Table, now_us: int) -> bool:
    """Whether a table's items are not deleted yet, because that is still being set up."""
    change = last_change(table) if _CHANGE in table.settings else None
    return change is not None and now_us < change.settles_us


def ttl_index(table: Table) -> Index | None:
    """The internal index of a table's items by their time to live."""
    if table.ttl_attribute is None:
        return None
    keys = KeySchema((), (KeyAttribute(table.ttl_attribute, "N"),))
    for index in table.indexes:
        if index.kind is IndexKind.INTERNAL and index.keys == keys:
            return index
    return None


class _Due(msgspec.Struct, frozen=True):
    """The condition that an item's time, in seconds, lies between two."""

    attribute: str
    oldest_s: int
    now_s: int

    def matches(self, item: Item | None) -> bool:
        value = None if item is None else item.get(self.attribute)
        if value is None or "N" not in value:
            return False
        first, last = sort_bytes(str(self.oldest_s)), sort_bytes(str(self.now_s))
        return first <= sort_bytes(value["N"]) <= last


def expire(engine: Engine, now_us: int) -> bool:
    """Delete a bounded number of the items of each table whose time is over; whether there may be
    more. Waits for the engine. Raises what the engine failed with."""
    more = [_expire_some(engine, table, now_us) for table in _expiring(engine.catalog(), now_us)]
    return any(more)


def _expiring(catalog: Catalog, now_us: int) -> Sequence[Table]:
    return [
        table
        for table in catalog.tables.values()
        if table.ttl_attribute is not None and table.available and not is_enabling(table, now_us)
    ]


def _expire_some(engine: Engine, table: Table, now_us: int) -> bool:
    index = ttl_index(table)
    if index is None or table.ttl_attribute is None:
        return False
    now_s = now_us // _SECOND_US
    due = _Due(table.ttl_attribute, max(now_s - limits.TTL_MAX_AGE_S, 0), now_s)
    rows = engine.rows(_span(table, index, due), limits.TTL_ITEMS_PER_STEP, limits.PAGE_BYTES)
    guard = plans.Guard(due)
    waiters: list[Waiter[Outcome]] = []
    for row in rows:
        key = table.keys.item_key(decode_item(row.data))
        write = Write(table.id, key, plans.delete(key, guard, by_service=True))
        waiters.append(Waiter())
        engine.submit((write,), waiters[-1])
    gone = sum([_deleted(waiter.wait()) for waiter in waiters])
    # Rows that are refused (a newer value came in between) leave the range by themselves.
    return bool(gone)


def _span(table: Table, index: Index, due: _Due) -> Span:
    prefix = index.keys.hash_bytes([])
    low = prefix + closed({"N": str(due.oldest_s)})
    high = successor(prefix + closed({"N": str(due.now_s)}))
    return Span(table.id, low, high, index.id)


def _deleted(outcome: Outcome) -> bool:
    first = outcome[0]
    if not isinstance(first, AwsError):
        return True
    if isinstance(first, ConditionalCheckFailedException | ResourceNotFoundException):
        return False
    raise first
