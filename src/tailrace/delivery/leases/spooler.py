"""Takes the records of shards that wait for their table to be read, before the stream drops them.

A shard's lease says what was handled, and besides what was spooled, and where: whoever takes the
lease over without that spool finds in the stream what is still there, and knows whether that is
all. Leases of the shards that follow are made when a spooled shard ends, so that they are spooled
as well, by whoever gets them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from tailrace.delivery.leases.held import Held
from tailrace.delivery.leases.keeper import LeaseKeeper
from tailrace.delivery.leases.lease import Spooled
from tailrace.delivery.leases.member import Member
from tailrace.delivery.leases.spool import SpooledSource, SpoolState
from tailrace.delivery.leases.starting import starting_position
from tailrace.delivery.leases.waiting import waiting_for_snapshot
from tailrace.delivery.turn import backoff_ms

__all__ = ["Spooler", "Spooling"]

# Half of it is more than enough to find a record that is kept for a day.
SPOOL_AFTER_MS: Final = 6 * 3600 * 1000
TRIM_EVERY_MS: Final = 10_000
CHILDREN_AGAIN_S: Final = 30.0


class Spooling(msgspec.Struct, frozen=True):
    """A source that can spool, and how old a group's snapshot is when it begins to."""

    source: SpooledSource
    after_ms: int = SPOOL_AFTER_MS


class Spooler:
    """Spools the shards of one worker. `now_ms` is the wall clock's time."""

    def __init__(
        self, spooling: Spooling, member: Member, keeper: LeaseKeeper, now_ms: Callable[[], int]
    ) -> None:
        self._source = spooling.source
        self._after_ms = spooling.after_ms
        self._member = member
        self._keeper = keeper
        self._now_ms = now_ms
        self._following: set[str] = set()
        self._trim_at_ms = 0
        self._opening = False

    async def open(self, *, create: bool = False) -> None:
        """Open the spool if there is one: its shards are this worker's before they are others'."""
        spool = self._source.spool
        if spool is not None:
            await spool.open(create=create)
            self._member.spool = spool.id

    def look(self) -> None:
        """Begin to spool what is due, drop what is handled."""
        if self._source.spool is None or self._opening:
            return
        due = self._due()
        if due and self._source.spool.id is None:
            self._opening = True
            self._keeper.spawn(self._make())
            return
        for held in due:
            self._follow(held)
        if self._source.spool.id is not None and self._keeper.time_ms() >= self._trim_at_ms:
            self._trim_at_ms = self._keeper.time_ms() + TRIM_EVERY_MS
            self._keeper.spawn(self._tidy())

    def _due(self) -> list[Held]:
        """Held leases whose shards wait and are to be spooled now."""
        idle = [held for held in self._member.held.values() if not held.running]
        waiting = waiting_for_snapshot(idle, self._member.leases) if idle else []
        if not waiting:
            return []
        is_late = self._is_late()
        return [held for held, spooled in waiting if spooled or is_late]

    def _is_late(self) -> bool:
        """Whether the group began so long ago that the stream might not keep its records until the
        table is read."""
        leases = self._member.leases.values()
        began_ms = [lease.started_ms for lease in leases if lease.started_ms is not None]
        return bool(began_ms) and self._now_ms() - min(began_ms) >= self._after_ms

    async def _make(self) -> None:
        try:
            await self.open(create=True)
        except Exception as error:
            self._keeper.trouble("making the spool", error)
            await asyncio.sleep(TRIM_EVERY_MS / 1000)
        finally:
            self._opening = False

    def _follow(self, held: Held) -> None:
        shard_id = held.lease.shard_id
        if shard_id not in self._following:
            self._following.add(shard_id)
            self._keeper.spawn(self._take_all(held))

    async def _take_all(self, held: Held) -> None:
        """Take a shard's records until it ends, or is read from the stream itself."""
        shard_id = held.lease.shard_id
        start = starting_position(held, self._now_ms())
        failed = 0
        try:
            while self._member.held.get(shard_id) is held and not held.leaving:
                try:
                    taken = await self._source.take(shard_id, start, self._now_ms())
                except Exception as error:
                    self._keeper.trouble(f"spooling {shard_id}", error)
                    await asyncio.sleep(backoff_ms(failed) / 1000)
                    failed += 1
                    continue
                failed = 0
                if taken.drained:
                    break
                held.spooled = self._mark(taken.state, held.spooled)
                if taken.state.ended:
                    await self._follow_children(held)
                    break
                if taken.behind_ms == 0:
                    await self._source.changed(shard_id, CHILDREN_AGAIN_S)
        finally:
            self._following.discard(shard_id)

    async def _follow_children(self, held: Held) -> None:
        """Make the leases of the shards that follow one that was spooled to its end."""
        shard_id = held.lease.shard_id
        while self._member.held.get(shard_id) is held and not held.running:
            try:
                if await self._keeper.foresee(held.lease):
                    return
            except Exception as error:
                self._keeper.trouble(f"writing the leases behind {shard_id}", error)
            await asyncio.sleep(CHILDREN_AGAIN_S)

    def _mark(self, state: SpoolState, before: Spooled | None) -> Spooled:
        # As long as nothing came, what another worker saw first is still what must come first.
        known = before.first if before is not None and state.last is None else None
        return Spooled(
            spool=self._member.spool or "",
            first=known if state.first is None else state.first,
            last=state.last,
            oldest_ms=state.oldest_ms,
            read_ms=state.read_ms,
            lossy=state.lossy or (before is not None and before.lossy),
        )

    async def _tidy(self) -> None:
        """Drop what was handled and kept; go on with what was begun before this process."""
        spool = self._source.spool
        assert spool is not None
        try:
            for shard_id, state in (await spool.states()).items():
                await self._tidy_shard(shard_id, state)
        except Exception as error:
            self._keeper.trouble("tidying the spool", error)

    async def _tidy_shard(self, shard_id: str, state: SpoolState) -> None:
        held, lease = self._member.held.get(shard_id), self._member.leases.get(shard_id)
        if held is not None:
            if await self._source.trim(shard_id, held.lease.position):
                held.spooled = None
            elif not state.ended and held.running:
                self._follow(held)
        elif lease is None or lease.finished:
            await self._source.forget(shard_id)
        elif lease.spooled is not None and lease.spooled.spool != self._member.spool:
            await self._source.forget(shard_id)  # who has it now began anew
