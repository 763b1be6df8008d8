"""What a worker holds, and the writes by which it holds it."""

from __future__ import annotations

import enum

import msgspec

from tailrace.delivery.leases.lease import Lease, Prepared, Spooled, rank
from tailrace.delivery.ports import Position

__all__ = ["Action", "Held", "Write"]


class Action(enum.Enum):
    """What a write of the member is for."""

    TAKE = "take"  # a free lease, or one whose owner took too long to hand it over
    ASK = "ask"  # for a lease that another worker holds, or no longer
    KEEP = "keep"  # renew, with the checkpoint if it moved
    RELEASE = "release"  # let go: for the next owner, or for anyone
    FINISH = "finish"  # the shard was handled to its end


class Write(msgspec.Struct, frozen=True):
    """A lease to be replaced, conditional on its counter."""

    action: Action
    old: Lease
    new: Lease


class Held(msgspec.Struct):
    """A held lease. `renewed_ms` is when its last write began: others may count from then on.
    `position` is where the shard stands, `written_ms` when a checkpoint was last kept. `fresh`: it
    never had an owner. `ended`: the shard was handled to its end, which is not written yet.
    `leaving`: it is to be given away when the shard no longer runs. `spooled` is what was taken
    from the stream before it can be handled."""

    lease: Lease
    renewed_ms: int
    position: Position
    fresh: bool = False
    running: bool = False
    writing: bool = False
    leaving: bool = False
    ended: bool = False
    prepared: Prepared | None = None
    written_ms: int | None = None
    spooled: Spooled | None = None

    @property
    def moved(self) -> bool:
        """Whether something is to be kept beyond a renewal."""
        further = rank(self.position) > rank(self.lease.position)
        return further or self.prepared != self.lease.prepared
