"""The rates of Kinesis: what shards take and give in a second, and how often an account, or a
stream, may be asked about and changed.

Bytes and records of a shard are those of "Quotas and limits" (service-sizes-and-limits.html), calls
those of each operation's page in the API reference. On-demand streams have the same rates for each
shard and get more shards under a lasting load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tailrace import limits
from tailrace.api.kinesis import access
from tailrace.api.kinesis.get_records import GetRecordsInput
from tailrace.api.kinesis.get_shard_iterator import GetShardIteratorInput
from tailrace.api.kinesis.inputs import StreamRef
from tailrace.api.kinesis.put_record import Entry, PutRecordInput, PutRecordsInput, entry_size
from tailrace.api.operation import Committed, Context, Result
from tailrace.api.throttling.buckets import Bucket, Buckets
from tailrace.api.throttling.requests import Run, guarded
from tailrace.errors import (
    AwsError,
    InvalidArgumentException,
    LimitExceededException,
    ProvisionedThroughputExceededException,
)
from tailrace.model.schema import Stream
from tailrace.streams import iterators
from tailrace.streams.log import Shard
from tailrace.tables.catalog import Catalog
from tailrace.tables.engine import Outcome, Write

__all__ = ["throttled"]

# Calls in a second, of an account in a region.
_BY_ACCOUNT: Final[Mapping[str, int]] = {
    "AddTagsToStream": 5,
    "CreateChannel": 5,
    "CreateStream": 5,
    "DecreaseStreamRetentionPeriod": 5,
    "DeleteChannel": 5,
    "DeleteStream": 5,
    "DescribeAccountSettings": 5,
    "DescribeChannel": 5,
    "DescribeLimits": 1,
    "DescribeStream": 10,
    "DescribeStreamSummary": 20,
    "DisableEnhancedMonitoring": 5,
    "EnableEnhancedMonitoring": 5,
    "IncreaseStreamRetentionPeriod": 5,
    "ListChannels": 5,
    "ListStreams": 5,
    "ListTagsForResource": 5,
    "ListTagsForStream": 5,
    "MergeShards": 5,
    "RemoveTagsFromStream": 5,
    "SplitShard": 5,
    "TagResource": 5,
    "UntagResource": 5,
    "UpdateAccountSettings": 5,
    "UpdateChannel": 5,
    "UpdateMaxRecordSize": 5,
    "UpdateStreamWarmThroughput": 5,
}
# And of each stream.
_BY_STREAM: Final[Mapping[str, int]] = {
    "DeregisterStreamConsumer": 5,
    "DescribeStreamConsumer": 20,
    "ListShards": 1000,
    "ListStreamConsumers": 5,
    "RegisterStreamConsumer": 5,
}


def throttled(name: str, run: Run, buckets: Buckets) -> Run:
    """An operation of Kinesis with its rates; the operation itself when it has none."""
    match name:
        case "PutRecord":
            return _put_record(run, buckets)
        case "PutRecords":
            return _put_records(run, buckets)
        case "GetRecords":
            return _get_records(run, buckets)
        case "GetShardIterator":
            return _get_shard_iterator(run, buckets)
        case _ if name in _BY_ACCOUNT:
            return _called(run, buckets, name, _BY_ACCOUNT[name], by_stream=False)
        case _ if name in _BY_STREAM:
            return _called(run, buckets, name, _BY_STREAM[name], by_stream=True)
        case _:
            return run


def _called(run: Run, buckets: Buckets, name: str, calls_per_s: int, *, by_stream: bool) -> Run:
    def called(context: Context, request: Any) -> Result:
        result = run(context, request)
        scope, stream = context.scope, _named(context, request)
        place: tuple[object, ...] = ("Kinesis", name, scope.account, scope.region)
        if by_stream:
            place = (*place, stream)
        if buckets.take([(Bucket(place, calls_per_s, 1), 1)], context.service.clock.now_us()):
            of = f" for stream {stream}" if stream else ""
            raise LimitExceededException(f"Rate exceeded{of} under account {scope.account}.")
        return result

    return called


def _named(context: Context, request: Any) -> str | None:
    """The name of the stream that a request is about, if it names one."""
    arns = (getattr(request, name, None) for name in ("stream_arn", "consumer_arn", "resource_arn"))
    arn = next((arn for arn in arns if arn is not None), None)
    try:
        ref = StreamRef(stream_name=getattr(request, "stream_name", None), stream_arn=arn)
        return access.owner_of(context, ref)[2]
    except InvalidArgumentException:
        return None


def _put_record(run: Run, buckets: Buckets) -> Run:
    def put(context: Context, request: PutRecordInput) -> Result:
        def admit(committed: Committed) -> Result:
            ((write,),) = committed.units
            refused = _refused(buckets, context, write, request)
            if refused is not None:
                raise refused
            return committed

        return guarded(run(context, request), admit)

    return put


def _put_records(run: Run, buckets: Buckets) -> Run:
    """A record that its shard has no room for fails alone, among the answer's other records."""

    def put(context: Context, request: PutRecordsInput) -> Result:
        def admit(committed: Committed) -> Result:
            errors = [
                _refused(buckets, context, write, entry)
                for (write,), entry in zip(committed.units, request.records, strict=True)
            ]
            return _without(committed, errors)

        return guarded(run(context, request), admit)

    return put


