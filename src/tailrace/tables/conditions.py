"""Conditions of writes and filters of reads against the keys of the table they are for."""

from __future__ import annotations

from collections.abc import Iterable

from tailrace import expressions
from tailrace.expressions import Condition
from tailrace.model.paths import Path
from tailrace.model.schema import Table
from tailrace.tables.plans import Guard

__all__ = ["guard_paths", "refuse_parts_of_keys"]


def refuse_parts_of_keys(table: Table, *paths: Iterable[Path]) -> None:
    """Raise ValidationException when an expression looks into a key attribute of the table or of
    one of its indexes, as if it had parts. `paths` are those of all expressions."""
    nested = [path for part in paths for path in part if len(path) > 1]
    if not nested:
        return
    expressions.refuse_key_paths(nested, table.keys)
    for index in sorted(table.secondary_indexes, key=lambda index: index.name):
        expressions.refuse_key_paths(nested, index.keys, "IndexKey")


def guard_paths(guard: Guard | None) -> Iterable[Path]:
    """The paths that the condition of a write looks at."""
    if guard is not None and isinstance(guard.predicate, Condition):
        return guard.predicate.paths
    return ()
