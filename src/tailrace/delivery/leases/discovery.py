"""Which leases a group needs for the shards a stream lists: pure.

A shard gets a lease when its parent's end is handled, so a lease that exists may always be worked
on once its parents are finished or without a lease. What is written here repairs what is missing:
leases of a new group, of children whose parent's owner did not see them, of shards nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tailrace.delivery.leases.lease import SNAPSHOT_PREFIX, Lease
from tailrace.delivery.ports import Position, ShardInfo
from tailrace.delivery.settings import StartingPosition

__all__ = ["bootstrap", "children_of", "missing", "outdated", "snapshot_leases"]

_FIRST_SNAPSHOT: Final = f"{SNAPSHOT_PREFIX}0-"


def bootstrap(
    shards: Sequence[ShardInfo],
    starting: StartingPosition,
    now_ms: int,
    snapshot_segments: int = 0,
) -> list[Lease]:
    """The leases of a group that has none.

    From the horizon: the oldest shards. From the tip, or behind a snapshot of the table: the shards
    that are open, and closed ones whose children are not listed yet.
    """
    segments = snapshot_leases(snapshot_segments, None)
    if starting is StartingPosition.TRIM_HORIZON and not segments:
        return missing(shards, {})
    parents = {shard.parent_id for shard in shards}
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
        if shard.parent_id not in tips  # the others begin at their start, after their parents
    ]
    # In this order: should the writer die half way, `missing` makes the rest, from the horizon, and
    # nothing is lost.
    return segments + leases


def snapshot_leases(segments: int, after: int | None) -> list[Lease]:
    """Leases for a parallel scan of the table; its records are numbered from behind `after`."""
    name = _FIRST_SNAPSHOT if after is None else f"{SNAPSHOT_PREFIX}{after}-"
    return [
        Lease(
            shard_id=f"{name}{segment}-of-{segments}",
            position=Position(sequence=after),
        )
        for segment in range(segments)
    ]


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
        parent = shard.parent_id
        if shard.shard_id in leases or shard.shard_id in passed:
            continue
        if parent is not None and parent != shard.shard_id:
            lease = leases.get(parent)
            if lease is not None and not lease.finished:
                continue
            if lease is None and parent in listed and parent not in passed:
                continue  # the parent itself is to get one
        found.append(Lease(shard_id=shard.shard_id, parents=_parents(shard) + waits_for))
    return found


def children_of(parent: Lease, shards: Iterable[ShardInfo], owner: str | None) -> list[Lease]:
    """The leases of the shards that follow one, owned by whoever handled it."""
    return [
        Lease(shard_id=shard.shard_id, parents=_parents(shard), owner=owner, counter=1)
        for shard in shards
        if shard.parent_id == parent.shard_id
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
    for lease in leases.values():
        shard = listed.get(lease.shard_id)
        while shard is not None and shard.parent_id and shard.parent_id not in passed:
            if shard.parent_id == shard.shard_id:
                break
            passed.add(shard.parent_id)
            shard = listed.get(shard.parent_id)
    return passed


def _parents(shard: ShardInfo) -> tuple[str, ...]:
    return () if shard.parent_id in (None, shard.shard_id) else (shard.parent_id or "",)
