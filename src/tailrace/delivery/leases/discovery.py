"""Which leases a group needs for the shards a stream lists: pure.

A shard gets a lease when its parent's end is handled, so a lease that exists may always be worked
on once its parents are finished or without a lease. What is written here repairs what is missing:
leases of a new group, of children whose parent's owner did not see them, of shards nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tailrace import limits
from tailrace.delivery.leases.lease import SNAPSHOT_PREFIX, Lease
from tailrace.delivery.ports import Position, ShardInfo
from tailrace.delivery.settings import StartingPosition
from tailrace.streams import sequence

__all__ = ["bootstrap", "children_of", "missing", "outdated", "snapshot_leases"]

# No other number begins with a zero.
_FIRST_SNAPSHOT: Final = f"{SNAPSHOT_PREFIX}0"


def bootstrap(
    shards: Sequence[ShardInfo],
    starting: StartingPosition,
    now_ms: int,
    snapshot_segments: int = 0,
) -> list[Lease]:
    """The leases of a group that has none.

    From the horizon: the oldest shards. From the tip, or behind a snapshot of the table: the shards
    that are open, and closed ones whose children are not listed yet; those behind one of them begin
    at their start, when that one ends.
    """
    segments = snapshot_leases(snapshot_segments, _reached(shards, now_ms), first=True)
    if starting is StartingPosition.TRIM_HORIZON and not segments:
        return missing(shards, {})
    parents = {parent for shard in shards for parent in shard.parents}
    tips = {
        shard.shard_id: shard
        for shard in shards
        if not shard.closed or shard.shard_id not in parents
    }
    waits_for = tuple(lease.shard_id for lease in segments)
    leases = [
        Lease(
            shard_id=shard.shard_id,
            position=Position(latest=True),
            parents=_parents(shard) + waits_for,
            started_ms=now_ms,
        )
        for shard in tips.values()
        if not any(parent in tips for parent in _parents(shard))
    ]
    # In this order: should the writer die half way, `missing` makes the rest, from the horizon, and
    # nothing is lost.
    return segments + leases


def snapshot_leases(segments: int, after: int | None, *, first: bool = False) -> list[Lease]:
    """Leases for a parallel scan of the table; its records are numbered from behind `after`. The
    `first` is what the stream waits for."""
    number = "" if after is None else str(after)
    name = f"{_FIRST_SNAPSHOT if first else SNAPSHOT_PREFIX}{number}-"
    return [
        Lease(
            shard_id=f"{name}{segment}-of-{segments}",
            position=Position(sequence=after),
        )
        for segment in range(segments)
    ]


def _reached(shards: Sequence[ShardInfo], now_ms: int) -> int | None:
    """The number behind which a first snapshot's items are numbered: what the stream's numbers had
    come to when the stream is read from, where they tell the time.

    So a receiver that has versions lets the items overwrite what an earlier group wrote, and never
    a change that comes from the stream.
    """
    begins = max((shard.begins for shard in shards if shard.begins is not None), default=None)
    if begins is None or not sequence.tells_time(begins):
        return None
    return max(begins, sequence.number_at(now_ms - limits.CLOCK_TOLERANCE_MS))


def missing(shards: Sequence[ShardInfo], leases: Mapping[str, Lease]) -> list[Lease]:
    """Leases that should be there: of shards without one whose parent is handled to its end, or has
    no lease and is not to get one, and none of whose descendants has one."""
    listed = {shard.shard_id: shard for shard in shards}
    passed = _ancestors_of_leases(listed, leases)
    waits_for = tuple(
        lease.shard_id
        for lease in leases.values()
        if lease.shard_id.startswith(_FIRST_SNAPSHOT) and not lease.finished
    )
    found: list[Lease] = []
    for shard in sorted(shards, key=lambda shard: shard.shard_id):
        if shard.shard_id in leases or shard.shard_id in passed:
            continue
        if not any(_comes_first(parent, listed, leases, passed) for parent in _parents(shard)):
            found.append(Lease(shard_id=shard.shard_id, parents=_parents(shard) + waits_for))
    return found


def _comes_first(
    parent: str, listed: Mapping[str, ShardInfo], leases: Mapping[str, Lease], passed: set[str]
) -> bool:
    """Whether a parent is under way, or is to get a lease itself."""
    lease = leases.get(parent)
    if lease is not None:
        return not lease.finished
    return parent in listed and parent not in passed


def children_of(parent: Lease, shards: Iterable[ShardInfo], owner: str | None) -> list[Lease]:
    """The leases of the shards that follow one, owned by whoever handled it."""
    return [
        Lease(shard_id=shard.shard_id, parents=_parents(shard), owner=owner, counter=1)
        for shard in shards
        if parent.shard_id in shard.parents
    ]


def outdated(shards: Sequence[ShardInfo], leases: Mapping[str, Lease]) -> list[Lease]:
    """Leases that serve nothing any more: of shards that were handled and are not listed, whose
    children are under way."""
    listed = {shard.shard_id for shard in shards}
    waiting = {
        parent
        for lease in leases.values()
        if lease.position == Position() or lease.position.latest
        for parent in lease.parents
    }
    return [
        lease
        for lease in leases.values()
        if lease.finished and lease.shard_id not in listed and lease.shard_id not in waiting
    ]


def _ancestors_of_leases(listed: Mapping[str, ShardInfo], leases: Mapping[str, Lease]) -> set[str]:
    """Shards before those that have leases: they were handled, or are not wanted."""
    passed: set[str] = set()
    before = [parent for name in leases if name in listed for parent in _parents(listed[name])]
    while before:
        shard_id = before.pop()
        if shard_id not in passed:
            passed.add(shard_id)
            if shard_id in listed:
                before += _parents(listed[shard_id])
    return passed


def _parents(shard: ShardInfo) -> tuple[str, ...]:
    return tuple(parent for parent in shard.parents if parent != shard.shard_id)
