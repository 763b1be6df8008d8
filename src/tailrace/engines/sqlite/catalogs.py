"""The catalog and the heads, in rows and back."""

from __future__ import annotations

from typing import Final

import msgspec

from tailrace.engines.sqlite.batch import Heads
from tailrace.engines.sqlite.connection import Cursor
from tailrace.engines.sqlite.statements import SQL
from tailrace.model.schema import Stream, Table
from tailrace.streams.log import Shard
from tailrace.streams.retention import Hold
from tailrace.tables.catalog import Alteration, Catalog
from tailrace.tables.engine import Usage

__all__ = ["load_catalog", "load_heads", "store_alteration", "store_clock"]

_TABLE: Final = "table"
_STREAM: Final = "stream"
_SHARD: Final = "shard"
_HOLD: Final = "hold"
_NEXT_ID: Final = "next_id"
_LAST_CLOCK: Final = "last_clock"

_encode = msgspec.json.Encoder().encode


def load_catalog(cursor: Cursor) -> Catalog:
    """The catalog as it was last stored."""
    tables: dict[int, Table] = {}
    streams: dict[int, Stream] = {}
    shards: dict[int, Shard] = {}
    holds: dict[int, Hold] = {}
    rows = cursor.execute(SQL["all_entities"]).fetchall()
    for kind, body in rows:
        if kind == _TABLE:
            table = msgspec.json.decode(body, type=Table)
            tables[table.id] = table
        elif kind == _STREAM:
            stream = msgspec.json.decode(body, type=Stream)
            streams[stream.id] = stream
        elif kind == _SHARD:
            shard = msgspec.json.decode(body, type=Shard)
            shards[shard.id] = shard
        else:
            hold = msgspec.json.decode(body, type=Hold)
            holds[hold.id] = hold
    next_id: int = cursor.execute(SQL["counter"], (_NEXT_ID,)).get
    return Catalog(tables, streams, shards, holds, next_id)


def load_heads(cursor: Cursor) -> Heads:
    """The newest clock and item id, and all sums."""
    stored: int = cursor.execute(SQL["counter"], (_LAST_CLOCK,)).get
    newest: int = cursor.execute(SQL["newest_clock"]).get or 0
    item: int = cursor.execute(SQL["newest_item"]).get or 0
    rows = cursor.execute(SQL["all_usage"]).fetchall()
    return Heads(max(stored, newest), item, {id_: Usage(items, size) for id_, items, size in rows})


def store_clock(cursor: Cursor, clock: int) -> None:
    """Keep the newest clock, which is otherwise known from the newest record: for when that goes,
    or a clock was given without a record.
    """
    cursor.execute(SQL["put_counter"], (_LAST_CLOCK, clock))


def store_alteration(
    cursor: Cursor, before: Catalog, after: Catalog, alteration: Alteration, clock: int
) -> None:
    """Write what an alteration changes, and note whose rows are to be purged."""
    put = SQL["put_entity"]
    for table in alteration.tables:
        cursor.execute(put, (_TABLE, table.id, _encode(table)))
    for stream in alteration.streams:
        cursor.execute(put, (_STREAM, stream.id, _encode(stream)))
    for shard in alteration.shards:
        cursor.execute(put, (_SHARD, shard.id, _encode(shard)))
    for hold in alteration.holds:
        cursor.execute(put, (_HOLD, hold.id, _encode(hold)))
    for kind, gone in (
        (_TABLE, alteration.dropped_tables),
        (_STREAM, alteration.dropped_streams),
        (_SHARD, alteration.dropped_shards),
        (_HOLD, before.holds.keys() - after.holds.keys()),
    ):
        for id_ in gone:
            cursor.execute(SQL["delete_entity"], (kind, id_))
    for place in _dropped(before, after, alteration):
        cursor.execute(SQL["put_dropped"], place)
    cursor.execute(SQL["put_counter"], (_NEXT_ID, after.next_id))
    store_clock(cursor, clock)


def _dropped(before: Catalog, after: Catalog, alteration: Alteration) -> list[tuple[str, int]]:
    """Kind (a relation of the store) and id of what an alteration leaves without an owner."""
    places: list[tuple[str, int]] = []
    touched = {table.id for table in alteration.tables} | set(alteration.dropped_tables)
    for table_id in touched:
        old, new = before.tables.get(table_id), after.tables.get(table_id)
        if old is not None:
            kept = {index.id for index in new.indexes} if new else set[int]()
            places += [("index_row", index.id) for index in old.indexes if index.id not in kept]
            if new is None:
                places.append(("item", table_id))
    places += [
        ("record", shard_id)
        for shard_id in alteration.dropped_shards
        if shard_id in before.shards and shard_id not in after.shards
    ]
    return places
