"""Answers that wait for records: until some shard has news, or a time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from tailrace.streams.log import ChangeLog

__all__ = ["Waits"]

# Besides news of records, what is to come may be due by the clock: it is looked at so often.
_LOOK_S: Final = 1.0

_Then = Callable[[float], None]


class Waits:
    """The waits of all calls, on the server's loop. While nobody waits it listens to nothing."""

    def __init__(self, log: ChangeLog, stopping: Callable[[], bool]) -> None:
        self._log = log
        self._stopping = stopping
        self._loop: asyncio.AbstractEventLoop | None = None
        # All of these are the loop's alone. By a number: the shards, and what ends the wait.
        self._waiting: dict[int, tuple[frozenset[int], Callable[[], None]]] = {}
        self._number = 0
        self._unsubscribe: Callable[[], None] | None = None

    def attach(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Wait on this loop from now on; None when there is none any more."""
        self._loop = loop

    def wait(self, most_s: float, shard_ids: frozenset[int], then: _Then) -> bool:
        """Call `then` on the loop when one of these shards has news, or some time later, with the
        seconds that went by; with all of them when the server stops. False when there is no loop.
        From any thread."""
        loop = self._loop
        if loop is None:
            return False
        try:
            loop.call_soon_threadsafe(self._begin, loop, most_s, shard_ids, then)
        except RuntimeError:  # the loop was closed meanwhile
            return False
        return True

    def _begin(
        self,
        loop: asyncio.AbstractEventLoop,
        most_s: float,
        shard_ids: frozenset[int],
        then: _Then,
    ) -> None:
        began_s, number = loop.time(), self._number
        self._number += 1
        timer = loop.call_later(min(most_s, _LOOK_S), self._end, number)

        def over() -> None:
            timer.cancel()
            then(most_s if self._stopping() else loop.time() - began_s)

        self._waiting[number] = (shard_ids, over)
        if self._unsubscribe is None:
            self._unsubscribe = self._log.subscribe(self._news)

    def _news(self, shard_ids: frozenset[int]) -> None:
        """Of the engine's, on any thread."""
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self._spread, shard_ids)
            except RuntimeError:
                return  # the loop is closed, and with it all waits

    def _spread(self, shard_ids: frozenset[int]) -> None:
        for number in [n for n, (wanted, _) in self._waiting.items() if wanted & shard_ids]:
            self._end(number)

    def _end(self, number: int) -> None:
        _, over = self._waiting.pop(number, (None, None))
        if over is not None:
            over()
        if not self._waiting and self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
