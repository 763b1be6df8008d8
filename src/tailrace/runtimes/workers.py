"""Running Python handlers in worker processes, as Lambda runs them in its sandboxes: loaded once,
called again and again, several at a time, killed when they take too long or too much."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from tailrace.delivery.ports import SinkUnavailable
from tailrace.runtimes.function import FunctionSpec, Invocation, Outcome
from tailrace.runtimes.reload import CodeDirectory
from tailrace.runtimes.worker_thread import PythonWorker, Worker

__all__ = ["MAX_WORKERS", "WorkerPool"]

# How many processes one function may have. Lambda's own limit is a thousand; a laptop has some ten
# cores.
MAX_WORKERS: Final = 10
# So many calls may wait for a process.
MAX_WAITING: Final = 1000
# A process that had nothing to do for so long ends. Lambda keeps its own for minutes, too.
IDLE_S: Final = 300.0
_CLOSE_S: Final = 5.0

_Log = Callable[[str, bytes], None]


class WorkerPool:
    """A function's workers. All its methods are called on one event loop.

    One worker is started at once, so that the first call finds the handler loaded; others when
    calls come while all are busy, up to `max_workers`; then calls wait. `log` gets the function's
    name and what each call printed; `make` makes a worker.
    """

    def __init__(
        self,
        spec: FunctionSpec,
        *,
        max_workers: int = MAX_WORKERS,
        log: _Log | None = None,
        make: Callable[[FunctionSpec], Worker] = PythonWorker,
    ) -> None:
        self.spec = spec
        self._make = make
        self.max_workers = max_workers
        self._log = log
        self._slots = asyncio.Semaphore(max_workers)
        self._idle: list[tuple[Worker, float]] = []
        self._busy: set[Worker] = set()
        self._closed = False
        self._calls = 0
        self._quiet = asyncio.Event()
        self._reaper: asyncio.TimerHandle | None = None
        self._sources = CodeDirectory(spec.directory) if spec.reload else None

    def start(self) -> None:
        """Start the first worker."""
        self._idle.append((self._new(), time.monotonic()))
        self._reap_later()

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Call the function. Raises SinkUnavailable when too many calls wait already, and never for
        what the function does."""
        if self._calls >= self.max_workers + MAX_WAITING:
            raise SinkUnavailable(f"{self._calls} calls of {self.spec.name} wait")
        self._calls += 1
        try:
            outcome = await self._invoke(invocation)
        finally:
            self._calls -= 1
            if not self._calls:
                self._quiet.set()
        if self._log is not None:
            self._log(self.spec.name, outcome.log)
        return outcome

    async def _invoke(self, invocation: Invocation) -> Outcome:
        async with self._slots:
            if self._sources is not None and self._sources.changed():
                self._retire()
            worker = self._idle.pop()[0] if self._idle else self._new()
            generation = self._sources.generation if self._sources else 0
            self._busy.add(worker)
            try:
                outcome = await worker.run(invocation)
            except asyncio.CancelledError:
                worker.kill()
                raise
            finally:
                self._busy.discard(worker)
            current = self._sources.generation if self._sources else 0
            if self._closed or generation != current:
                worker.kill()
            else:
                self._idle.append((worker, time.monotonic()))
                self._reap_later()
        return outcome

    async def drain(self) -> None:
        """End the workers as they become idle; returns when all calls are done. Nothing may be
        called any more."""
        self._closed = True
        self._retire()
        while self._calls:
            self._quiet.clear()
            await self._quiet.wait()
        await self.close()

    async def close(self) -> None:
        """End all workers; calls under way fail."""
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
        workers = [worker for worker, _ in self._idle] + list(self._busy)
        self._idle.clear()
        for worker in workers:
            worker.kill()
        if workers:
            await asyncio.to_thread(_join, workers)

    def _new(self) -> Worker:
        worker = self._make(self.spec)
        worker.start()
        return worker

    def _retire(self) -> None:
        """Let go of workers with old code."""
        while self._idle:
            self._idle.pop()[0].kill()

    def _reap_later(self) -> None:
        if self._reaper is None:
            self._reaper = asyncio.get_running_loop().call_later(IDLE_S, self._reap)

    def _reap(self) -> None:
        self._reaper = None
        due = time.monotonic() - IDLE_S
        while self._idle and self._idle[0][1] <= due:
            self._idle.pop(0)[0].kill()
        if self._idle:
            self._reap_later()


def _join(workers: list[Worker]) -> None:
    deadline = time.monotonic() + _CLOSE_S
    for worker in workers:
        worker.join(max(deadline - time.monotonic(), 0.0))
