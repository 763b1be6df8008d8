"""One worker of a consumer group, in one process: gets leases, runs their shards, gives them back.

What is decided `member` and `discovery` decide, and `keeper` writes it; here shards are run.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from typing import Final

import msgspec

from tailrace.clock import Clock, Ids
from tailrace.delivery.driver import RunnerOptions, ShardDriver
from tailrace.delivery.leases.held import Held
from tailrace.delivery.leases.keeper import LeaseKeeper
from tailrace.delivery.leases.lease import (
    LeaseTable,
    LeaseTimes,
    Prepared,
    is_rereading,
    is_snapshot,
)
from tailrace.delivery.leases.member import Member
from tailrace.delivery.leases.rereading import Rereader
from tailrace.delivery.leases.spooler import Spooler, Spooling
from tailrace.delivery.leases.starting import starting_position
from tailrace.delivery.ports import Position, Sink, Source
from tailrace.delivery.progress import Progress, add_tallies, behind_ms
from tailrace.delivery.settings import DeliverySettings, OnTrimmed
from tailrace.delivery.state import Shard, Tally
from tailrace.delivery.windows import check_windows
from tailrace.errors import TailraceError, TrimmedDataAccessException

__all__ = ["GroupRunner", "GroupSettings"]

# However much happens, the leases are not looked through more often than this.
LEAST_PAUSE_S: Final = 0.02

_log = logging.getLogger(__name__)


class GroupSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a group works together. `snapshot_segments`: a new group reads the whole table first, in
    so many segments at the same time; 0 for not at all. A group that lost records and is to read
    the table again does that in `snapshot_segments` segments, at least one."""

    times: LeaseTimes = LeaseTimes()
    snapshot_segments: int = 0


def _same(shard_id: str, position: Position) -> Position:
    del shard_id
    return position


