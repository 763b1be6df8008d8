"""The life of a table: steps that create, change and remove it, each a pure decision over the
catalog."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tailrace.errors import ResourceNotFoundException, ValidationException
from tailrace.model.schema import Index, IndexStatus, StreamViewType, Table
from tailrace.tables.account_limits import check_table_limits, check_throughput_limits
from tailrace.tables.backups import Backup, leaving_behind
from tailrace.tables.busy import Asked, check_creatable, check_deletable, check_updatable
from tailrace.tables.captures import close_captures
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.stream_life import disable_stream, enable_stream
from tailrace.tables.transitions import Transition, being_created, being_deleted, removed

__all__ = [
    "NewTable",
    "create_table",
    "delete_table",
    "finish_index",
    "in_turn",
    "update_table",
]

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
            total = total.followed_by(alteration)
        return total

    return decide


def create_table(
    build: NewTable,
    view_type: StreamViewType | None,
    now_us: int,
    transition: Transition | None = None,
) -> Alter:
    """Create a table, and its stream when it has one; usable at once, or after a transition.

    Refuses with ResourceInUseException when there is one of the name, LimitExceededException when
    its owner has as many, or as much throughput, as may be.
    """

    def add(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table = build(catalog)
        check_creatable(catalog.by_name.get((table.account, table.region, table.name)))
        check_table_limits(catalog, (table.account, table.region))
        check_throughput_limits(catalog, None, table)
        if transition is not None:
            table = being_created(table, transition)
        last_id = max([table.id, *(index.id for index in table.indexes)])
        return Alteration(tables=(table,), next_id=last_id + 1)

    def open_stream(catalog: Catalog, tick: Tick) -> Alteration:
        if view_type is None:
            return Alteration()
        # The table added just now has the highest id.
        settles_us = None if transition is None else transition.ends_us
        return enable_stream(max(catalog.tables), view_type, now_us, settles_us)(catalog, tick)

    return in_turn(add, open_stream)


def delete_table(
    scope: tuple[str, str, str],
    now_us: int,
    transition: Transition | None = None,
    backup: Backup | None = None,
) -> Alter:
    """Remove the table (account, region, name), at once or after a transition. Its stream is
    disabled and stays readable until its records have aged out; `backup` is what its items are kept
    as.

    Refuses with ResourceNotFoundException, ResourceInUseException while it is changing, and
    ValidationException when it is protected.
    """

    def close_stream(catalog: Catalog, tick: Tick) -> Alteration:
        table = _existing(catalog, scope)
        check_deletable(catalog, table, now_us)
        check_table_limits(catalog, scope[:2], new=False)
        if table.settings.get("DeletionProtectionEnabled"):
            raise ValidationException(
                "Resource cannot be deleted as it is currently protected against deletion. Disable"
                " deletion protection"
                " first."
            )
        if table.stream is None:
            return Alteration()
        settles_us = None if transition is None else transition.ends_us
        return disable_stream(table.id, now_us, settles_us)(catalog, tick)

    def close_own(catalog: Catalog, tick: Tick) -> Alteration:
        table = _named(catalog, scope)
        ids = frozenset(stream.id for stream in table.captures)
        settles_us = None if transition is None else transition.ends_us
        return close_captures(catalog, tick, table, ids, now_us, settles_us)

    def drop(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table = _named(catalog, scope)
        if backup is not None:
            table = leaving_behind(table, backup)
        if transition is None:
            return removed(catalog, table)
        return Alteration(tables=(being_deleted(table, transition),))

    return in_turn(close_stream, close_own, drop)


def update_table(
    scope: tuple[str, str, str],
    change: Callable[[Table, int], tuple[Table, int]],
    stream: StreamViewType | bool | None,
    now_us: int,
    *,
    asked: Asked | None = None,
    settles_us: int | None = None,
) -> Alter:
    """Change a table by `change(table, next id) -> (table, next id)`; then enable its stream with a
    view type, disable it (False), or leave it (None); it counts as being changed until
    `settles_us`.

    A table that is still changing is refused what it can't be asked for then (`asked`), with
    ResourceInUseException or LimitExceededException.
    """

    def settings(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        if asked is not None:
            check_updatable(catalog, _existing(catalog, scope), asked, now_us)
        before = _named(catalog, scope)
        table, next_id = change(before, catalog.next_id)
        if asked is not None:
            check_throughput_limits(catalog, before, table)
        return Alteration(tables=(table,), next_id=next_id)

    def switch_stream(catalog: Catalog, tick: Tick) -> Alteration:
        table = _named(catalog, scope)
        if isinstance(stream, StreamViewType):
            return enable_stream(table.id, stream, now_us, settles_us)(catalog, tick)
        if stream is False:
            return disable_stream(table.id, now_us, settles_us)(catalog, tick)
        return Alteration()

    return in_turn(settings, switch_stream)


def finish_index(table_id: int, index_id: int) -> Alter:
    """Mark an index whose rows are all written as filled, and as active unless that is a matter of
    time; nothing happens when it or its table is gone."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table = catalog.tables.get(table_id)
        if table is None:
            return Alteration()
        indexes = tuple(
            _filled(index) if index.id == index_id else index for index in table.indexes
        )
        return Alteration(tables=(msgspec.structs.replace(table, indexes=indexes),))

    return decide


def _filled(index: Index) -> Index:
    status = IndexStatus.ACTIVE if index.settles_us is None else index.status
    return msgspec.structs.replace(index, status=status, backfilling=False)


def _existing(catalog: Catalog, scope: tuple[str, str, str]) -> Table:
    table = catalog.by_name.get(scope)
    if table is None:
        raise ResourceNotFoundException(
            f"Requested resource not found: Table: {scope[2]} not found"
        )
    return table


def _named(catalog: Catalog, scope: tuple[str, str, str]) -> Table:
    # A table that is being restored or imported is only described until it is whole.
    table = _existing(catalog, scope)
    if not table.available:
        raise ResourceNotFoundException(
            f"Requested resource not found: Table: {scope[2]} not found"
        )
    return table
