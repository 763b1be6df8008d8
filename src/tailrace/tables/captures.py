"""Streams of Tailrace's own beside a table's public one, for what follows its changes on its own
account: the Kinesis destination.

A capture has both images of each change and is read like any stream, but lies in an account that no
caller can be in. Its records are written in the commit of their items.
"""

from __future__ import annotations

from typing import Final

import msgspec

from tailrace.model.arns import stream_label
from tailrace.model.schema import Destination, Stream, StreamKind, StreamViewType, Table
from tailrace.streams import lineage
from tailrace.tables.catalog import Alteration, Catalog, Tick
from tailrace.tables.hidden import HIDDEN_ACCOUNT
from tailrace.tables.stream_life import free_label_us

__all__ = ["CAPTURE_ACCOUNT", "close_captures", "open_capture"]

CAPTURE_ACCOUNT: Final = HIDDEN_ACCOUNT


def open_capture(
    catalog: Catalog,
    tick: Tick,
    table: Table,
    now_us: int,
    destination: Destination | None = None,
    settles_us: int | None = None,
) -> Alteration:
    """Give a table one more capture, from its next change on; it counts as being enabled until
    `settles_us`."""
    created_us = free_label_us(catalog, table, CAPTURE_ACCOUNT, now_us)
    stream = Stream(
        id=catalog.next_id,
        table_id=table.id,
        table_name=table.name,
        region=table.region,
        account=CAPTURE_ACCOUNT,
        label=stream_label(created_us),
        view_type=StreamViewType.NEW_AND_OLD_IMAGES,
        keys=table.keys,
        created_us=created_us,
        kind=StreamKind.CAPTURE,
        destination=destination,
        settles_us=settles_us,
    )
    shards = lineage.open_first(
        stream, table.partitions, stream.id + 1, lambda partition: tick(table.id, partition)
    )
    table = msgspec.structs.replace(table, captures=(*table.captures, stream))
    next_id = stream.id + 1 + len(shards)
    return Alteration(tables=(table,), streams=(stream,), shards=shards, next_id=next_id)


def close_captures(
    catalog: Catalog,
    tick: Tick,
    table: Table,
    stream_ids: frozenset[int],
    now_us: int,
    settles_us: int | None = None,
) -> Alteration:
    """End captures of a table; what they hold can be read until it has aged out. They count as
    being disabled until `settles_us`."""
    gone = [stream for stream in table.captures if stream.id in stream_ids]
    kept = tuple(stream for stream in table.captures if stream.id not in stream_ids)
    return Alteration(
        tables=(msgspec.structs.replace(table, captures=kept),),
        streams=tuple(
            msgspec.structs.replace(stream, disabled_us=now_us, settles_us=settles_us)
            for stream in gone
        ),
        shards=tuple(
            lineage.close(shard, lambda partition: tick(table.id, partition))
            for stream in gone
            for shard in catalog.shards_of.get(stream.id, ())
            if shard.open
        ),
    )
