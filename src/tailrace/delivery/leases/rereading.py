"""Reads a table once more, as a whole, when its stream lost records; then the receiver is told to
drop what it has and the table has not.

The lease of the whole comes first and is all that must be written when a loss is met. Its holder
makes the leases of the segments, says in its own that it did, waits until all of them are handled,
by whomever, and reconciles the receiver: each of it again, should it die in between.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from tailrace.delivery.leases.discovery import snapshot_leases
from tailrace.delivery.leases.held import Held
from tailrace.delivery.leases.keeper import LeaseKeeper
from tailrace.delivery.leases.lease import is_rereading, rereading_of
from tailrace.delivery.leases.member import Member
from tailrace.delivery.ports import Position, ReconcilingSink, Sink
from tailrace.delivery.turn import backoff_ms

__all__ = ["Rereader"]

LOOK_S: Final = 1.0

_log = logging.getLogger(__name__)


class _Left(Exception):
    """The lease is another worker's by now, or is to be."""


class Rereader:
    """Carries out what one worker has the leases of. `finish` is called at the end of each."""

    def __init__(
        self, member: Member, keeper: LeaseKeeper, sink: Sink, finish: Callable[[str], None]
    ) -> None:
        self._member = member
        self._keeper = keeper
        self._sink = sink
        self._finish = finish

    def begin(self, held: Held) -> None:
        """Begin with a held lease that may run."""
        held.running = True
        self._keeper.spawn(self._carry_out(held))

    @property
    def busy(self) -> bool:
        """Whether something is being carried out."""
        return any(held.running for held in self._member.held.values() if _is_mine(held))

    async def _carry_out(self, held: Held) -> None:
        shard_id = held.lease.shard_id
        after, segments = rereading_of(shard_id)
        failed = 0
        try:
            while not held.ended:
                try:
                    await self._make_segments(held, after, segments)
                    await self._await_segments(held, after, segments)
                    await self._reconcile(after)
                    held.ended = True
                except _Left:
                    return
                except Exception as error:
                    self._keeper.trouble("reading the table again", error)
                    await asyncio.sleep(backoff_ms(failed) / 1000)
                    failed += 1
        finally:
            held.running = False
        self._finish(shard_id)

    async def _make_segments(self, held: Held, after: int, segments: int) -> None:
        if held.lease.position.sequence is None:
            await self._keeper.create(snapshot_leases(segments, after))
            self._keeper.hurry.set()
            self._member.advance(held.lease.shard_id, Position(sequence=after))
        while held.lease.position.sequence is None:
            await self._rest(held)

    async def _await_segments(self, held: Held, after: int, segments: int) -> None:
        for lease in snapshot_leases(segments, after):
            # What was seen may be older than the segments are: only the table itself knows.
            while self._is_open(lease.shard_id) or not await self._keeper.is_done(lease.shard_id):
                await self._rest(held)

    def _is_open(self, shard_id: str) -> bool:
        lease = self._member.leases.get(shard_id)
        return lease is not None and not lease.finished

    async def _rest(self, held: Held) -> None:
        if held.leaving or self._member.held.get(held.lease.shard_id) is not held:
            raise _Left
        await asyncio.sleep(LOOK_S)

    async def _reconcile(self, after: int) -> None:
        if isinstance(self._sink, ReconcilingSink):
            removed = await self._sink.reconcile(after)
            _log.warning("the table was read again: %d removed that it has no more", removed)


def _is_mine(held: Held) -> bool:
    return is_rereading(held.lease.shard_id)
