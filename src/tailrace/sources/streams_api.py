"""A DynamoDB stream as a source, by the documented Streams API alone: Tailrace in this process or
anywhere, AWS, DynamoDB Local."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.clock import Clock
from tailrace.delivery.ports import Position, Record, ShardInfo, ShardPage
from tailrace.errors import (
    ExpiredIteratorException,
    TrimmedDataAccessException,
    ValidationException,
)
from tailrace.sources.caller import Caller
from tailrace.sources.records import decode_page, event_form

__all__ = ["StreamsSource"]

# Lambda reads each shard four times a second; AWS allows five, for all readers together.
POLL_S: Final = 0.25
# Pages smaller than this were not cut off by the limit of 1 MB, in all likelihood.
_SHORT_PAGE_BYTES: Final = limits.STREAM_PAGE_BYTES // 2
_SEQUENCE_DIGITS: Final = 21
_PREFIX: Final = "DynamoDBStreams_20120810."
_ANY: Final = ("",)  # the name of no shard


class _Place:
    """Where a shard is being read."""

    __slots__ = ("changed", "from_ms", "iterator", "position", "tip_ms")

    def __init__(self) -> None:
        self.iterator: str | None = None
        self.position: Position | None = None
        # When LATEST was asked for. Should that iterator be lost before it gave a record, another
        # LATEST would lose records: the shard is read from its horizon instead, and what was made
        # before `from_ms` is passed over.
        self.tip_ms: int | None = None
        self.from_ms: int | None = None
        self.changed = asyncio.Event()


class _Range(msgspec.Struct, rename="pascal"):
    starting_sequence_number: str | None = None
    ending_sequence_number: str | None = None


class _Shard(msgspec.Struct, rename="pascal"):
    shard_id: str
    parent_shard_id: str | None = None
    sequence_number_range: _Range = msgspec.field(default_factory=_Range)


class _Stream(msgspec.Struct, rename="pascal"):
    shards: list[_Shard] = []
    last_evaluated_shard_id: str | None = None


class _Description(msgspec.Struct, rename="pascal"):
    stream_description: _Stream


class _Iterator(msgspec.Struct, rename="pascal"):
    shard_iterator: str


_description = msgspec.json.Decoder(_Description).decode
_iterator = msgspec.json.Decoder(_Iterator).decode


class StreamsSource:
    """Reads one stream through a caller.

    With `notified`, whoever makes the source calls `notify` when records were committed or shards
    closed, and idle shards are not read; without, they are polled.
    """

    def __init__(
        self,
        caller: Caller,
        arn: str,
        clock: Clock,
        *,
        notified: bool = False,
        poll_s: float = POLL_S,
    ) -> None:
        self._caller = caller
        self._arn = arn
        self._clock = clock
        self._notified = notified
        self._poll_s = poll_s
        self._form = event_form(arn)
        self._added_bytes = len(f',"eventSourceARN":"{arn}"') + len(".0")
        self._places: dict[str, _Place] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: set[str] = set()
        self._lock = threading.Lock()

    @property
    def arn(self) -> str:
        """The stream's ARN."""
        return self._arn

    async def shards(self) -> Sequence[ShardInfo]:
        """All shards that the stream lists, page by page."""
        return await self._describe({})

    async def children(self, shard_id: str) -> Sequence[ShardInfo]:
        """The shards that follow one. An endpoint that does not know the filter lists all."""
        wanted = {"ShardFilter": {"Type": "CHILD_SHARDS", "ShardId": shard_id}}
        try:
            found = await self._describe(wanted)
        except ValidationException:
            found = await self._describe({})
        return [shard for shard in found if shard.parent_id == shard_id]

    async def read(self, shard_id: str, position: Position, max_records: int) -> ShardPage:
        """The next records after a position. An iterator that expired is taken anew."""
        self._loop = asyncio.get_running_loop()
        place = self._places.get(shard_id)
        if place is None:
            place = self._places[shard_id] = _Place()
        place.changed.clear()
        limit = min(max_records, limits.STREAM_PAGE_RECORDS)
        if place.iterator is None or place.position != position:
            await self._seek(shard_id, place, position)
        body = await self._records(shard_id, place, position, limit)
        page = decode_page(body, self._form, self._added_bytes)
        records, ended = page.records, page.next is None
        if self._notified:
            at_tip = not records
        else:
            at_tip = len(records) < limit and page.size < _SHORT_PAGE_BYTES
        behind_ms = 0 if at_tip or ended else self._age_ms(records)
        if position.latest and place.from_ms is not None:
            records = [record for record in records if record.created_ms >= place.from_ms]
        place.iterator = page.next
        if records:
            place.position = Position(sequence=records[-1].sequence)
        if ended:
            del self._places[shard_id]
        return ShardPage(records, ended, behind_ms)

    async def changed(self, shard_id: str, timeout_s: float) -> None:
        """Return when the shard may have records that its last read did not see: when notified, or
        when the polling interval is over."""
        if not self._notified:
            await asyncio.sleep(min(self._poll_s, timeout_s))
            return
        place = self._places.get(shard_id)
        if place is None:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await place.changed.wait()
        except TimeoutError:
            return

    def notify(self, shard_ids: Iterable[str] | None = None) -> None:
        """Say that shards have new records, or were closed; None means any of them. A shard that is
        not read yet stands for all: its parent may have been closed. From any thread; cheap."""
        loop = self._loop
        if loop is None:
            return
        with self._lock:
            is_first = not self._news
            self._news.update(_ANY if shard_ids is None else shard_ids)
            if not is_first or not self._news:
                return
        try:
            loop.call_soon_threadsafe(self._spread)
        except RuntimeError:
            self._loop = None  # the loop is closed: nobody reads any more

    async def close(self) -> None:
        """Nothing to let go of: the caller belongs to whoever made it."""

    def _spread(self) -> None:
        with self._lock:
            news, self._news = self._news, set()
        touched = news if news <= self._places.keys() else self._places.keys()
        for shard_id in touched:
            self._places[shard_id].changed.set()

    async def _describe(self, more: dict[str, Any]) -> list[ShardInfo]:
        found: list[ShardInfo] = []
        params = {"StreamArn": self._arn, "Limit": limits.STREAM_SHARD_PAGE, **more}
        while True:
            body = await self._caller.call(_PREFIX + "DescribeStream", params)
            stream = _description(body).stream_description
            found += [_info(shard) for shard in stream.shards]
            if not stream.last_evaluated_shard_id:
                return found
            params["ExclusiveStartShardId"] = stream.last_evaluated_shard_id

    async def _seek(self, shard_id: str, place: _Place, position: Position) -> None:
        params: dict[str, Any] = {"StreamArn": self._arn, "ShardId": shard_id}
        now_ms = self._clock.now_us() // 1000
        place.from_ms = None
        if position.tip_ms is not None:
            place.tip_ms = position.tip_ms
        if position.sequence is not None:
            params["ShardIteratorType"] = "AFTER_SEQUENCE_NUMBER"
            params["SequenceNumber"] = str(position.sequence).zfill(_SEQUENCE_DIGITS)
        elif position.latest and place.tip_ms is None:
            params["ShardIteratorType"] = "LATEST"
        else:
            params["ShardIteratorType"] = "TRIM_HORIZON"
            if position.latest and place.tip_ms is not None:
                place.from_ms = place.tip_ms - limits.CLOCK_TOLERANCE_MS
        body = await self._caller.call(_PREFIX + "GetShardIterator", params)
        place.iterator = _iterator(body).shard_iterator
        place.position = position
        if position.latest and place.tip_ms is None:
            place.tip_ms = now_ms

    async def _records(self, shard_id: str, place: _Place, position: Position, limit: int) -> bytes:
        target = _PREFIX + "GetRecords"
        try:
            try:
                params = {"ShardIterator": place.iterator, "Limit": limit}
                return await self._caller.call(target, params)
            except ExpiredIteratorException:
                await self._seek(shard_id, place, position)
                params = {"ShardIterator": place.iterator, "Limit": limit}
                return await self._caller.call(target, params)
        except (TrimmedDataAccessException, ValidationException):
            place.iterator = None  # it will never be good again
            raise

    def _age_ms(self, records: Sequence[Record]) -> int:
        if not records:
            return 1
        return max(self._clock.now_us() // 1000 - records[-1].created_ms, 1)


def _info(shard: _Shard) -> ShardInfo:
    numbers = shard.sequence_number_range
    first = numbers.starting_sequence_number
    return ShardInfo(
        shard.shard_id,
        shard.parent_shard_id,
        closed=numbers.ending_sequence_number is not None,
        begins=None if first is None else int(first),
    )
