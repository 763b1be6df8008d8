"""Carries tables' changes to their Kinesis destinations: a delivery for each capture that has one.

Each runs on the server's loop, reads its capture through the Streams API in the process, and keeps
its positions in the store. What is not delivered is held (`holding.py`), however long the Kinesis
stream cannot be reached, up to a bound; and a capture that was closed is delivered to its end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from tailrace.app.holding import HeldCapture, HoldPolicy
from tailrace.clock import Clock, Ids
from tailrace.delivery.ports import Source
from tailrace.delivery.progress import Progress
from tailrace.delivery.runner import Runner
from tailrace.delivery.settings import DeliverySettings
from tailrace.model.arns import parse_kinesis_arn
from tailrace.model.schema import Stream, StreamKind
from tailrace.sinks.kinesis import KinesisCalls, KinesisSink
from tailrace.sources.caller import Caller
from tailrace.sources.table_checkpoints import TableCheckpoints
from tailrace.tables.catalog import Catalog
from tailrace.tables.engine import Engine

__all__ = ["KinesisDeliveries"]

_log = logging.getLogger("tailrace.kinesis")
# How soon a new destination is begun with. Looking costs a comparison while nothing has changed.
_LOOK_S: Final = 0.2
# How often a hold is looked after.
_HOLD_S: Final = 60.0
_RETRY_FIRST_S: Final = 1.0
_RETRY_MAX_S: Final = 60.0
# As many records as one call to Kinesis takes.
_BATCH: Final = 500


class KinesisDeliveries:
    """Begins on the server's loop with `begin` and ends there with `close`.

    `open_source` opens a stream of the store by its ARN and gives what lets go of it; `calls_for`
    makes the calls to a Kinesis stream of a region and account; `keeping` makes calls in the name
    of the store itself.
    """

    def __init__(
        self,
        engine: Engine,
        open_source: Callable[[str], tuple[Source, Callable[[], None]]],
        calls_for: Callable[[str, str], KinesisCalls],
        keeping: Caller,
        checkpoint_table: str,
        clock: Clock,
        ids: Ids,
        policy: HoldPolicy,
    ) -> None:
        self._engine = engine
        self._open_source = open_source
        self._calls_for = calls_for
        self._keeping = keeping
        self._checkpoint_table = checkpoint_table
        self._clock = clock
        self._ids = ids
        self._running: dict[int, asyncio.Task[None]] = {}
        self._policy = policy
        self._runners: dict[int, Runner] = {}
        self._held: dict[int, HeldCapture] = {}
        self._done: set[int] = set()
        self._stopping = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, on this loop."""
        self._looking = loop.create_task(self._look(), name="kinesis destinations")

    def measured(self) -> list[tuple[dict[str, str], Progress]]:
        """The labels in metrics of deliveries that run, and where each stands."""
        return [
            (
                {"kind": "kinesis", "consumer": runner.source.arn},
                msgspec.structs.replace(runner.snapshot(), held_ms=self._held[stream_id].behind_ms),
            )
            for stream_id, runner in self._runners.items()
        ]

    async def close(self) -> None:
        """Finish the batches in hand, keep the positions and end."""
        self._stopping.set()
        for runner in self._runners.values():
            runner.stop()
        tasks = [task for task in (self._looking, *self._running.values()) if task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        """Begin with destinations that are new, until told to stop."""
        seen: Catalog | None = None
        while not self._stopping.is_set():
            catalog = self._engine.catalog()
            if catalog is not seen:
                seen = catalog
                self._begin_new(catalog)
            await self._rest(_LOOK_S)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    def _begin_new(self, catalog: Catalog) -> None:
        self._done &= catalog.streams.keys()
        for stream in catalog.streams.values():
            if stream.kind is not StreamKind.CAPTURE or stream.destination is None:
                continue
            if stream.id not in self._running and stream.id not in self._done:
                task = asyncio.create_task(self._run(stream), name=f"kinesis {stream.arn}")
                self._running[stream.id] = task

    async def _run(self, stream: Stream) -> None:
        """Deliver a capture until it ends, beginning anew when it could not begin."""
        delay_s = _RETRY_FIRST_S
        while not self._stopping.is_set():
            try:
                await self._deliver(stream)
            except Exception:
                _log.exception("the destination of %s failed; it will be tried again", stream.arn)
                await self._rest(delay_s)
                delay_s = min(2 * delay_s, _RETRY_MAX_S)
                continue
            self._done.add(stream.id)
            break
        del self._running[stream.id]

    async def _deliver(self, stream: Stream) -> None:
        assert stream.destination is not None
        parsed = parse_kinesis_arn(stream.destination.stream_arn)
        assert parsed is not None  # it was checked when the destination was enabled
        region, account, name = parsed
        # On a thread: finding out about another endpoint takes a while.
        calls = await asyncio.to_thread(self._calls_for, region, account)
        table = stream.table_name
        sink = KinesisSink(calls, name, table, lambda: self._precision(stream))
        source, release = self._open_source(stream.arn)
        checkpoints = self._checkpoints(stream)
        held = HeldCapture(self._engine, stream, checkpoints, self._clock, self._policy)
        try:
            await held.begin()
            if self._stopping.is_set():
                return  # told while it waited: nobody would stop a runner that begins now
            runner = self._runner(source, sink, checkpoints)
            self._held[stream.id], self._runners[stream.id] = held, runner
            beside = (
                asyncio.create_task(self._end_when_delivered(stream.id, runner)),
                asyncio.create_task(self._look_after(held)),
            )
            try:
                await runner.run()
            finally:
                for task in beside:
                    task.cancel()
                del self._runners[stream.id], self._held[stream.id]
            if not self._stopping.is_set():
                await held.end()
        finally:
            release()
            await source.close()

    async def _look_after(self, held: HeldCapture) -> None:
        while not self._stopping.is_set():
            try:
                await held.move()
            except Exception:
                _log.exception("a hold could not be moved; it will be tried again")
            await self._rest(_HOLD_S)

    def _checkpoints(self, stream: Stream) -> TableCheckpoints:
        return TableCheckpoints(self._keeping, self._checkpoint_table, f"kinesis {stream.arn}")

    def _runner(self, source: Source, sink: KinesisSink, checkpoints: TableCheckpoints) -> Runner:
        settings = DeliverySettings(batch_size=_BATCH)
        return Runner(source, sink, checkpoints, settings, self._clock, self._ids)

    def _precision(self, stream: Stream) -> str | None:
        now = self._engine.catalog().streams.get(stream.id, stream)
        return None if now.destination is None else now.destination.precision

    async def _end_when_delivered(self, stream_id: int, runner: Runner) -> None:
        """Stop a delivery when its capture was closed and all of it is delivered."""
        while True:
            stream = self._engine.catalog().streams.get(stream_id)
            if stream is None or not stream.enabled:
                break
            await self._rest(_LOOK_S)
            if self._stopping.is_set():
                return
        await runner.caught_up()
        runner.stop()
