"""Event loops whose time is simulated: several of them, each a process of its own, that a test
steps, pauses and kills. Nothing waits for real, and what happens is decided by the test alone."""

# asyncio has no public way to drive a loop by hand.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import Coroutine
from typing import Any, Final, cast

__all__ = ["SimulatedLoop", "SimulatedProcess", "World"]

_CLOSING_ROUNDS: Final = 3


class _NoFiles:
    """A selector without files: selecting takes no time."""

    def select(self, timeout: float | None) -> list[Any]:
        del timeout
        return []


class SimulatedLoop(asyncio.BaseEventLoop):
    """A loop that `step` turns once and whose clock is `world`'s, shifted and stretched."""

    def __init__(self, world: World, offset_s: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self._selector = _NoFiles()
        self._world = world
        self._offset_s = offset_s
        self._rate = rate
        self.set_exception_handler(lambda loop, context: None)

    def time(self) -> float:
        """Seconds by this process's clock."""
        return self._offset_s + self._world.now_s * self._rate

    def next_s(self) -> float | None:
        """When something is due, by the world's clock; None for never."""
        if self._ready:  # pyright: ignore[reportAttributeAccessIssue,reportUnknownMemberType]
            return self._world.now_s
        scheduled = cast("list[Any]", self._scheduled)  # pyright: ignore
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
        if not scheduled:
            return None
        when_s: float = scheduled[0].when()
        return (when_s - self._offset_s) / self._rate

    def step(self) -> None:
        """Run what is due."""
        asyncio.events._set_running_loop(self)
        try:
            self._run_once()  # pyright: ignore
        finally:
            asyncio.events._set_running_loop(None)

    def _process_events(self, event_list: list[Any]) -> None:
        del event_list

    def _write_to_self(self) -> None:
        """Nothing to wake."""


class SimulatedProcess:
    """A coroutine with a loop of its own."""

    def __init__(
        self, world: World, main: Coroutine[Any, Any, Any], *, offset_s: float, rate: float
    ) -> None:
        self.loop = SimulatedLoop(world, offset_s, rate)
        self.asleep_until_s = 0.0
        self.dead = False
        asyncio.events._set_running_loop(self.loop)
        try:
            self.main = self.loop.create_task(main)
        finally:
            asyncio.events._set_running_loop(None)

    def next_s(self) -> float | None:
        """When it has something to do."""
        if self.dead:
            return None
        due_s = self.loop.next_s()
        return None if due_s is None else max(due_s, self.asleep_until_s)


class World:
    """Processes and the time they share."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.processes: list[SimulatedProcess] = []

    def start(
        self, main: Coroutine[Any, Any, Any], *, offset_s: float = 0.0, rate: float = 1.0
    ) -> SimulatedProcess:
        """Run a coroutine as a process; its clock is shifted and runs faster by `rate`."""
        process = SimulatedProcess(self, main, offset_s=offset_s, rate=rate)
        self.processes.append(process)
        return process

    def kill(self, process: SimulatedProcess) -> None:
        """End a process between two of its steps, as `kill -9` would: nothing of it runs again."""
        process.dead = True

    def pause(self, process: SimulatedProcess, for_s: float) -> None:
        """Let a process stand still, as a long garbage collection would."""
        process.asleep_until_s = self.now_s + for_s

    def run(self, until_s: float) -> None:
        """Step the processes in the order of what is due, up to a time."""
        while True:
            due = [
                (when, number)
                for number, process in enumerate(self.processes)
                if (when := process.next_s()) is not None
            ]
            if not due or min(due)[0] > until_s:
                self.now_s = until_s
                return
            when, number = min(due)
            # A hair later, so that what is due by division is due by multiplication too.
            self.now_s = max(self.now_s, when + 1e-9)
            self.processes[number].loop.step()

    def close(self) -> None:
        """Drop everything, quietly."""
        for process in self.processes:
            # What is closed runs its clean-up, which may look for a loop and begin new tasks.
            asyncio.events._set_running_loop(process.loop)
            try:
                for _ in range(_CLOSING_ROUNDS):
                    for task in asyncio.all_tasks(process.loop):
                        _drop(task)
            finally:
                asyncio.events._set_running_loop(None)
            process.loop.close()
        self.processes.clear()


def _drop(task: asyncio.Task[Any]) -> None:
    task._log_destroy_pending = False  # pyright: ignore
    with contextlib.suppress(RuntimeError, StopIteration):
        task.get_coro().close()  # pyright: ignore
