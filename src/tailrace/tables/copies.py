"""Tables that are filled with another's items: backups, and tables restored from them.

A copy has the keys of its source, so it is made in the order of keys, goes on after its own last
key wherever it stopped, and needs no other note of how far it is. Until it is whole its status is
CREATING, and nobody else writes to it. Each item is copied as it is at some moment of the copying.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from tailrace import limits
from tailrace.errors import AwsError, ResourceInUseException
from tailrace.model.schema import Table, TableStatus
from tailrace.model.values import decode_item
from tailrace.tables import plans
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.engine import Engine, Plan, Row, Span, Write
from tailrace.tables.recovery import REWIND, rewind
from tailrace.tables.waiting import alter_and_wait, commit_and_wait

__all__ = [
    "RESTORE_SUMMARY",
    "advance",
    "being_copied",
    "copying",
    "finish",
    "first_writes",
    "refuse_if_copied",
    "source_of",
]

_SOURCE: Final = "CopyOf"
RESTORE_SUMMARY: Final = "RestoreSummary"


def copying(table: Table, source_id: int) -> Table:
    """A new table that is to be filled with the items of another."""
    settings = {**table.settings, _SOURCE: source_id}
    return msgspec.structs.replace(table, status=TableStatus.CREATING, settings=settings)


def source_of(table: Table) -> int | None:
    """The id of the table that a copy is still being filled from."""
    source = table.settings.get(_SOURCE)
    return source if isinstance(source, int) else None


def being_copied(catalog: Catalog, table_id: int) -> bool:
    """Whether a copy of a table is not whole yet."""
    return any(source_of(table) == table_id for table in catalog.tables.values())


def refuse_if_copied(scope: tuple[str, str, str]) -> Alter:
    """Nothing, but refused with ResourceInUseException while the table (account, region, name) is
    being filled or copied."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table = catalog.by_name.get(scope)
        if table is None:
            return Alteration()
        doing = None
        if table.status is TableStatus.CREATING:
            doing = "created"
        elif being_copied(catalog, table.id):
            doing = "backed up"
        if doing is not None:
            raise ResourceInUseException(
                "Attempt to change a resource which is still in use: Table is being"
                f" {doing}: {table.name}"
            )
        return Alteration()

    return decide


def first_writes(engine: Engine, source_id: int, target: Table) -> tuple[list[Write], bool]:
    """The writes that begin a copy, and whether they are all of it."""
    return _writes(engine, source_id, target, b"")


def finish(table_id: int) -> Alter:
    """Mark a copy as whole; nothing happens when it is gone, or whole already."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table = catalog.tables.get(table_id)
        if table is None or source_of(table) is None:
            return Alteration()
        dropped = (_SOURCE, REWIND, RESTORE_SUMMARY)
        settings = {name: value for name, value in table.settings.items() if name not in dropped}
        whole = msgspec.structs.replace(table, status=TableStatus.ACTIVE, settings=settings)
        return Alteration(tables=(whole,))

    return decide


def _drop(table_id: int) -> Alter:
    """Give up a copy."""
    return lambda catalog, tick: Alteration(dropped_tables=(table_id,))


def advance(engine: Engine) -> bool:
    """Go on with one copy by a bounded step; whether there was one. Waits for the engine."""
    for table in engine.catalog().tables.values():
        source_id = source_of(table)
        if source_id is not None:
            _advance(engine, source_id, table)
            return True
    return False


def _advance(engine: Engine, source_id: int, table: Table) -> None:
    if source_id not in engine.catalog().tables:
        alter_and_wait(engine, _drop(table.id))
        return
    reached = engine.rows(Span(table.id, b"", None, backwards=True), 1, 0)
    after = reached[0].key + b"\0" if reached else b""
    writes, last = _writes(engine, source_id, table, after)
    if writes:
        for outcome in commit_and_wait(engine, writes):
            if isinstance(outcome, AwsError):
                raise outcome
    if last:
        whole = rewind(engine, table)
        alter_and_wait(engine, finish(table.id) if whole else _drop(table.id))


def _writes(engine: Engine, source_id: int, target: Table, low: bytes) -> tuple[list[Write], bool]:
    count, size = limits.COPY_ITEMS_PER_COMMIT, limits.PAGE_BYTES
    rows = engine.rows(Span(source_id, low, None), count, size)
    whole = len(rows) < count and sum(row.size for row in rows) <= size
    return _copies(rows, target), whole


def _copies(rows: Sequence[Row], target: Table) -> list[Write]:
    return [Write(target.id, row.key, _copy(row)) for row in rows]


def _copy(row: Row) -> Callable[[bytes | None, Table], Plan]:
    item = decode_item(row.data)
    put = plans.put(row.key, item, row.size)

    def decide(previous: bytes | None, table: Table) -> Plan:
        # Whoever comes after the copy was finished must not undo what was written since.
        if table.status is not TableStatus.CREATING:
            return Plan(False, previous, row.size, row.size)
        return put(previous, table)

    return decide
