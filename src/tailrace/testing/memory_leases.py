"""A lease table in memory, for testing what keeps leases."""

from __future__ import annotations

from collections.abc import Sequence

from tailrace.delivery.leases.lease import Lease

__all__ = ["MemoryLeaseTable"]


class MemoryLeaseTable:
    """Leases that live as long as this object; `rows` are for anyone to look at. `history` holds
    every lease that was ever written, in order."""

    def __init__(self) -> None:
        self.rows: dict[str, Lease] = {}
        self.history: list[Lease] = []

    async def scan(self) -> Sequence[Lease]:
        """All leases."""
        return list(self.rows.values())

    async def get(self, shard_id: str) -> Lease | None:
        """A lease."""
        return self.rows.get(shard_id)

    async def create(self, lease: Lease) -> bool:
        """Add a lease; False when there is one."""
        if lease.shard_id in self.rows:
            return False
        self._put(lease)
        return True

    async def replace(self, old: Lease, new: Lease) -> bool:
        """Write a lease whose counter is `old`'s."""
        found = self.rows.get(old.shard_id)
        if found is None or found.counter != old.counter:
            return False
        self._put(new)
        return True

    async def delete(self, lease: Lease) -> bool:
        """Remove a lease whose counter is this one's."""
        found = self.rows.get(lease.shard_id)
        if found is None or found.counter != lease.counter:
            return False
        del self.rows[lease.shard_id]
        return True

    def _put(self, lease: Lease) -> None:
        self.rows[lease.shard_id] = lease
        self.history.append(lease)
