"""Kinesis streams in the catalog: making and removing them, and cutting them into shards anew.

A Kinesis stream is a hidden table without items, whose stream takes what callers put. Its keys are
the 16 bytes of a hash key, so a shard's range of keys is its range of hash keys. All functions here
are pure decisions over the catalog; messages are those the service was seen to answer.
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
from tailrace.model.keys import KeyAttribute, KeySchema
from tailrace.model.schema import Stream, StreamKind, StreamViewType, Table, TableStatus
from tailrace.streams import lineage
from tailrace.streams.log import Shard
from tailrace.tables import hidden
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.transitions import Transition, being_created, being_deleted, removed

__all__ = [
    "CHANNEL_OF",
    "HASH_KEYS",
    "HASH_KEY_BYTES",
    "QUEUE_OF",
    "Change",
    "KinesisStream",
    "being_updated",
    "channels_of",
    "check_active",
    "check_no_queues",
    "check_shard_limit",
    "consumers_of",
    "create",
    "delete",
    "find",
    "found",
    "missing",
    "of_owner",
    "queues_of",
    "serving",
    "shard_name",
    "update",
]

HASH_KEY_BYTES: Final = 16
HASH_KEYS: Final = 2**128
# The settings by which the tables of queues and of channels name their stream.
QUEUE_OF: Final = "QueueOf"
CHANNEL_OF: Final = "ChannelOf"
# A hash key is a decimal number on the wire and its big-endian bytes in here.
_KEYS: Final = KeySchema((KeyAttribute("hash", "B"),))
_HOUR_MS: Final = 3_600_000


class KinesisStream(msgspec.Struct, frozen=True):
    """A stream with the hidden table it belongs to, whose settings hold what is stored of it in the
    API's own form."""

    table: Table
    stream: Stream

    @property
    def settings(self) -> Mapping[str, Any]:
        return self.table.settings

    @property
    def status(self) -> TableStatus:
        """What the stream's status is: its table's."""
        return self.table.status

    @property
    def retention_hours(self) -> int:
        return (self.stream.retention_ms or 0) // _HOUR_MS


def _name(account: str, region: str, name: str) -> str:
    return f"kinesis/{account}/{region}/{name}"


def find(catalog: Catalog, account: str, region: str, name: str) -> KinesisStream | None:
    """The stream of a name, or None."""
    table = hidden.find(catalog, _name(account, region, name))
    return None if table is None or table.stream is None else KinesisStream(table, table.stream)


def found(catalog: Catalog, account: str, region: str, name: str) -> KinesisStream:
    """The stream of a name. Raises ResourceNotFoundException."""
    stream = find(catalog, account, region, name)
    if stream is None:
        raise missing(account, name)
    return stream


def serving(catalog: Catalog, account: str, region: str, name: str) -> KinesisStream | None:
    """The stream of a name, if records can be put into it and read from it."""
    table = catalog.available.get(hidden.hidden_scope(_name(account, region, name)))
    return None if table is None or table.stream is None else KinesisStream(table, table.stream)


def missing(account: str, name: str) -> ResourceNotFoundException:
    """The error for a stream that is not there."""
    return ResourceNotFoundException(f"Stream {name} under account {account} not found.")


def check_active(stream: KinesisStream, *, updating: bool = False) -> None:
    """Raise ResourceInUseException for a stream that can't be changed now; with `updating` it may
    be changing in another respect."""
    status = stream.status
    if status is TableStatus.ACTIVE or (updating and status is TableStatus.UPDATING):
        return
    raise ResourceInUseException(
        f"Stream {stream.stream.table_name} under account {stream.stream.account} not ACTIVE,"
        f" instead in state {status.value}"
    )


def being_updated(table: Table, transition: Transition | None) -> Table:
    """A stream's table while the stream is changed."""
    if transition is None:
        return table
    return msgspec.structs.replace(
        table, status=TableStatus.UPDATING, settles_us=transition.ends_us
    )


def of_owner(catalog: Catalog, account: str, region: str) -> Sequence[KinesisStream]:
    """All streams of an account and region, by name."""
    prefix = _name(account, region, "")
    tables = [
        table
        for table in catalog.tables.values()
        if table.account == hidden.HIDDEN_ACCOUNT and table.name.startswith(prefix)
    ]
    return [
        KinesisStream(table, table.stream)
        for table in sorted(tables, key=lambda table: table.name)
        if table.stream is not None
    ]


def create(
    owner: tuple[str, str, str],
    shards: int,
    settings: Mapping[str, Any],
    now_us: int,
    transition: Transition | None = None,
) -> Alter:
    """Make the stream (account, region, name) with `shards` shards of equal ranges; it serves at
    once, or after a transition.

    Refuses with ResourceInUseException when it exists, LimitExceededException when its owner would
    have too many open shards, or too many streams that are being created.
    """
    account, region, name = owner

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        if find(catalog, account, region, name) is not None:
            raise ResourceInUseException(f"Stream {name} under account {account} already exists.")
        check_shard_limit(catalog, account, region, shards)
        _check_creating(catalog, account, region)
        table_id = catalog.next_id
        stream = Stream(
            id=table_id + 1,
            table_id=table_id,
            table_name=name,
            region=region,
            account=account,
            label="",
            view_type=StreamViewType.NEW_IMAGE,
            keys=_KEYS,
            created_us=now_us,
            kind=StreamKind.KINESIS,
            retention_ms=limits.KINESIS_RETENTION_HOURS * _HOUR_MS,
        )
        table = hidden.hidden_table(
            table_id,
            _name(account, region, name),
            _KEYS,
            now_us,
            settings=settings,
            stream=stream,
        )
        if transition is not None:
            table = being_created(table, transition)
        opened = _first_shards(stream, shards, tick)
        next_id = stream.id + 1 + len(opened)
        return Alteration(tables=(table,), streams=(stream,), shards=opened, next_id=next_id)

    return decide


