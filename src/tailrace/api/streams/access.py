"""What the stream operations share: finding a stream and its shards, as a caller may see them
now."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from tailrace.api.operation import Context, Service
from tailrace.errors import ResourceNotFoundException, ValidationException
from tailrace.model.arns import parse_stream_arn
from tailrace.model.schema import Stream, StreamKind
from tailrace.streams.log import Shard
from tailrace.streams.retention import horizon_of, is_stream_gone, kept_shards
from tailrace.tables.catalog import Catalog
from tailrace.wire.call import Scope

__all__ = [
    "IteratorText",
    "PositiveInteger",
    "SequenceNumber",
    "ShardId",
    "StreamArn",
    "StreamView",
    "check_arn",
    "check_limit",
    "find_shard",
    "find_stream",
    "is_visible",
    "view",
]

# Lengths and ranges of the service model (dynamodbstreams, 2012-08-10).
StreamArn: TypeAlias = Annotated[str, msgspec.Meta(min_length=37, max_length=1024)]
ShardId: TypeAlias = Annotated[str, msgspec.Meta(min_length=28, max_length=65)]
SequenceNumber: TypeAlias = Annotated[str, msgspec.Meta(min_length=21, max_length=40)]
IteratorText: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
PositiveInteger: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]


class StreamView(msgspec.Struct, frozen=True):
    """A stream as it is now: the shards that are not trimmed away, and the least clock served."""

    stream: Stream
    shards: tuple[Shard, ...]
    horizon: int


def find_stream(context: Context, arn: str) -> StreamView:
    """The caller's stream with an ARN.

    Raises ValidationException for what is no ARN of a stream, ResourceNotFoundException for a
    stream that is not there, has aged out, or belongs to another account or region.
    """
    check_arn(arn)
    catalog = context.service.engine.catalog()
    stream = catalog.by_arn.get(arn)
    if stream is not None and is_visible(context.scope, stream):
        found = view(context.service, catalog, stream)
        if found is not None:
            return found
    raise ResourceNotFoundException(f"Requested resource not found: Stream: {arn} not found")


def view(service: Service, catalog: Catalog, stream: Stream) -> StreamView | None:
    """A stream as it is now, or None when all of it has aged out."""
    holds = catalog.holds_of.get(stream.id, ()) if catalog.holds else ()
    now_us = service.clock.now_us()
    edge = horizon_of(stream, holds, service.stream_retention_ms, now_us)
    shards = catalog.shards_of[stream.id]
    if is_stream_gone(stream, shards, edge):
        return None
    edge = max(edge, service.faults.trimmed.get(stream.id, 0))
    return StreamView(stream, kept_shards(shards, edge), edge)


def is_visible(scope: Scope, stream: Stream) -> bool:
    """Whether a stream is one that the caller's account and region can name here."""
    return (
        stream.account == scope.account
        and stream.region == scope.region
        and stream.kind is not StreamKind.KINESIS
    )


def find_shard(found: StreamView, name: str) -> Shard:
    """A shard of a stream by its ShardId. Raises ResourceNotFoundException."""
    for shard in found.shards:
        if shard.name == name:
            return shard
    raise ResourceNotFoundException("Requested resource not found: Shard does not exist")


def check_arn(arn: str) -> None:
    """Raise ValidationException for what is no ARN of a stream."""
    if parse_stream_arn(arn) is None:
        raise ValidationException("Invalid StreamArn")


def check_limit(limit: int | None, most: int) -> int:
    """The page size a caller asked for, or the most there is. Raises ValidationException beyond it.

    The model bounds it from below only; the service's pages end at `most`.
    """
    if limit is None:
        return most
    if limit > most:
        raise ValidationException(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint:"
            f" Member must have value less than or equal to {most}"
        )
    return limit
