"""The catalog: every table, stream and shard of a store at one moment, and the alterations that
lead to the next.

A catalog is an immutable value that engines replace whole, so a request sees one consistent state
of it without a lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TypeAlias, TypeVar

import msgspec

from tailrace.model.schema import Stream, Table
from tailrace.streams.log import Shard
from tailrace.streams.retention import Hold

__all__ = ["Alter", "Alteration", "Catalog", "Tick"]

# The next clock of a table's partition: above every record the partition has. For the ends and
# starts of shards.
Tick: TypeAlias = Callable[[int, int], int]


class Alteration(msgspec.Struct, frozen=True):
    """What one step changes in the catalog, applied in one transaction. Values replace those with
    the same id.
    """

    tables: tuple[Table, ...] = ()
    dropped_tables: tuple[int, ...] = ()
    streams: tuple[Stream, ...] = ()
    dropped_streams: tuple[int, ...] = ()
    shards: tuple[Shard, ...] = ()
    dropped_shards: tuple[int, ...] = ()
    holds: tuple[Hold, ...] = ()
    dropped_holds: tuple[int, ...] = ()
    next_id: int | None = None

    def followed_by(self, other: Alteration) -> Alteration:
        """Both as one; where they touch the same, what `other` says counts."""
        joined = {
            name: (*getattr(self, name), *getattr(other, name))
            for name in self.__struct_fields__
            if name != "next_id"
        }
        next_id = self.next_id if other.next_id is None else other.next_id
        return Alteration(**joined, next_id=next_id)

    @property
    def closed_shards(self) -> frozenset[int]:
        """The ids of shards that get no more records: those who wait for some should look."""
        return frozenset(shard.id for shard in self.shards if not shard.open)


class Catalog(msgspec.Struct, frozen=True, dict=True):
    """All tables, streams, shards and holds by id. `next_id` is the first id never given to any of
    them or to an index.
    """

    tables: dict[int, Table] = {}
    streams: dict[int, Stream] = {}
    shards: dict[int, Shard] = {}
    holds: dict[int, Hold] = {}
    next_id: int = 1

    @cached_property
    def by_name(self) -> dict[tuple[str, str, str], Table]:
        """Tables by (account, region, name)."""
        return {(table.account, table.region, table.name): table for table in self.tables.values()}

    @cached_property
    def available(self) -> dict[tuple[str, str, str], Table]:
        """The tables whose items can be read and written, by (account, region, name)."""
        return {scope: table for scope, table in self.by_name.items() if table.available}

    @cached_property
    def next_settlement_us(self) -> int | None:
        """When the next change of a table's or an index's status is due."""
        moments = [table.next_settlement_us for table in self.tables.values()]
        return min((moment for moment in moments if moment is not None), default=None)

    @cached_property
    def by_arn(self) -> dict[str, Stream]:
        return {stream.arn: stream for stream in self.streams.values()}

    @cached_property
    def shards_of(self) -> dict[int, tuple[Shard, ...]]:
        """Each stream's shards in the order of their names."""
        grouped: dict[int, list[Shard]] = {stream: [] for stream in self.streams}
        for shard in self.shards.values():
            grouped.setdefault(shard.stream_id, []).append(shard)
        return {stream: tuple(sorted(group, key=_shard_name)) for stream, group in grouped.items()}

    @cached_property
    def open_shards(self) -> dict[tuple[int, int], tuple[Shard, ...]]:
        """The open shards by (stream id, partition), in the order of their keys."""
        grouped: dict[tuple[int, int], list[Shard]] = {}
        for shard in self.shards.values():
            if shard.open:
                grouped.setdefault((shard.stream_id, shard.partition), []).append(shard)
        return {place: tuple(sorted(group, key=_low)) for place, group in grouped.items()}

    @cached_property
    def holds_of(self) -> dict[int, tuple[Hold, ...]]:
        """The holds of each stream that has any."""
        grouped: dict[int, tuple[Hold, ...]] = {}
        for hold in self.holds.values():
            grouped[hold.stream_id] = (*grouped.get(hold.stream_id, ()), hold)
        return grouped

    def after(self, alteration: Alteration) -> Catalog:
        """The catalog that an alteration leads to. A stream's holds go with it."""
        gone = set(alteration.dropped_streams)
        held = [hold.id for hold in self.holds.values() if hold.stream_id in gone]
        return Catalog(
            tables=_replaced(self.tables, alteration.tables, alteration.dropped_tables),
            streams=_replaced(self.streams, alteration.streams, alteration.dropped_streams),
            shards=_replaced(self.shards, alteration.shards, alteration.dropped_shards),
            holds=_replaced(self.holds, alteration.holds, (*alteration.dropped_holds, *held)),
            next_id=self.next_id if alteration.next_id is None else alteration.next_id,
        )


# Decides on an alteration from the catalog as it is, under every lock a write could hold. Raises to
# refuse.
Alter: TypeAlias = Callable[[Catalog, Tick], Alteration]


def _shard_name(shard: Shard) -> str:
    return shard.name


def _low(shard: Shard) -> bytes:
    return shard.low


_Entry = TypeVar("_Entry", Table, Stream, Shard, Hold)


def _replaced(
    values: dict[int, _Entry], put: Iterable[_Entry], dropped: Iterable[int]
) -> dict[int, _Entry]:
    result = dict(values)
    for value in put:
        result[value.id] = value
    for key in dropped:
        result.pop(key, None)
    return result
