"""Changes that take a while, as they do on AWS: what is being created, updated or deleted until a
moment of the clock.

The catalog holds what a change leads to at once, beside the status that is shown until then and the
moment when that is over. So a change that is under way survives a restart. Housekeeping settles
what is due in an alteration of its own; who comes before it looks at `settled`, which is what
housekeeping will make of the catalog. Tables whose items can't be read are missing from
`Catalog.available`, so reads and writes of the others have nothing to look at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from tailrace.model.schema import Index, IndexKind, IndexStatus, StreamKind, Table, TableStatus
from tailrace.tables import backups
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick

__all__ = [
    "Transition",
    "being_created",
    "being_deleted",
    "can_be_backed_up",
    "index_being_created",
    "index_being_deleted",
    "removed",
    "settle",
    "settled",
    "settled_first",
    "settlement_due",
]

_SETTLED: Final = "_settled"
_BACKED_UP_FROM: Final = "BackedUpFromUs"


class Transition(msgspec.Struct, frozen=True):
    """A change that begins now and is over at `ends_us`. Of an index's creation or removal the
    first half is what its table takes part in."""

    begins_us: int
    ends_us: int

    @property
    def halfway_us(self) -> int:
        return (self.begins_us + self.ends_us) // 2


def being_created(table: Table, transition: Transition) -> Table:
    """A new table that can be used when the transition is over."""
    indexes = tuple(
        index
        if index.kind in (IndexKind.LOCAL, IndexKind.INTERNAL)
        else msgspec.structs.replace(
            index, status=IndexStatus.CREATING, settles_us=transition.ends_us
        )
        for index in table.indexes
    )
    # Seen on AWS: backups can be made only some seconds after the table is ACTIVE.
    backed_up_us = 2 * transition.ends_us - transition.halfway_us
    return msgspec.structs.replace(
        table,
        status=TableStatus.CREATING,
        settles_us=transition.ends_us,
        indexes=indexes,
        settings={**table.settings, _BACKED_UP_FROM: backed_up_us},
    )


def can_be_backed_up(table: Table, now_us: int) -> bool:
    """Whether backups of a table can be made; of one that was created at once they always can."""
    from_us = table.settings.get(_BACKED_UP_FROM)
    return not isinstance(from_us, int) or from_us <= now_us


def being_deleted(table: Table, transition: Transition) -> Table:
    """A table that is gone when the transition is over."""
    return msgspec.structs.replace(
        table, status=TableStatus.DELETING, settles_us=transition.ends_us, former_throughput=None
    )


def index_being_created(index: Index, transition: Transition | None) -> Index:
    """A new index of a table that has items: it can be read when it is filled, and not before the
    transition is over."""
    return msgspec.structs.replace(
        index,
        status=IndexStatus.CREATING,
        backfilling=True,
        allocated_us=None if transition is None else transition.halfway_us,
        settles_us=None if transition is None else transition.ends_us,
    )


def index_being_deleted(index: Index, transition: Transition) -> Index:
    """An index that is gone when the transition is over."""
    return msgspec.structs.replace(
        index,
        status=IndexStatus.DELETING,
        backfilling=False,
        allocated_us=None,
        settles_us=transition.ends_us,
    )


def settlement_due(catalog: Catalog, now_us: int) -> bool:
    """Whether there is anything to settle."""
    due_us = catalog.next_settlement_us
    return due_us is not None and due_us <= now_us


def settled(catalog: Catalog, now_us: int) -> Catalog:
    """A catalog as it is at a moment: everything that is due is settled in it."""
    while settlement_due(catalog, now_us):
        # Remembered with the catalog: many may come before housekeeping does.
        remembered = vars(catalog)
        following: Catalog | None = remembered.get(_SETTLED)
        if following is None:
            following = catalog.after(_settlement(catalog, now_us))
            remembered[_SETTLED] = following
        catalog = following
    return catalog


def settle(now_us: int) -> Alter:
    """Settle everything that is due."""
    return lambda catalog, tick: _settlement(catalog, now_us)


def settled_first(decide: Alter, now_us: int) -> Alter:
    """An alteration that sees everything that is due settled."""

    def both(catalog: Catalog, tick: Tick) -> Alteration:
        if not settlement_due(catalog, now_us):
            return decide(catalog, tick)
        first = _settlement(catalog, now_us)
        return first.followed_by(decide(catalog.after(first), tick))

    return both


def removed(catalog: Catalog, table: Table) -> Alteration:
    """Take a table away with its items, unless they are to be kept as a backup; a Kinesis stream
    with its records."""
    backup = backups.left_behind(table)
    if backup is not None:
        return Alteration(tables=(backup,))
    stream = table.stream
    if stream is None or stream.kind is not StreamKind.KINESIS:
        return Alteration(dropped_tables=(table.id,))
    return Alteration(
        dropped_tables=(table.id,),
        dropped_streams=(stream.id,),
        dropped_shards=tuple(shard.id for shard in catalog.shards_of[stream.id]),
    )


def _settlement(catalog: Catalog, now_us: int) -> Alteration:
    total = Alteration()
    for table in catalog.tables.values():
        due_us = table.next_settlement_us
        if due_us is None or due_us > now_us:
            continue
        if table.status is TableStatus.DELETING:
            total = total.followed_by(removed(catalog, table))
        else:
            total = total.followed_by(Alteration(tables=(_settled_table(table, now_us),)))
    return total


def _settled_table(table: Table, now_us: int) -> Table:
    table = msgspec.structs.replace(table, indexes=tuple(_settled_indexes(table, now_us)))
    if table.settles_us is None or table.settles_us > now_us:
        return table
    return msgspec.structs.replace(
        table, status=TableStatus.ACTIVE, settles_us=None, former_throughput=None
    )


def _settled_indexes(table: Table, now_us: int) -> Iterator[Index]:
    for index in table.indexes:
        if index.allocated_us is not None and index.allocated_us <= now_us:
            index = msgspec.structs.replace(index, allocated_us=None)
        due_us = index.next_settlement_us
        if due_us is None or due_us > now_us:
            yield index
        elif index.status is not IndexStatus.DELETING:
            yield msgspec.structs.replace(index, status=IndexStatus.ACTIVE, settles_us=None)
