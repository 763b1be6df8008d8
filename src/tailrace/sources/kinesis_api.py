"""A Kinesis data stream as a source, by the documented API alone: Tailrace in this process or
anywhere, or AWS."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.clock import Clock
from tailrace.delivery.ports import Position, Record, ShardInfo, ShardPage
from tailrace.errors import ExpiredIteratorException
from tailrace.sources.caller import Caller
from tailrace.sources.records import RecordForm
from tailrace.sources.wakeups import Wakeups

__all__ = ["KinesisSource"]

# Lambda reads each shard once a second (with-kinesis.html); AWS allows five times.
POLL_S: Final = 1.0
_PREFIX: Final = "Kinesis_20131202."


class _Range(msgspec.Struct, rename="pascal"):
    ending_sequence_number: str | None = None


class _Shard(msgspec.Struct, rename="pascal"):
    shard_id: str
    parent_shard_id: str | None = None
    adjacent_parent_shard_id: str | None = None
    sequence_number_range: _Range = msgspec.field(default_factory=_Range)


class _Listing(msgspec.Struct, rename="pascal"):
    shards: list[_Shard] = []
    next_token: str | None = None


class _Iterator(msgspec.Struct, rename="pascal"):
    shard_iterator: str


class _Item(msgspec.Struct, rename="pascal", gc=False):
    sequence_number: str
    approximate_arrival_timestamp: float = 0.0


class _Page(msgspec.Struct, rename="pascal"):
    records: list[msgspec.Raw]
    next_shard_iterator: str | None = None
    millis_behind_latest: int = 0


_page = msgspec.json.Decoder(_Page).decode
_item = msgspec.json.Decoder(_Item).decode
_any = msgspec.json.Decoder(dict[str, Any]).decode


class _Place:
    """Where a shard is being read."""

    __slots__ = ("form", "iterator", "position", "tip_ms")

    def __init__(self, form: RecordForm) -> None:
        self.form = form
        self.iterator: str | None = None
        self.position: Position | None = None
        # When LATEST was asked for: should its iterator expire before it gave a record, another
        # LATEST would lose what came meanwhile.
        self.tip_ms: int | None = None


class KinesisSource:
    """Reads one stream through a caller.

    `identity_arn` is the role that events name as the reader's. With `start_ms`, what arrived
    before that time is passed over (`AT_TIMESTAMP`). With `notified`, whoever makes the source
    calls `notify` when records were committed or shards closed; without, idle shards are polled.
    """

    def __init__(
        self,
        caller: Caller,
        arn: str,
        clock: Clock,
        *,
        identity_arn: str,
        start_ms: int | None = None,
        notified: bool = False,
        poll_s: float = POLL_S,
    ) -> None:
        self._caller = caller
        self._arn = arn
        self._clock = clock
        self._identity_arn = identity_arn
        self._start_ms = start_ms
        self._notified = notified
        self._poll_s = poll_s
        self._added_bytes = len(event_frame(arn, identity_arn, "shardId-000000000000"))
        self._places: dict[str, _Place] = {}
        self._wakeups = Wakeups()

    @property
    def arn(self) -> str:
        """The stream's ARN."""
        return self._arn

    async def shards(self) -> Sequence[ShardInfo]:
        """All shards that the stream lists, page by page."""
        found: list[ShardInfo] = []
        params: dict[str, Any] = {"StreamARN": self._arn}
        while True:
            body = await self._caller.call(_PREFIX + "ListShards", params)
            listing = msgspec.json.decode(body, type=_Listing)
            found += [_info(shard) for shard in listing.shards]
            if not listing.next_token:
                return found
            params = {"NextToken": listing.next_token}

    async def children(self, shard_id: str) -> Sequence[ShardInfo]:
        """The shards that follow one."""
        return [
            shard
            for shard in await self.shards()
            if shard_id in (shard.parent_id, shard.adjacent_parent_id)
        ]

    async def read(self, shard_id: str, position: Position, max_records: int) -> ShardPage:
        """The next records after a position. An iterator that expired is taken anew. Records that
        were trimmed away are passed over: Kinesis does not tell."""
        place = self._places.get(shard_id)
        if place is None:
            place = _Place(event_form(self._arn, self._identity_arn, shard_id))
            self._places[shard_id] = place
        self._wakeups.arm(shard_id)
        if place.iterator is None or place.position != position:
            await self._seek(shard_id, place, position)
        limit = min(max_records, limits.KINESIS_PAGE_RECORDS)
        page = _page(await self._records(shard_id, place, position, limit))
        records = [self._record(raw, place.form) for raw in page.records]
        place.iterator = page.next_shard_iterator
        if records:
            place.position = Position(sequence=records[-1].sequence)
        ended = page.next_shard_iterator is None
        if ended:
            del self._places[shard_id]
            self._wakeups.forget(shard_id)
        behind_ms = 0 if ended else page.millis_behind_latest
        if self._notified and records and not ended:
            behind_ms = max(behind_ms, 1)  # what came meanwhile has been told of already
        return ShardPage(records, ended, behind_ms)

    async def changed(self, shard_id: str, timeout_s: float) -> None:
        """Return when the shard may have records that its last read did not see: when notified, or
        when the polling interval is over."""
        if self._notified:
            await self._wakeups.wait(shard_id, timeout_s)
        else:
            await asyncio.sleep(min(self._poll_s, timeout_s))

    def notify(self, shard_ids: Iterable[str] | None = None) -> None:
        """Say that shards have new records, or were closed; None means any of them. From any
        thread; cheap."""
        self._wakeups.notify(shard_ids)

    async def close(self) -> None:
        """Nothing to let go of: the caller belongs to whoever made it."""

    async def _seek(self, shard_id: str, place: _Place, position: Position) -> None:
        params: dict[str, Any] = {"StreamARN": self._arn, "ShardId": shard_id}
        tip_ms = position.tip_ms if place.tip_ms is None else place.tip_ms
        if position.sequence is not None:
            params["ShardIteratorType"] = "AFTER_SEQUENCE_NUMBER"
            params["StartingSequenceNumber"] = str(position.sequence)
        elif position.latest and tip_ms is None:
            params["ShardIteratorType"] = "LATEST"
            tip_ms = self._clock.now_us() // 1000 - limits.CLOCK_TOLERANCE_MS
        elif position.latest:
            params["ShardIteratorType"] = "AT_TIMESTAMP"
            params["Timestamp"] = (tip_ms or 0) / 1000
        elif self._start_ms is not None:
            params["ShardIteratorType"] = "AT_TIMESTAMP"
            params["Timestamp"] = self._start_ms / 1000
        else:
            params["ShardIteratorType"] = "TRIM_HORIZON"
        body = await self._caller.call(_PREFIX + "GetShardIterator", params)
        place.iterator = msgspec.json.decode(body, type=_Iterator).shard_iterator
        place.position = position
        place.tip_ms = tip_ms

    async def _records(self, shard_id: str, place: _Place, position: Position, limit: int) -> bytes:
        target = _PREFIX + "GetRecords"
        try:
            params = {"ShardIterator": place.iterator, "Limit": limit}
            return await self._caller.call(target, params)
        except ExpiredIteratorException:
            await self._seek(shard_id, place, position)
            params = {"ShardIterator": place.iterator, "Limit": limit}
            return await self._caller.call(target, params)

    def _record(self, raw: msgspec.Raw, form: RecordForm) -> Record:
        item = _item(raw)
        created_ms = round(item.approximate_arrival_timestamp * 1000)
        size = len(memoryview(raw)) + self._added_bytes
        return Record(int(item.sequence_number), created_ms, size, raw, form)


