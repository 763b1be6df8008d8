"""Checkpoints on their way to where they are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tailrace.delivery.ports import Checkpoints, Position
from tailrace.delivery.turn import backoff_ms

__all__ = ["Saver", "told"]


def told(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


class Saver:
    """Keeps positions: the newest of each shard, so often and not more often."""

    def __init__(self, checkpoints: Checkpoints, interval_s: float) -> None:
        self.errors = 0
        self.error = ""
        self._checkpoints = checkpoints
        self._interval_s = interval_s
        self._pending: dict[str, Position] = {}
        self._waiting_since_s: float | None = None
        self._filled = asyncio.Event()
        self._lock = asyncio.Lock()

    def put(self, shard_id: str, position: Position) -> None:
        """Have a position kept, soon."""
        if not self._pending and self._waiting_since_s is None:
            self._waiting_since_s = asyncio.get_running_loop().time()
        self._pending[shard_id] = position
        self._filled.set()

    def waiting_ms(self) -> int:
        """How long the oldest position has been waiting to be kept."""
        since_s = self._waiting_since_s
        if since_s is None:
            return 0
        return int((asyncio.get_running_loop().time() - since_s) * 1000)

    async def run(self) -> None:
        """Keep positions until cancelled."""
        while True:
            await self._filled.wait()
            await asyncio.sleep(self._interval_s)
            await self.flush()

    async def flush(self) -> None:
        """Return when all positions put so far are durable; errors are retried without end."""
        async with self._lock:
            failed = 0
            while self._pending:
                taken: Mapping[str, Position] = self._pending
                self._pending = {}
                self._filled.clear()
                try:
                    await self._checkpoints.save(taken)
                    self.error = ""
                    now_s = asyncio.get_running_loop().time()
                    self._waiting_since_s = now_s if self._pending else None
                except BaseException as error:
                    self._pending = {**taken, **self._pending}
                    if not isinstance(error, Exception):
                        raise
                    self.errors += 1
                    self.error = told(error)
                    await asyncio.sleep(backoff_ms(failed) / 1000)
                    failed += 1
