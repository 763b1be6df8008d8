"""One consumer of one stream in one process: runs the shards it may, finds new ones, and stops.

Of all of delivery only this file, `driver` (one shard) and `saver` (checkpoints) wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Final

import msgspec

from tailrace.clock import Clock, Ids
from tailrace.delivery.coordinator import ShardTree
from tailrace.delivery.driver import RunnerOptions, ShardDriver
from tailrace.delivery.ports import Checkpoints, Position, Sink, Source
from tailrace.delivery.progress import Progress, add_tallies, behind_ms
from tailrace.delivery.saver import Saver
from tailrace.delivery.settings import DeliverySettings, OnTrimmed
from tailrace.delivery.state import Shard, Tally
from tailrace.delivery.windows import check_windows
from tailrace.errors import ResourceNotFoundException, TrimmedDataAccessException

__all__ = ["Runner", "RunnerOptions"]

# Children of a shard that ended are listed late at times; then the periodic discovery finds them.
CHILD_SEARCHES: Final = 10
CHILD_SEARCH_FIRST_S: Final = 0.05
CHILD_SEARCH_MAX_S: Final = 1.0

_log = logging.getLogger(__name__)


class Runner:
    """Delivers a stream to a sink until it is stopped, or the stream is gone.

    `run` once; `stop`, `snapshot` and `caught_up` from the same event loop. The runner closes
    neither source nor sink.
    """

    def __init__(
        self,
        source: Source,
        sink: Sink,
        checkpoints: Checkpoints,
        settings: DeliverySettings,
        clock: Clock,
        ids: Ids,
        options: RunnerOptions | None = None,
    ) -> None:
        self.source = source
        self.sink = sink
        self.settings = settings
        self.options = options or RunnerOptions()
        self.probe = 0
        self._checkpoints = checkpoints
        self._saver = Saver(checkpoints, self.options.checkpoint_interval_s)
        self._clock = clock
        self._ids = ids
        check_windows(settings, self.options.accept, sink)
        self._tree = ShardTree(settings.starting_position, {})
        self._drivers: dict[str, ShardDriver] = {}
        self._searches: set[asyncio.Task[None]] = set()
        self._past = Tally()
        self._finished = 0
        self._running = False
        self._stopping = False
        self._over = False
        self._failure: Exception | None = None
        self._stirred = asyncio.Event()
        self._progressed = asyncio.Event()

    def now_ms(self) -> int:
        """The time, in milliseconds since the epoch."""
        return self._clock.now_us() // 1000

    async def run(self) -> None:
        """Deliver. Raises what the first listing of shards or loading of checkpoints raises, and
        TrimmedDataAccessException when records were lost and the settings say that this is fatal.

        Cancelling it stops in good order, as `stop` does, within the grace period.
        """
        try:
            saved = await self._checkpoints.load()
            self._tree = ShardTree(self.settings.starting_position, saved)
            first = self._tree.begin(await self.source.shards())
            if first:
                await self._checkpoints.save(first)
            await self._deliver()
        finally:
            self._over = True
            self.stirred()
        if self._failure is not None:
            raise self._failure

    async def _deliver(self) -> None:
        self._running = True
        saving = asyncio.create_task(self._saver.run())
        try:
            self._pass_over_vanished()
            await self._supervise()
        finally:
            try:
                await self._wind_down()
            finally:
                saving.cancel()

    def stop(self) -> None:
        """Make `run` return when the batches in hand are done, or the grace period is over."""
        self._stopping = True
        self.stirred()

    def snapshot(self) -> Progress:
        """Where the consumer stands."""
        drivers = list(self._drivers.values())
        tally = add_tallies([self._past, *(driver.state.tally for driver in drivers)])
        now_ms = self.now_ms()
        return Progress(
            records=tally.handled,
            read=tally.read,
            filtered=tally.filtered,
            batches=tally.batches,
            errors=tally.errors + self._saver.errors,
            retries=tally.retries,
            discarded=tally.discarded,
            gaps=tally.gaps,
            in_hand=sum(driver.state.in_hand for driver in drivers),
            behind_ms=max((behind_ms(driver.state, now_ms) for driver in drivers), default=0),
            shards_running=len(drivers),
            shards_waiting=self._tree.waiting,
            shards_finished=self._finished,
            result=tally.result,
            error=self._saver.error or tally.error,
            batched=tally.batched,
            checkpoint_age_ms=self._saver.waiting_ms(),
        )

    async def caught_up(self) -> None:
        """Return when everything that was in the stream at the time of this call is handled, or
        the consumer has ended."""
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
        if self._searches or self._tree.runnable():
            return False
        return all(driver.is_caught_up(target) for driver in self._drivers.values())

    def stirred(self) -> None:
        """Something happened that the supervisor has to look at."""
        self._stirred.set()
        self._progressed.set()

    def progressed(self) -> None:
        """A shard took a step."""
        self._progressed.set()

    def save(self, shard_id: str, position: Position) -> None:
        """Keep a position soon."""
        self._saver.put(shard_id, position)

    async def flush(self) -> None:
        """Keep all positions now."""
        await self._saver.flush()

    def lost(self, shard_id: str, reason: str) -> None:
        """Records were lost, and delivery goes on: the shard's tally counts it."""

    def fail(self, reason: str) -> None:
        """Records were lost, and that is fatal."""
        self._failure = self._failure or TrimmedDataAccessException(reason)
        self.stop()

    # Supervising -----------------------------------------------------------------------------

    async def _supervise(self) -> None:
        discover_at = self._loop_time() + self.options.discovery_interval_s
        while not self._stopping:
            self._stirred.clear()
            for shard_id, position in self._tree.runnable():
                self._start(shard_id, position)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(discover_at):
                    await self._stirred.wait()
            if self._loop_time() >= discover_at and not self._stopping:
                if not await self._discover():
                    return
                discover_at = self._loop_time() + self.options.discovery_interval_s

    def _loop_time(self) -> float:
        return asyncio.get_running_loop().time()

    def _start(self, shard_id: str, position: Position) -> None:
        seed = int(self._ids.uuid().replace("-", ""), 16)
        shard = Shard(self.source.arn, shard_id, self.settings, seed, self.options.accept)
        driver = ShardDriver(self, shard, position)
        self._drivers[shard_id] = driver
        self._tree.started(shard_id)
        driver.task = asyncio.create_task(driver.drive())
        driver.task.add_done_callback(lambda task: self._ended(shard_id, task))

    def _ended(self, shard_id: str, task: asyncio.Task[Position]) -> None:
        driver = self._drivers.pop(shard_id)
        self._past = add_tallies([self._past, driver.state.tally])
        if not task.cancelled():
            error = task.exception()
            if error is None:
                self._tree.ended(shard_id, task.result())
                if task.result().finished:
                    self._finished += 1
                    if not self._stopping:
                        self._search(shard_id)
            elif isinstance(error, Exception):
                self._failure = self._failure or error
                self._stopping = True
        self.stirred()

    def _search(self, shard_id: str) -> None:
        search = asyncio.create_task(self._find_children(shard_id))
        self._searches.add(search)

        def over(task: asyncio.Task[None]) -> None:
            self._searches.discard(task)
            self.stirred()

        search.add_done_callback(over)

    async def _find_children(self, shard_id: str) -> None:
        """Look for the shards that follow one that ended, which may be listed a little later."""
        delay_s = CHILD_SEARCH_FIRST_S
        for _ in range(CHILD_SEARCHES):
            if self._tree.has_child(shard_id):
                return
            try:
                self._tree.add(await self.source.children(shard_id))
            except ResourceNotFoundException:
                return
            except Exception as error:
                _log.warning("listing the children of %s failed: %s", shard_id, error)
            if self._tree.has_child(shard_id):
                return
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, CHILD_SEARCH_MAX_S)

    async def _discover(self) -> bool:
        """Look for new shards; False when the stream is gone and nothing runs any more."""
        try:
            self._tree.replace(await self.source.shards())
        except ResourceNotFoundException:
            self._tree.replace([])
            if not self._drivers:
                return False
        except Exception as error:
            _log.warning("listing the shards of %s failed: %s", self.source.arn, error)
            return True
        self._pass_over_vanished()
        for shard_id, driver in self._drivers.items():
            if self._tree.has_child(shard_id):
                driver.look()  # its end may be near
        expired = self._tree.expired()
        if expired:
            try:
                await self._checkpoints.forget(expired)
                self._tree.forget(expired)
            except Exception as error:
                _log.warning("dropping %d positions failed: %s", len(expired), error)
        return True

    def _pass_over_vanished(self) -> None:
        for shard_id in self._tree.vanished():
            reason = f"shard {shard_id} aged out before it was read to its end"
            if self.settings.on_trimmed is OnTrimmed.FAIL:
                self.fail(reason)
                return
            _log.warning("%s", reason)
            self._past = msgspec.structs.replace(self._past, gaps=self._past.gaps + 1, error=reason)
            self._tree.ended(shard_id, Position(finished=True))

    async def _wind_down(self) -> None:
        self._stopping = True
        for search in self._searches:
            search.cancel()
        drivers = list(self._drivers.values())
        for driver in drivers:
            driver.halt()
        tasks = [driver.task for driver in drivers if driver.task is not None]
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=self.options.grace_s)
        finally:
            for driver in drivers:
                driver.abandon()
            if tasks:
                await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(self.options.grace_s):
                await self._saver.flush()
        except TimeoutError as error:
            why = self._saver.error or "the checkpoints took too long"
            _log.error("checkpoints could not be saved before stopping: %s", why)
            self._failure = self._failure or error
