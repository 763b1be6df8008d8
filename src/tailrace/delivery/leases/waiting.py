"""Which shards wait for a table to be read, directly or behind others: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tailrace.delivery.leases.held import Held
from tailrace.delivery.leases.lease import Lease, is_snapshot

__all__ = ["waiting_for_snapshot"]


def waiting_for_snapshot(
    held: Iterable[Held], leases: Mapping[str, Lease]
) -> list[tuple[Held, bool]]:
    """Held leases that wait; and whether records of one before it, or of its own, were taken from
    the stream already."""
    found: list[tuple[Held, bool]] = []
    for each in held:
        if each.running or each.leaving or each.ended or is_snapshot(each.lease.shard_id):
            continue
        before = _unfinished_before(each.lease, leases)
        spooled = each.spooled is not None or any(lease.spooled for lease in before)
        if before and (spooled or any(is_snapshot(lease.shard_id) for lease in before)):
            found.append((each, spooled))
    return found


def _unfinished_before(lease: Lease, leases: Mapping[str, Lease]) -> list[Lease]:
    found: dict[str, Lease] = {}
    parents = list(lease.parents)
    while parents:
        parent = leases.get(parents.pop())
        if parent is not None and not parent.finished and parent.shard_id not in found:
            found[parent.shard_id] = parent
            parents += parent.parents
    return list(found.values())
