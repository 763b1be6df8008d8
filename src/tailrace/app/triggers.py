"""Functions and sinks that a running Tailrace feeds with the changes of its own tables.

A trigger reads its stream through the API, in the process, and is woken by the commits; its
positions are kept in the store itself, where no user's table can be in the way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from tailrace.app.own_tables import CHECKPOINT_TABLE
from tailrace.clock import Clock, Ids
from tailrace.delivery.ports import Sink
from tailrace.delivery.progress import Progress
from tailrace.delivery.runner import Runner
from tailrace.delivery.settings import DeliverySettings
from tailrace.errors import TailraceError
from tailrace.sources.caller import Caller
from tailrace.sources.streams_api import StreamsSource
from tailrace.sources.table_checkpoints import TableCheckpoints
from tailrace.tables.engine import Engine

__all__ = ["Trigger"]

_log = logging.getLogger("tailrace.triggers")
_STOP_TIMEOUT_S = 30.0

_Result = TypeVar("_Result")


class Trigger:
    """One sink on one stream. Runs on the server's loop from `start` until `stop`; its methods may
    be called from any other thread."""

    def __init__(
        self,
        name: str,
        stream_arn: str,
        sink: Sink,
        settings: DeliverySettings,
        *,
        engine: Engine,
        reading: Caller,
        keeping: Caller,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """`reading` calls in the name of the stream's owner, `keeping` where the positions are
        kept."""
        self.name = name
        self.stream_arn = stream_arn
        self._sink = sink
        self._engine = engine
        self._source = StreamsSource(reading, stream_arn, clock, notified=True)
        checkpoints = TableCheckpoints(keeping, CHECKPOINT_TABLE, f"{name} {stream_arn}")
        self._runner = Runner(self._source, sink, checkpoints, settings, clock, ids)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to deliver, on this loop."""
        self._loop = loop
        self._wait_for(self._begin())

    async def _begin(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"trigger {self.name}")

    async def _run(self) -> None:
        unsubscribe = self._engine.log.subscribe(self._notify)
        try:
            await self._runner.run()
        finally:
            unsubscribe()
            await self._sink.close()
            await self._source.close()

    def _notify(self, shard_ids: frozenset[int]) -> None:
        """Runs on the engine's thread, after each commit."""
        shards = self._engine.catalog().shards
        self._source.notify([shards[shard_id].name for shard_id in shard_ids if shard_id in shards])

    def measured(self) -> tuple[dict[str, str], Progress]:
        """Its labels in metrics, and where it stands; on the server's loop."""
        labels = {"kind": "trigger", "consumer": self.name, "stream": self.stream_arn}
        return labels, self._runner.snapshot()

    def progress(self) -> Progress:
        """Where the trigger stands."""
        return self._wait_for(self._snapshot())

    async def _snapshot(self) -> Progress:
        return self._runner.snapshot()

    def wait_until_caught_up(self, timeout_s: float) -> None:
        """Return when all changes made before this call are handled. Raises TailraceError when that
        takes longer, or when the trigger has failed."""
        try:
            self._wait_for(self._caught_up(timeout_s))
        except TimeoutError:
            state = self.progress()
            raise TailraceError(
                f"trigger {self.name} is not done after {timeout_s:g} s:"
                f" {state.error or state.result}"
            ) from None

    async def _caught_up(self, timeout_s: float) -> None:
        async with asyncio.timeout(timeout_s):
            await self._runner.caught_up()
        if self._task is not None and self._task.done():
            self._task.result()
            raise TailraceError(f"trigger {self.name} has ended")

    def stop(self) -> None:
        """Finish the batches in hand, keep the positions and end."""
        if self._loop is None or self._loop.is_closed():
            return
        self._wait_for(self._end())

    async def _end(self) -> None:
        self._runner.stop()
        if self._task is not None:
            results = await asyncio.gather(self._task, return_exceptions=True)
            if isinstance(results[0], Exception):
                _log.error("trigger %s ended with an error", self.name, exc_info=results[0])

    def _wait_for(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        if self._loop is None:
            work.close()
            raise TailraceError(f"trigger {self.name} is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_STOP_TIMEOUT_S + 600)
