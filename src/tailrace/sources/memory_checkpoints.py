"""Positions in memory: for consumers that need none tomorrow, and for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tailrace.delivery.ports import Position

__all__ = ["MemoryCheckpoints", "rank"]


def rank(position: Position) -> tuple[bool, int]:
    """What grows as a shard is handled: positions compare by it."""
    return position.finished, -1 if position.sequence is None else position.sequence


class MemoryCheckpoints:
    """Checkpoints that live as long as this object."""

    def __init__(self) -> None:
        self._positions: dict[str, Position] = {}

    async def load(self) -> Mapping[str, Position]:
        """All saved positions by shard id."""
        return dict(self._positions)

    async def save(self, positions: Mapping[str, Position]) -> None:
        """Keep these positions, except those older than what is kept."""
        for shard_id, position in positions.items():
            kept = self._positions.get(shard_id)
            if kept is None or rank(position) > rank(kept):
                self._positions[shard_id] = position

    async def forget(self, shard_ids: Sequence[str]) -> None:
        """Drop the positions of shards that no longer exist."""
        for shard_id in shard_ids:
            self._positions.pop(shard_id, None)
