"""GetShardIterator: a place in a shard to begin reading at."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from tailrace.api.operation import Context, Operation
from tailrace.api.streams import access
from tailrace.errors import ValidationException
from tailrace.streams import iterators, reader
from tailrace.streams.log import Shard
from tailrace.streams.reader import Position
from tailrace.streams.sequence import clock_at, from_sequence_number

__all__ = ["GET_SHARD_ITERATOR", "GetShardIteratorInput", "ShardIteratorType"]

ShardIteratorType: TypeAlias = Literal[
    "TRIM_HORIZON", "LATEST", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "AT_TIMESTAMP"
]

_INVALID = "One or more parameter values were invalid: "
_BY_NUMBER = ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")
_BY_TIME = ("AT_TIMESTAMP",)


class GetShardIteratorInput(msgspec.Struct, rename="pascal", frozen=True):
    stream_arn: access.StreamArn
    shard_id: access.ShardId
    shard_iterator_type: ShardIteratorType
    sequence_number: access.SequenceNumber | None = None
    timestamp: float | None = None


def get_shard_iterator(context: Context, request: GetShardIteratorInput) -> bytes:
    service = context.service
    now_us = service.clock.now_us()
    clock = _asked_clock(request, now_us)
    found = access.find_stream(context, request.stream_arn)
    shard = access.find_shard(found, request.shard_id)
    position = _position(context, request.shard_iterator_type, shard, clock, found.horizon, now_us)
    iterator = iterators.ShardIterator(
        found.stream.arn, shard.id, position, service.faults.generation
    )
    text = iterators.issue(iterator, service.iterator_secret)
    return msgspec.json.encode({"ShardIterator": text})


def _asked_clock(request: GetShardIteratorInput, now_us: int) -> int:
    """The clock that the sequence number or the time stands for; 0 for types that take neither."""
    kind = request.shard_iterator_type
    _check_given("SequenceNumber", request.sequence_number, kind, _BY_NUMBER)
    _check_given("Timestamp", request.timestamp, kind, _BY_TIME)
    if request.sequence_number is not None:
        return from_sequence_number(request.sequence_number)
    if request.timestamp is None:
        return 0
    # Compared before it is made an integer: JSON can carry numbers that have none.
    if not request.timestamp * 1000 < now_us // 1000 + 1:
        raise ValidationException(f"{_INVALID}Timestamp must not be in the future")
    return clock_at(int(max(request.timestamp, 0) * 1000 + 0.5) * 1000)


def _check_given(name: str, value: object, kind: str, takers: tuple[str, ...]) -> None:
    if value is None and kind in takers:
        raise ValidationException(f"{_INVALID}{name} is required when ShardIteratorType is {kind}")
    if value is not None and kind not in takers:
        raise ValidationException(
            f"{_INVALID}{name} must not be specified when ShardIteratorType is {kind}"
        )


def _position(
    context: Context, kind: ShardIteratorType, shard: Shard, clock: int, horizon: int, now_us: int
) -> Position:
    log = context.service.engine.log
    match kind:
        case "TRIM_HORIZON":
            return reader.oldest(now_us)
        case "LATEST":
            return reader.tip(log, shard, now_us)
        case "AT_SEQUENCE_NUMBER":
            return reader.at_clock(log, shard, clock, horizon, now_us)
        case "AFTER_SEQUENCE_NUMBER":
            return reader.after_clock(log, shard, clock, horizon, now_us)
        case "AT_TIMESTAMP":
            return reader.from_clock(log, shard, clock, horizon, now_us)


GET_SHARD_ITERATOR = Operation("GetShardIterator", GetShardIteratorInput, get_shard_iterator)
