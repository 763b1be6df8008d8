"""GetRecords: the next records of a shard. The stored records are joined, never decoded."""

from __future__ import annotations

import msgspec

from tailrace import limits
from tailrace.api.operation import Context, Operation
from tailrace.api.streams import access
from tailrace.errors import ResourceNotFoundException
from tailrace.streams import iterators, reader
from tailrace.streams.iterators import ShardIterator
from tailrace.streams.log import Shard

__all__ = ["GET_RECORDS", "GetRecordsInput"]


class GetRecordsInput(msgspec.Struct, rename="pascal", frozen=True):
    shard_iterator: access.IteratorText
    limit: access.PositiveInteger | None = None


def get_records(context: Context, request: GetRecordsInput) -> bytes:
    service = context.service
    limit = access.check_limit(request.limit, limits.STREAM_PAGE_RECORDS)
    iterator = iterators.parse(request.shard_iterator, service.iterator_secret)
    now_us = service.clock.now_us()
    iterators.check_age(iterator, service.faults.generation, now_us)
    found = access.find_stream(context, iterator.stream_arn)
    shard = _shard(found, iterator.shard_id)
    log = service.engine.log
    page = reader.read(log, shard, iterator.position, found.horizon, limit, now_us)
    records = b",".join(page.records)
    if page.following is None:
        return b'{"Records":[%b]}' % records
    following = ShardIterator(
        iterator.stream_arn, shard.id, page.following, service.faults.generation
    )
    # An iterator holds an ARN, which has been found in the catalog, and base64: nothing to escape.
    text = iterators.issue(following, service.iterator_secret).encode()
    return b'{"Records":[%b],"NextShardIterator":"%b"}' % (records, text)


def _shard(found: access.StreamView, shard_id: int) -> Shard:
    for shard in found.shards:
        if shard.id == shard_id:
            return shard
    raise ResourceNotFoundException("Requested resource not found: Shard does not exist")


GET_RECORDS = Operation("GetRecords", GetRecordsInput, get_records)
