"""Keeps what a destination has not taken yet: moves the hold of a capture on behind its delivery.

The hold begins with the capture, so it is enough to move it now and then: between two moves
somewhat more is held than need be, and nothing more than the retention keeps anyway while the
delivery is not behind.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from tailrace import limits
from tailrace.clock import Clock
from tailrace.delivery.ports import Checkpoints, Position
from tailrace.errors import AwsError
from tailrace.model.schema import Stream
from tailrace.streams import retention
from tailrace.streams.log import ChangeLog, Shard
from tailrace.streams.sequence import from_sequence_number, time_us
from tailrace.tables import holds
from tailrace.tables.catalog import Alter, Catalog
from tailrace.tables.engine import Engine
from tailrace.tables.kinesis_destinations import HOLDER

__all__ = ["HeldCapture", "HoldPolicy", "undelivered"]

_log = logging.getLogger("tailrace.kinesis")
# A hold is moved when this part of the retention would come free: each move makes the catalog anew.
_PARTS: Final = 24


class HoldPolicy(msgspec.Struct, frozen=True):
    """`retention_ms` is how long the store's streams keep their records, `longest_ms` how long
    those are held that were not delivered; None for ever."""

    retention_ms: int | None
    longest_ms: int | None

    @property
    def step_us(self) -> int:
        """How far a hold moves at least."""
        kept_ms = limits.STREAM_RETENTION_MS if self.retention_ms is None else self.retention_ms
        return kept_ms * 1000 // _PARTS


class HeldCapture:
    """The hold of one capture. `behind_ms` is the age of the oldest record that is kept for its
    delivery alone, 0 when there is none."""

    def __init__(
        self,
        engine: Engine,
        stream: Stream,
        checkpoints: Checkpoints,
        clock: Clock,
        policy: HoldPolicy,
    ) -> None:
        self.behind_ms = 0
        self._engine = engine
        self._stream = stream
        self._checkpoints = checkpoints
        self._clock = clock
        self._policy = policy

    async def begin(self) -> None:
        """Take the hold, or give the one there is today's bound."""
        await self._hold(0)

    async def move(self) -> None:
        """Let go of what was delivered, and tell when something is kept for longer than its
        retention."""
        engine, stream = self._engine, self._stream
        catalog = engine.catalog()
        shards = catalog.shards_of.get(stream.id, ())
        # Before the positions: what comes later has higher clocks.
        passed = _passed(engine.log, shards)
        positions = await self._checkpoints.load()
        oldest = min(undelivered(engine.log, shards, positions), default=None)
        self._watch(oldest)
        reached = min(clock for clock in (oldest, passed) if clock is not None)
        known = holds.find(catalog, stream.id, HOLDER)
        if known is None or time_us(reached) - time_us(known.clock) >= self._policy.step_us:
            await self._hold(reached)

    async def end(self) -> None:
        """Let go of everything: all of it is delivered."""
        self._watch(None)
        await altered(self._engine, holds.release(self._stream.id, HOLDER))

    async def _hold(self, clock: int) -> None:
        decide = holds.hold(
            self._stream.id,
            HOLDER,
            clock,
            self._clock.now_us(),
            lease_ms=None,
            longest_ms=self._policy.longest_ms,
        )
        await altered(self._engine, decide)

    def _watch(self, oldest: int | None) -> None:
        now_us = self._clock.now_us()
        kept_ms = retention.retention_ms(self._stream, self._policy.retention_ms)
        held = oldest is not None and oldest < retention.horizon(now_us, kept_ms)
        before, self.behind_ms = self.behind_ms, 0
        if held and oldest is not None:
            self.behind_ms = (now_us - time_us(oldest)) // 1000
        if held and not before:
            _log.warning(
                "changes of %s have waited for their Kinesis stream for longer than records are"
                " kept; they are held for it, and take room, until it takes them",
                self._stream.table_name,
            )
        elif before and not held:
            _log.warning("no more changes of %s are held", self._stream.table_name)


async def altered(engine: Engine, decide: Alter) -> None:
    """Alter the catalog and wait for it on this loop. Raises the refusal."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[Catalog | AwsError] = loop.create_future()

    def settle(result: Catalog | AwsError) -> None:
        if not over.done():
            over.set_result(result)

    def done(result: Catalog | AwsError) -> None:
        loop.call_soon_threadsafe(settle, result)

    engine.alter(decide, done)
    result = await over
    if isinstance(result, AwsError):
        raise result


def undelivered(
    log: ChangeLog, shards: Iterable[Shard], positions: Mapping[str, Position]
) -> Iterable[int]:
    """The clock of the oldest record behind each shard's position, where there is one."""
    for shard in shards:
        position = positions.get(shard.name, Position())
        if position.finished:
            continue
        after = shard.start - 1
        if position.sequence is not None:
            after = from_sequence_number(str(position.sequence))
        page = log.read(shard.id, after, 1, limits.STREAM_PAGE_BYTES)
        if page.records:
            yield page.last


def _passed(log: ChangeLog, shards: Sequence[Shard]) -> int:
    """A clock that no record made from now on is below: clocks of a partition grow."""
    newest: dict[int, int] = {}
    for shard in shards:
        known = max(log.tip(shard.id), shard.start, shard.end or 0)
        newest[shard.partition] = max(known, newest.get(shard.partition, 0))
    return min(newest.values(), default=0) + 1
