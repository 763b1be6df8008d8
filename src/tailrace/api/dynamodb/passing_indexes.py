"""What the answer of UpdateTable shows of indexes that are changed or removed: as they were, with
the state they pass through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tailrace.api.dynamodb import index_updates, vector_updates
from tailrace.model.schema import IndexKind, Table
from tailrace.tables.description import describe_index
from tailrace.tables.engine import Engine

__all__ = ["passing_indexes", "show_passing"]


def passing_indexes(
    engine: Engine,
    table: Table,
    updates: Sequence[index_updates.IndexUpdate],
    vectors: Sequence[vector_updates.VectorIndexUpdate],
    now_us: int,
) -> dict[str, dict[str, Any]]:
    """Indexes as they were, with the state in which the answer shows them, by name."""
    shown: dict[str, dict[str, Any]] = {}
    for update in updates:
        index = table.index_by_name.get(update.index_name)
        if index is not None and index.kind is IndexKind.GLOBAL and update.create is None:
            state = "UPDATING" if update.delete is None else "DELETING"
            shown[index.name] = {
                **describe_index(engine, table, index, now_us),
                "IndexStatus": state,
            }
    for update in vectors:
        name = "" if update.delete is None else update.delete.index_name
        index = table.index_by_name.get(name)
        if index is not None and index.kind is IndexKind.VECTOR:
            shown[name] = {
                **describe_index(engine, table, index, now_us),
                "IndexStatus": "DELETING",
            }
    return shown


def show_passing(description: dict[str, Any], passing: dict[str, dict[str, Any]]) -> None:
    """Put passing indexes in the place of those that the catalog has by now."""
    for member, own in (("GlobalSecondaryIndexes", "KeySchema"), ("VectorIndexes", "Dimensions")):
        left = {name: index for name, index in passing.items() if own in index}
        listed = [left.pop(index["IndexName"], index) for index in description.get(member, ())]
        if listed or left:
            description[member] = [*listed, *left.values()]
