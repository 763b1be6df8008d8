"""Consumed capacity, by the size rules of CapacityUnitCalculations.html and the API's
ConsumedCapacity structure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tailrace import limits
from tailrace.model.schema import Index, IndexKind, Projection, Table
from tailrace.model.values import Item, decode_item, item_size
from tailrace.tables.engine import Settled

__all__ = [
    "Usage",
    "consumed_capacity",
    "index_row_sizes",
    "index_write_units",
    "projected",
    "read_units",
    "usage_of_write",
    "vector_write_bytes",
    "write_units",
]


class Usage(msgspec.Struct, frozen=True):
    """Units used on a table and on its indexes by name, and bytes on its vector indexes; reads and
    writes are never mixed in one."""

    table: float
    indexes: Mapping[str, float] = {}
    vectors: Mapping[str, float] = {}

    def plus(self, other: Usage) -> Usage:
        return Usage(
            self.table + other.table,
            _sums(self.indexes, other.indexes),
            _sums(self.vectors, other.vectors),
        )


def _sums(first: Mapping[str, float], second: Mapping[str, float]) -> Mapping[str, float]:
    if not second:
        return first
    names = {**first}
    for name, units in second.items():
        names[name] = names.get(name, 0.0) + units
    return names


def read_units(size: int, consistent: bool) -> float:
    """Units for reading `size` bytes in one operation: one for each 4 KB begun when consistent,
    half of that when not."""
    units = max(1, -(-size // limits.READ_UNIT_BYTES))
    return float(units) if consistent else units * 0.5


def write_units(size: int) -> float:
    """Units for writing an item whose larger state, before or after, has `size` bytes: one for each
    KB begun."""
    return float(max(1, -(-size // limits.WRITE_UNIT_BYTES)))


def projected(item: Item, table: Table, index: Index) -> Item:
    """The part of an item that an index shows."""
    if index.projection is Projection.ALL:
        return item
    names = dict.fromkeys((*table.keys.names, *index.defined_names, *index.included))
    return {name: item[name] for name in names if name in item}


def _in_index(item: Item | None, table: Table, index: Index) -> Item | None:
    if item is None or any(
        attribute.type not in item.get(attribute.name, {}) for attribute in index.keys.attributes
    ):
        return None
    return projected(item, table, index)


def index_row_sizes(table: Table, item: Item) -> dict[str, int]:
    """The size of what each index holds of an item, for those that it is in; not of vectors."""
    rows = {
        index.name: _in_index(item, table, index)
        for index in table.secondary_indexes
        if index.vector is None
    }
    return {name: item_size(row) for name, row in rows.items() if row is not None}


def index_write_units(table: Table, before: Item | None, after: Item | None) -> dict[str, float]:
    """Units a write uses on each index whose rows it changes: a row that moves is removed and
    put."""
    used: dict[str, float] = {}
    for index in table.secondary_indexes:
        if index.vector is not None:
            continue
        old, new = _in_index(before, table, index), _in_index(after, table, index)
        if old == new:
            continue
        names = index.keys.names
        if old is not None and new is not None and all(old[name] == new[name] for name in names):
            used[index.name] = write_units(max(item_size(old), item_size(new)))
        else:
            used[index.name] = sum(
                write_units(item_size(row)) for row in (old, new) if row is not None
            )
    return used


def vector_write_bytes(table: Table, before: Item | None, after: Item | None) -> dict[str, float]:
    """Bytes a write uses on each vector index in which it changes something: by the larger of what
    the index holds before and after it, as measured on AWS."""
    used: dict[str, float] = {}
    for index in table.vector_indexes:
        old, new = _in_vector_index(before, table, index), _in_vector_index(after, table, index)
        if old != new:
            size = max(_vector_row_size(row, index) for row in (old, new) if row is not None)
            used[index.name] = float(max(size, limits.VECTOR_CAPACITY_BYTES))
    return used


def _in_vector_index(item: Item | None, table: Table, index: Index) -> Item | None:
    if item is None or index.vector is None or not index.vector.holds(item):
        return None
    name = index.vector.attribute
    return {**projected(item, table, index), name: item[name]}


def _vector_row_size(row: Item, index: Index) -> int:
    """Four bytes for each number of the vector, and the rest as items are counted."""
    if index.vector is None:
        return 0
    name = index.vector.attribute
    rest = {other: value for other, value in row.items() if other != name}
    return index.vector.dimensions * 4 + len(name.encode()) + item_size(rest)


def usage_of_write(table: Table, settled: Settled) -> Usage:
    """What one settled write used."""
    plan = settled.plan
    units = write_units(max(plan.old_size, plan.new_size))
    if not table.secondary_indexes or not plan.changed:
        return Usage(units)
    before = None if settled.previous is None else decode_item(settled.previous)
    after = None if plan.new is None else decode_item(plan.new)
    vectors = vector_write_bytes(table, before, after) if table.vector_indexes else {}
    return Usage(units, index_write_units(table, before, after), vectors)


def consumed_capacity(
    table: Table, usage: Usage, detail: str, kinds: Iterable[str] = ()
) -> dict[str, Any]:
    """The ConsumedCapacity structure; `detail` is TOTAL or INDEXES. `kinds` names further members
    to fill with the same units (ReadCapacityUnits or WriteCapacityUnits, as transactions do)."""
    total = usage.table + sum(usage.indexes.values())
    result: dict[str, Any] = {"TableName": table.name, "CapacityUnits": total}
    result.update(dict.fromkeys(kinds, total))
    if detail != "INDEXES":
        return result
    result["Table"] = {"CapacityUnits": usage.table, **dict.fromkeys(kinds, usage.table)}
    for member, kind in (
        ("LocalSecondaryIndexes", IndexKind.LOCAL),
        ("GlobalSecondaryIndexes", IndexKind.GLOBAL),
    ):
        units = {
            name: {"CapacityUnits": used, **dict.fromkeys(kinds, used)}
            for name, used in usage.indexes.items()
            if table.index_by_name[name].kind is kind
        }
        if units:
            result[member] = units
    if usage.vectors:
        result["VectorIndexes"] = {
            name: {"VectorWriteRequestBytes": used} for name, used in usage.vectors.items()
        }
    return result
