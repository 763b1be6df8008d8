"""A connection that neither sends nor waits for anything is closed."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

__all__ = ["IDLE_S", "IdleClosing"]

# SDKs keep theirs open for about a minute.
IDLE_S = 120.0


class IdleClosing(ABC):
    """A connection's protocol that watches itself. Whoever uses it sets `_last_active`, in the
    loop's seconds, and says what is `_busy`."""

    loop: asyncio.AbstractEventLoop
    _last_active = 0.0
    _idle_timer: asyncio.TimerHandle | None = None

    @property
    @abstractmethod
    def _busy(self) -> bool:
        """Whether the client waits for this side."""

    @abstractmethod
    def _close(self) -> None:
        """Close the connection."""

    def _watch(self) -> None:
        self._last_active = self.loop.time()
        self._idle_timer = self.loop.call_later(IDLE_S, self._close_if_idle)

    def _watch_no_longer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()

    def _close_if_idle(self) -> None:
        left = self._last_active + IDLE_S - self.loop.time()
        if left > 0 or self._busy:
            self._idle_timer = self.loop.call_later(max(left, 1.0), self._close_if_idle)
        else:
            self._close()
