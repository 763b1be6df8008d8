"""The delivery of one shard, as a state machine without I/O:
`step(state, event) -> (state, effects)`.

A shard has a reading side (`Reading`) and one or more lanes (`Phase`), each with at most one batch
in hand. `_READING`, `_LANES` and `_ALWAYS` are the tables of what may happen when; after each event
`settle` starts what can start. The rules are those of Lambda's event source mappings
(with-ddb.html, services-ddb-batchfailurereporting.html, services-ddb-params.html).
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from typing import Any, Final

from tailrace.delivery import lanes, reading, windows
from tailrace.delivery import messages as m
from tailrace.delivery.ports import Position
from tailrace.delivery.state import Phase, Reading, Shard, ShardState, Tally, begin
from tailrace.delivery.turn import IllegalEvent, Turn

__all__ = ["IllegalEvent", "Phase", "Reading", "Shard", "ShardState", "Tally", "begin", "step"]


def step(state: ShardState, event: m.Event) -> tuple[ShardState, list[m.Effect]]:
    """What becomes of a shard by an event, and what is to be done about it, in order.

    Raises IllegalEvent for what cannot happen in this state.
    """
    turn = Turn(state, event.now_ms)
    if isinstance(event, m.LANE_EVENTS):
        phase = state.lanes[event.lane].phase
        act = _LANES.get((phase, type(event)))
        if act is None:
            raise IllegalEvent(f"{type(event).__name__} for a lane that is {phase.value}")
        act(turn, event.lane, event)
    else:
        react = _READING.get((state.reading, type(event))) or _ALWAYS.get(type(event))
        if react is None:
            raise IllegalEvent(f"{type(event).__name__} while reading is {state.reading.value}")
        react(turn, event)
    settle(turn)
    return turn.state, turn.effects


def on_ticked(turn: Turn, event: m.Ticked) -> None:
    turn.change(armed_ms=None)
    if turn.state.reading is Reading.FAILED and event.now_ms >= turn.state.read_again_ms:
        turn.change(reading=Reading.RESTING)


def on_stop(turn: Turn, event: m.Stop) -> None:
    del event
    turn.change(stopping=True)


def settle(turn: Turn) -> None:
    """Start what can start, move the checkpoint, and ask for the next wake-up."""
    if not turn.state.stopping and turn.state.reading is not Reading.OVER:
        for number in range(len(turn.state.lanes)):
            lanes.advance(turn, number)
        reading.read_on(turn)
    move_checkpoint(turn)
    arm(turn)
    if turn.state.stopping and not turn.state.stopped and not lanes.busy(turn):
        turn.change(stopped=True)
        turn.effects.append(m.Stopped())


def move_checkpoint(turn: Turn) -> None:
    state = turn.state
    oldest = state.oldest
    if oldest is None:
        place = state.high
        turn.change(order=(), before=())
    else:
        at = bisect.bisect_left(state.order, oldest.sequence)
        place = state.before[at]
        turn.change(order=state.order[at:], before=state.before[at:])
    # Windows take one lane, whose window holds the checkpoint back.
    window = state.lanes[0].tumbling
    if window is not None:
        place = window.held
    if oldest is None and window is None and state.reading is Reading.ENDED:
        turn.change(saved=place, reading=Reading.OVER)
        turn.effects += [m.Save(Position(sequence=place, finished=True)), m.Finish()]
    elif place is not None and (state.saved is None or place > state.saved):
        turn.change(saved=place)
        turn.effects.append(m.Save(Position(sequence=place)))


def arm(turn: Turn) -> None:
    """Ask for the earliest time at which something is due by itself."""
    state = turn.state
    times = [state.read_again_ms] if state.reading is Reading.FAILED else []
    times += [lane.retry_ms for lane in state.lanes if lane.phase is Phase.WAITING]
    times += [
        lane.due_ms for lane in state.lanes if lane.phase is Phase.IDLE and lane.due_ms is not None
    ]
    times += [
        closes_ms
        for number, lane in enumerate(state.lanes)
        if lane.phase is Phase.IDLE and (closes_ms := windows.closes_ms(turn, number)) is not None
    ]
    over = state.stopping or state.reading is Reading.OVER
    at_ms = None if over else min(times, default=None)
    if at_ms != state.armed_ms:
        turn.change(armed_ms=at_ms)
        turn.effects.append(m.WakeAt(at_ms))


_READING: Final[dict[tuple[Reading, type], Callable[[Turn, Any], None]]] = {
    (Reading.FRESH, m.Started): reading.on_started,
    (Reading.ASKED, m.PageRead): reading.on_page,
    (Reading.ASKED, m.ReadFailed): reading.on_read_failed,
}
_LANES: Final[dict[tuple[Phase, type], Callable[[Turn, int, Any], None]]] = {
    (Phase.INVOKING, m.Answered): lanes.on_answered,
    (Phase.INVOKING, m.Refused): lanes.on_refused,
    (Phase.INVOKING, m.Unavailable): lanes.on_unavailable,
    (Phase.DISCARDING, m.Discarded): lanes.on_discarded,
    (Phase.DISCARDING, m.DiscardFailed): lanes.on_discard_failed,
}
_ALWAYS: Final[dict[type, Callable[[Turn, Any], None]]] = {m.Ticked: on_ticked, m.Stop: on_stop}