def event_form(arn: str, identity_arn: str, shard_id: str) -> RecordForm:
    """What makes a record of GetRecords into an entry of Lambda's event (with-kinesis.html)."""

    def form(data: bytes | msgspec.Raw) -> dict[str, Any]:
        record = _any(data)
        sequence = record["SequenceNumber"]
        return {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                # Records of streams that spread them over their shards may have none.
                "partitionKey": record.get("PartitionKey", ""),
                "sequenceNumber": sequence,
                "data": record["Data"],
                "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"],
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard_id}:{sequence}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": identity_arn,
            "awsRegion": arn.split(":")[3],
            "eventSourceARN": arn,
        }

    return form


def event_frame(arn: str, identity_arn: str, shard_id: str) -> bytes:
    """What an event has around its record, as JSON."""
    empty = {
        "SequenceNumber": "",
        "PartitionKey": "",
        "Data": "",
        "ApproximateArrivalTimestamp": 0,
    }
    return msgspec.json.encode(event_form(arn, identity_arn, shard_id)(msgspec.json.encode(empty)))


def _info(shard: _Shard) -> ShardInfo:
    closed = shard.sequence_number_range.ending_sequence_number is not None
    return ShardInfo(shard.shard_id, shard.parent_shard_id, closed, shard.adjacent_parent_shard_id)
