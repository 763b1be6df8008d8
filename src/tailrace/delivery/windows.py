"""Tumbling windows: records go out in batches of one window each, with a state that the function
hands from call to call; a last call without records closes the window (services-ddb-windows.html).

A window that is open holds the checkpoint where it stood before the window's first record, so that
whoever goes on after a crash begins the window anew, with its first record and an empty state.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from typing import Any, Final

import msgspec

from tailrace.delivery.ports import Batch, Record, TimeWindow, WindowedSink
from tailrace.delivery.settings import DeliverySettings, InvalidParameterValueException
from tailrace.delivery.state import Lane, OpenWindow, Reading
from tailrace.delivery.turn import Turn
from tailrace.errors import ConfigurationError

__all__ = [
    "LATE_MS",
    "STATE_BYTES",
    "check_windows",
    "closes_ms",
    "closing",
    "entered",
    "keep",
    "of_one_window",
    "over_ms",
]

# A function's state may have 1 MB (services-ddb-windows.html).
STATE_BYTES: Final = 1024 * 1024
# A record of a window's last moment is read some time after that moment.
LATE_MS: Final = 1000


def check_windows(
    settings: DeliverySettings, accept: Callable[[dict[str, Any]], bool] | None, sink: object
) -> None:
    """Raise InvalidParameterValueException for windows together with a filter, ConfigurationError
    for windows of a receiver that keeps no state."""
    if not settings.tumbling_window_in_seconds:
        return
    if accept is not None:
        raise InvalidParameterValueException(
            "FilterCriteria cannot be used with TumblingWindowInSeconds."
        )
    if not isinstance(sink, WindowedSink):
        raise ConfigurationError("tumbling windows take a function: a sink answers with no state")


def of_one_window(turn: Turn, records: tuple[Record, ...]) -> tuple[Record, ...]:
    """The beginning of `records` that lies in the window of the first of them."""
    length_ms = turn.settings.tumbling_window_in_seconds * 1000
    if not length_ms:
        return records
    start = records[0].created_ms // length_ms
    for place, record in enumerate(records):
        if record.created_ms // length_ms != start:
            return records[:place]
    return records


def over_ms(turn: Turn, record: Record) -> int | None:
    """When the window of a record is over; None without windows."""
    length_ms = turn.settings.tumbling_window_in_seconds * 1000
    return (record.created_ms // length_ms + 1) * length_ms + LATE_MS if length_ms else None


def closes_ms(turn: Turn, number: int) -> int | None:
    """When a lane's window is closed if nothing else comes. Only a reader that has seen all there
    is can tell that nothing does: None while there may be more, and when no window is open."""
    state, lane = turn.state, turn.state.lanes[number]
    if lane.tumbling is None or _next(lane) is not None:
        return None
    if state.reading is not Reading.ASKED or state.behind_ms:
        return None
    return lane.tumbling.end_ms + LATE_MS


def closing(turn: Turn, number: int) -> TimeWindow | None:
    """The last call of a lane's window, if it is time for it: the state has grown too large, the
    next record belongs to another window, or no more records of this one will come."""
    lane = turn.state.lanes[number]
    window = lane.tumbling
    if window is None:
        return None
    following = _next(lane)
    if following is not None:
        over = not window.start_ms <= following.created_ms < window.end_ms
    else:
        at_ms = closes_ms(turn, number)
        over = turn.state.reading is Reading.ENDED or (at_ms is not None and turn.now_ms >= at_ms)
    if not over and not window.early:
        return None
    return TimeWindow(window.start_ms, window.end_ms, window.state, True, window.early)


def entered(turn: Turn, number: int, batch: Batch) -> Batch:
    """A batch with the window that its records are in, which is opened for them if it is not."""
    length_ms = turn.settings.tumbling_window_in_seconds * 1000
    if not length_ms or batch.window is not None:
        return batch
    window = turn.state.lanes[number].tumbling
    if window is None:
        state, first = turn.state, batch.records[0]
        start_ms = first.created_ms // length_ms * length_ms
        held = state.before[bisect.bisect_left(state.order, first.sequence)]
        window = OpenWindow(start_ms, start_ms + length_ms, held)
        turn.change_lane(number, tumbling=window)
    call = TimeWindow(window.start_ms, window.end_ms, window.state)
    return msgspec.structs.replace(batch, window=call)


def keep(turn: Turn, number: int, state: bytes) -> None:
    """Keep what the function answered for the window's next call."""
    window = turn.state.lanes[number].tumbling
    if window is not None:
        early = len(state) > STATE_BYTES
        window = msgspec.structs.replace(window, state=state, early=early)
        turn.change_lane(number, tumbling=window)


def _next(lane: Lane) -> Record | None:
    if lane.parts:
        return lane.parts[0][0]
    return lane.buffer[0] if lane.buffer else None
