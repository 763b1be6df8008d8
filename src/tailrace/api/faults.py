"""What a test asked to go wrong or to take long: calls to refuse, iterators to expire, shards to
show late, transitions.

The state of the test controls, and the only mutable thing that operations see. A server that was
not started with test controls has one in which nothing is ever set.
"""

from __future__ import annotations

import threading
from typing import Final

from tailrace.errors import (
    AwsError,
    InternalServerError,
    LimitExceededException,
    ProvisionedThroughputExceededException,
    ThrottlingException,
    TransactionConflictException,
)

__all__ = ["FAULT_CODES", "Faults"]

_RATE = "Rate exceeded"
_THROUGHPUT = (
    "The level of configured provisioned throughput for the table was exceeded. Consider increasing"
    " your provisioning level with the UpdateTable API."
)

# What a refused call may be refused with, by AWS's code.
FAULT_CODES: Final[dict[str, tuple[type[AwsError], str]]] = {
    "InternalServerError": (InternalServerError, "Internal server error"),
    "LimitExceededException": (LimitExceededException, _RATE),
    "ProvisionedThroughputExceededException": (
        ProvisionedThroughputExceededException,
        _THROUGHPUT,
    ),
    "ThrottlingException": (ThrottlingException, _RATE),
    "TransactionConflictException": (
        TransactionConflictException,
        "Transaction is ongoing for the item",
    ),
}


class Faults:
    """Faults that are set. May be used from any thread.

    `active` says whether any call is to be refused: the dispatcher looks at it before each call
    and asks `refusal` only then. `generation` is what iterators must have to be good. `trimmed`
    holds, by stream id, the clock below which a test trimmed the stream. `child_delay_us` and
    `end_delay_us` are how long a shard with a parent, and the end of a closed one, stay out of
    DescribeStream. `transition_us` is how long tables and their like are being created, changed and
    deleted: what the server was set up with, until a test says otherwise.
    """

    def __init__(self, transition_us: int = 0) -> None:
        self._configured_transition_us = transition_us
        self.transition_us = transition_us
        self.active = False
        self.generation = 0
        self.child_delay_us = 0
        self.end_delay_us = 0
        self.trimmed: dict[int, int] = {}
        self._lock = threading.Lock()
        # By operation name, or None for all: the code and how many calls are still to get it.
        self._refusals: dict[str | None, tuple[str, int]] = {}

    def refuse(self, code: str, calls: int, operation: str | None = None) -> None:
        """Answer the next `calls` calls, of one operation or of all, with the error of a code from
        `FAULT_CODES`. Replaces what was set for the same operation; 0 calls takes it back."""
        with self._lock:
            self._refusals[operation] = (code, calls)
            self._forget_used()

    def refusal(self, operation: str) -> AwsError | None:
        """The error for this call of an operation, which counts as one of those asked for."""
        with self._lock:
            place = operation if operation in self._refusals else None
            if place not in self._refusals:
                return None
            code, calls = self._refusals[place]
            self._refusals[place] = (code, calls - 1)
            self._forget_used()
            error, message = FAULT_CODES[code]
            return error(message)

    def expire_iterators(self) -> None:
        """Make every iterator issued so far count as expired."""
        with self._lock:
            self.generation += 1

    def trim(self, stream_id: int, before: int) -> None:
        """Count the records of a stream with clocks below `before` as trimmed."""
        with self._lock:
            self.trimmed[stream_id] = max(before, self.trimmed.get(stream_id, 0))

    def clear(self) -> None:
        """Refuse no more calls, show all shards at once, and let what begins from now on take as
        long as the server was set up with. Trimmed and expired stays so."""
        with self._lock:
            self._refusals.clear()
            self.active = False
            self.child_delay_us = self.end_delay_us = 0
            self.transition_us = self._configured_transition_us

    def _forget_used(self) -> None:
        left = {place: rule for place, rule in self._refusals.items() if rule[1] > 0}
        self._refusals = left
        self.active = bool(left)
