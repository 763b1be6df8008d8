"""How far a consumer is: one snapshot of its counts, for displays and metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from tailrace.delivery.state import ShardState, Tally

__all__ = ["Progress", "add_tallies", "behind_ms"]

_TEXTS = ("result", "error")


class Progress(msgspec.Struct, frozen=True):
    """Counts since the consumer started, and where it stands now.

    `records` were handled; `read` counts those taken from the stream, `filtered` those that the
    filter passed over, `discarded` those given up, `gaps` the times records were trimmed before
    they were read. `behind_ms` is the age of the oldest record that is not handled, over all
    shards, 0 when there is none. `batched` counts the records of all `batches`, those that came
    again too; `checkpoint_age_ms` is how long the oldest checkpoint that is to be kept has waited.
    `held_ms` is the age of the oldest record that the stream keeps beyond its retention for this
    consumer alone; `leases` are those that it holds, as a worker of a group, and `shards_spooled`
    those of them whose next records are in a spool. `result` is worded as Lambda's
    LastProcessingResult, `error` is the last error.
    """

    records: int
    read: int
    filtered: int
    batches: int
    errors: int
    retries: int
    discarded: int
    gaps: int
    in_hand: int
    behind_ms: int
    shards_running: int
    shards_waiting: int
    shards_finished: int
    result: str
    error: str
    batched: int = 0
    checkpoint_age_ms: int = 0
    held_ms: int = 0
    leases: int = 0
    shards_spooled: int = 0


def add_tallies(tallies: Iterable[Tally]) -> Tally:
    """The sums of tallies; texts are the last one's that has them."""
    total: dict[str, Any] = {}
    nothing = Tally()
    for tally in tallies:
        for name in Tally.__struct_fields__:
            value = getattr(tally, name)
            if name not in _TEXTS:
                total[name] = total.get(name, 0) + value
            elif value != getattr(nothing, name):
                total[name] = value
    return Tally(**total)


def behind_ms(state: ShardState, now_ms: int) -> int:
    """How old a shard's oldest record is that was not handled; 0 when all that is known was."""
    oldest = state.oldest
    if oldest is not None:
        return max(now_ms - oldest.created_ms, 0)
    return max(state.behind_ms, 0)
