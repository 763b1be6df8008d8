"""Queues on Kinesis streams: what is delivered, in flight and dead, record by record.

A queue is a hidden table. Its items are the records that were handed out and not acknowledged, with
when each becomes visible again, and for each shard a cursor: all records up to it were handed out.
Two internal indexes, of live records and of dead ones, are sorted by the time of visibility, so
what is visible is one range of rows. Changes are conditional on what was read: of two receivers
that see the same record one gets it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.errors import (
    LimitExceededException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from tailrace.model.keys import KeyAttribute, KeySchema, closed, successor
from tailrace.model.schema import Index, IndexKind, IndexStatus, Projection, Table
from tailrace.model.values import Item, decode_item, item_size
from tailrace.streams.log import Shard
from tailrace.tables import hidden, kinesis_streams, plans
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.engine import Engine, Span, Write
from tailrace.tables.kinesis_streams import QUEUE_OF, KinesisStream, check_active, queues_of

__all__ = [
    "DEAD",
    "LIVE",
    "Pending",
    "Queue",
    "create",
    "delete",
    "find",
    "get",
    "of_owner",
    "removal",
    "replacement",
    "taken",
    "unread",
    "update",
    "visible",
]

_KEYS: Final = KeySchema((KeyAttribute("id", "S"),))
# The attributes of the indexes: when a record is visible, live or dead.
LIVE: Final = "live"
DEAD: Final = "dead"
_CURSOR: Final = "cursor/"


class Queue(msgspec.Struct, frozen=True):
    """A queue with the hidden table it is. `start` is the clock behind which it begins."""

    table: Table
    id: str
    name: str
    region: str
    account: str
    stream_id: int
    stream_name: str
    start: int

    @property
    def settings(self) -> Mapping[str, Any]:
        """What is stored of it in the API's own form."""
        return self.table.settings


def _prefix(account: str, region: str) -> str:
    return f"kinesis-queue/{account}/{region}/"


def _of(table: Table) -> Queue:
    members: dict[str, Any] = msgspec.convert(table.settings["Queue"], dict[str, Any])
    return Queue(table=table, **members)


def find(catalog: Catalog, account: str, region: str, queue_id: str) -> Queue:
    """The queue of an id. Raises ResourceNotFoundException."""
    table = hidden.find(catalog, _prefix(account, region) + queue_id)
    if table is None:
        raise ResourceNotFoundException(f"Queue {queue_id} under account {account} not found.")
    return _of(table)


def of_owner(catalog: Catalog, account: str, region: str) -> Sequence[Queue]:
    """All queues of an account and region, by name."""
    prefix = _prefix(account, region)
    tables = [
        table
        for table in catalog.tables.values()
        if table.account == hidden.HIDDEN_ACCOUNT and table.name.startswith(prefix)
    ]
    return sorted((_of(table) for table in tables), key=lambda queue: queue.name)


def create(
    owner: tuple[str, str, str],
    queue_id: str,
    stream_owner: tuple[str, str, str],
    settings: Mapping[str, Any],
    start: int | None,
    now_us: int,
) -> Alter:
    """Make the queue (account, region, name) on a stream, behind the clock `start` or, None, behind
    all records there are.

    Refuses with ResourceInUseException when there is one of that name, LimitExceededException when
    the stream has as many consumers as it may.
    """
    account, region, name = owner

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        stream = kinesis_streams.found(catalog, *stream_owner)
        check_active(stream, updating=True)
        if any(queue.name == name for queue in of_owner(catalog, account, region)):
            raise ResourceInUseException(f"Queue {name} under account {account} already exists.")
        _check_consumers(catalog, stream, now_us)
        behind = tick(stream.table.id, 0) if start is None else start
        described = {
            "id": queue_id,
            "name": name,
            "region": region,
            "account": account,
            "stream_id": stream.stream.id,
            "stream_name": stream.stream.table_name,
            "start": behind,
        }
        stored = {**settings, "Queue": described, QUEUE_OF: stream.stream.id}
        table = _table(catalog.next_id, _prefix(account, region) + queue_id, stored, now_us)
        return Alteration(tables=(table,), next_id=table.id + 1 + len(table.indexes))

    return decide


def _check_consumers(catalog: Catalog, stream: KinesisStream, now_us: int) -> None:
    count = len(kinesis_streams.consumers_of(stream, now_us))
    count += len(queues_of(catalog, stream.stream.id))
    if count >= limits.KINESIS_CONSUMERS:
        raise LimitExceededException(
            f"A stream {stream.stream.table_name} under account {stream.stream.account} cannot have"
            f" more than {limits.KINESIS_CONSUMERS} consumers."
        )


def _table(table_id: int, name: str, settings: dict[str, Any], now_us: int) -> Table:
    indexes = tuple(
        Index(
            id=table_id + 1 + place,
            name=attribute,
            kind=IndexKind.INTERNAL,
            keys=KeySchema((), (KeyAttribute(attribute, "N"),)),
            projection=Projection.ALL,
            status=IndexStatus.ACTIVE,
        )
        for place, attribute in enumerate((LIVE, DEAD))
    )
    return hidden.hidden_table(table_id, name, _KEYS, now_us, settings=settings, indexes=indexes)


