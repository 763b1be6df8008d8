"""What is known of one shard's delivery: the values the machine steps through."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import msgspec

from tailrace.delivery.messages import Condition
from tailrace.delivery.ports import Batch, Position, Record
from tailrace.delivery.settings import DeliverySettings

__all__ = ["Lane", "OpenWindow", "Phase", "Reading", "Shard", "ShardState", "Tally", "begin"]


class Reading(enum.Enum):
    """What the reading side does."""

    FRESH = "fresh"
    ASKED = "asked"
    RESTING = "resting"
    FAILED = "failed"
    ENDED = "ended"
    OVER = "over"


class Phase(enum.Enum):
    """What a lane does with its batch."""

    IDLE = "idle"
    INVOKING = "invoking"
    WAITING = "waiting"
    DISCARDING = "discarding"


class Shard(msgspec.Struct, frozen=True):
    """What does not change while a shard is delivered. `seed` makes request ids differ from run to
    run; `accept` is the filter, None for none."""

    source_arn: str
    shard_id: str
    settings: DeliverySettings
    seed: int
    accept: Callable[[dict[str, Any]], bool] | None = None


class OpenWindow(msgspec.Struct, frozen=True):
    """A tumbling window some of whose records went out. `held` is where the checkpoint stood before
    the first of them, `state` the last answer's, `early` says that it is too large."""

    start_ms: int
    end_ms: int
    held: int | None
    state: bytes = b"{}"
    early: bool = False


class Lane(msgspec.Struct, frozen=True):
    """Records in order: first those of `batch`, then `parts` (what is left of earlier batches),
    then `buffer`. `failed` counts the batch's failed invocations, `delays` its waits, `reason` is
    why it failed last."""

    window_ms: int
    phase: Phase = Phase.IDLE
    batch: Batch | None = None
    parts: tuple[tuple[Record, ...], ...] = ()
    buffer: tuple[Record, ...] = ()
    buffer_bytes: int = 0
    due_ms: int | None = None
    failed: int = 0
    delays: int = 0
    reported: bool = False
    reason: str = ""
    retry_ms: int = 0
    given_up: Condition | None = None
    tumbling: OpenWindow | None = None


class Tally(msgspec.Struct, frozen=True):
    """Counts since the shard began; `batched` counts the records of `batches`, `result` is worded
    as Lambda's LastProcessingResult."""

    read: int = 0
    filtered: int = 0
    handled: int = 0
    batches: int = 0
    batched: int = 0
    errors: int = 0
    retries: int = 0
    discarded: int = 0
    gaps: int = 0
    result: str = "No records processed"
    error: str = ""


class ShardState(msgspec.Struct, frozen=True):
    """A shard's delivery. `order` and `before` hold, for each record in hand, its sequence and that
    of the record read just before it: where the checkpoint stands while that record is the oldest.
    `behind_ms` is the last page's, -1 before there was one."""

    shard: Shard
    position: Position
    lanes: tuple[Lane, ...]
    saved: int | None
    high: int | None
    reading: Reading = Reading.FRESH
    behind_ms: int = -1
    read_delays: int = 0
    read_again_ms: int = 0
    order: tuple[int, ...] = ()
    before: tuple[int | None, ...] = ()
    batches: int = 0
    stopping: bool = False
    stopped: bool = False
    armed_ms: int | None = None
    tally: Tally = Tally()

    @property
    def in_hand(self) -> int:
        """How many records were read and are not handled."""
        return len(self.order)

    @property
    def oldest(self) -> Record | None:
        """The oldest record that is not handled."""
        firsts = [record for lane in self.lanes if (record := _first(lane)) is not None]
        return min(firsts, key=lambda record: record.sequence, default=None)


def begin(shard: Shard, position: Position) -> ShardState:
    """The state of a shard whose delivery starts at `position`."""
    lanes = (Lane(window_ms=0),) * shard.settings.parallelization_factor
    return ShardState(
        shard=shard,
        position=position,
        lanes=lanes,
        saved=position.sequence,
        high=position.sequence,
    )


def _first(lane: Lane) -> Record | None:
    """The oldest record a lane holds. What is left of an aged batch may precede its batch."""
    firsts = [lane.batch.records[0]] if lane.batch and lane.batch.records else []
    firsts += [part[0] for part in lane.parts[:1]]
    firsts += lane.buffer[:1]
    return min(firsts, key=lambda record: record.sequence, default=None)
