"""SubscribeToShard: a shard's records, pushed to a registered consumer as they come.

What is pushed, and when it ends, is decided here; the server sends it and waits for news.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tailrace.api.kinesis import access, consumers
from tailrace.api.kinesis.get_records import behind_ms, children, read
from tailrace.api.kinesis.get_shard_iterator import Start, start_position
from tailrace.api.kinesis.inputs import IteratorType, ShardId, StreamId
from tailrace.api.operation import Context
from tailrace.errors import DryRunOperationException
from tailrace.streams.log import Shard
from tailrace.streams.reader import Position, PositionKind
from tailrace.streams.sequence import from_sequence_number, sequence_number
from tailrace.tables import kinesis_streams

__all__ = ["Event", "StartingPosition", "SubscribeToShardInput", "Subscription", "subscribe"]

_NUMBER: Final = len('{"SequenceNumber":"')
# Records of one event: the most that one of AWS's was seen to carry.
_RECORDS: Final = 1000


class StartingPosition(msgspec.Struct, rename="pascal", frozen=True):
    type: IteratorType
    sequence_number: str | None = None
    timestamp: float | None = None


class SubscribeToShardInput(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    consumer_arn: str = msgspec.field(name="ConsumerARN")
    stream_id: StreamId | None = None
    shard_id: ShardId
    starting_position: StartingPosition
    dry_run: bool | None = None


class Event(msgspec.Struct, frozen=True):
    """The JSON of a SubscribeToShardEvent. `records` is how many it has; `last`: nothing follows
    it."""

    body: bytes
    records: int
    last: bool


class Subscription:
    """One consumer's way through one shard. `place` names both as AWS's refusals do."""

    def __init__(
        self, context: Context, consumer_arn: str, shard: Shard, position: Position
    ) -> None:
        self.consumer_arn = consumer_arn
        self.shard_id = shard.id
        self.place = _named(consumer_arn, shard)
        self._context = context
        self._position = position
        # The clock of the next record, or that of the last one passed.
        passed = position.clock - (position.kind is PositionKind.NEXT)
        self._reached = max(passed, shard.start)

    def event(self) -> Event:
        """The next event, with the records that are there. Raises ResourceNotFoundException when
        the consumer, the stream or the shard is gone."""
        found, seen, shard = _place(self._context, self.consumer_arn, self.shard_id)
        consumers.by_arn(found, self.consumer_arn, self._context.service.clock.now_us())
        page = read(self._context, seen, shard, self._position, _RECORDS)
        if page.records:
            self._reached = _clock(page.records[-1])
        members: dict[str, Any] = {"MillisBehindLatest": behind_ms(self._context, page)}
        if page.following is None:
            # Without a number to go on from: so readers know the shard's end.
            members["ChildShards"] = children(seen, shard)
        else:
            self._position = page.following
            members["ContinuationSequenceNumber"] = sequence_number(self._reached)
        records = b",".join(page.records)
        body = b'{"Records":[%b],%b' % (records, access.reply_of(members)[1:])
        return Event(body, len(page.records), page.following is None)


def subscribe(context: Context, request: SubscribeToShardInput) -> Subscription:
    """Begin. Raises what GetShardIterator raises, and ResourceNotFoundException for a consumer that
    is not registered."""
    owner = access.owner_by_arn(request.consumer_arn)
    found = access.find_serving(context, owner)
    consumers.check_serving(found, request.consumer_arn, context.service.clock.now_us())
    seen = access.view(context, found)
    shard = access.find_shard(seen, request.shard_id)
    asked = request.starting_position
    start: Start = (asked.type, asked.sequence_number, asked.timestamp)
    position = start_position(context, seen, shard, start)
    if request.dry_run:
        raise DryRunOperationException("Request would have succeeded, but DryRun flag is set.")
    return Subscription(context, request.consumer_arn, shard, position)


def _place(
    context: Context, consumer_arn: str, shard_id: int
) -> tuple[kinesis_streams.KinesisStream, access.StreamView, Shard]:
    owner = access.owner_by_arn(consumer_arn)
    found = access.find_serving(context, owner)
    seen = access.view(context, found)
    for shard in seen.shards:
        if shard.id == shard_id:
            return found, seen, shard
    raise access.shard_missing(seen, str(shard_id))


def _named(consumer_arn: str, shard: Shard) -> str:
    account, _, stream = access.owner_by_arn(consumer_arn)
    consumer = consumer_arn.rpartition("/")[2].partition(":")[0]
    return f"{account}:{stream}:{shard.name}:{consumer}"


def _clock(record: bytes) -> int:
    """The clock of an encoded record, which begins with its sequence number."""
    end = record.index(b'"', _NUMBER)
    return from_sequence_number(record[_NUMBER:end].decode())
