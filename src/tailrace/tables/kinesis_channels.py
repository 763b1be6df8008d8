"""Channels: a Kinesis stream's records, carried into a bucket in objects of many.

A channel is a hidden table without items, whose settings say what it delivers, and how far it is in
each shard. Housekeeping writes an object when the oldest record has waited for as long as the
channel's data may be old, and notes the places behind it; if it ends in between, those records are
delivered again. Names of objects are those of data-delivery-s3-key-template.html.
"""

from __future__ import annotations

import base64
import datetime
import gzip
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.errors import ResourceInUseException, ResourceNotFoundException
from tailrace.model.keys import KeyAttribute, KeySchema
from tailrace.model.schema import Table
from tailrace.streams.log import Shard
from tailrace.streams.sequence import sequence_number, time_us
from tailrace.tables import hidden, kinesis_streams
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.engine import Engine
from tailrace.tables.kinesis_streams import CHANNEL_OF, check_active
from tailrace.tables.transfer.buckets import BucketFault, Buckets, Encryption, SealedBuckets
from tailrace.tables.waiting import alter_and_wait

__all__ = [
    "DEFAULT_TEMPLATE",
    "TEMPLATE_VARIABLES",
    "Channel",
    "advance",
    "channel_of",
    "create",
    "delete",
    "fault_of",
    "find",
    "of_owner",
    "update",
]

_log = logging.getLogger("tailrace.kinesis")
_KEYS: Final = KeySchema((KeyAttribute("none", "S"),))
_CHANNEL: Final = "Channel"
_PLACES: Final = "Places"
_FAULT: Final = "Fault"
_SECOND_US: Final = 1_000_000
# A channel that could not write tries again so often.
_RETRY_US: Final = 60 * _SECOND_US

DEFAULT_TEMPLATE: Final = (
    "kinesis-channel/!{channel-name}/!{channel-id}/!{yyyy}/!{MM}/!{dd}/!{HH}/"
    "!{channel-name}-!{channel-id}-!{yyyy}-!{MM}-!{dd}-!{HH}-!{mm}!{extension}"
)
_TIMES: Final = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
TEMPLATE_VARIABLES: Final = frozenset({"channel-name", "channel-id", "extension", *_TIMES})
_EXTENSIONS: Final = {"JSON": ".json", "STRING": ".txt", "BYTE_ARRAY": ".bin"}


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel delivers, and where to. `start` is the clock behind which it begins."""

    id: str
    name: str
    account: str
    region: str
    stream_id: int
    start: int
    format: str
    bucket: str
    template: str
    compression: str
    error_bucket: str
    error_prefix: str
    freshness_s: int
    key_id: str | None = None


class _Fault(msgspec.Struct, frozen=True):
    """Why a channel could not write, and when."""

    reason: str
    at_us: int


class _Stored(msgspec.Struct, rename="pascal", frozen=True):
    data: str


_stored = msgspec.json.Decoder(_Stored).decode


def _prefix(account: str, region: str) -> str:
    return f"kinesis-channel/{account}/{region}/"


def find(catalog: Catalog, account: str, region: str, channel_id: str) -> Table:
    """The table of a channel. Raises ResourceNotFoundException."""
    table = hidden.find(catalog, _prefix(account, region) + channel_id)
    if table is None:
        raise ResourceNotFoundException(f"Channel {channel_id} under account {account} not found.")
    return table


def of_owner(catalog: Catalog, account: str, region: str) -> Sequence[Table]:
    """The tables of an account's channels in a region, by the channels' names."""
    prefix = _prefix(account, region)
    tables = [
        table
        for table in catalog.tables.values()
        if table.account == hidden.HIDDEN_ACCOUNT and table.name.startswith(prefix)
    ]
    return sorted(tables, key=lambda table: channel_of(table).name)


def channel_of(table: Table) -> Channel:
    """The channel that a table is."""
    return msgspec.convert(table.settings[_CHANNEL], Channel)


def fault_of(table: Table) -> str | None:
    """Why a channel can't write, None when it can."""
    stored = table.settings.get(_FAULT)
    return None if stored is None else msgspec.convert(stored, _Fault).reason


