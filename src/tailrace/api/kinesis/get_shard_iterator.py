"""GetShardIterator: a place in a shard to begin reading at, good for five minutes."""

from __future__ import annotations

from tailrace.api.kinesis import access
from tailrace.api.kinesis.inputs import IteratorType, ShardId, StreamRef
from tailrace.api.operation import Context, Operation
from tailrace.errors import (
    DryRunOperationException,
    InvalidArgumentException,
    TrimmedDataAccessException,
    ValidationException,
)
from tailrace.streams import iterators, reader
from tailrace.streams.log import Shard
from tailrace.streams.reader import Position
from tailrace.streams.sequence import from_sequence_number

__all__ = ["GET_SHARD_ITERATOR", "GetShardIteratorInput", "Start", "start_position"]

_BY_NUMBER = ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")


class GetShardIteratorInput(StreamRef, frozen=True, kw_only=True):
    shard_id: ShardId
    shard_iterator_type: IteratorType
    starting_sequence_number: str | None = None
    timestamp: float | None = None
    dry_run: bool | None = None


# The type of a place, and the sequence number and the time in seconds given with it.
Start = tuple[str, str | None, float | None]


def get_shard_iterator(context: Context, request: GetShardIteratorInput) -> bytes:
    service = context.service
    found = access.serving(context, request)
    seen = access.view(context, found)
    shard = access.find_shard(seen, request.shard_id)
    start = (request.shard_iterator_type, request.starting_sequence_number, request.timestamp)
    position = start_position(context, seen, shard, start)
    if request.dry_run:
        raise DryRunOperationException("Request would have succeeded, but DryRun flag is set.")
    iterator = iterators.ShardIterator(
        found.stream.arn, shard.id, position, service.faults.generation
    )
    text = iterators.issue(iterator, service.iterator_secret)
    return access.reply_of({"ShardIterator": text})


def start_position(
    context: Context, seen: access.StreamView, shard: Shard, start: Start
) -> Position:
    """The position that a type with its sequence number or time means. Raises
    InvalidArgumentException when they don't fit.

    What lies before the oldest record kept means that record: Kinesis readers are not told of
    what they lost.
    """
    log, now_us = context.service.engine.log, context.service.clock.now_us()
    kind, number, time_s = start
    _check_given(kind, number)
    if kind == "LATEST":
        return reader.tip(log, shard, now_us)
    if kind == "TRIM_HORIZON":
        return reader.oldest(now_us)
    if number is not None:
        clock = _clock(seen, shard, number)
    else:
        clock = _clock_of_time(time_s, now_us)
    try:
        if kind == "AFTER_SEQUENCE_NUMBER":
            return reader.after_clock(log, shard, clock, seen.horizon, now_us)
        return reader.at_clock(log, shard, clock, seen.horizon, now_us)
    except TrimmedDataAccessException:
        return reader.oldest(now_us)


def _check_given(kind: str, number: str | None) -> None:
    if (kind in _BY_NUMBER) == (number is not None):
        return
    also = "no" if number is None else "also a"
    raise InvalidArgumentException(
        "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and"
        " StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber."
        f" Request specified {kind} and {also} StartingSequenceNumber."
    )


def _clock(seen: access.StreamView, shard: Shard, number: str) -> int:
    access.decimal(number)
    try:
        clock = from_sequence_number(number)
    except ValidationException:
        clock = -1
    if clock < 0 or (shard.end is not None and clock > shard.end) or clock < shard.start:
        raise InvalidArgumentException(
            f"StartingSequenceNumber {number} used in GetShardIterator on shard {shard.name} in"
            f" stream {seen.stream.table_name} under account {seen.stream.account} is invalid"
            " because it did not come from this stream."
        )
    return clock


def _clock_of_time(time_s: float | None, now_us: int) -> int:
    if time_s is None:
        raise InvalidArgumentException(
            "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current"
            " request has no timestamp parameter."
        )
    # Compared before it is made an integer: JSON can carry numbers that have none.
    if not time_s * 1000 < now_us // 1000 + 1:
        raise InvalidArgumentException(
            "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis."
            f" timestampInMillis: {time_s * 1000:.0f}, currentTimestampInMillis: {now_us // 1000}"
        )
    return access.clock_of_time(time_s)


GET_SHARD_ITERATOR = Operation("GetShardIterator", GetShardIteratorInput, get_shard_iterator)
