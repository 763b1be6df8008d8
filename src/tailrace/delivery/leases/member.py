"""One worker of a group: what it knows of the leases, and what it does about them.

No I/O and no clock of its own: it is shown the table's rows and told what became of its writes and
of its shards, and answers with the writes to attempt and the shards to run. Time is the worker's
own, in milliseconds from any origin that does not jump; no two workers' times are ever compared.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import msgspec

from tailrace.delivery.leases.held import Action, Held, Write
from tailrace.delivery.leases.lease import Lease, LeaseTimes, Prepared, rank
from tailrace.delivery.leases.rota import Rota
from tailrace.delivery.leases.sharing import wishes
from tailrace.delivery.ports import Position

__all__ = ["Action", "Held", "Member", "Write"]


class _Sight(msgspec.Struct):
    """A row as last seen, and since when it has not changed."""

    lease: Lease
    since_ms: int
    asked_ms: int | None = None
    changed: bool = False


class Member:
    """The leases as one worker sees them."""

    def __init__(
        self, worker: str, times: LeaseTimes, rng: random.Random, checkpoint_ms: int = 1000
    ) -> None:
        self.worker = worker
        self.held: dict[str, Held] = {}
        self.leaving = False
        self.spool: str | None = None  # the id of this worker's
        self._times = times
        self._rng = rng
        self._checkpoint_ms = checkpoint_ms
        self._seen: dict[str, _Sight] = {}
        self._rota = Rota(self.held, times.renew_ms)

    # What is there --------------------------------------------------------------------------------

    @property
    def leases(self) -> dict[str, Lease]:
        """All leases, as last seen."""
        return {shard_id: sight.lease for shard_id, sight in self._seen.items()}

    def observe(self, rows: Sequence[Lease], now_ms: int) -> None:
        """Take a whole scan; what it leaves out is gone. What this worker knows better stays."""
        seen: dict[str, _Sight] = {}
        for row in rows:
            sight = self._seen.get(row.shard_id)
            if sight is None:
                sight = _Sight(row, now_ms)
            elif row.counter > sight.lease.counter:
                self._look(sight, row, now_ms)
            seen[row.shard_id] = sight
        for shard_id, sight in self._seen.items():
            if shard_id in self.held and shard_id not in seen:
                seen[shard_id] = sight
        self._seen = seen

    def learn(self, lease: Lease, now_ms: int) -> None:
        """Take one row: of a lease that was created, or read again."""
        sight = self._seen.get(lease.shard_id)
        if sight is None:
            self._seen[lease.shard_id] = _Sight(lease, now_ms)
        elif lease.counter > sight.lease.counter:
            self._look(sight, lease, now_ms)

    def _look(self, sight: _Sight, row: Lease, now_ms: int) -> None:
        if (row.owner, row.checkpoint_owner) != (sight.lease.owner, sight.lease.checkpoint_owner):
            asked = row.owner == self.worker and row.checkpoint_owner is not None
            sight.asked_ms = now_ms if asked else None
        sight.lease, sight.since_ms, sight.changed = row, now_ms, True

    def forget(self, shard_id: str) -> None:
        """A lease was deleted."""
        self._seen.pop(shard_id, None)

    def is_free(self, lease: Lease, now_ms: int) -> bool:
        """Whether nobody works on a shard any more, or too slowly."""
        sight = self._seen[lease.shard_id]
        if lease.worker is None or now_ms - sight.since_ms >= self._times.failover_ms:
            return True
        if lease.checkpoint_owner is None or lease.owner != self.worker:
            return False
        asked_ms = sight.asked_ms
        return asked_ms is not None and now_ms - asked_ms >= self._times.handoff_ms

    def is_settled(self) -> bool:
        """Whether every unfinished lease is this worker's, or of a worker that was seen alive."""
        return all(
            sight.lease.finished
            or sight.lease.shard_id in self.held
            or (sight.changed and sight.lease.worker not in (None, self.worker))
            for sight in self._seen.values()
        )

    def leads(self, now_ms: int) -> bool:
        """Whether this worker does what one is enough for: it is the first of those alive."""
        owners = {
            sight.lease.owner
            for sight in self._seen.values()
            if sight.lease.owner is not None and not self.is_free(sight.lease, now_ms)
        }
        return not owners or min(owners) == self.worker

    def unkept_ms(self, now_ms: int) -> int:
        """How long ago a lease was last written, of those whose checkpoint moved since: the
        longest."""
        moved = (held for held in self.held.values() if held.moved)
        return max((now_ms - held.renewed_ms for held in moved), default=0)

    # What to write --------------------------------------------------------------------------------

    def acquisitions(self, now_ms: int) -> list[Write]:
        """Leases to take and to ask for now."""
        if self.leaving:
            return []
        open_leases = [sight.lease for sight in self._seen.values() if not sight.lease.finished]
        mine = [
            lease
            for lease in open_leases
            if lease.worker == self.worker and lease.shard_id not in self.held
        ]
        writes = [self._take(lease) for lease in mine]
        free = {
            lease.shard_id
            for lease in open_leases
            if lease.worker != self.worker
            and self.is_free(lease, now_ms)
            and self._may_have(lease, now_ms)
        }
        # What this worker asked for and whose owner is late counts as its own already; what is in
        # its spool nobody else can read.
        late = [
            lease
            for lease in open_leases
            if lease.shard_id in free
            and (
                lease.owner == self.worker or (lease.spooled and lease.spooled.spool == self.spool)
            )
        ]
        writes += [self._take(lease) for lease in late]
        free -= {lease.shard_id for lease in late}
        alive = {shard_id for shard_id, sight in self._seen.items() if sight.changed}
        alive -= {lease.shard_id for lease in open_leases if self._is_spooled_elsewhere(lease)}
        for wish in wishes(self.worker, open_leases, free, self._rng, alive):
            if wish.lease.shard_id not in self.held:
                writes.append(self._ask(wish.lease) if wish.ask else self._take(wish.lease))
        return writes

    def _may_have(self, lease: Lease, now_ms: int) -> bool:
        """Whether a free lease may be had already: who has its records is waited for."""
        patient = now_ms - self._seen[lease.shard_id].since_ms < self._times.spool_ms
        return not (patient and self._is_spooled_elsewhere(lease))

    def _is_spooled_elsewhere(self, lease: Lease) -> bool:
        return lease.spooled is not None and lease.spooled.spool != self.spool

    def _take(self, lease: Lease) -> Write:
        changes_hands = lease.worker not in (None, self.worker)
        new = msgspec.structs.replace(
            lease,
            owner=self.worker,
            checkpoint_owner=None,
            counter=lease.counter + 1,
            switches=lease.switches + int(changes_hands),
        )
        return Write(Action.TAKE, lease, new)

    def _ask(self, lease: Lease) -> Write:
        new = msgspec.structs.replace(
            lease,
            owner=self.worker,
            checkpoint_owner=lease.owner,
            counter=lease.counter + 1,
            switches=lease.switches + 1,
        )
        return Write(Action.ASK, lease, new)

    def withdrawals(self) -> list[Write]:
        """Writes that give up leases which this worker was to get, or has without holding them."""
        return [
            Write(
                Action.ASK,
                lease,
                msgspec.structs.replace(
                    lease,
                    owner=lease.checkpoint_owner,
                    checkpoint_owner=None,
                    counter=lease.counter + 1,
                ),
            )
            for lease in self.leases.values()
            if lease.owner == self.worker and not lease.finished
        ]

    def renewals(self, now_ms: int) -> list[Write]:
        """Writes that held leases need now: what was not renewed for a while, checkpoints that
        moved, and the release of what is being handed over once its shard no longer runs. Each is
        to be begun."""
        writes: list[Write] = []
        for held in self._rota.due(now_ms):
            if held.writing:
                continue
            if held.leaving and not held.running and not held.ended:
                writes.append(self._release(held))
                continue
            rested = held.written_ms is None or now_ms - held.written_ms >= self._checkpoint_ms
            if (held.moved and rested) or now_ms - held.renewed_ms >= self._times.renew_ms:
                writes.append(Write(Action.KEEP, held.lease, self._with_progress(held)))
        return writes

    def finish(self, shard_id: str, children: Sequence[str]) -> Write | None:
        """Mark a shard as handled, once its children have leases; None when it is not held."""
        held = self.held.get(shard_id)
        if held is None:
            return None
        done = msgspec.structs.replace(
            self._with_progress(held),
            position=Position(finished=True),
            children=tuple(children),
            owner=None,
            checkpoint_owner=None,
            prepared=None,
            spooled=None,
        )
        return Write(Action.FINISH, held.lease, done)

    def _release(self, held: Held) -> Write:
        lease = self._with_progress(held)
        next_owner = lease.owner if lease.checkpoint_owner is not None else None
        new = msgspec.structs.replace(lease, owner=next_owner, checkpoint_owner=None)
        return Write(Action.RELEASE, held.lease, new)

    def _with_progress(self, held: Held) -> Lease:
        lease = held.lease
        moved = rank(held.position) > rank(lease.position)
        return msgspec.structs.replace(
            lease,
            counter=lease.counter + 1,
            position=held.position if moved else lease.position,
            switches=0 if moved else lease.switches,
            prepared=held.prepared,
            spooled=held.spooled,
        )

    # What became of it ----------------------------------------------------------------------------

    def began(self, write: Write) -> None:
        """A write is on its way."""
        held = self.held.get(write.old.shard_id)
        if held is not None:
            held.writing = True

    def wrote(self, write: Write, began_ms: int, now_ms: int) -> None:
        """A write was made; it began at `began_ms`."""
        lease = write.new
        sight = self._seen.get(lease.shard_id)
        if write.action is Action.ASK and sight is not None:
            # It says nothing of whether the owner is alive.
            sight.lease, sight.asked_ms = lease, now_ms
            return
        self.learn(lease, now_ms)
        held = self.held.get(lease.shard_id)
        if held is not None:
            held.writing = False
        match write.action:
            case Action.TAKE:
                fresh = write.old.owner is None and not write.old.switches
                self.held[lease.shard_id] = Held(
                    lease,
                    began_ms,
                    lease.position,
                    fresh=fresh,
                    prepared=lease.prepared,
                    spooled=lease.spooled,
                )
            case Action.KEEP:
                if held is not None:
                    kept = held.lease
                    if (kept.position, kept.prepared) != (lease.position, lease.prepared):
                        held.written_ms = now_ms
                    held.lease, held.renewed_ms = lease, began_ms
            case Action.RELEASE | Action.FINISH | Action.ASK:
                self.held.pop(lease.shard_id, None)
        self._rota.enter(lease.shard_id)

    def hold(self, lease: Lease, began_ms: int) -> None:
        """Take a lease that this worker has just created for itself."""
        self.learn(lease, began_ms)
        self.held[lease.shard_id] = Held(lease, began_ms, lease.position)
        self._rota.enter(lease.shard_id)

    def refused(self, write: Write, current: Lease | None, now_ms: int) -> None:
        """A write was not made, or nobody knows; `current` is the lease as it is now."""
        shard_id = write.old.shard_id
        held = self.held.get(shard_id)
        if current is None:
            self.forget(shard_id)
            self.held.pop(shard_id, None)
            return
        self.learn(current, now_ms)
        if held is None:
            return
        held.writing = False
        if current.worker != self.worker or current.finished:
            del self.held[shard_id]
            return
        # Its own write whose answer was lost, or another worker asks for the lease.
        held.lease = current
        held.leaving = held.leaving or current.checkpoint_owner is not None
        self._rota.enter(shard_id)
        self._rota.note(shard_id)

    def unknown(self, write: Write) -> None:
        """A write failed and the lease could not be read: try again."""
        held = self.held.get(write.old.shard_id)
        if held is not None:
            held.writing = False
            self._rota.enter(write.old.shard_id)

    def overdue(self, now_ms: int) -> list[str]:
        """Drop held leases that were not renewed in time: another worker may have them by now."""
        late = [
            shard_id
            for shard_id, held in self.held.items()
            if now_ms - held.renewed_ms >= self._times.failover_ms
        ]
        for shard_id in late:
            del self.held[shard_id]
        return late

    # Its shards -----------------------------------------------------------------------------------

    def startable(self) -> list[Held]:
        """Held leases whose shards may run: all parents are finished or have no lease."""
        return [
            held
            for held in self.held.values()
            if not held.running and not held.leaving and not held.ended
            if self._is_ready(held.lease)
        ]

    def _is_ready(self, lease: Lease) -> bool:
        sights = (self._seen.get(parent) for parent in lease.parents)
        return not self.leaving and all(s is None or s.lease.finished for s in sights)

    def waiting(self) -> int:
        """How many held leases wait for parents."""
        return sum(
            not held.running and not held.ended and not self._is_ready(held.lease)
            for held in self.held.values()
        )

    def advance(self, shard_id: str, position: Position) -> None:
        """A shard was handled up to a position."""
        held = self.held.get(shard_id)
        if held is None or rank(position) <= rank(held.position):
            return
        held.position = position
        self._rota.note(shard_id)
        if held.prepared is not None and (position.sequence or 0) >= held.prepared.sequence:
            held.prepared = None  # what was announced is made

    def announce(self, shard_id: str, prepared: Prepared) -> None:
        """A held shard's checkpoint is announced, and to be written at once."""
        held = self.held[shard_id]
        held.prepared, held.written_ms = prepared, None
        self._rota.note(shard_id)

    def leave(self, shard_ids: Iterable[str] | None = None) -> None:
        """Hand over leases, or with None all, as soon as their shards no longer run."""
        if shard_ids is None:
            self.leaving = True
        for shard_id in list(self.held) if shard_ids is None else shard_ids:
            self.held[shard_id].leaving = True
            self._rota.note(shard_id)
