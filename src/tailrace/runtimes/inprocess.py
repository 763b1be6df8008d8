"""Running a handler in this process: plain functions on threads, async ones on the event loop."""

from __future__ import annotations

import asyncio
import inspect
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from tailrace import limits
from tailrace.delivery.events import event_of
from tailrace.delivery.ports import Batch, Failure, SinkUnavailable, WindowAnswer
from tailrace.runtimes.answers import (
    HandlerFailed,
    check_marshals,
    reported_failures,
    window_answer,
)
from tailrace.runtimes.context import FunctionIdentity, LambdaContext

__all__ = ["InProcessFunction"]

MAX_CALLS: Final = 64
# A thread cannot be killed; so many that hang may be left behind before no more is started.
MAX_ABANDONED: Final = 16

# What a call returned, or what it raised.
_Outcome: TypeAlias = tuple[Any, BaseException | None]
_Job: TypeAlias = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[_Outcome]"]

_log = logging.getLogger(__name__)


class InProcessFunction:
    """A sink that calls `handler(event, context)` with each batch, as Lambda would.

    A handler that raises, takes longer than `timeout_s` or returns what is no JSON has failed. One
    that hangs is left behind: what it returns later is logged and ignored. With
    `report_item_failures` what it returns names the records that failed
    (`ReportBatchItemFailures`); without, it is ignored. Plain functions run on threads. Calls of
    different shards run up to `concurrency` at a time; by default one after the other, because on
    Lambda no two calls ever share the globals of a module.
    """

    def __init__(
        self,
        handler: Callable[[Any, Any], Any],
        *,
        name: str | None = None,
        timeout_s: float = limits.HANDLER_TIMEOUT_S,
        report_item_failures: bool = False,
        concurrency: int = 1,
        function: FunctionIdentity | None = None,
    ) -> None:
        own_name = getattr(handler, "__name__", type(handler).__name__)
        self.function = function or FunctionIdentity(name or own_name)
        self._handler = handler
        self._is_async = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
            handler.__call__
        )
        self._timeout_s = timeout_s
        self._reports = report_item_failures
        self._slots = asyncio.Semaphore(min(concurrency, MAX_CALLS))
        self._idle: list[_Thread] = []
        self._abandoned: list[_Thread] = []

    async def write(self, batch: Batch) -> Sequence[Failure]:
        """Call the handler with a batch; the records it reports as failed."""
        answer = await self._answer(batch)
        return reported_failures(answer, batch) if self._reports else ()

    async def write_window(self, batch: Batch) -> WindowAnswer:
        """Call the handler with a batch of a tumbling window. An answer without a state fails."""
        return window_answer(await self._answer(batch), batch, reports=self._reports)

    async def _answer(self, batch: Batch) -> Any:
        async with self._slots:
            try:
                async with asyncio.timeout(self._timeout_s):
                    answer = await self._call(batch)
            except TimeoutError as error:
                raise HandlerFailed(
                    f"{batch.request_id} Task timed out after {self._timeout_s:.2f} seconds"
                ) from error
        check_marshals(answer)
        return answer

    async def close(self) -> None:
        """End the idle threads; one that hangs is left behind."""
        while self._idle:
            self._idle.pop().end()

    async def _call(self, batch: Batch) -> Any:
        deadline = time.monotonic() + self._timeout_s
        context = LambdaContext(self.function, batch.request_id, deadline)
        try:
            if self._is_async:
                return await self._handler(event_of(batch), context)
            answer = await self._on_thread(lambda: self._handler(event_of(batch), context))
            return await answer if inspect.isawaitable(answer) else answer
        except SinkUnavailable:
            raise
        except TimeoutError as error:
            # The handler's own: ours arrives here as a cancellation.
            raise HandlerFailed(f"TimeoutError: {error}") from error
        except Exception as error:
            _log.warning("%s failed", self.function.name, exc_info=error)
            raise

    async def _on_thread(self, work: Callable[[], Any]) -> Any:
        thread = self._free_thread()
        done = False
        try:
            answer, error = await thread.run(work)
            done = True
        finally:
            if done:
                self._idle.append(thread)
            else:
                thread.abandon(self.function.name)
                self._abandoned.append(thread)
        if error is None:
            return answer
        if isinstance(error, Exception):
            raise error
        # `sys.exit()` in a handler must not end this process.
        raise HandlerFailed(f"Runtime.ExitError: {type(error).__name__}: {error}") from error

    def _free_thread(self) -> _Thread:
        if self._idle:
            return self._idle.pop()
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        if len(self._abandoned) >= MAX_ABANDONED:
            raise SinkUnavailable(f"{len(self._abandoned)} calls of {self.function.name} hang")
        return _Thread(self.function.name)


class _Thread:
    """A thread that does one thing after another. A daemon: one that hangs must not hold up the
    end of the process, as a pool's threads would."""

    def __init__(self, name: str) -> None:
        self._inbox: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"tailrace-{name}", daemon=True)
        self._late: str | None = None
        self._thread.start()

    async def run(self, work: Callable[[], Any]) -> _Outcome:
        """What `work` returned, or what it raised."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Outcome] = loop.create_future()
        self._inbox.put((work, loop, future))
        return await future

    def abandon(self, name: str) -> None:
        """Nobody waits any more: end when the work in hand does."""
        self._late = name
        self.end()

    def end(self) -> None:
        """End after the work in hand."""
        self._inbox.put(None)

    def is_alive(self) -> bool:
        """Whether it still works."""
        return self._thread.is_alive()

    def _work(self) -> None:
        while (job := self._inbox.get()) is not None:
            work, loop, future = job
            outcome: _Outcome
            try:
                outcome = work(), None
            except BaseException as error:
                outcome = None, error
            if self._late is not None:
                _log.warning("%s ended after its time was up: %r, ignored", self._late, outcome)
                continue
            try:
                loop.call_soon_threadsafe(_settle, future, outcome)
            except RuntimeError:
                return  # the loop is closed, nobody waits


def _settle(
    future: asyncio.Future[_Outcome],
    outcome: _Outcome,
) -> None:
    if not future.done():
        future.set_result(outcome)
