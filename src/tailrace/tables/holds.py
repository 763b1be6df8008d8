"""Holds: a stream's records are kept and served for somebody who is not done with them, however old
they grow.

Whoever reads a stream for longer than it keeps its records (a snapshot of its table, a delivery
whose receiver is away) takes a hold from the oldest record that is still to be read, and moves it
on with the reading. It outlives restarts. It ends when it is released, when its owner has not
renewed it for its lease, or with its stream; and what grows older than its bound goes, record by
record. A hold doesn't bring back what was trimmed before: `ChangeLog.trimmed` and reading tell.

Trimming looks at holds each time, so nothing is rewritten and no write waits when one is taken,
moved or released.
"""

from __future__ import annotations

import msgspec

from tailrace import limits
from tailrace.errors import LimitExceededException, ResourceNotFoundException
from tailrace.streams.retention import Hold, is_ended
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick

__all__ = ["find", "hold", "release"]


def hold(
    stream_id: int,
    owner: str,
    clock: int,
    now_us: int,
    *,
    lease_ms: int | None = limits.HOLD_LEASE_MS,
    longest_ms: int | None = limits.HOLD_MS,
) -> Alter:
    """Keep a stream's records from `clock` on for `owner`, any name that is its own.

    Done again it renews the lease and the bound, and moves the hold on to `clock`, never back: what
    is behind it may have gone. `lease_ms` is how long the hold lasts unless it is renewed, None for
    as long as it is not released; `longest_ms` the greatest age of what is held, None for any.

    Refuses with ResourceNotFoundException when there is no such stream, LimitExceededException when
    it is held by `limits.STREAM_HOLDS` others.
    """
    until_us = None if lease_ms is None else now_us + lease_ms * 1000

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        if stream_id not in catalog.streams:
            raise ResourceNotFoundException("Requested resource not found")
        known = find(catalog, stream_id, owner)
        if known is None:
            return _taken(catalog, Hold(0, stream_id, owner, clock, until_us, longest_ms), now_us)
        reached = clock if is_ended(known, now_us) else max(clock, known.clock)
        moved = Hold(known.id, stream_id, owner, reached, until_us, longest_ms)
        return Alteration() if moved == known else Alteration(holds=(moved,))

    return decide


def release(stream_id: int, owner: str) -> Alter:
    """End a hold; nothing happens when there is none."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        known = find(catalog, stream_id, owner)
        return Alteration() if known is None else Alteration(dropped_holds=(known.id,))

    return decide


def find(catalog: Catalog, stream_id: int, owner: str) -> Hold | None:
    """An owner's hold of a stream."""
    for known in catalog.holds_of.get(stream_id, ()):
        if known.owner == owner:
            return known
    return None


def _taken(catalog: Catalog, wanted: Hold, now_us: int) -> Alteration:
    others = catalog.holds_of.get(wanted.stream_id, ())
    if sum(not is_ended(other, now_us) for other in others) >= limits.STREAM_HOLDS:
        raise LimitExceededException(
            f"A stream cannot be held by more than {limits.STREAM_HOLDS} at a time"
        )
    taken = msgspec.structs.replace(wanted, id=catalog.next_id)
    return Alteration(holds=(taken,), next_id=taken.id + 1)
