"""What the delivery machine is told (events) and what it asks for (effects).

Times are milliseconds since the epoch. A lane is the number of one of a shard's lanes, from 0.
"""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

import msgspec

from tailrace.delivery.ports import Batch, Failure, Position, ShardPage

__all__ = [
    "LANE_EVENTS",
    "Answered",
    "Condition",
    "Discard",
    "DiscardFailed",
    "Discarded",
    "Effect",
    "Event",
    "Finish",
    "Halt",
    "Invoke",
    "Lost",
    "PageRead",
    "Read",
    "ReadFailed",
    "ReadProblem",
    "Refused",
    "Save",
    "Started",
    "Stop",
    "Stopped",
    "Ticked",
    "Unavailable",
    "WakeAt",
]


class ReadProblem(enum.Enum):
    """Why a read failed: it may pass, the position was trimmed away, records before what can be
    read are known to be lost, or the shard is gone."""

    PASSING = "passing"
    TRIMMED = "trimmed"
    LOST = "lost"
    GONE = "gone"


class Condition(enum.Enum):
    """Why a batch is given up; the values are those of Lambda's on-failure records."""

    RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
    AGE_EXCEEDED = "RecordAgeExceeded"


# Events --------------------------------------------------------------------------------------


class Started(msgspec.Struct, frozen=True):
    """The shard may run."""

    now_ms: int


class PageRead(msgspec.Struct, frozen=True):
    """The read that was asked for gave this."""

    page: ShardPage
    now_ms: int


class ReadFailed(msgspec.Struct, frozen=True):
    """The read that was asked for failed."""

    problem: ReadProblem
    reason: str
    now_ms: int


class Answered(msgspec.Struct, frozen=True):
    """A lane's batch was taken, but for these records. `state` is the JSON of a window's state."""

    lane: int
    failures: tuple[Failure, ...]
    now_ms: int
    state: bytes | None = None


class Refused(msgspec.Struct, frozen=True):
    """A lane's batch failed as a whole: an error, a time-out, an answer that makes no sense."""

    lane: int
    reason: str
    now_ms: int


class Unavailable(msgspec.Struct, frozen=True):
    """A lane's batch could not be handed over: throttled or unreachable. Spends no retry."""

    lane: int
    reason: str
    now_ms: int


class Discarded(msgspec.Struct, frozen=True):
    """The on-failure record of a lane's batch was kept."""

    lane: int
    now_ms: int


class DiscardFailed(msgspec.Struct, frozen=True):
    """The on-failure record could not be kept: it is to be sent again."""

    lane: int
    reason: str
    now_ms: int


class Ticked(msgspec.Struct, frozen=True):
    """The time a `WakeAt` asked for has come."""

    now_ms: int


class Stop(msgspec.Struct, frozen=True):
    """Begin nothing new; `Stopped` follows when nothing is in hand any more."""

    now_ms: int


LANE_EVENTS: Final = (Answered, Refused, Unavailable, Discarded, DiscardFailed)
Event: TypeAlias = (
    Started
    | PageRead
    | ReadFailed
    | Answered
    | Refused
    | Unavailable
    | Discarded
    | DiscardFailed
    | Ticked
    | Stop
)

# Effects -------------------------------------------------------------------------------------


class Read(msgspec.Struct, frozen=True):
    """Read the records after a position; with `wait`, when the source says there may be some."""

    position: Position
    max_records: int
    wait: bool


class Invoke(msgspec.Struct, frozen=True):
    """Hand a lane's batch to the receiver."""

    lane: int
    batch: Batch


class Discard(msgspec.Struct, frozen=True):
    """Give a lane's batch up: keep the on-failure record. `invocations` counts those the batch
    had; `reported` says that the last of them named the failed records instead of failing;
    `reason` is what went wrong last."""

    lane: int
    batch: Batch
    condition: Condition
    invocations: int
    reported: bool
    reason: str = ""


class WakeAt(msgspec.Struct, frozen=True):
    """Send `Ticked` at this time; it replaces the time asked for before. None: not at all."""

    at_ms: int | None


class Save(msgspec.Struct, frozen=True):
    """Everything up to this position was handled."""

    position: Position


class Lost(msgspec.Struct, frozen=True):
    """Records were trimmed before they were read; delivery goes on behind the gap."""

    reason: str


class Finish(msgspec.Struct, frozen=True):
    """All of a closed shard was handled; the last `Save` said so."""


class Halt(msgspec.Struct, frozen=True):
    """The shard cannot go on, by the policy for trimmed data."""

    reason: str


class Stopped(msgspec.Struct, frozen=True):
    """Nothing is in hand any more."""


Effect: TypeAlias = Read | Invoke | Discard | WakeAt | Save | Lost | Finish | Halt | Stopped
