"""Changes for a loop that asks for them, instead of a handler that is called with them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from tailrace.consumer.changes import typed
from tailrace.delivery.ports import Batch, Failure, SinkUnavailable

__all__ = ["PulledChanges"]


class PulledChanges:
    """A sink whose batches are taken one after the other. A batch counts as handled when the next
    one is asked for; one that is held when the sink closes comes again, to whoever is next."""

    def __init__(self) -> None:
        # At most one for each lane that is being delivered.
        self._waiting: asyncio.Queue[tuple[Batch, asyncio.Future[None]] | None] = asyncio.Queue()
        self._held: asyncio.Future[None] | None = None
        self._closed = asyncio.Event()

    async def write(self, batch: Batch) -> Sequence[Failure]:
        """Offer a batch; returns when it was handled."""
        if self._closed.is_set():
            raise SinkUnavailable("nobody takes changes any more")
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((batch, taken))
        closing = asyncio.create_task(self._closed.wait())
        try:
            await asyncio.wait({taken, closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closing.cancel()
        if not taken.done():
            taken.cancel()
            raise SinkUnavailable("nobody takes changes any more")
        return ()

    async def close(self) -> None:
        """Hand out nothing more."""
        self._closed.set()
        self._waiting.put_nowait(None)

    async def next(self) -> list[Any] | None:
        """The changes of the next batch, once there is one; None when the sink was closed."""
        if self._held is not None and not self._held.done():
            self._held.set_result(None)
        self._held = None
        while not self._closed.is_set():
            offered = await self._waiting.get()
            if offered is None:
                break
            batch, taken = offered
            if not taken.cancelled():
                self._held = taken
                return [typed(record, record.event) for record in batch.records]
        return None
