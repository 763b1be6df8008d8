"""A lease: one worker's right to handle one shard for its group, and how far the group has come.

The model is that of the Kinesis Client Library, so that a group may consist of both: a worker
raises the counter of each lease it holds; every write is conditional on the counter it has seen,
which fences whoever was overtaken; a lease whose counter stood still may be taken. While a lease is
handed over, `checkpoint_owner` still works on it and `owner` waits until it has let go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from tailrace.delivery.ports import Position

__all__ = [
    "SNAPSHOT_PREFIX",
    "Lease",
    "LeaseTable",
    "LeaseTimes",
    "Prepared",
    "Spooled",
    "is_rereading",
    "is_snapshot",
    "rank",
    "read_after",
    "rereading_name",
    "rereading_of",
]

# Leases of a table's segments, which are read like shards before the stream itself.
SNAPSHOT_PREFIX: Final = "snapshot-"
_REREADING: Final = "-whole-in-"


class LeaseTimes(msgspec.Struct, frozen=True, kw_only=True):
    """The pace of a group; all of its workers must have the same. The defaults are the Kinesis
    Client Library's: a lease that nobody renewed for `failover_ms` is free, and an owner may take
    `handoff_ms` to finish when another worker asks for a lease. `scan_ms` is how often a worker
    looks at all leases. Tailrace's own: a free lease whose records are in a spool is left for
    `spool_ms` to workers that have the spool."""

    failover_ms: int = 10_000
    handoff_ms: int = 30_000
    scan_ms: int = 3_000
    spool_ms: int = 300_000

    @classmethod
    def of(cls, failover_s: float) -> LeaseTimes:
        """The default pace, made faster or slower as a whole."""
        failover_ms = int(failover_s * 1000)
        return cls(
            failover_ms=failover_ms, handoff_ms=3 * failover_ms, scan_ms=failover_ms * 3 // 10
        )

    @property
    def renew_ms(self) -> int:
        """How long after the last write a lease is renewed."""
        return self.failover_ms // 3


class Prepared(msgspec.Struct, frozen=True):
    """A checkpoint that was announced but not made: up to `sequence`, with the handler's own
    `state`."""

    sequence: int
    state: bytes = b""


class Spooled(msgspec.Struct, frozen=True, kw_only=True):
    """Records of a shard that were taken from the stream and are not all handled: in the spool of
    the id `spool`, from the number `first` to `last`, None before there was one. `oldest_ms` is
    when the first of them was made, `read_ms` when the stream was last read. `lossy`: records
    before them are gone."""

    spool: str
    first: int | None = None
    last: int | None = None
    oldest_ms: int | None = None
    read_ms: int = 0
    lossy: bool = False


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """One shard's lease as it stands in the table.

    `counter` is the fencing token. `switches` counts owners since the last checkpoint. `started_ms`
    is when a lease that begins at the tip was made, by the clock of whoever made it.
    """

    shard_id: str
    counter: int = 0
    owner: str | None = None
    checkpoint_owner: str | None = None
    position: Position = Position()
    switches: int = 0
    parents: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    prepared: Prepared | None = None
    started_ms: int | None = None
    spooled: Spooled | None = None

    @property
    def worker(self) -> str | None:
        """Who works on the shard now."""
        return self.checkpoint_owner or self.owner

    @property
    def finished(self) -> bool:
        """Whether all of the shard was handled."""
        return self.position.finished


class LeaseTable(Protocol):
    """Where the leases of one group on one stream are kept."""

    async def scan(self) -> Sequence[Lease]:
        """All leases, each as it was at some moment since the call began."""
        ...

    async def get(self, shard_id: str) -> Lease | None:
        """A lease as it is now."""
        ...

    async def create(self, lease: Lease) -> bool:
        """Add a lease; False when there is one."""
        ...

    async def replace(self, old: Lease, new: Lease) -> bool:
        """Write what differs; False, and nothing is written, when the lease is gone or its counter
        is not `old`'s any more. Whoever gets an error must look."""
        ...

    async def delete(self, lease: Lease) -> bool:
        """Remove a lease; False when its counter is not this one's any more."""
        ...


def is_snapshot(shard_id: str) -> bool:
    """Whether a lease is of a segment of the table rather than of a shard of its stream."""
    return shard_id.startswith(SNAPSHOT_PREFIX)


def is_rereading(shard_id: str) -> bool:
    """Whether a lease is of reading the table again as a whole: its segments have leases of their
    own."""
    return is_snapshot(shard_id) and _REREADING in shard_id


def rereading_name(after: int, segments: int) -> str:
    """The name of the lease of reading the table again, in so many segments, numbered behind
    `after`."""
    return f"{SNAPSHOT_PREFIX}{after}{_REREADING}{segments}"


def rereading_of(shard_id: str) -> tuple[int, int]:
    """What `rereading_name` was made of."""
    after, _, segments = shard_id.removeprefix(SNAPSHOT_PREFIX).partition(_REREADING)
    return int(after), int(segments)


def read_after(shard_id: str) -> int:
    """The number behind which a snapshot's records are numbered."""
    return int(shard_id.removeprefix(SNAPSHOT_PREFIX).partition("-")[0])


def rank(position: Position) -> tuple[bool, int]:
    """What grows as a shard is handled: positions compare by it."""
    return position.finished, -1 if position.sequence is None else position.sequence
