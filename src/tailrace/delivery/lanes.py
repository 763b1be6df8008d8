"""The lanes of the delivery machine: batches go out, and succeed, fail, are halved or given up."""

from __future__ import annotations

import uuid
from typing import Final

import msgspec

from tailrace.delivery import messages as m
from tailrace.delivery import windows
from tailrace.delivery.batching import PAYLOAD_BYTES, halves, take, window_end
from tailrace.delivery.ports import Batch, Record, TimeWindow
from tailrace.delivery.state import Phase, Reading
from tailrace.delivery.turn import IllegalEvent, Turn, backoff_ms

__all__ = [
    "advance",
    "busy",
    "on_answered",
    "on_discard_failed",
    "on_discarded",
    "on_refused",
    "on_unavailable",
]

# Odd, so that multiplying by it modulo 2^128 is a bijection: no two batches share a request id.
_SPREAD: Final = 0x9E3779B97F4A7C15F39CC0605CEDC835


def on_answered(turn: Turn, number: int, event: m.Answered) -> None:
    """The batch was taken, or all of it before the lowest failure: the rest is a new batch."""
    batch = batch_of(turn, number)
    if batch.window is not None and batch.window.final:
        turn.count(result="OK")
        release(turn, number)
        return
    if batch.window is not None and event.state is None:
        refuse(turn, number, "the answer has no state", reported=False)
        return
    if not event.failures:
        settle_window(turn, number, event)
        release(turn, number, handled=len(batch.records))
        return
    lowest = min(event.failures, key=lambda failure: failure.sequence)
    sequences = [record.sequence for record in batch.records]
    if not {failure.sequence for failure in event.failures} <= set(sequences):
        refuse(turn, number, "a failure names a record that is not in the batch", reported=False)
        return
    done = sequences.index(lowest.sequence)
    if not done:
        refuse(turn, number, lowest.reason, reported=True)
        return
    settle_window(turn, number, event)
    release(turn, number, handled=done, left=(tuple(batch.records[done:]),))
    turn.count(errors=1, error=lowest.reason)


def settle_window(turn: Turn, number: int, event: m.Answered) -> None:
    if event.state is not None:
        windows.keep(turn, number, event.state)


def on_refused(turn: Turn, number: int, event: m.Refused) -> None:
    """The invocation failed."""
    refuse(turn, number, event.reason, reported=False)


def on_unavailable(turn: Turn, number: int, event: m.Unavailable) -> None:
    """There was no invocation: wait, without spending a retry."""
    turn.count(errors=1, result=f"PROBLEM: {event.reason}", error=event.reason)
    wait(turn, number, reported=False)


def on_discarded(turn: Turn, number: int, event: m.Discarded) -> None:
    """The on-failure record is kept: the lane moves on."""
    del event
    turn.count(discarded=len(batch_of(turn, number).records))
    release(turn, number)


def on_discard_failed(turn: Turn, number: int, event: m.DiscardFailed) -> None:
    """The on-failure record is not kept yet: wait, then send it again."""
    turn.count(errors=1, error=event.reason)
    lane = turn.state.lanes[number]
    wait(turn, number, reported=lane.reported)


def batch_of(turn: Turn, number: int) -> Batch:
    batch = turn.state.lanes[number].batch
    if batch is None:
        raise IllegalEvent(f"lane {number} has no batch")
    return batch


def release(
    turn: Turn, number: int, handled: int = 0, left: tuple[tuple[Record, ...], ...] = ()
) -> None:
    """A lane's batch is over, and with the last one of a window the window; `left` comes next."""
    lane = turn.state.lanes[number]
    closed = lane.batch is not None and lane.batch.window is not None and lane.batch.window.final
    turn.change_lane(
        number,
        phase=Phase.IDLE,
        batch=None,
        parts=left + lane.parts,
        tumbling=None if closed else lane.tumbling,
        window_ms=turn.now_ms,
        failed=0,
        delays=0,
        reported=False,
        reason="",
        given_up=None,
    )
    if handled:
        turn.count(handled=handled, result="OK")


def refuse(turn: Turn, number: int, reason: str, *, reported: bool) -> None:
    """A failed invocation: halved, tried again later, or given up."""
    lane, batch = turn.state.lanes[number], batch_of(turn, number)
    turn.count(errors=1, result="PROBLEM: Function call failed", error=reason)
    limit = turn.settings.maximum_retry_attempts
    if turn.settings.bisect_batch_on_function_error and len(batch.records) > 1:
        release(turn, number, left=halves(batch.records))
        return
    turn.change_lane(number, failed=lane.failed + 1, reported=reported, reason=reason)
    if 0 <= limit <= lane.failed:
        discard(turn, number, batch, m.Condition.RETRIES_EXHAUSTED)
    else:
        wait(turn, number, reported=reported)