class GroupRunner:
    """Delivers a worker's share of a stream to a sink until it is stopped.

    `run` once; everything else from the same event loop. `started` is set when the first look at
    the leases was taken. `worker` names this worker; no two may
    have the same name, ever. `mark` adds to a position what another worker needs to go on there.
    With `spooling`, by a part of `source`, shards that wait for a snapshot are spooled.
    The runner closes neither source nor sink.
    """

    def __init__(
        self,
        source: Source,
        sink: Sink,
        table: LeaseTable,
        settings: DeliverySettings,
        clock: Clock,
        ids: Ids,
        *,
        worker: str,
        group: GroupSettings | None = None,
        options: RunnerOptions | None = None,
        mark: Callable[[str, Position], Position] = _same,
        spooling: Spooling | None = None,
    ) -> None:
        self.source = source
        self.sink = sink
        self.table = table
        self.settings = settings
        self.options = options or RunnerOptions()
        self.group = group or GroupSettings()
        self.probe = 0
        self.started = asyncio.Event()
        self._clock = clock
        self._ids = ids
        self._mark = mark
        check_windows(settings, self.options.accept, sink)
        self._rng = random.Random(worker)
        interval_ms = int(self.options.checkpoint_interval_s * 1000)
        self.member = Member(worker, self.group.times, self._rng, interval_ms)
        self._keeper = LeaseKeeper(
            self.member,
            table,
            source,
            self.group.times,
            discovery_interval_s=self.options.discovery_interval_s,
            stirred=self.stirred,
        )
        self._spooler = (
            None if spooling is None else Spooler(spooling, self.member, self._keeper, self.now_ms)
        )
        self._rereader = Rereader(self.member, self._keeper, sink, self._finish)
        self._drivers: dict[str, ShardDriver] = {}
        self._ending: set[str] = set()
        # Shards that lost records; set when that is written.
        self._withheld: dict[str, asyncio.Event] = {}
        self._past = Tally()
        self._finished = 0
        self._running = False
        self._stopping = False
        self._over = False
        self._failure: Exception | None = None
        self._stirred = asyncio.Event()
        self._progressed = asyncio.Event()

    # What others ask --------------------------------------------------------------------------

    def now_ms(self) -> int:
        """The time, in milliseconds since the epoch."""
        return self._clock.now_us() // 1000

    def stop(self) -> None:
        """Make `run` return when the batches in hand are done, or the grace period is over."""
        self._stopping = True
        self.stirred()

    def snapshot(self) -> Progress:
        """Where this worker stands."""
        drivers = list(self._drivers.values())
        tally = add_tallies([self._past, *(driver.state.tally for driver in drivers)])
        now_ms = self.now_ms()
        return Progress(
            records=tally.handled,
            read=tally.read,
            filtered=tally.filtered,
            batches=tally.batches,
            errors=tally.errors + self._keeper.errors,
            retries=tally.retries,
            discarded=tally.discarded,
            gaps=tally.gaps,
            in_hand=sum(driver.state.in_hand for driver in drivers),
            behind_ms=max((behind_ms(driver.state, now_ms) for driver in drivers), default=0),
            shards_running=len(drivers),
            shards_waiting=self.member.waiting(),
            shards_finished=self._finished,
            shards_spooled=sum(each.spooled is not None for each in self.member.held.values()),
            result=tally.result,
            error=tally.error or self._keeper.error,
            batched=tally.batched,
            checkpoint_age_ms=self.member.unkept_ms(self._keeper.time_ms()),
            leases=len(self.member.held),
        )

    async def caught_up(self) -> None:
        """Return when everything that was in this worker's share of the stream at the time of this
        call is handled, and no share is without a living worker; or when the worker has ended."""
        self.probe += 1
        target = self.probe
        for driver in self._drivers.values():
            driver.look()
        while not self._over:
            if self._running and self._is_caught_up(target):
                return
            self._progressed.clear()
            await self._progressed.wait()

    def _is_caught_up(self, target: int) -> bool:
        if self._ending or self._rereader.busy or not self.member.is_settled():
            return False
        if any(not held.running and not held.leaving for held in self.member.held.values()):
            return False
        return all(driver.is_caught_up(target) for driver in self._drivers.values())

    async def prepare(self, shard_id: str, sequence: int, state: bytes) -> None:
        """Announce a checkpoint: durable when this returns. It is made when the batch that ends
        with `sequence` is. Raises TailraceError when the shard is not this worker's any more."""
        announced = Prepared(sequence, state)
        held = self._held(shard_id)
        self.member.announce(shard_id, announced)
        self.stirred()
        while held.lease.prepared != announced:
            if self.member.held.get(shard_id) is not held:
                raise TailraceError(f"the lease of {shard_id} was lost")
            self._keeper.written.clear()
            await self._keeper.written.wait()

    def prepared(self, shard_id: str) -> Prepared | None:
        """The checkpoint that was last announced for a shard and not made."""
        return self._held(shard_id).prepared

    def _held(self, shard_id: str) -> Held:
        held = self.member.held.get(shard_id)
        if held is None:
            raise TailraceError(f"the lease of {shard_id} was lost")
        return held

    # What the shards tell ----------------------------------------------------------------------

    def progressed(self) -> None:
        """A shard took a step."""
        self._progressed.set()

    def save(self, shard_id: str, position: Position) -> None:
        """Keep a position soon; ends are kept when the children have leases."""
        reached = Position(sequence=position.sequence)
        if position.sequence is not None and shard_id not in self._withheld:
            self.member.advance(shard_id, self._mark(shard_id, reached))

    async def flush(self) -> None:
        """Nothing: what follows a shard waits for its lease."""

    def lost(self, shard_id: str, reason: str) -> None:
        """Records were lost: read the table again, if that is the policy."""
        del reason
        if self.settings.on_trimmed is OnTrimmed.RESNAPSHOT and not is_snapshot(shard_id):
            written = self._withheld[shard_id] = asyncio.Event()
            self._keeper.spawn(self._read_again(shard_id, self._drivers[shard_id], written))

    async def _read_again(self, shard_id: str, driver: ShardDriver, written: asyncio.Event) -> None:
        """Have the table read again. What is handled behind the loss is kept only then: should this
        process die before, the next owner must meet the loss too."""
        segments = max(self.group.snapshot_segments, 1)
        await self._keeper.read_again(segments, driver.state.high or 0)
        written.set()
        if self._withheld.get(shard_id) is written:
            del self._withheld[shard_id]
            self.save(shard_id, driver.position)

    def fail(self, reason: str) -> None:
        """Records were lost, and that is fatal."""
        self._failure = self._failure or TrimmedDataAccessException(reason)
        self.stop()

    def stirred(self) -> None:
        """Something happened that is to be looked at."""
        self._stirred.set()
        self._progressed.set()

    # Running -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver. Raises what the first look at the leases or at the stream raises, and
        TrimmedDataAccessException when records were lost and the settings say that this is fatal.

        Cancelling it stops in good order, as `stop` does, within the grace period.
        """
        try:
            if self._spooler is not None:
                await self._spooler.open()
            await self._look()
            self._running = True
            self.started.set()
            watching = asyncio.create_task(self._watch())
            try:
                await self._supervise()
            finally:
                watching.cancel()
                await self._wind_down()
        finally:
            self._over = True
            self.stirred()
            self._keeper.written.set()
        if self._failure is not None:
            raise self._failure

    async def _supervise(self) -> None:
        pause_s = self._pause_s()
        while not self._stopping:
            self._stirred.clear()
            self._act()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stirred.wait()
            await asyncio.sleep(min(LEAST_PAUSE_S, pause_s))

    def _pause_s(self) -> float:
        longest_ms = self.group.times.renew_ms / 4
        return max(min(self.options.checkpoint_interval_s * 1000, longest_ms), 1) / 1000

    def _act(self) -> None:
        """Do what the leases ask for now."""
        for shard_id in self.member.overdue(self._keeper.time_ms()):
            _log.warning("the lease of %s was not renewed in time", shard_id)
        for shard_id in self._drivers.keys() - self.member.held.keys():
            self._drivers[shard_id].abandon()
        for held in self.member.held.values():
            if held.leaving and (driver := self._drivers.get(held.lease.shard_id)):
                driver.halt()
        self._keeper.renew()
        if self._spooler is not None:
            self._spooler.look()
        for held in self.member.startable():
            if is_rereading(held.lease.shard_id):
                self._rereader.begin(held)
            elif held.lease.shard_id not in self._drivers:
                self._start(held)

    def _start(self, held: Held) -> None:
        shard_id = held.lease.shard_id
        seed = int(self._ids.uuid().replace("-", ""), 16)
        shard = Shard(self.source.arn, shard_id, self.settings, seed, self.options.accept)
        driver = ShardDriver(self, shard, starting_position(held, self.now_ms()))
        self._drivers[shard_id] = driver
        held.running = True
        driver.task = asyncio.create_task(driver.drive())
        driver.task.add_done_callback(lambda task: self._ended(shard_id, held, task))

    def _ended(self, shard_id: str, held: Held, task: asyncio.Task[Position]) -> None:
        driver = self._drivers.pop(shard_id)
        self._past = add_tallies([self._past, driver.state.tally])
        held.running = False
        if not task.cancelled():
            error = task.exception()
            if error is None and task.result().finished:
                held.ended = True
                if self.member.held.get(shard_id) is held and not self._stopping:
                    self._finish(shard_id)
            elif isinstance(error, Exception):
                self._failure = self._failure or error
                self._stopping = True
        self.stirred()

    def _finish(self, shard_id: str) -> None:
        self._ending.add(shard_id)

        async def finish() -> None:
            try:
                if (written := self._withheld.get(shard_id)) is not None:
                    await written.wait()
                if await self._keeper.finish(shard_id):
                    self._finished += 1
            finally:
                self._ending.discard(shard_id)
                self._keeper.hurry.set()
                self.stirred()

        self._keeper.spawn(finish())

    async def _watch(self) -> None:
        """Look at all leases again and again."""
        hurry = self._keeper.hurry
        while True:
            hurry.clear()
            pause_s = self.group.times.scan_ms / 1000 * self._rng.uniform(0.8, 1.2)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await hurry.wait()
            try:
                await self._look()
            except Exception as error:
                self._keeper.trouble("looking at the leases", error)
            self.stirred()

    async def _look(self) -> None:
        starting, segments = self.settings.starting_position, self.group.snapshot_segments
        await self._keeper.look(starting, segments, self.now_ms)

    # Stopping ----------------------------------------------------------------------------------

    async def _wind_down(self) -> None:
        """Let the batches in hand end, within the grace period, and give the leases back."""
        self._stopping = True
        self.member.leaving = True
        drivers = list(self._drivers.values())
        for driver in drivers:
            driver.halt()
        tasks = {driver.task for driver in drivers if driver.task is not None}
        try:
            async with asyncio.timeout(self.options.grace_s):
                while tasks:
                    _, tasks = await asyncio.wait(tasks, timeout=self._pause_s())
                    self._keeper.renew()
        except TimeoutError:
            _log.warning("%d shards did not stop in time", len(tasks))
        finally:
            for driver in drivers:
                driver.abandon()
            await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(self.options.grace_s):
                await self._keeper.release()
        except TimeoutError as error:
            why = self._keeper.error or "the lease table took too long"
            _log.error("leases could not be given back before stopping: %s", why)
            self._failure = self._failure or error
