"""Short ways to make tables, streams, shards, items, writes and alterations, for tests.

The plans made here are the plainest that obey the laws, independent of the server's planner.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tailrace import limits
from tailrace.errors import AwsError
from tailrace.model.arns import stream_label
from tailrace.model.changes import Change, ChangeKind
from tailrace.model.keys import HASH_BYTES, KeyAttribute, KeySchema
from tailrace.model.schema import Index, IndexKind, Projection, Stream, StreamViewType, Table
from tailrace.model.values import AttributeValue, Item, decode_item, encode_item, item_size
from tailrace.model.vectors import DistanceFunction, SearchAttribute, SearchRole, VectorSchema
from tailrace.streams.log import Shard
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.engine import Decide, IndexChange, Plan, Write

__all__ = [
    "ACCOUNT",
    "REGION",
    "alter_table",
    "check_write",
    "delete_write",
    "drop_table",
    "index",
    "item",
    "key_range",
    "plan",
    "put_write",
    "rotate",
    "shards_for",
    "split",
    "stream_for",
    "table",
    "update_write",
    "vector_index",
]

ACCOUNT: Final = "000000000000"
REGION: Final = "us-east-1"
_HASHES: Final = 2**32


def item(pk: str, **attributes: str | int | AttributeValue) -> Item:
    """An item with partition key `pk`: text becomes S, integers N, attribute values stay."""
    return {"pk": {"S": pk}, **{name: _value(value) for name, value in attributes.items()}}


def _value(value: str | int | AttributeValue) -> AttributeValue:
    if isinstance(value, dict):
        return value
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


def index(identity: int, attribute: str, *, sort: str | None = None) -> Index:
    """A global index named `by-<attribute>` on a string attribute, everything projected."""
    keys = KeySchema((KeyAttribute(attribute, "S"),), (KeyAttribute(sort, "S"),) if sort else ())
    return Index(identity, f"by-{attribute}", IndexKind.GLOBAL, keys, Projection.ALL)


def vector_index(identity: int, attribute: str, dimensions: int, hash_: str | None = None) -> Index:
    """A vector index named `near-<attribute>` by Euclidean distance, everything projected; divided
    by the string attribute `hash_`, if that is given."""
    search = () if hash_ is None else (SearchAttribute(hash_, "S", SearchRole.HASH),)
    return Index(
        identity,
        f"near-{attribute}",
        IndexKind.VECTOR,
        KeySchema((KeyAttribute(hash_ or "pk", "S"),)),
        Projection.ALL,
        vector=VectorSchema(attribute, dimensions, DistanceFunction.EUCLIDEAN, search),
    )


def table(
    identity: int = 1,
    name: str = "things",
    *,
    sort: bool = False,
    partitions: int = limits.PARTITIONS,
    indexes: tuple[Index, ...] = (),
    stream: Stream | None = None,
) -> Table:
    """A table with the key `pk` (S) and, with `sort`, `sk` (S)."""
    return Table(
        id=identity,
        uuid=f"00000000-0000-0000-0000-{identity:012d}",
        region=REGION,
        account=ACCOUNT,
        name=name,
        keys=KeySchema((KeyAttribute("pk", "S"),), (KeyAttribute("sk", "S"),) if sort else ()),
        attribute_types={"pk": "S", "sk": "S"} if sort else {"pk": "S"},
        created_us=1_789_651_658_000_000,
        partitions=partitions,
        indexes=indexes,
        stream=stream,
    )


def stream_for(
    table: Table, identity: int, view_type: StreamViewType = StreamViewType.NEW_AND_OLD_IMAGES
) -> Stream:
    """A stream of a table; streams of distinct ids have distinct labels, and so ARNs."""
    created_us = table.created_us + identity * 1000
    return Stream(
        id=identity,
        table_id=table.id,
        table_name=table.name,
        region=table.region,
        account=table.account,
        label=stream_label(created_us),
        view_type=view_type,
        keys=table.keys,
        created_us=created_us,
    )


def key_range(partition: int, partitions: int) -> tuple[bytes, bytes | None]:
    """The least key of a partition, and the least above it."""
    high = None if partition + 1 == partitions else _first_key(partition + 1, partitions)
    return _first_key(partition, partitions), high


def _first_key(partition: int, partitions: int) -> bytes:
    return (-(-partition * _HASHES // partitions)).to_bytes(HASH_BYTES, "big")


def shards_for(stream: Stream, partitions: int, first_id: int, tick: Tick) -> tuple[Shard, ...]:
    """One open shard for each partition, with ids from `first_id` on."""
    return tuple(
        _shard(
            first_id + partition,
            stream.id,
            partition,
            key_range(partition, partitions),
            tick(stream.table_id, partition),
        )
        for partition in range(partitions)
    )


def _shard(
    identity: int,
    stream_id: int,
    partition: int,
    keys: tuple[bytes, bytes | None],
    start: int,
    parent: str | None = None,
) -> Shard:
    name = f"shardId-{identity:020d}-{identity:08x}"
    return Shard(identity, name, stream_id, partition, *keys, start=start, parent=parent)


def alter_table(changed: Table) -> Alter:
    """Replace a table by a changed value of it; ids of its indexes count as given."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        highest = max((index.id for index in changed.indexes), default=0)
        return Alteration(tables=(changed,), next_id=max(catalog.next_id, highest + 1))

    return decide


