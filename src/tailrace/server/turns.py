"""Turns on the server's loop for work that is done in steps: one step, then whatever else waits,
then the next step, of whoever has waited longest."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

__all__ = ["Turns"]


class Turns:
    """The steps that wait for their turn."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        # Both are the loop's alone.
        self._waiting: deque[Callable[[], None]] = deque()
        self._running = False

    def attach(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Have steps run by this loop from now on; None when there is none any more."""
        self._loop = loop

    def soon(self, step: Callable[[], None]) -> bool:
        """Have a step run when its turn has come; False when no loop would run it. From any
        thread."""
        loop = self._loop
        if loop is None:
            return False
        try:
            loop.call_soon_threadsafe(self._wait, loop, step)
        except RuntimeError:  # the loop was closed meanwhile
            return False
        return True

    def _wait(self, loop: asyncio.AbstractEventLoop, step: Callable[[], None]) -> None:
        self._waiting.append(step)
        if not self._running:
            self._running = True
            loop.call_soon(self._run, loop)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        step = self._waiting.popleft()
        try:
            step()
        finally:
            self._running = bool(self._waiting)
            if self._running:
                loop.call_soon(self._run, loop)
