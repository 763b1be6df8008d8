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
    next_id: int | None = None

    @property
    def closed_shards(self) -> frozenset[int]:
        """The ids of shards that get no more records: those who wait for some should look."""
        return frozenset(shard.id for shard in self.shards if not shard.open)


class Catalog(msgspec.Struct, frozen=True, dict=True):
    """All tables, streams and shards by id. `next_id` is the first id never given to any of them or
    to an index.
    """

    tables: dict[int, Table] = {}
    streams: dict[int, Stream] = {}
    shards: dict[int, Shard] = {}
    next_id: int = 1

    @cached_property
    def by_name(self) -> dict[tuple[str, str, str], Table]:
        """Tables by (account, region, name)."""
        return {(table.account, table.region, table.name): table for table in self.tables.values()}

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

    def after(self, alteration: Alteration) -> Catalog:
        """The catalog that an alteration leads to."""
        return Catalog(
            tables=_replaced(self.tables, alteration.tables, alteration.dropped_tables),
            streams=_replaced(self.streams, alteration.streams, alteration.dropped_streams),
            shards=_replaced(self.shards, alteration.shards, alteration.dropped_shards),
            next_id=self.next_id if alteration.next_id is None else alteration.next_id,
        )


# Decides on an alteration from the catalog as it is, under every lock a write could hold. Raises to
# refuse.
Alter: TypeAlias = Callable[[Catalog, Tick], Alteration]


def _shard_name(shard: Shard) -> str:
    return shard.name


def _low(shard: Shard) -> bytes:
    return shard.low


_Entry = TypeVar("_Entry", Table, Stream, Shard)


def _replaced(
    values: dict[int, _Entry], put: Iterable[_Entry], dropped: Iterable[int]
) -> dict[int, _Entry]:
    result = dict(values)
    for value in put:
        result[value.id] = value
    for key in dropped:
        result.pop(key, None)
    return result
