"""When held leases are to be written, without looking at those that are not: of ten thousand idle
ones, only those whose time has come are touched."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from tailrace.delivery.leases.held import Held

__all__ = ["Rota"]


class Rota:
    """Held leases by when they were last renewed, and those of which there is news."""

    def __init__(self, held: Mapping[str, Held], renew_ms: int) -> None:
        self._held = held
        self._renew_ms = renew_ms
        # An entry whose time is not its lease's any more is out of date, and passed over.
        self._by_age: list[tuple[int, str]] = []
        self._news: dict[str, None] = {}

    def enter(self, shard_id: str) -> None:
        """A lease is held, or a write of it is over."""
        held = self._held.get(shard_id)
        if held is not None:
            heapq.heappush(self._by_age, (held.renewed_ms, shard_id))

    def note(self, shard_id: str) -> None:
        """A lease's checkpoint moved, or it is to be let go."""
        self._news[shard_id] = None

    def due(self, now_ms: int) -> list[Held]:
        """Leases to look at now, each once."""
        found: dict[str, Held] = {}
        while self._by_age and now_ms - self._by_age[0][0] >= self._renew_ms:
            renewed_ms, shard_id = heapq.heappop(self._by_age)
            held = self._held.get(shard_id)
            if held is not None and held.renewed_ms == renewed_ms:
                found[shard_id] = held
        for shard_id in list(self._news):
            held = self._held.get(shard_id)
            if held is not None and (held.leaving or held.moved):
                found[shard_id] = held
            else:
                del self._news[shard_id]
        return list(found.values())
