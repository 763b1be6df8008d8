"""The life of a table: steps that create, change and remove it, each a pure decision over the
catalog."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tailrace.errors import ResourceInUseException, ResourceNotFoundException, ValidationException
from tailrace.model.schema import Index, IndexStatus, StreamViewType, Table, TableStatus
from tailrace.tables.captures import close_captures
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.stream_life import disable_stream, enable_stream

__all__ = ["NewTable", "create_table", "delete_table", "finish_index", "in_turn", "update_table"]

# Builds the table from the id it gets and the ids its indexes may take.
NewTable = Callable[[Catalog], Table]


def in_turn(*steps: Alter) -> Alter:
    """Several steps as one: each sees the catalog that the ones before it lead to, and all are
    applied together."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        total = Alteration()
        for step in steps:
            alteration = step(catalog, tick)
            catalog = catalog.after(alteration)
            total = _together(total, alteration)
        return total

    return decide


def _together(first: Alteration, second: Alteration) -> Alteration:
    return Alteration(
        tables=first.tables + second.tables,
        dropped_tables=first.dropped_tables + second.dropped_tables,
        streams=first.streams + second.streams,
        dropped_streams=first.dropped_streams + second.dropped_streams,
        shards=first.shards + second.shards,
        dropped_shards=first.dropped_shards + second.dropped_shards,
        next_id=first.next_id if second.next_id is None else second.next_id,
    )


def create_table(build: NewTable, view_type: StreamViewType | None, now_us: int) -> Alter:
    """Create a table, and its stream when it has one."""

    def add(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table = build(catalog)
        if (table.account, table.region, table.name) in catalog.by_name:
            raise ResourceInUseException(f"Table already exists: {table.name}")
        last_id = max([table.id, *(index.id for index in table.indexes)])
        return Alteration(tables=(table,), next_id=last_id + 1)

    def open_stream(catalog: Catalog, tick: Tick) -> Alteration:
        if view_type is None:
            return Alteration()
        # The table added just now has the highest id.
        return enable_stream(max(catalog.tables), view_type, now_us)(catalog, tick)

    return in_turn(add, open_stream)


def delete_table(scope: tuple[str, str, str], now_us: int) -> Alter:
    """Remove the table (account, region, name). Its stream is disabled and stays readable until its
    records have aged out."""

    def close_stream(catalog: Catalog, tick: Tick) -> Alteration:
        table = _named(catalog, scope)
        if table.settings.get("DeletionProtectionEnabled"):
            raise ValidationException(
                "Resource cannot be deleted as it is currently protected against deletion. Disable"
                " deletion protection"
                " first."
            )
        if table.stream is None:
            return Alteration()
        return disable_stream(table.id, now_us)(catalog, tick)

    def close_own(catalog: Catalog, tick: Tick) -> Alteration:
        table = _named(catalog, scope)
        ids = frozenset(stream.id for stream in table.captures)
        return close_captures(catalog, tick, table, ids, now_us)

    def drop(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        return Alteration(dropped_tables=(_named(catalog, scope).id,))

    return in_turn(close_stream, close_own, drop)


def update_table(
    scope: tuple[str, str, str],
    change: Callable[[Table, int], tuple[Table, int]],
    stream: StreamViewType | bool | None,
    now_us: int,
) -> Alter:
    """Change a table by `change(table, next id) -> (table, next id)`; then enable its stream with a
    view type, disable it (False), or leave it (None)."""

    def settings(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table, next_id = change(_named(catalog, scope), catalog.next_id)
        return Alteration(tables=(table,), next_id=next_id)

    def switch_stream(catalog: Catalog, tick: Tick) -> Alteration:
        table = _named(catalog, scope)
        if isinstance(stream, StreamViewType):
            return enable_stream(table.id, stream, now_us)(catalog, tick)
        if stream is False:
            return disable_stream(table.id, now_us)(catalog, tick)
        return Alteration()

    return in_turn(settings, switch_stream)


def finish_index(table_id: int, index_id: int) -> Alter:
    """Mark an index whose rows are all written as active; nothing happens when it or its table is
    gone."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table = catalog.tables.get(table_id)
        if table is None:
            return Alteration()
        indexes = tuple(
            _active(index) if index.id == index_id else index for index in table.indexes
        )
        return Alteration(tables=(msgspec.structs.replace(table, indexes=indexes),))

    return decide


def _active(index: Index) -> Index:
    return msgspec.structs.replace(index, status=IndexStatus.ACTIVE, backfilling=False)


def _named(catalog: Catalog, scope: tuple[str, str, str]) -> Table:
    table = catalog.by_name.get(scope)
    # A table that is being restored or imported is only described until it is whole.
    if table is None or table.status is TableStatus.CREATING:
        raise ResourceNotFoundException(
            f"Requested resource not found: Table: {scope[2]} not found"
        )
    return table