def create(
    channel: Channel,
    stream_owner: tuple[str, str, str],
    settings: Mapping[str, Any],
    now_us: int,
) -> Alter:
    """Make a channel, which delivers what comes from now on; its stream and start are filled in.

    Refuses with ResourceInUseException when there is one of that name.
    """

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        stream = kinesis_streams.found(catalog, *stream_owner)
        check_active(stream, updating=True)
        known = of_owner(catalog, channel.account, channel.region)
        if any(channel_of(table).name == channel.name for table in known):
            raise ResourceInUseException(
                f"Channel {channel.name} under account {channel.account} already exists."
            )
        stream_id, start = stream.stream.id, tick(stream.table.id, 0)
        made = msgspec.structs.replace(channel, stream_id=stream_id, start=start)
        stored = {**settings, _CHANNEL: msgspec.to_builtins(made), CHANNEL_OF: stream_id}
        name = _prefix(channel.account, channel.region) + channel.id
        table = hidden.hidden_table(catalog.next_id, name, _KEYS, now_us, settings=stored)
        return Alteration(tables=(table,), next_id=table.id + 1)

    return decide


def update(
    place: tuple[str, str, str],
    step: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    freshness_s: int | None = None,
) -> Alter:
    """Change what is stored of the channel (account, region, id); `step` raises to refuse."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table = find(catalog, *place)
        settings = dict(step(table.settings))
        if freshness_s is not None:
            changed = msgspec.structs.replace(channel_of(table), freshness_s=freshness_s)
            settings[_CHANNEL] = msgspec.to_builtins(changed)
        return Alteration(tables=(msgspec.structs.replace(table, settings=settings),))

    return decide


def delete(account: str, region: str, channel_id: str) -> Alter:
    """Remove a channel; what it delivered stays."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        return Alteration(dropped_tables=(find(catalog, account, region, channel_id).id,))

    return decide


def advance(engine: Engine, buckets: Buckets, now_us: int) -> bool:
    """Let each channel that is due write one object; whether there is more to do at once. Waits for
    the engine."""
    tables = [table for table in engine.catalog().tables.values() if _CHANNEL in table.settings]
    more = [_advance_one(engine, buckets, table, now_us) for table in tables]
    return any(more)


class _Batch(msgspec.Struct):
    """The next records of a channel's shards: what is written, what is not, and where each shard is
    behind them."""

    lines: list[bytes]
    errors: list[dict[str, str]]
    places: dict[str, int]
    first: int = 0
    size: int = 0


def _advance_one(engine: Engine, buckets: Buckets, table: Table, now_us: int) -> bool:
    channel = channel_of(table)
    fault = table.settings.get(_FAULT)
    if fault is not None and now_us - msgspec.convert(fault, _Fault).at_us < _RETRY_US:
        return False
    places = msgspec.convert(table.settings.get(_PLACES, {}), dict[str, int])
    shards = engine.catalog().shards_of.get(channel.stream_id, ())
    oldest = _oldest(engine, channel, shards, places)
    if oldest is None or now_us - time_us(oldest) < channel.freshness_s * _SECOND_US:
        return False
    batch = _next_batch(engine, channel, shards, places)
    try:
        _write(buckets, channel, batch, now_us)
    except BucketFault as failure:
        _log.warning("the channel %s could not write: %s", channel.name, failure.message)
        noted = msgspec.to_builtins(_Fault(failure.message, now_us))
        _store(engine, channel, {_FAULT: noted})
        return False
    left = {str(shard.id) for shard in shards}
    kept = {name: clock for name, clock in (places | batch.places).items() if name in left}
    _store(engine, channel, {_PLACES: kept, _FAULT: None})
    return True


