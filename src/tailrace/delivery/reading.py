"""The reading side of the delivery machine: pages come in and are dealt to the lanes."""

from __future__ import annotations

from typing import Final

import msgspec

from tailrace.delivery import messages as m
from tailrace.delivery.batching import PAYLOAD_BYTES, lane_of
from tailrace.delivery.ports import Position, Record, ShardPage
from tailrace.delivery.settings import OnTrimmed
from tailrace.delivery.state import Reading
from tailrace.delivery.turn import Turn, backoff_ms

__all__ = ["on_page", "on_read_failed", "on_started", "read_on"]

PAGE_RECORDS: Final = 1000
# Records in memory beyond those of the batches in hand: enough that the next batch waits when one
# ends, and that a lane which retries does not hold the others up for long.
READ_AHEAD_BATCHES: Final = 4
READ_AHEAD_BYTES: Final = 4 * PAYLOAD_BYTES


def on_started(turn: Turn, event: m.Started) -> None:
    """Windows open when the shard starts."""
    lanes = tuple(
        msgspec.structs.replace(lane, window_ms=event.now_ms) for lane in turn.state.lanes
    )
    turn.change(reading=Reading.RESTING, lanes=lanes)


def on_page(turn: Turn, event: m.PageRead) -> None:
    """Deal a page out; the page at the end of a closed shard is the last."""
    page = event.page
    turn.change(
        reading=Reading.ENDED if page.ended else Reading.RESTING,
        behind_ms=page.behind_ms,
        read_delays=0,
    )
    if page.records:
        accept(turn, page)


def accept(turn: Turn, page: ShardPage) -> None:
    """Put a page's records into their lanes; what was read before, or is filtered out, is
    passed over."""
    state = turn.state
    high = -1 if state.high is None else state.high
    records = [record for record in page.records if record.sequence > high]
    if not records:
        return
    sequences = [record.sequence for record in records]
    before: list[int | None] = [state.high, *sequences[:-1]]
    last = sequences[-1]
    kept = [True] * len(records)
    if state.shard.accept is not None:
        kept = [state.shard.accept(record.event) for record in records]
    mine = [record for record, keep in zip(records, kept, strict=True) if keep]
    distribute(turn, mine)
    turn.change(
        high=last,
        position=Position(sequence=last),
        order=state.order + tuple(record.sequence for record in mine),
        before=state.before
        + tuple(place for place, keep in zip(before, kept, strict=True) if keep),
    )
    turn.count(read=len(records), filtered=len(records) - len(mine))


def distribute(turn: Turn, records: list[Record]) -> None:
    count = len(turn.state.lanes)
    shares: list[list[Record]] = [records]
    if count > 1:
        shares = [[] for _ in range(count)]
        for record in records:
            shares[lane_of(record.event, count)].append(record)
    for number, share in enumerate(shares):
        if share:
            lane = turn.state.lanes[number]
            size = lane.buffer_bytes + sum(record.size for record in share)
            turn.change_lane(number, buffer=lane.buffer + tuple(share), buffer_bytes=size)


def on_read_failed(turn: Turn, event: m.ReadFailed) -> None:
    """Read again later; or, when records are lost, do as the policy says."""
    state = turn.state
    # Nothing was lost at the horizon: it moved between the iterator and the read.
    at_horizon = state.position.sequence is None
    trimmed = event.problem is m.ReadProblem.TRIMMED
    if event.problem is m.ReadProblem.PASSING or (trimmed and at_horizon):
        turn.change(
            reading=Reading.FAILED,
            read_delays=state.read_delays + 1,
            read_again_ms=turn.now_ms + backoff_ms(state.read_delays),
        )
        turn.count(errors=1, result=f"PROBLEM: {event.reason}", error=event.reason)
    elif turn.settings.on_trimmed is OnTrimmed.FAIL:
        turn.change(reading=Reading.OVER)
        turn.count(errors=1, gaps=1, result=f"PROBLEM: {event.reason}", error=event.reason)
        turn.effects.append(m.Halt(event.reason))
    else:
        reading = Reading.ENDED if event.problem is m.ReadProblem.GONE else Reading.RESTING
        position = Position()
        if event.problem is m.ReadProblem.LOST:  # it was told where it was read: go on there
            position = msgspec.structs.replace(state.position, first=None)
        turn.change(reading=reading, position=position, behind_ms=-1)
        turn.count(gaps=1, error=event.reason)
        turn.effects.append(m.Lost(event.reason))


def read_on(turn: Turn) -> None:
    """Ask for the next page while there is room for it."""
    state = turn.state
    if state.reading is not Reading.RESTING:
        return
    size = turn.settings.batch_size
    hungry = any(len(lane.buffer) < size for lane in state.lanes)
    most = PAGE_RECORDS + READ_AHEAD_BATCHES * size * len(state.lanes)
    small = sum(lane.buffer_bytes for lane in state.lanes) < READ_AHEAD_BYTES
    if hungry and small and len(state.order) < most:
        turn.change(reading=Reading.ASKED)
        turn.effects.append(m.Read(state.position, PAGE_RECORDS, wait=state.behind_ms == 0))