def wait(turn: Turn, number: int, *, reported: bool) -> None:
    lane = turn.state.lanes[number]
    turn.change_lane(
        number,
        phase=Phase.WAITING,
        delays=lane.delays + 1,
        retry_ms=turn.now_ms + backoff_ms(lane.delays),
        reported=reported,
    )


def discard(turn: Turn, number: int, batch: Batch, condition: m.Condition) -> None:
    turn.change_lane(number, phase=Phase.DISCARDING, batch=batch, given_up=condition)
    lane = turn.state.lanes[number]
    effect = m.Discard(number, batch, condition, lane.failed, lane.reported, lane.reason)
    turn.effects.append(effect)


def advance(turn: Turn, number: int) -> None:
    """Start what a lane can start now: its batch anew, or its next batch."""
    lane = turn.state.lanes[number]
    if lane.phase is Phase.WAITING and turn.now_ms >= lane.retry_ms:
        batch = batch_of(turn, number)
        if lane.given_up is not None:
            discard(turn, number, batch, lane.given_up)
        else:
            present(turn, number, msgspec.structs.replace(batch, attempt=lane.failed + 1))
    elif lane.phase is Phase.IDLE and (window := windows.closing(turn, number)):
        present(turn, number, new_batch(turn, (), window))
    elif lane.phase is Phase.IDLE and (records := next_records(turn, number)):
        present(turn, number, new_batch(turn, records))


def new_batch(turn: Turn, records: tuple[Record, ...], window: TimeWindow | None = None) -> Batch:
    turn.change(batches=turn.state.batches + 1)
    shard = turn.state.shard
    request = (shard.seed + turn.state.batches * _SPREAD) % (1 << 128)
    request_id = str(uuid.UUID(int=request, version=4))
    return Batch(request_id, shard.source_arn, shard.shard_id, records, 1, window)


def next_records(turn: Turn, number: int) -> tuple[Record, ...]:
    """What the lane's next batch consists of; nothing while its window is open."""
    lane = turn.state.lanes[number]
    if lane.parts:
        turn.change_lane(number, parts=lane.parts[1:])
        return lane.parts[0]
    if not lane.buffer or not is_due(turn, number):
        return ()
    lane = turn.state.lanes[number]
    records = windows.of_one_window(turn, take(lane.buffer, turn.settings.batch_size))
    turn.change_lane(
        number,
        buffer=lane.buffer[len(records) :],
        buffer_bytes=lane.buffer_bytes - sum(record.size for record in records),
        due_ms=None,
    )
    return records


def is_due(turn: Turn, number: int) -> bool:
    """Whether a lane's buffer may go: full, its window run out, or nothing more to come."""
    lane = turn.state.lanes[number]
    length_ms = turn.settings.maximum_batching_window_in_seconds * 1000
    if not length_ms or turn.state.reading is Reading.ENDED:
        return True
    if len(lane.buffer) >= turn.settings.batch_size or lane.buffer_bytes >= PAYLOAD_BYTES:
        return True
    if len(windows.of_one_window(turn, lane.buffer)) < len(lane.buffer):
        return True
    if lane.due_ms is None:
        due_ms = window_end(lane.window_ms, length_ms, turn.now_ms)
        over_ms = windows.over_ms(turn, lane.buffer[0])
        due_ms = due_ms if over_ms is None else min(due_ms, over_ms)
        turn.change_lane(number, due_ms=due_ms)
        return turn.now_ms >= due_ms
    return turn.now_ms >= lane.due_ms


def present(turn: Turn, number: int, batch: Batch) -> None:
    """Invoke with a batch, unless some of its records have become too old for it."""
    limit_ms = turn.settings.maximum_record_age_in_seconds * 1000
    if limit_ms > 0:
        horizon_ms = turn.now_ms - limit_ms
        aged = tuple(r for r in batch.records if r.created_ms < horizon_ms)
        if aged:
            kept = tuple(r for r in batch.records if r.created_ms >= horizon_ms)
            parts = ((kept,) if kept else ()) + turn.state.lanes[number].parts
            turn.change_lane(number, parts=parts)
            old = msgspec.structs.replace(batch, records=aged)
            discard(turn, number, old, m.Condition.AGE_EXCEEDED)
            return
    batch = windows.entered(turn, number, batch)
    turn.change_lane(number, phase=Phase.INVOKING, batch=batch)
    retries = 1 if batch.attempt > 1 else 0
    turn.count(batches=1, batched=len(batch.records), retries=retries)
    turn.effects.append(m.Invoke(number, batch))


def busy(turn: Turn) -> bool:
    """Whether a batch or an on-failure record is out."""
    return any(lane.phase in (Phase.INVOKING, Phase.DISCARDING) for lane in turn.state.lanes)