def _store(engine: Engine, channel: Channel, changed: Mapping[str, Any]) -> None:
    def step(settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: v for name, v in {**settings, **changed}.items() if v is not None}

    place = (channel.account, channel.region, channel.id)
    try:
        alter_and_wait(engine, update(place, step))
    except ResourceNotFoundException:
        return  # it was deleted meanwhile


def _after(channel: Channel, shard: Shard, places: Mapping[str, int]) -> int:
    return places.get(str(shard.id), max(shard.start - 1, channel.start))


def _oldest(
    engine: Engine, channel: Channel, shards: Sequence[Shard], places: Mapping[str, int]
) -> int | None:
    """The clock of the oldest record that was not delivered."""
    found = [
        page.last
        for shard in shards
        if (page := engine.log.read(shard.id, _after(channel, shard, places), 1, 1)).records
    ]
    return min(found, default=None)


def _next_batch(
    engine: Engine, channel: Channel, shards: Sequence[Shard], places: Mapping[str, int]
) -> _Batch:
    batch = _Batch([], [], {})
    for shard in shards:
        after = _after(channel, shard, places)
        while batch.size < limits.KINESIS_CHANNEL_BYTES:
            page = engine.log.read(shard.id, after, 1, limits.KINESIS_PAGE_BYTES)
            if not page.records:
                break
            after = page.last
            batch.first = batch.first or after
            batch.places[str(shard.id)] = after
            _take(batch, channel, shard, after, base64.b64decode(_stored(page.records[0]).data))
    return batch


def _take(batch: _Batch, channel: Channel, shard: Shard, clock: int, data: bytes) -> None:
    """Put a record among those to be written, or among those that are not what they should be."""
    problem = _problem(channel.format, data)
    if problem is None:
        # Objects of bytes are the records' bytes; texts are told apart by lines.
        batch.lines.append(data if channel.format == "BYTE_ARRAY" else data + b"\n")
        batch.size += len(data) + 1
        return
    number = sequence_number(clock)
    batch.errors.append({"shardId": shard.name, "sequenceNumber": number, "errorMessage": problem})


def _problem(wanted: str, data: bytes) -> str | None:
    try:
        if wanted == "JSON":
            msgspec.json.decode(data)
        elif wanted == "STRING":
            data.decode()
    except (ValueError, RecursionError):
        return f"The record is not valid {'JSON' if wanted == 'JSON' else 'UTF-8'}."
    return None


def _write(buckets: Buckets, channel: Channel, batch: _Batch, now_us: int) -> None:
    if channel.key_id is not None:
        buckets = SealedBuckets(buckets, Encryption("KMS", channel.key_id))
    suffix = f"-{batch.first:016x}"
    if batch.lines:
        data = b"".join(batch.lines)
        packed = gzip.compress(data, mtime=0) if channel.compression == "GZIP" else data
        buckets.write(channel.bucket, _key(channel, suffix, now_us), packed)
    if batch.errors:
        lines = b"".join(msgspec.json.encode(error) + b"\n" for error in batch.errors)
        moment = _moment(now_us).strftime("%Y/%m/%d/%H/")
        key = f"{channel.error_prefix}{moment}{channel.name}{suffix}.json"
        buckets.write(channel.error_bucket, key, lines)


def _moment(now_us: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(now_us // _SECOND_US, datetime.UTC)


def _key(channel: Channel, suffix: str, now_us: int) -> str:
    """The key of an object: the template's, made unique by a suffix before its extension."""
    packed = ".gz" if channel.compression == "GZIP" else ""
    moment = _moment(now_us)
    values = {name: moment.strftime(form) for name, form in _TIMES.items()}
    values |= {"channel-name": channel.name, "channel-id": channel.id}
    values["extension"] = _EXTENSIONS[channel.format] + packed
    template = channel.template
    ending = "!{extension}" if template.endswith("!{extension}") else ""
    template = template.removesuffix(ending) + suffix + ending
    for name, value in values.items():
        template = template.replace(f"!{{{name}}}", value)
    return template
