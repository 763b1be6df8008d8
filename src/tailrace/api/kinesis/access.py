"""What the Kinesis operations share: finding a stream and its shards, and describing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from tailrace.api.kinesis.inputs import StreamRef
from tailrace.api.operation import Altered, Context
from tailrace.api.streams import access
from tailrace.errors import (
    InvalidArgumentException,
    ResourceNotFoundException,
    ValidationException,
)
from tailrace.model.arns import parse_kinesis_arn
from tailrace.streams.log import Shard
from tailrace.streams.sequence import clock_at, sequence_number
from tailrace.tables import kinesis_streams
from tailrace.tables.catalog import Alter, Catalog
from tailrace.tables.kinesis_resharding import hash_key_range
from tailrace.tables.kinesis_streams import Change, KinesisStream

__all__ = [
    "NOTHING",
    "StreamView",
    "altered",
    "child_shard",
    "clock_of_time",
    "data_bytes",
    "decimal",
    "described_shard",
    "find",
    "find_serving",
    "find_shard",
    "mode_of",
    "owner_by_arn",
    "owner_of",
    "reply_of",
    "seconds",
    "serving",
    "shard_missing",
    "updated",
    "view",
]

StreamView = access.StreamView
# The body of answers without members.
NOTHING: Final = b""
_DIGITS: Final = 129
# 2100-01-01: clock values, which are times shifted, have room until 2112.
_LAST_S: Final = 4_102_444_800.0

reply_of = msgspec.json.Encoder().encode


def owner_of(context: Context, ref: StreamRef) -> tuple[str, str, str]:
    """(account, region, name) of the stream that a request names. Raises InvalidArgumentException
    when it names none."""
    if ref.stream_arn is not None:
        return owner_by_arn(ref.stream_arn)
    if ref.stream_name is None:
        raise InvalidArgumentException("Either StreamName or StreamARN must be specified.")
    return context.scope.account, context.scope.region, ref.stream_name


def owner_by_arn(arn: str) -> tuple[str, str, str]:
    """(account, region, name) of the stream of an ARN, or of a consumer's. Raises
    InvalidArgumentException for what is neither."""
    parsed = parse_kinesis_arn(arn)
    if parsed is None:
        raise InvalidArgumentException(f"Invalid ARN: {arn}")
    region, account, name = parsed
    return account, region, name


def find(context: Context, ref: StreamRef) -> KinesisStream:
    """The stream that a request names, whatever its status. Raises ResourceNotFoundException."""
    return kinesis_streams.found(context.catalog(), *owner_of(context, ref))


def find_serving(context: Context, owner: tuple[str, str, str]) -> KinesisStream:
    """The stream (account, region, name), to put records into it or to read them. Raises
    ResourceNotFoundException, also while it is being created or deleted."""
    found = kinesis_streams.serving(context.service.engine.catalog(), *owner)
    if found is None:
        # It may be one that serves by now, without the catalog telling yet.
        found = kinesis_streams.serving(context.catalog(), *owner)
    if found is None:
        account, _, name = owner
        raise kinesis_streams.missing(account, name)
    return found


def serving(context: Context, ref: StreamRef) -> KinesisStream:
    """The stream that a request names, as `find_serving` finds it."""
    return find_serving(context, owner_of(context, ref))


def view(context: Context, found: KinesisStream) -> StreamView:
    """A stream as it is now: the shards that are not trimmed away, and the least clock served."""
    seen = access.view(context.service, context.service.engine.catalog(), found.stream)
    if seen is None:  # deleted between two looks
        raise kinesis_streams.missing(found.stream.account, found.stream.table_name)
    return seen


def find_shard(seen: StreamView, name: str) -> Shard:
    """A shard of a stream by its ShardId. Raises ResourceNotFoundException."""
    for shard in seen.shards:
        if shard.name == name:
            return shard
    raise shard_missing(seen, name)


def shard_missing(seen: StreamView, name: str) -> ResourceNotFoundException:
    """The error for a shard that a stream doesn't have."""
    return ResourceNotFoundException(
        f"Shard {name} in stream {seen.stream.table_name} under account {seen.stream.account} does"
        " not exist"
    )


def described_shard(shard: Shard) -> dict[str, Any]:
    """A shard in the API's form."""
    numbers = {"StartingSequenceNumber": sequence_number(shard.start)}
    if shard.end is not None:
        numbers["EndingSequenceNumber"] = sequence_number(shard.end)
    description: dict[str, Any] = {"ShardId": shard.name}
    if shard.parent is not None:
        description["ParentShardId"] = shard.parent
    if shard.adjacent_parent is not None:
        description["AdjacentParentShardId"] = shard.adjacent_parent
    description["HashKeyRange"] = _hash_keys(shard)
    description["SequenceNumberRange"] = numbers
    return description


def child_shard(shard: Shard) -> dict[str, Any]:
    """A shard in the form in which readers are told of it at the end of its parents."""
    parents = [name for name in (shard.parent, shard.adjacent_parent) if name is not None]
    return {"ShardId": shard.name, "ParentShards": parents, "HashKeyRange": _hash_keys(shard)}


def _hash_keys(shard: Shard) -> dict[str, str]:
    first, last = hash_key_range(shard)
    return {"StartingHashKey": str(first), "EndingHashKey": str(last)}


def decimal(text: str) -> int:
    """A sequence number or hash key. Raises ValidationException for what is no number: requests
    that are read often come here before the model's patterns are looked at."""
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
        raise ValidationException(f"Invalid number: {text[:_DIGITS]}")
    return int(text)


def clock_of_time(time_s: float) -> int:
    """The least clock of a time in seconds, to the millisecond; JSON can carry any number."""
    return clock_at(round(min(max(time_s, 0.0), _LAST_S) * 1000) * 1000)


def mode_of(found: KinesisStream) -> str:
    """PROVISIONED or ON_DEMAND."""
    return str(found.settings["StreamMode"])


def data_bytes(page: bytes) -> int:
    """How much data is in a page of records, about: three bytes in four letters of base64."""
    return len(page) * 3 // 4


def seconds(us: int) -> float:
    """A time in the API's form, whole milliseconds."""
    return us // 1000 / 1000


def altered(decide: Alter) -> Altered:
    """Alter the catalog and answer with nothing."""

    def reply(catalog: Catalog) -> bytes:
        del catalog
        return NOTHING

    return Altered(decide, reply)


def updated(
    context: Context,
    ref: StreamRef,
    change: Callable[[KinesisStream], Change],
    *,
    beside: bool = False,
) -> Altered:
    """Change a stream's settings and answer with nothing. The stream is UPDATING meanwhile, unless
    the change is one that goes on `beside` others."""
    transition = None if beside else context.transition(context.service.clock.now_us())
    decide = kinesis_streams.update(owner_of(context, ref), change, transition, beside=beside)
    return altered(decide)
