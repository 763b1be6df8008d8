"""What is counted of a function's calls, for metrics."""

from __future__ import annotations

import msgspec

__all__ = ["FunctionCounts"]


class FunctionCounts(msgspec.Struct):
    """Counts since the server began, and what is under way now.

    `invocations` were made, `throttles` could not be; `errors` failed, `timeouts` of them by taking
    too long; `duration_s` is the time of all. `events_received` are asynchronous invocations, of
    which `events_dropped` were given up, `events_undelivered` could not be told to their
    destination, and `events_waiting` are not done.
    """

    invocations: int = 0
    errors: int = 0
    timeouts: int = 0
    throttles: int = 0
    duration_s: float = 0.0
    running: int = 0
    events_received: int = 0
    events_dropped: int = 0
    events_undelivered: int = 0
    events_waiting: int = 0