def _check_creating(catalog: Catalog, account: str, region: str) -> None:
    streams = of_owner(catalog, account, region)
    creating = sum(stream.status is TableStatus.CREATING for stream in streams)
    if creating >= limits.KINESIS_STREAMS_CREATING:
        raise LimitExceededException(
            f"Only {limits.KINESIS_STREAMS_CREATING} streams of the account {account} in {region}"
            " can be in the CREATING state at a time."
        )


def _first_shards(stream: Stream, count: int, tick: Tick) -> tuple[Shard, ...]:
    return tuple(
        Shard(
            id=stream.id + 1 + number,
            name=shard_name(number),
            stream_id=stream.id,
            partition=0,
            low=lineage.cut(number, count, HASH_KEY_BYTES) or b"",
            high=lineage.cut(number + 1, count, HASH_KEY_BYTES),
            start=tick(stream.table_id, 0),
        )
        for number in range(count)
    )


def shard_name(number: int) -> str:
    """The ShardId of a stream's shard with a number."""
    return f"shardId-{number:012d}"


def check_shard_limit(catalog: Catalog, account: str, region: str, more: int) -> None:
    """Raise LimitExceededException when `more` open shards are too many for an owner."""
    streams = {stream.stream.id for stream in of_owner(catalog, account, region)}
    now = sum(shard.open and shard.stream_id in streams for shard in catalog.shards.values())
    if now + more > limits.KINESIS_SHARDS:
        raise LimitExceededException(
            f"This request would exceed the shard limit for the account {account} in {region}."
            f" Current shard count for the account: {now}. Limit: {limits.KINESIS_SHARDS}. Number"
            f" of additional shards that would have resulted from this request: {more}. Refer to"
            " the AWS Service Limits page"
            " (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current"
            " limits and how to request higher limits."
        )


def delete(
    owner: tuple[str, str, str],
    enforce: bool,
    now_us: int,
    transition: Transition | None = None,
) -> Alter:
    """Remove a stream with all it holds, at once or after a transition. With consumers it is
    refused with ResourceInUseException unless `enforce`, and while it is being created or deleted
    always."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        gone = found(catalog, *owner)
        check_active(gone, updating=True)
        if consumers_of(gone, now_us) and not enforce:
            raise ResourceInUseException(
                f"Stream {gone.stream.table_name} under account {owner[0]} has enhanced fan-out"
                " consumers registered; deregister them or set EnforceConsumerDeletion."
            )
        check_no_queues(catalog, gone)
        if channels_of(catalog, gone.stream.id):
            raise ResourceInUseException(
                f"Stream {gone.stream.table_name} under account {owner[0]} has channels; delete"
                " them first."
            )
        if transition is None:
            return removed(catalog, gone.table)
        return Alteration(tables=(being_deleted(gone.table, transition),))

    return decide


def queues_of(catalog: Catalog, stream_id: int) -> Sequence[Table]:
    """The tables of the queues on a stream."""
    return [table for table in catalog.tables.values() if table.settings.get(QUEUE_OF) == stream_id]


def channels_of(catalog: Catalog, stream_id: int) -> Sequence[Table]:
    """The tables of the channels of a stream."""
    return [
        table for table in catalog.tables.values() if table.settings.get(CHANNEL_OF) == stream_id
    ]


def check_no_queues(catalog: Catalog, stream: KinesisStream) -> None:
    """Raise ResourceInUseException for a stream that has queues."""
    if queues_of(catalog, stream.stream.id):
        raise ResourceInUseException(
            f"Stream {stream.stream.table_name} under account {stream.stream.account} has queues;"
            " delete them first."
        )


def consumers_of(stream: KinesisStream, now_us: int) -> list[dict[str, Any]]:
    """The consumers that are registered with a stream, as they are stored: the members of their
    descriptions, their Tags, and when what their status says is over, in SettlesUs."""
    known: list[dict[str, Any]] = list(stream.settings.get("Consumers", ()))
    return [
        consumer
        for consumer in known
        if consumer["ConsumerStatus"] != "DELETING" or now_us < consumer["SettlesUs"]
    ]


class Change(msgspec.Struct, frozen=True):
    """What an update makes of a stream."""

    settings: Mapping[str, Any] | None = None
    retention_hours: int | None = None


def update(
    owner: tuple[str, str, str],
    change: Callable[[KinesisStream], Change],
    transition: Transition | None = None,
    *,
    beside: bool = False,
) -> Alter:
    """Change a stream's settings or retention; it is being updated until the transition is over.
    `change` raises to refuse. `beside` says that it does not matter whether the stream is being
    updated in another respect."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        stream = found(catalog, *owner)
        check_active(stream, updating=beside)
        return _updated(stream, change(stream), transition)

    return decide


def _updated(old: KinesisStream, change: Change, transition: Transition | None) -> Alteration:
    table, stream = being_updated(old.table, transition), old.stream
    if change.settings is not None:
        table = msgspec.structs.replace(table, settings=dict(change.settings))
    if change.retention_hours is None:
        return Alteration(tables=(table,))
    stream = msgspec.structs.replace(stream, retention_ms=change.retention_hours * _HOUR_MS)
    table = msgspec.structs.replace(table, stream=stream)
    return Alteration(tables=(table,), streams=(stream,))
