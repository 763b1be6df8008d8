"""GetRecords: the next records of a shard. The stored records are joined, never decoded."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from tailrace import limits
from tailrace.api.kinesis import access
from tailrace.api.kinesis.inputs import StreamArn, StreamId
from tailrace.api.operation import Context, Operation
from tailrace.errors import (
    DryRunOperationException,
    InvalidArgumentException,
    ResourceNotFoundException,
    TrimmedDataAccessException,
    ValidationException,
)
from tailrace.model.schema import StreamKind
from tailrace.streams import iterators, reader
from tailrace.streams.iterators import ShardIterator
from tailrace.streams.log import Shard
from tailrace.streams.reader import Page, Position, PositionKind
from tailrace.streams.sequence import time_us

__all__ = ["GET_RECORDS", "GetRecordsInput", "behind_ms", "children", "read"]


class GetRecordsInput(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    shard_iterator: Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    stream_arn: StreamArn | None = msgspec.field(name="StreamARN", default=None)
    stream_id: StreamId | None = None
    dry_run: bool | None = None


def get_records(context: Context, request: GetRecordsInput) -> bytes:
    service = context.service
    iterator = _iterator(context, request.shard_iterator)
    seen, shard = _place(context, iterator)
    if request.dry_run:
        raise DryRunOperationException("Request would have succeeded, but DryRun flag is set.")
    limit = request.limit or limits.KINESIS_PAGE_RECORDS
    page = read(context, seen, shard, iterator.position, limit)
    members: dict[str, Any] = {"MillisBehindLatest": behind_ms(context, page)}
    if page.following is None:
        members["ChildShards"] = children(seen, shard)
    else:
        following = ShardIterator(
            iterator.stream_arn, shard.id, page.following, service.faults.generation
        )
        members["NextShardIterator"] = iterators.issue(following, service.iterator_secret)
    return b'{"Records":[%b],%b' % (b",".join(page.records), access.reply_of(members)[1:])


def _iterator(context: Context, text: str) -> ShardIterator:
    service = context.service
    try:
        iterator = iterators.parse(text, service.iterator_secret)
    except ValidationException:
        raise InvalidArgumentException("Invalid ShardIterator.") from None
    iterators.check_age(
        iterator,
        service.faults.generation,
        service.clock.now_us(),
        limits.KINESIS_ITERATOR_LIFE_MS,
    )
    return iterator


def _place(context: Context, iterator: ShardIterator) -> tuple[access.StreamView, Shard]:
    catalog = context.service.engine.catalog()
    stream = catalog.by_arn.get(iterator.stream_arn)
    if stream is not None and stream.kind is not StreamKind.KINESIS:
        raise InvalidArgumentException("Invalid ShardIterator.")
    account, region, name = access.owner_by_arn(iterator.stream_arn)
    found = access.find_serving(context, (account, region, name))
    seen = access.view(context, found)
    for shard in seen.shards:
        if shard.id == iterator.shard_id:
            return seen, shard
    raise ResourceNotFoundException(
        f"The shard of the iterator in stream {name} under account {account} does not exist"
    )


def read(
    context: Context, seen: access.StreamView, shard: Shard, position: Position, max_records: int
) -> Page:
    """The records behind a position. One that trimming has overtaken goes on with the oldest record
    there is."""
    service = context.service
    now_us = service.clock.now_us()
    size = limits.KINESIS_PAGE_BYTES
    log = service.engine.log
    try:
        return reader.read(log, shard, position, seen.horizon, max_records, now_us, size)
    except TrimmedDataAccessException:
        first = reader.oldest(now_us)
        return reader.read(log, shard, first, seen.horizon, max_records, now_us, size)


def behind_ms(context: Context, page: Page) -> int:
    """How old the next record is; 0 when there is none."""
    following = page.following
    if following is None or following.kind is not PositionKind.NEXT:
        return 0
    return max(context.service.clock.now_us() - time_us(following.clock), 0) // 1000


def children(seen: access.StreamView, shard: Shard) -> list[dict[str, Any]]:
    """The shards to read behind a closed one."""
    return [
        access.child_shard(other)
        for other in seen.shards
        if shard.name in (other.parent, other.adjacent_parent)
    ]


GET_RECORDS = Operation("GetRecords", GetRecordsInput, get_records)
