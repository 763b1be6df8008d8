"""The event that a function gets for a batch, as Lambda has it."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec

from tailrace.delivery.ports import Batch, TimeWindow

__all__ = ["event_of", "window_bounds"]


def event_of(batch: Batch) -> dict[str, Any]:
    """`Records` and, for a call of a tumbling window, what the call must know of the window."""
    event: dict[str, Any] = {"Records": [record.event for record in batch.records]}
    window = batch.window
    if window is not None:
        event |= {
            "shardId": batch.shard_id,
            "eventSourceARN": batch.source_arn,
            "window": window_bounds(window),
            "state": msgspec.json.decode(window.state),
            "isFinalInvokeForWindow": window.final,
            "isWindowTerminatedEarly": window.early,
        }
    return event


def window_bounds(window: TimeWindow) -> dict[str, str]:
    """Start and end of a window, to the second."""
    return {"start": _moment(window.start_ms), "end": _moment(window.end_ms)}


def _moment(ms: int) -> str:
    moment = datetime.datetime.fromtimestamp(ms // 1000, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
