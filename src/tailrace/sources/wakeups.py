"""Who waits for a shard to change, and those who say that it has."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from typing import Final

__all__ = ["Wakeups"]

_ANY: Final = ("",)  # the name of no shard


class Wakeups:
    """Waiting on one event loop; saying from any thread, with one wake-up of the loop for all that
    was said meanwhile."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: set[str] = set()
        self._lock = threading.Lock()

    def arm(self, shard_id: str) -> None:
        """What is said from now on counts: the shard is about to be read."""
        self._loop = asyncio.get_running_loop()
        self._events.setdefault(shard_id, asyncio.Event()).clear()

    def forget(self, shard_id: str) -> None:
        """The shard is not read any more."""
        self._events.pop(shard_id, None)

    async def wait(self, shard_id: str, timeout_s: float) -> None:
        """Return when something was said since the shard was armed, or after the time-out."""
        event = self._events.get(shard_id)
        if event is None:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return

    def notify(self, shard_ids: Iterable[str] | None = None) -> None:
        """Say that shards changed; None means any of them. A shard that nobody armed stands for
        all: it may be the child of one that was closed."""
        loop = self._loop
        if loop is None:
            return
        with self._lock:
            is_first = not self._news
            self._news.update(_ANY if shard_ids is None else shard_ids)
            if not is_first or not self._news:
                return
        try:
            loop.call_soon_threadsafe(self._spread)
        except RuntimeError:
            self._loop = None  # the loop is closed: nobody waits any more

    def _spread(self) -> None:
        with self._lock:
            news, self._news = self._news, set()
        touched = news if news <= self._events.keys() else self._events.keys()
        for shard_id in touched:
            self._events[shard_id].set()
