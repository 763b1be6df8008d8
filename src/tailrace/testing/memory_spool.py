"""A spool in memory, for testing what spools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tailrace.delivery.leases.spool import SpoolFull, SpoolState
from tailrace.delivery.ports import Record

__all__ = ["MemorySpool"]


class MemorySpool:
    """Records that live as long as this object, which stands for a machine's disk: workers that get
    the same one share it. `max_records` is how many it may have."""

    def __init__(self, name: str = "memory", max_records: int | None = None) -> None:
        self.name = name
        self.max_records = max_records
        self.records: dict[str, list[Record]] = {}
        self._states: dict[str, SpoolState] = {}
        self._is_open = False

    @property
    def id(self) -> str | None:
        """Its name, once it is open."""
        return self.name if self._is_open else None

    async def open(self, *, create: bool) -> None:
        """Open it, if it was made before."""
        self._is_open = self._is_open or create

    async def states(self) -> Mapping[str, SpoolState]:
        """What there is, by shard id."""
        return {shard_id: self._state(shard_id) for shard_id in self._states}

    async def state(self, shard_id: str) -> SpoolState | None:
        """What there is of one shard."""
        return self._state(shard_id) if shard_id in self._states else None

    async def append(
        self,
        shard_id: str,
        after: int | None,
        records: Sequence[Record],
        *,
        now_ms: int,
        ended: bool = False,
        lossy: bool = False,
    ) -> SpoolState:
        """Keep records that follow the number `after`, unless another worker was quicker."""
        before = self._states.get(shard_id)
        if before is not None and before.last != after:
            return self._state(shard_id)
        held = sum(map(len, self.records.values()))
        if records and self.max_records is not None and held >= self.max_records:
            raise SpoolFull(f"there are {held} records")
        self.records.setdefault(shard_id, []).extend(records)
        self._states[shard_id] = SpoolState(
            last=records[-1].sequence if records else after,
            read_ms=now_ms,
            ended=ended or (before is not None and before.ended),
            lossy=lossy or (before is not None and before.lossy),
        )
        return self._state(shard_id)

    async def read(self, shard_id: str, after: int, max_records: int) -> Sequence[Record]:
        """Records behind a number, in order."""
        found = [record for record in self.records.get(shard_id, ()) if record.sequence > after]
        return found[:max_records]

    async def trim(self, shard_id: str, upto: int) -> None:
        """Drop records up to a number."""
        kept = [record for record in self.records.get(shard_id, ()) if record.sequence > upto]
        self.records[shard_id] = kept

    async def drop(self, shard_id: str) -> None:
        """Forget a shard."""
        self._states.pop(shard_id, None)
        self.records.pop(shard_id, None)

    async def close(self) -> None:
        """Nothing to let go of."""

    def _state(self, shard_id: str) -> SpoolState:
        records = self.records.get(shard_id)
        first = records[0] if records else None
        return msgspec.structs.replace(
            self._states[shard_id],
            first=None if first is None else first.sequence,
            oldest_ms=None if first is None else first.created_ms,
        )
