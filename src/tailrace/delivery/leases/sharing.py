"""Who should hold how many leases, and whose are to be taken: pure arithmetic."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence

import msgspec

from tailrace.delivery.leases.lease import Lease

__all__ = ["Wish", "wishes"]


class Wish(msgspec.Struct, frozen=True):
    """A lease to be had: at once when it is free, else by asking its owner to hand it over."""

    lease: Lease
    ask: bool


def wishes(
    worker: str,
    leases: Sequence[Lease],
    free: Collection[str],
    rng: random.Random,
    alive: Collection[str],
) -> list[Wish]:
    """What a worker should take, given all unfinished leases, which of them are free, and which
    were seen to be renewed: the owners of others may be dead, and would not answer.

    Free leases are taken up to an even share, rounded up. Of the others so many are asked for that
    nobody holds two more than this worker, half of them at a time, so that several new workers
    share what they find. `rng` spreads workers that decide at the same moment.
    """
    loads = _loads(worker, leases, free)
    share = -(-len(leases) // len(loads))
    idle = [lease for lease in leases if lease.shard_id in free]
    rng.shuffle(idle)
    room = max(share - loads[worker], 0)
    taken = [Wish(lease, ask=False) for lease in idle[:room]]
    if taken or idle:
        return taken
    return [Wish(lease, ask=True) for lease in _from_others(worker, leases, loads, rng, alive)]


def _loads(worker: str, leases: Sequence[Lease], free: Collection[str]) -> dict[str, int]:
    """Leases by owner; those being handed over count for whoever gets them."""
    loads = {worker: 0}
    for lease in leases:
        if lease.shard_id not in free and lease.owner is not None:
            loads[lease.owner] = loads.get(lease.owner, 0) + 1
    return loads


def _from_others(
    worker: str,
    leases: Sequence[Lease],
    loads: Mapping[str, int],
    rng: random.Random,
    alive: Collection[str],
) -> list[Lease]:
    lacking = len(leases) // len(loads) - loads[worker]
    poor = sum(load <= loads[worker] for load in loads.values())
    if lacking <= 0 and rng.random() * poor >= 1:
        return []  # what little there is to even out, one of the poor does
    left = dict(loads)
    movable: dict[str, list[Lease]] = {}
    for lease in leases:
        if lease.shard_id not in alive or lease.checkpoint_owner is not None:
            continue
        if lease.owner not in (None, worker):
            movable.setdefault(lease.owner or "", []).append(lease)
    for held in movable.values():
        rng.shuffle(held)
    asked: list[Lease] = []
    for _ in range(max(lacking // 2, 1)):
        donor = max(movable, key=lambda owner: left[owner], default=None)
        if donor is None or left[donor] - left[worker] < 2:
            break
        asked.append(movable[donor].pop())
        left[donor] -= 1
        left[worker] += 1
        if not movable[donor]:
            del movable[donor]
    return asked