def _without(committed: Committed, errors: Sequence[AwsError | None]) -> Committed:
    """The units that have no error; the others' errors are their outcomes."""
    kept = [unit for unit, error in zip(committed.units, errors, strict=True) if error is None]
    if len(kept) == len(errors):
        return committed

    def reply(outcomes: Sequence[Outcome]) -> Result:
        carried_out = iter(outcomes)
        return committed.reply(
            [next(carried_out) if error is None else (error,) for error in errors]
        )

    return Committed(kept, reply)


def _refused(
    buckets: Buckets, context: Context, write: Write, entry: PutRecordInput | Entry
) -> AwsError | None:
    """Take what a record uses of its shard; the error when there is not so much."""
    catalog = context.service.engine.catalog()
    place = _open_shard(catalog, write)
    if place is None:
        return None  # the stream is gone, and the write will be refused
    stream, shard = place
    size = Bucket(("Kinesis bytes in", shard.id), limits.KINESIS_PUT_BYTES_PER_S, 1)
    records = Bucket(("Kinesis records in", shard.id), limits.KINESIS_PUT_RECORDS_PER_S, 1)
    wanted = [(size, entry_size(entry)), (records, 1)]
    if buckets.take(wanted, context.service.clock.now_us()) is None:
        return None
    return _exceeded(stream, shard)


def _open_shard(catalog: Catalog, write: Write) -> tuple[Stream, Shard] | None:
    table = catalog.tables.get(write.table_id)
    if table is None or table.stream is None:
        return None
    for shard in catalog.open_shards.get((table.stream.id, 0), ()):
        if shard.covers(write.key):
            return table.stream, shard
    return None


def _exceeded(stream: Stream, shard: Shard) -> ProvisionedThroughputExceededException:
    return ProvisionedThroughputExceededException(
        f"Rate exceeded for shard {shard.name} in stream {stream.table_name} under account"
        f" {stream.account}."
    )


def _get_records(run: Run, buckets: Buckets) -> Run:
    """A page may have as much as it can: what is beyond a second's worth keeps later calls
    waiting."""

    def get(context: Context, request: GetRecordsInput) -> Result:
        catalog, now_us = context.service.engine.catalog(), context.service.clock.now_us()
        place = _read_shard(context, catalog, request)
        if place is None:
            return run(context, request)
        stream, shard = place
        size = Bucket(("Kinesis bytes out", shard.id), limits.KINESIS_GET_BYTES_PER_S, 1)
        calls = Bucket(("Kinesis calls", shard.id), limits.GET_RECORDS_CALLS_PER_S, 1)
        if buckets.level(size, now_us) <= 0 or buckets.take([(calls, 1)], now_us) is not None:
            raise _exceeded(stream, shard)
        result = run(context, request)
        assert isinstance(result, bytes)
        buckets.charge([(size, access.data_bytes(result))], now_us)
        return result

    return get


def _read_shard(
    context: Context, catalog: Catalog, request: GetRecordsInput
) -> tuple[Stream, Shard] | None:
    """The shard that an iterator is for; None for one that the operation will refuse."""
    try:
        iterator = iterators.parse(request.shard_iterator, context.service.iterator_secret)
    except AwsError:
        return None
    stream, shard = catalog.by_arn.get(iterator.stream_arn), catalog.shards.get(iterator.shard_id)
    return None if stream is None or shard is None else (stream, shard)


def _get_shard_iterator(run: Run, buckets: Buckets) -> Run:
    def get(context: Context, request: GetShardIteratorInput) -> Result:
        result = run(context, request)
        stream = access.find(context, request).stream
        place = ("Kinesis iterators", stream.id, request.shard_id)
        calls = Bucket(place, limits.GET_RECORDS_CALLS_PER_S, 1)
        if buckets.take([(calls, 1)], context.service.clock.now_us()) is not None:
            raise ProvisionedThroughputExceededException(
                f"Rate exceeded for shard {request.shard_id} in stream {stream.table_name} under"
                f" account {stream.account}."
            )
        return result

    return get
