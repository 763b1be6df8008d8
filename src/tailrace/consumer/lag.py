"""How far a group is behind, shard by shard, told from the leases and the stream alone: no worker
is asked, and a shard that nobody reads is measured like any other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from tailrace.clock import Clock
from tailrace.delivery.leases.lease import Lease, LeaseTable, is_snapshot
from tailrace.delivery.ports import Position, ShardInfo, ShardPage, Source
from tailrace.errors import ResourceNotFoundException, TrimmedDataAccessException

__all__ = ["ShardLag", "measure"]

READS_AT_ONCE: Final = 8
# Pages without records before a shard is taken to be at its tip: on AWS some are empty though more
# follows, but a shard may be read only five times a second, by all readers together.
EMPTY_PAGES: Final = 3


class ShardLag(msgspec.Struct, frozen=True, kw_only=True):
    """One shard of a group. `state` is `reading`, `waiting` (for its parents), `moving` (being
    handed over), `idle` (nobody has it), `snapshot`, `spooled` (its next records are in a worker's
    spool) or `lost` (they were trimmed).
    `checkpoint` is a sequence number, TRIM_HORIZON or LATEST. `lag_ms` is the age of the first
    record behind it, 0 when there is none, None when that cannot be told."""

    shard_id: str
    owner: str | None
    state: str
    checkpoint: str
    lag_ms: int | None
    open: bool


async def measure(table: LeaseTable, source: Source, clock: Clock) -> Sequence[ShardLag]:
    """The shards that the group has not handled to their end, by their ids."""
    leases = {lease.shard_id: lease for lease in await table.scan()}
    shards = {shard.shard_id: shard for shard in await source.shards()}
    slots = asyncio.Semaphore(READS_AT_ONCE)

    async def measured(lease: Lease) -> ShardLag:
        async with slots:
            return await _measure(lease, leases, shards.get(lease.shard_id), source, clock)

    pending = (lease for lease in leases.values() if not lease.finished)
    found = await asyncio.gather(*map(measured, pending))
    return sorted(found, key=lambda lag: lag.shard_id)


async def _measure(
    lease: Lease,
    leases: Mapping[str, Lease],
    shard: ShardInfo | None,
    source: Source,
    clock: Clock,
) -> ShardLag:
    state, lag_ms = _state(lease, leases), None
    if lease.spooled is not None:
        oldest_ms = lease.spooled.oldest_ms
        lag_ms = 0 if oldest_ms is None else max(clock.now_us() // 1000 - oldest_ms, 0)
    elif not is_snapshot(lease.shard_id):
        try:
            lag_ms = await _lag_ms(lease, source, clock)
        except (TrimmedDataAccessException, ResourceNotFoundException):
            state = "lost"
    return ShardLag(
        shard_id=lease.shard_id,
        owner=lease.worker,
        state=state,
        checkpoint=_checkpoint(lease.position),
        lag_ms=lag_ms,
        open=shard is not None and not shard.closed,
    )


def _state(lease: Lease, leases: Mapping[str, Lease]) -> str:
    if is_snapshot(lease.shard_id):
        return "snapshot"
    if lease.spooled is not None:
        return "spooled"
    if any(parent in leases and not leases[parent].finished for parent in lease.parents):
        return "waiting"
    if lease.checkpoint_owner is not None:
        return "moving"
    return "idle" if lease.owner is None else "reading"


async def _lag_ms(lease: Lease, source: Source, clock: Clock) -> int:
    position = lease.position
    if position.latest:
        position = msgspec.structs.replace(position, tip_ms=lease.started_ms)
    page = ShardPage((), ended=False, behind_ms=1)
    for _ in range(EMPTY_PAGES):
        page = await source.read(lease.shard_id, position, 1)
        if page.records or page.ended:
            break
    if not page.records:
        return 0
    return max(clock.now_us() // 1000 - page.records[0].created_ms, 0)


def _checkpoint(position: Position) -> str:
    if position.sequence is not None:
        return str(position.sequence)
    return "LATEST" if position.latest else "TRIM_HORIZON"
