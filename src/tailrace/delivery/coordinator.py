"""Which shards of a stream one consumer may read: parents before children.

No I/O and no clock: it is told what the source lists and what became of shards, and answers what
may run. One worker owns all shards; leases between workers would decide among `runnable`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tailrace.delivery.ports import Position, ShardInfo
from tailrace.delivery.settings import StartingPosition

__all__ = ["ShardTree"]


class ShardTree:
    """The shards of one stream as one consumer sees them.

    A shard may run when its parent is finished; a parent that is not listed does not hold it back.
    On a consumer's first start (`saved` is empty) the open shards begin at its starting position;
    with LATEST the closed ones are passed over. Shards found later, and those whose parent is still
    open, begin at their start.
    """

    def __init__(self, starting: StartingPosition, saved: Mapping[str, Position]) -> None:
        self._from_tip = starting is StartingPosition.LATEST and not saved
        self._positions = dict(saved)
        self._listed: dict[str, ShardInfo] = {}
        self._running: set[str] = set()

    def begin(self, shards: Sequence[ShardInfo]) -> Mapping[str, Position]:
        """Take the first listing; returns the positions to save before anything runs, so that a
        restart does not take the shards of today for ones found later."""
        self.add(shards)
        if not self._from_tip:
            return {}
        still_open = {shard.shard_id for shard in shards if not shard.closed}
        for shard in shards:
            if shard.closed:
                self._positions[shard.shard_id] = Position(finished=True)
            else:
                from_tip = not still_open.intersection(shard.parents)
                self._positions[shard.shard_id] = Position(latest=from_tip)
        return dict(self._positions)

    def replace(self, shards: Sequence[ShardInfo]) -> None:
        """Take a whole listing: what it leaves out is gone."""
        self._listed = {shard.shard_id: shard for shard in shards}

    def add(self, shards: Iterable[ShardInfo]) -> None:
        """Take some shards, e.g. the children of one."""
        self._listed.update((shard.shard_id, shard) for shard in shards)

    def runnable(self) -> list[tuple[str, Position]]:
        """The shards that may start now, oldest first, and where each goes on."""
        return [
            (shard_id, self._positions.get(shard_id, Position()))
            for shard_id in sorted(self._listed)
            if self._may_run(self._listed[shard_id])
        ]

    def _may_run(self, shard: ShardInfo) -> bool:
        if shard.shard_id in self._running or self._is_finished(shard.shard_id):
            return False
        return all(self._is_past(parent, shard) for parent in shard.parents)

    def _is_past(self, parent: str, shard: ShardInfo) -> bool:
        """Whether a parent does not hold a shard back."""
        if parent == shard.shard_id or self._is_finished(parent):
            return True
        return parent not in self._listed and parent not in self._running

    def _is_finished(self, shard_id: str) -> bool:
        position = self._positions.get(shard_id)
        return position is not None and position.finished

    def started(self, shard_id: str) -> None:
        """A shard runs."""
        self._running.add(shard_id)

    def ended(self, shard_id: str, position: Position) -> None:
        """A shard no longer runs; it was handled, or goes on later, at `position`."""
        self._running.discard(shard_id)
        self._positions[shard_id] = position

    def has_child(self, shard_id: str) -> bool:
        """Whether a shard that follows this one is listed."""
        return any(shard_id in shard.parents for shard in self._listed.values())

    def vanished(self) -> list[str]:
        """Shards with a position that are not handled to their end, do not run and are no longer
        listed: what they still held was lost."""
        return [
            shard_id
            for shard_id, position in sorted(self._positions.items())
            if not position.finished
            and shard_id not in self._listed
            and shard_id not in self._running
        ]

    def expired(self) -> list[str]:
        """Finished shards that are no longer listed: their positions serve nothing."""
        return [
            shard_id
            for shard_id, position in sorted(self._positions.items())
            if position.finished and shard_id not in self._listed
        ]

    def forget(self, shard_ids: Iterable[str]) -> None:
        """Drop positions that were dropped from the checkpoints."""
        for shard_id in shard_ids:
            self._positions.pop(shard_id, None)

    @property
    def waiting(self) -> int:
        """How many listed shards wait for their parents."""
        return sum(
            not self._is_finished(shard_id) and shard_id not in self._running
            for shard_id in self._listed
        )