def drop_table(table_id: int) -> Alter:
    """Drop a table with its streams and their shards at once."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        streams = tuple(
            stream.id for stream in catalog.streams.values() if stream.table_id == table_id
        )
        shards = tuple(shard.id for shard in catalog.shards.values() if shard.stream_id in streams)
        return Alteration(
            dropped_tables=(table_id,), dropped_streams=streams, dropped_shards=shards
        )

    return decide


def rotate(table_id: int, *, pieces: int = 1) -> Alter:
    """Close every open shard of a table's stream, with `pieces` children for each, equally wide."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        stream = catalog.tables[table_id].stream
        shards: list[Shard] = []
        next_id = catalog.next_id
        for shard in catalog.shards_of[stream.id] if stream else ():
            if not shard.open:
                continue
            shards.append(_closed(shard, tick(table_id, shard.partition)))
            for piece in range(pieces):
                keys = _piece(shard, piece, pieces)
                start = tick(table_id, shard.partition)
                shards.append(
                    _shard(next_id, shard.stream_id, shard.partition, keys, start, shard.name)
                )
                next_id += 1
        return Alteration(shards=tuple(shards), next_id=next_id)

    return decide


def split(table_id: int) -> Alter:
    """Close every open shard of a table's stream and open two children for each."""
    return rotate(table_id, pieces=2)


def _closed(shard: Shard, end: int) -> Shard:
    return Shard(
        shard.id,
        shard.name,
        shard.stream_id,
        shard.partition,
        shard.low,
        shard.high,
        shard.start,
        shard.parent,
        end,
    )


def _piece(shard: Shard, piece: int, pieces: int) -> tuple[bytes, bytes | None]:
    low = int.from_bytes(shard.low, "big")
    width = (_HASHES if shard.high is None else int.from_bytes(shard.high, "big")) - low
    bounds = [(low + width * at // pieces).to_bytes(5, "big")[1:] for at in (piece, piece + 1)]
    return bounds[0], shard.high if piece + 1 == pieces else bounds[1]


# Writes ---------------------------------------------------------------------------


def put_write(table: Table, item: Item) -> Write:
    """Put a canonical item."""
    return update_write(table, item, lambda _: item)


def delete_write(table: Table, key: Item) -> Write:
    """Delete the item with the key attributes of `key`."""
    return update_write(table, key, lambda _: None)


def check_write(table: Table, key: Item, refusal: AwsError | None = None) -> Write:
    """Write nothing, or refuse."""

    def change(previous: Item | None) -> Item | None:
        if refusal is not None:
            raise refusal
        return previous

    return update_write(table, key, change)


def update_write(table: Table, key: Item, change: Callable[[Item | None], Item | None]) -> Write:
    """Replace an item by what `change` makes of it, or refuses; None is no item."""
    key_bytes = table.keys.item_key(key)
    return Write(table.id, key_bytes, _decide(key_bytes, change))


def _decide(key: bytes, change: Callable[[Item | None], Item | None]) -> Decide:
    def decide(previous: bytes | None, table: Table) -> Plan:
        return plan(
            table, key, previous, change(None if previous is None else decode_item(previous))
        )

    return decide


def plan(table: Table, key: bytes, previous: bytes | None, new: Item | None) -> Plan:
    """The plan that replaces the stored item of a key by a canonical item, or deletes it."""
    old = None if previous is None else decode_item(previous)
    data = None if new is None else encode_item(new)
    old_size = item_size(old) if old else 0
    new_size = item_size(new) if new else 0
    if data == previous:
        return Plan(changed=False, new=data, new_size=new_size, old_size=old_size)
    change = None
    if table.captures or (table.stream is not None and table.stream.enabled):
        change = _change(table, old, new, previous, data)
    indexes = _index_changes(table, key, old, new)
    return Plan(True, data, new_size, old_size, indexes, change)


def _change(
    table: Table, old: Item | None, new: Item | None, old_data: bytes | None, new_data: bytes | None
) -> Change:
    kind = (
        ChangeKind.INSERT
        if old is None
        else ChangeKind.REMOVE
        if new is None
        else ChangeKind.MODIFY
    )
    keys = table.keys.key_of(new or old or {})
    old_size, new_size = item_size(old or {}), item_size(new or {})
    return Change(kind, encode_item(keys), item_size(keys), old_data, old_size, new_data, new_size)


def _index_changes(
    table: Table, key: bytes, old: Item | None, new: Item | None
) -> tuple[IndexChange, ...]:
    rows = (
        (index.id, index.row_of(old or {}, key), index.row_of(new or {}, key))
        for index in table.indexes
    )
    return tuple(IndexChange(*row) for row in rows if row[1] != row[2])
