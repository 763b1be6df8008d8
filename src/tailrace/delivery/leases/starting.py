"""Where a shard begins: pure."""

from __future__ import annotations

from typing import Final

import msgspec

from tailrace import limits
from tailrace.delivery.leases.held import Held
from tailrace.delivery.leases.lease import Lease, is_snapshot
from tailrace.delivery.ports import Position

__all__ = ["starting_position"]

# A lease that begins at the tip is read from the tip of now, if it was made so recently.
FRESH_MS: Final = 10_000
# A number that no record has: whichever comes first, others before it may be gone.
_UNKNOWN: Final = 0


def starting_position(held: Held, now_ms: int) -> Position:
    """Where the shard of a held lease begins. The tip is that of when the group began: it may be
    the second owner that reads it first, or the table may have been read meanwhile."""
    lease = held.lease
    position = msgspec.structs.replace(lease.position, first=_first(lease, now_ms))
    if not position.latest or lease.started_ms is None:
        return position
    waited = any(map(is_snapshot, lease.parents))
    if held.fresh and not waited and now_ms - lease.started_ms < FRESH_MS:
        return position
    return msgspec.structs.replace(position, tip_ms=lease.started_ms)


def _first(lease: Lease, now_ms: int) -> int | None:
    """The first record of a shard of which nothing was handled: the first that was spooled. Of a
    shard that waited for a table for longer than streams keep records nothing is known."""
    if lease.position.sequence is not None:
        return None
    spooled, seen_ms = lease.spooled, lease.started_ms
    if spooled is not None:
        if spooled.first is not None or spooled.lossy:
            return _UNKNOWN if spooled.lossy else spooled.first
        seen_ms = spooled.read_ms
    waited = spooled is not None or any(map(is_snapshot, lease.parents))
    if waited and seen_ms is not None and now_ms - seen_ms > limits.STREAM_RETENTION_MS:
        return _UNKNOWN
    return None