def update(
    account: str,
    region: str,
    queue_id: str,
    step: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> Alter:
    """Change what is stored of a queue; `step` raises to refuse."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table = find(catalog, account, region, queue_id).table
        after = msgspec.structs.replace(table, settings=dict(step(table.settings)))
        return Alteration(tables=(after,))

    return decide


def delete(account: str, region: str, queue_id: str) -> Alter:
    """Remove a queue with all it knows of its records."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        gone = find(catalog, account, region, queue_id)
        return Alteration(dropped_tables=(gone.table.id,))

    return decide


class Pending(msgspec.Struct, frozen=True):
    """A record that was handed out. `receives` counts how often since it last became live,
    `receipt` all of the times; `visible_us` is when it can be received again, as what `state`
    (LIVE or DEAD) says."""

    shard_id: int
    clock: int
    receives: int
    receipt: int
    first_us: int
    visible_us: int
    state: str = LIVE

    @property
    def id(self) -> str:
        """The RecordId: the same in every queue of the stream."""
        return f"{self.clock:016x}"

    def item(self) -> Item:
        """What is stored of it."""
        numbers = {
            "shard": self.shard_id,
            "clock": self.clock,
            "receives": self.receives,
            "receipt": self.receipt,
            "first": self.first_us,
            self.state: self.visible_us,
        }
        return {"id": {"S": self.id}} | {name: {"N": str(n)} for name, n in numbers.items()}


def _pending(data: bytes) -> Pending:
    item = decode_item(data)
    state = DEAD if DEAD in item else LIVE
    names = ("shard", "clock", "receives", "receipt", "first", state)
    return Pending(*(int(item[name]["N"]) for name in names), state=state)


def get(engine: Engine, queue: Queue, record_id: str) -> Pending | None:
    """A record that was handed out and not acknowledged."""
    data = engine.get(queue.table.id, _key(record_id))
    return None if data is None else _pending(data)


def visible(engine: Engine, queue: Queue, state: str, now_us: int, most: int) -> Sequence[Pending]:
    """The records of a state that can be received now, those first that could first."""
    (index,) = (index for index in queue.table.indexes if index.name == state)
    prefix = index.keys.hash_bytes([])
    low, high = prefix + closed({"N": "0"}), successor(prefix + closed({"N": str(now_us)}))
    span = Span(queue.table.id, low, high, index.id)
    return [_pending(row.data) for row in engine.rows(span, most, limits.PAGE_BYTES)]


def unread(engine: Engine, queue: Queue, shard: Shard) -> int:
    """The clock behind which a shard's records were not handed out yet."""
    data = engine.get(queue.table.id, _key(_CURSOR + str(shard.id)))
    if data is not None:
        return int(decode_item(data)["clock"]["N"])
    return max(shard.start - 1, queue.start)


def taken(queue: Queue, shard: Shard, after: int, records: Sequence[Pending]) -> Sequence[Write]:
    """The unit that hands out the next records of a shard, unless someone else did meanwhile."""
    cursor = _CURSOR + str(shard.id)
    item: Item = {"id": {"S": cursor}, "clock": {"N": str(records[-1].clock)}}
    first = max(shard.start - 1, queue.start)
    moved = _put(queue, cursor, item, _Same("clock", after, None if after != first else after))
    return (moved, *(_put(queue, each.id, each.item(), _Absent()) for each in records))


def replacement(queue: Queue, before: Pending, after: Pending) -> Write:
    """The write that changes a record, unless it was received or changed meanwhile."""
    return _put(queue, before.id, after.item(), _Unchanged(before.item()))


def removal(queue: Queue, before: Pending) -> Write:
    """The write that ends a record, unless it was received or changed meanwhile."""
    guard = plans.Guard(_Unchanged(before.item()))
    return Write(queue.table.id, _key(before.id), plans.delete(_key(before.id), guard))


def _put(queue: Queue, record_id: str, item: Item, condition: plans.Predicate) -> Write:
    key = _key(record_id)
    decide = plans.put(key, item, item_size(item), plans.Guard(condition))
    return Write(queue.table.id, key, decide)


def _key(record_id: str) -> bytes:
    return _KEYS.item_key({"id": {"S": record_id}})


class _Unchanged(msgspec.Struct, frozen=True):
    item: Item

    def matches(self, item: Item | None) -> bool:
        return item == self.item


class _Absent(msgspec.Struct, frozen=True):
    def matches(self, item: Item | None) -> bool:
        return item is None


class _Same(msgspec.Struct, frozen=True):
    """The condition that a number is as it was read; `missing` is what it counts as where there is
    no item."""

    name: str
    number: int
    missing: int | None

    def matches(self, item: Item | None) -> bool:
        found = self.missing if item is None else int(item[self.name]["N"])
        return found == self.number
