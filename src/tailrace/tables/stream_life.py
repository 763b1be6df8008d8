"""The life of streams in the catalog: enabling, disabling, rotating, splitting, ageing out.

Each function makes a pure decision over the catalog (`Alter`). Messages of refusals are those the
service was seen to answer.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import msgspec

from tailrace.errors import ResourceNotFoundException, ValidationException
from tailrace.model.arns import stream_arn, stream_label
from tailrace.model.schema import Stream, StreamViewType, Table
from tailrace.streams import lineage, retention
from tailrace.streams.log import Shard
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick

__all__ = [
    "disable_stream",
    "enable_stream",
    "free_label_us",
    "requested_stream",
    "retire",
    "retirement_due",
    "rotate",
    "split",
]

_INVALID = "One or more parameter values were invalid: "


def requested_stream(
    enabled: bool, view_type: StreamViewType | None
) -> StreamViewType | Literal[False]:
    """What a StreamSpecification asks for: a stream of a view type, or none (False).

    Raises ValidationException when the view type is missing, or given without a stream.
    """
    if enabled and view_type is None:
        raise ValidationException(
            f"{_INVALID}If stream is being enabled then UpdateViewType is required"
        )
    if not enabled and view_type is not None:
        raise ValidationException(
            f"{_INVALID}If stream is being disabled, then UpdateViewType must not be specified"
        )
    return view_type if enabled and view_type is not None else False


def enable_stream(
    table_id: int, view_type: StreamViewType, now_us: int, settles_us: int | None = None
) -> Alter:
    """Give a table a new stream with one open shard for each partition. It records at once, and
    counts as being enabled until `settles_us`.

    Refuses with ValidationException when it has one. The label is the time, moved on by
    milliseconds until no stream of that table name has it.
    """

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        table = _table(catalog, table_id)
        if table.stream is not None:
            raise ValidationException(
                f"Table already has an enabled stream: TableName: {table.name}"
            )
        created_us = free_label_us(catalog, table, table.account, now_us)
        stream = Stream(
            id=catalog.next_id,
            table_id=table.id,
            table_name=table.name,
            region=table.region,
            account=table.account,
            label=stream_label(created_us),
            view_type=view_type,
            keys=table.keys,
            created_us=created_us,
            settles_us=settles_us,
        )
        shards = lineage.open_first(
            stream, table.partitions, stream.id + 1, lambda partition: tick(table_id, partition)
        )
        return Alteration(
            tables=(msgspec.structs.replace(table, stream=stream),),
            streams=(stream,),
            shards=shards,
            next_id=stream.id + 1 + len(shards),
        )

    return decide


def disable_stream(table_id: int, now_us: int, settles_us: int | None = None) -> Alter:
    """End a table's stream: its shards are closed, and it is kept until its records have aged out.
    It counts as being disabled until `settles_us`.

    Refuses with ValidationException when the table has no stream.
    """

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        table = _table(catalog, table_id)
        if table.stream is None:
            raise ValidationException(f"Table has no stream to disable: TableName: {table.name}")
        shards = catalog.shards_of.get(table.stream.id, ())
        ended = msgspec.structs.replace(table.stream, disabled_us=now_us, settles_us=settles_us)
        return Alteration(
            tables=(msgspec.structs.replace(table, stream=None),),
            streams=(ended,),
            shards=tuple(
                lineage.close(shard, lambda partition: tick(table_id, partition))
                for shard in shards
                if shard.open
            ),
        )

    return decide


def rotate(shard_ids: Collection[int]) -> Alter:
    """Close shards and open one child for each; those that are closed or gone by then are left."""
    return _reshard(shard_ids, pieces=1)


def split(shard_ids: Collection[int]) -> Alter:
    """Close shards and open two children for each; those that are closed or gone by then are left.

    Refuses with ValidationException when one of them has a single hash.
    """
    return _reshard(shard_ids, pieces=2)


def retire(now_us: int, retention_ms: int | None) -> Alter:
    """Drop the shards whose last record has aged out, the disabled streams of which none is left,
    and the holds whose owners have not come back.

    The alteration is empty when there are none.
    """

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        shards, streams, holds = _gone(catalog, now_us, retention_ms)
        return Alteration(dropped_streams=streams, dropped_shards=shards, dropped_holds=holds)

    return decide


def retirement_due(catalog: Catalog, now_us: int, retention_ms: int | None) -> bool:
    """Whether `retire` would drop anything."""
    return any(_gone(catalog, now_us, retention_ms))


def _gone(
    catalog: Catalog, now_us: int, retention_ms: int | None
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """The ids of the shards and of the streams that have aged out, and of the holds that ended."""
    shards: list[int] = []
    streams: list[int] = []
    for stream in catalog.streams.values():
        holds = catalog.holds_of.get(stream.id, ())
        horizon = retention.horizon_of(stream, holds, retention_ms, now_us)
        own = catalog.shards_of[stream.id]
        shards += [shard.id for shard in retention.gone_shards(own, horizon)]
        if retention.is_stream_gone(stream, own, horizon):
            streams.append(stream.id)
    ended = [hold.id for hold in catalog.holds.values() if retention.is_ended(hold, now_us)]
    return tuple(shards), tuple(streams), tuple(ended)


def _reshard(shard_ids: Collection[int], pieces: Literal[1, 2]) -> Alter:
    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        next_id = catalog.next_id
        changed: list[Shard] = []
        for shard_id in sorted(shard_ids):
            shard = catalog.shards.get(shard_id)
            if shard is None or not shard.open:
                continue
            table_id = catalog.streams[shard.stream_id].table_id
            born = [other for other in changed if other.stream_id == shard.stream_id]
            family = (*catalog.shards_of[shard.stream_id], *born)
            step = lineage.rotate if pieces == 1 else lineage.split
            changed += step(shard, family, next_id, _partition_tick(tick, table_id))
            next_id += pieces
        return Alteration(shards=tuple(changed), next_id=next_id)

    return decide


def _partition_tick(tick: Tick, table_id: int) -> lineage.Tick:
    return lambda partition: tick(table_id, partition)


def free_label_us(catalog: Catalog, table: Table, account: str, now_us: int) -> int:
    """The first millisecond from `now_us` on that no stream of this table name in an account is
    labelled with.

    Streams of deleted tables of the same name count: their ARNs would be the same.
    """
    taken = catalog.by_arn
    while stream_arn(table.region, account, table.name, stream_label(now_us)) in taken:
        now_us += 1000
    return now_us


def _table(catalog: Catalog, table_id: int) -> Table:
    table = catalog.tables.get(table_id)
    if table is None:
        raise ResourceNotFoundException("Requested resource not found")
    return table
