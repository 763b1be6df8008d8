"""Receiving records from queues, and saying what became of them; live records and dead ones, each
by operations of their own."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import msgspec

from tailrace import limits
from tailrace.api.kinesis import access
from tailrace.api.kinesis.queues import (
    QueueRef,
    VisibilitySeconds,
    by_arn,
    most_receives,
    visibility_s,
)
from tailrace.api.operation import Committed, Context, Later, Operation, Result
from tailrace.errors import AwsError, InvalidArgumentException, ResourceNotFoundException
from tailrace.streams import retention
from tailrace.streams.log import Shard
from tailrace.tables import kinesis_queues
from tailrace.tables.engine import Outcome, Settled, Write
from tailrace.tables.kinesis_queues import DEAD, LIVE, Pending, Queue

__all__ = ["QUEUE_RECORDS", "EntriesInput", "ReceiveInput", "VisibilityInput"]

_MOST: Final = 10
_WAIT_S: Final = 9
# Rows that one receive looks at; those that it cannot hand out make way for others.
_LOOK: Final = 4 * _MOST
_SECOND_US: Final = 1_000_000
_Handle = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class ReceiveInput(QueueRef, frozen=True, kw_only=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=10)] | None = None
    wait_time_seconds: Annotated[int, msgspec.Meta(ge=1, le=20)] | None = None
    visibility_timeout_seconds: VisibilitySeconds | None = None


class Entry(msgspec.Struct, rename="pascal", frozen=True):
    receipt_handle: _Handle


class EntriesInput(QueueRef, frozen=True, kw_only=True):
    entries: Annotated[list[Entry], msgspec.Meta(min_length=1, max_length=10)]


class VisibilityEntry(msgspec.Struct, rename="pascal", frozen=True):
    receipt_handle: _Handle
    visibility_timeout_seconds: VisibilitySeconds


class VisibilityInput(QueueRef, frozen=True, kw_only=True):
    entries: Annotated[list[VisibilityEntry], msgspec.Meta(min_length=1, max_length=10)]


class _Stored(msgspec.Struct, rename="pascal", frozen=True):
    data: msgspec.Raw
    approximate_arrival_timestamp: float
    partition_key: str | None = None


_stored = msgspec.json.Decoder(_Stored).decode


class _Hand:
    """What one receive hands out: units to commit, each with the records it gives."""

    def __init__(self, context: Context, queue: Queue, request: ReceiveInput) -> None:
        self.units: list[Sequence[Write]] = []
        self.given: list[Sequence[tuple[Pending, _Stored]]] = []
        self.left = request.limit or _MOST
        self._context = context
        self._queue = queue
        self._now_us = context.service.clock.now_us()
        seconds = request.visibility_timeout_seconds
        kept_s = visibility_s(queue) if seconds is None else seconds
        self._visible_us = self._now_us + kept_s * _SECOND_US
        self._log = context.service.engine.log
        self._horizon = self._edge()

    def _edge(self) -> int:
        service = self._context.service
        catalog = service.engine.catalog()
        stream = catalog.streams[self._queue.stream_id]
        held = catalog.holds_of.get(stream.id, ())
        return retention.horizon_of(stream, held, service.stream_retention_ms, self._now_us)

    def again(self, state: str) -> None:
        """Hand out what was handed out before and is visible again. Live records that were received
        too often become dead ones; those whose time is over go."""
        engine, queue, most = self._context.service.engine, self._queue, most_receives(self._queue)
        for pending in kinesis_queues.visible(engine, queue, state, self._now_us, _LOOK):
            if not self.left:
                return
            stored = self._record(pending)
            dead = most is not None and pending.receives >= most
            if stored is None:
                self._add((kinesis_queues.removal(queue, pending),), ())
            elif state == LIVE and dead:
                gone = msgspec.structs.replace(pending, state=DEAD, visible_us=self._now_us)
                self._add((kinesis_queues.replacement(queue, pending, gone),), ())
            else:
                self._give(pending, stored, state)
        if state == DEAD and most is not None:
            self._died(most)

    def _died(self, most: int) -> None:
        """Hand out what died since anybody received live records."""
        engine, queue = self._context.service.engine, self._queue
        for pending in kinesis_queues.visible(engine, queue, LIVE, self._now_us, _LOOK):
            stored = self._record(pending) if pending.receives >= most and self.left else None
            if stored is not None:
                self._give(pending, stored, DEAD)

    def _give(self, pending: Pending, stored: _Stored, state: str) -> None:
        after = msgspec.structs.replace(
            pending,
            receives=pending.receives + 1,
            receipt=pending.receipt + 1,
            visible_us=self._visible_us,
            state=state,
        )
        write = kinesis_queues.replacement(self._queue, pending, after)
        self._add((write,), ((after, stored),))

    def new(self) -> None:
        """Hand out what was not handed out yet."""
        catalog, engine = self._context.service.engine.catalog(), self._context.service.engine
        room = limits.KINESIS_QUEUE_RECORDS - engine.usage(self._queue.table).items
        for shard in catalog.shards_of.get(self._queue.stream_id, ()):
            self.left = min(self.left, max(room, 0))
            if not self.left:
                return
            room -= self._from_shard(shard)

    def _from_shard(self, shard: Shard) -> int:
        after = kinesis_queues.unread(self._context.service.engine, self._queue, shard)
        begin = max(after, self._horizon - 1)
        given: list[tuple[Pending, _Stored]] = []
        while len(given) < self.left:
            # One by one: a page tells the clock of its last record only.
            page = self._log.read(shard.id, begin, 1, limits.KINESIS_PAGE_BYTES)
            if not page.records:
                break
            begin = page.last
            pending = Pending(shard.id, page.last, 1, 1, self._now_us, self._visible_us)
            given.append((pending, _stored(page.records[0])))
        if given:
            records = [pending for pending, _ in given]
            self._add(kinesis_queues.taken(self._queue, shard, after, records), given)
        return len(given)

    def _record(self, pending: Pending) -> _Stored | None:
        page = self._log.read(pending.shard_id, pending.clock - 1, 1, limits.KINESIS_PAGE_BYTES)
        if not page.records or page.last != pending.clock or pending.clock < self._horizon:
            return None
        return _stored(page.records[0])

    def _add(self, unit: Sequence[Write], given: Sequence[tuple[Pending, _Stored]]) -> None:
        self.units.append(unit)
        self.given.append(given)
        self.left -= len(given)


def _receive(state: str) -> Callable[[Context, ReceiveInput], Result]:
    def receive(context: Context, request: ReceiveInput) -> Result:
        return _received(context, request, state, request.wait_time_seconds or _WAIT_S)

    return receive


def _received(context: Context, request: ReceiveInput, state: str, wait_s: float) -> Result:
    """What there is to receive now; if there is nothing, what there is when something came or the
    time is over."""
    queue = by_arn(context, request.queue_arn)
    hand = _Hand(context, queue, request)
    hand.again(state)
    if state == LIVE:
        hand.new()

    def reply(outcomes: Sequence[Outcome]) -> Result:
        records = [
            _shown(queue, pending, stored)
            for outcome, given in zip(outcomes, hand.given, strict=True)
            if all(isinstance(result, Settled) for result in outcome)
            for pending, stored in given
        ]
        body = access.reply_of({"QueueRecords": records})
        if records or wait_s <= 0:
            return body
        shards = context.service.engine.catalog().shards_of.get(queue.stream_id, ())
        return Later(
            wait_s,
            frozenset(shard.id for shard in shards),
            lambda waited_s: _received(context, request, state, wait_s - waited_s),
            body,
        )

    return Committed(hand.units, reply)


def _shown(queue: Queue, pending: Pending, stored: _Stored) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ReceiptHandle": _handle(queue, pending),
        "RecordId": pending.id,
        "Data": stored.data,
        "ApproximateArrivalTimestamp": stored.approximate_arrival_timestamp,
        "FirstReceiveTimestamp": access.seconds(pending.first_us),
        "ReceiveCount": pending.receives,
    }
    if stored.partition_key is not None:
        shown["PartitionKey"] = stored.partition_key
    return shown


def _handle(queue: Queue, pending: Pending) -> str:
    text = f"{queue.id}:{pending.id}:{pending.receipt}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def _find(context: Context, queue: Queue, handle: str, state: str) -> Pending:
    """The record of the newest receipt handle. Raises InvalidArgumentException for what is none,
    ResourceNotFoundException for one that is good no longer."""
    try:
        text = base64.b64decode(handle.encode("ascii"), b"-_", validate=True).decode("ascii")
        queue_id, record_id, receipt = text.split(":")
        number = int(receipt)
    except ValueError:
        raise InvalidArgumentException("The receipt handle is invalid.") from None
    if queue_id != queue.id:
        raise InvalidArgumentException("The receipt handle is not of this queue.")
    pending = None
    if record_id.isalnum():
        pending = kinesis_queues.get(context.service.engine, queue, record_id)
    if pending is None or pending.receipt != number or pending.state != state:
        raise ResourceNotFoundException("The record of the receipt handle is not there any more.")
    return pending


# What is to be written for a record; the entry of the request says how.
_Step = Callable[[Context, Queue, Pending, Any], Write]


def _settling(state: str, step: _Step) -> Callable[[Context, Any], Result]:
    """An operation on records that were received, whose answer tells of each by itself."""

    def settle(context: Context, request: EntriesInput | VisibilityInput) -> Result:
        queue = by_arn(context, request.queue_arn)
        writes: list[Write | AwsError] = []
        seen: set[bytes] = set()
        for entry in request.entries:
            try:
                pending = _find(context, queue, entry.receipt_handle, state)
                write = step(context, queue, pending, entry)
            except AwsError as error:
                writes.append(error)
                continue
            if write.key in seen:
                writes.append(InvalidArgumentException("The record is in the request twice."))
                continue
            seen.add(write.key)
            writes.append(write)

        def reply(outcomes: Sequence[Outcome]) -> bytes:
            settled = iter(outcomes)
            results = [
                result if isinstance(result, AwsError) else next(settled)[0] for result in writes
            ]
            return _told(request, results)

        return Committed([(each,) for each in writes if isinstance(each, Write)], reply)

    return settle


def _told(request: EntriesInput | VisibilityInput, results: Sequence[Settled | AwsError]) -> bytes:
    successful: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for entry, result in zip(request.entries, results, strict=True):
        shown = {"ReceiptHandle": entry.receipt_handle}
        if not isinstance(result, AwsError):
            successful.append(shown)
        elif isinstance(result, InvalidArgumentException):
            failed.append({**shown, "ErrorCode": result.code, "ErrorMessage": result.message})
        else:
            # Also a write that came too late: the record was received or settled meanwhile.
            gone = ResourceNotFoundException(
                "The record of the receipt handle is not there any more."
            )
            failed.append({**shown, "ErrorCode": gone.code, "ErrorMessage": gone.message})
    return access.reply_of({"Successful": successful, "Failed": failed})


def _acknowledged(context: Context, queue: Queue, pending: Pending, entry: Any) -> Write:
    del context, entry
    return kinesis_queues.removal(queue, pending)


def _shown_again(context: Context, queue: Queue, pending: Pending, entry: Any) -> Write:
    now_us = context.service.clock.now_us()
    visible_us = now_us + entry.visibility_timeout_seconds * _SECOND_US
    after = msgspec.structs.replace(pending, visible_us=visible_us)
    return kinesis_queues.replacement(queue, pending, after)


def _restored(context: Context, queue: Queue, pending: Pending, entry: Any) -> Write:
    del entry
    now_us = context.service.clock.now_us()
    after = msgspec.structs.replace(pending, state=LIVE, receives=0, visible_us=now_us)
    return kinesis_queues.replacement(queue, pending, after)


QUEUE_RECORDS: Final[tuple[Operation[Any], ...]] = (
    Operation("ReceiveQueueRecords", ReceiveInput, _receive(LIVE)),
    Operation("ReceiveDeadLetterQueueRecords", ReceiveInput, _receive(DEAD)),
    Operation("AcknowledgeQueueRecords", EntriesInput, _settling(LIVE, _acknowledged)),
    Operation("AcknowledgeDeadLetterQueueRecords", EntriesInput, _settling(DEAD, _acknowledged)),
    Operation("RestoreDeadLetterQueueRecords", EntriesInput, _settling(DEAD, _restored)),
    Operation("UpdateQueueRecordsVisibility", VisibilityInput, _settling(LIVE, _shown_again)),
    Operation(
        "UpdateDeadLetterQueueRecordsVisibility", VisibilityInput, _settling(DEAD, _shown_again)
    ),
)
