"""The leases of one worker, kept in the table: every call that is made for them.

What is to be written `member` and `discovery` decide. Errors are counted and the thing is tried
again; only the first look at leases and stream raises.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from tailrace.delivery.leases.discovery import (
    bootstrap,
    children_of,
    missing,
    outdated,
)
from tailrace.delivery.leases.lease import (
    Lease,
    LeaseTable,
    LeaseTimes,
    is_rereading,
    is_snapshot,
    read_after,
    rereading_name,
)
from tailrace.delivery.leases.member import Action, Member, Write
from tailrace.delivery.ports import ShardInfo, Source
from tailrace.delivery.saver import told
from tailrace.delivery.settings import StartingPosition
from tailrace.delivery.turn import backoff_ms
from tailrace.errors import ResourceNotFoundException

__all__ = ["LeaseKeeper"]

WRITES_AT_ONCE: Final = 32
# Children of a shard that ended are listed late at times; then the discovery finds them.
CHILD_SEARCHES: Final = 10
CHILD_SEARCH_FIRST_S: Final = 0.05
CHILD_SEARCH_MAX_S: Final = 1.0
# A worker that does not lead looks for what is missing too, so much less often.
OTHERS_LOOK_LESS: Final = 3

_log = logging.getLogger(__name__)


def _keep(tasks: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
    tasks.add(task)
    task.add_done_callback(tasks.discard)


class LeaseKeeper:
    """Reads and writes leases for a member. `stirred` is called when something changed that shards
    may be started or stopped for."""

    def __init__(
        self,
        member: Member,
        table: LeaseTable,
        source: Source,
        times: LeaseTimes,
        *,
        discovery_interval_s: float,
        stirred: Callable[[], None],
    ) -> None:
        self.member = member
        self.errors = 0
        self.error = ""
        self.written = asyncio.Event()
        self.hurry = asyncio.Event()
        self._table = table
        self._source = source
        self._times = times
        self._discovery_ms = int(discovery_interval_s * 1000)
        self._stirred = stirred
        self._queue: deque[Write] = deque()
        self._draining = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writes: set[asyncio.Task[None]] = set()
        self._discover_at_ms = 0
        self._lacking: dict[str, int] = {}

    def time_ms(self) -> int:
        """Milliseconds that never go back."""
        return int(asyncio.get_running_loop().time() * 1000)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that ends with the keeper."""
        _keep(self._tasks, asyncio.create_task(work))

    async def end(self) -> None:
        """Break off everything that is under way, but for the writes: a lease that was taken is to
        be given back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._writes, return_exceptions=True)

    def trouble(self, what: str, error: Exception) -> None:
        """Count an error that may pass."""
        self.errors += 1
        self.error = f"{what}: {told(error)}"
        _log.warning("%s failed: %s", what, told(error))

    # Writing -----------------------------------------------------------------------------------

    def renew(self) -> None:
        """Begin the writes that held leases need now."""
        for write in self.member.renewals(self.time_ms()):
            self._begin(write)

    def _begin(self, write: Write) -> None:
        """Have a write made. A task for each would cost more than the write itself."""
        self.member.began(write)
        self._queue.append(write)
        if self._draining < min(WRITES_AT_ONCE, len(self._queue)):
            self._draining += 1
            _keep(self._writes, asyncio.create_task(self._drain()))

    async def _drain(self) -> None:
        try:
            while self._queue:
                await self.write(self._queue.popleft())
        finally:
            self._draining -= 1

    async def write(self, write: Write) -> None:
        """Attempt a write and tell the member what became of it."""
        began_ms = self.time_ms()
        try:
            done = await self._table.replace(write.old, write.new)
        except Exception as error:
            self.trouble(f"writing the lease of {write.old.shard_id}", error)
            done = False
        if done:
            self.member.wrote(write, began_ms, self.time_ms())
        else:
            await self._look_at(write)
        self.written.set()
        held = self.member.held.get(write.old.shard_id)
        if write.action is not Action.KEEP or held is None or held.leaving:
            self._stirred()

    async def _look_at(self, write: Write) -> None:
        try:
            current = await self._table.get(write.old.shard_id)
        except Exception as error:
            self.trouble(f"reading the lease of {write.old.shard_id}", error)
            self.member.unknown(write)
        else:
            self.member.refused(write, current, self.time_ms())

    async def release(self) -> None:
        """Give all leases back; their shards must not run any more."""
        await self.end()
        self.member.leave()
        for held in self.member.held.values():
            held.writing = held.ended = False
        failed = 0
        while writes := self.member.renewals(self.time_ms()):
            await self._make(writes)
            if self.member.held:
                await asyncio.sleep(backoff_ms(failed) / 1000)
                failed += 1
        await self._withdraw()

    async def _withdraw(self) -> None:
        """Give up what this worker asked for: it is not to be handed over to one that is gone. The
        owner may do just that meanwhile; then it is this worker's, and given up like the rest."""
        failed = 0
        while not await self._see_all():
            await asyncio.sleep(backoff_ms(failed) / 1000)
            failed += 1
        failed = 0
        while writes := self.member.withdrawals():
            if failed:
                await asyncio.sleep(backoff_ms(failed - 1) / 1000)
            await self._make(writes)
            failed += 1

    async def _see_all(self) -> bool:
        try:
            self.member.observe(await self._table.scan(), self.time_ms())
        except Exception as error:
            self.trouble("looking at the leases", error)
            return False
        return True

    async def _make(self, writes: Sequence[Write]) -> None:
        for write in writes:
            self._begin(write)
        await asyncio.gather(*self._writes)

    # Looking -----------------------------------------------------------------------------------

    async def look(
        self, starting: StartingPosition, snapshot_segments: int, now_ms: Callable[[], int]
    ) -> None:
        """Look at all leases, make those that lack, and begin to take what is this worker's share.
        `now_ms` gives the wall clock's time."""
        self.member.observe(await self._table.scan(), self.time_ms())
        leases = self.member.leases
        if not leases:
            began_ms = now_ms()
            shards = await self._source.shards()
            await self.create(bootstrap(shards, starting, began_ms, snapshot_segments))
            self.member.observe(await self._table.scan(), self.time_ms())
        elif self.time_ms() >= self._discover_at_ms:
            await self._discover(leases)
        for write in self.member.acquisitions(self.time_ms()):
            self._begin(write)

    async def _discover(self, leases: Mapping[str, Lease]) -> None:
        """Repair what has been missing for a while, drop what is outdated."""
        now_ms = self.time_ms()
        interval_ms = self._discovery_ms
        if not self.member.leads(now_ms):
            interval_ms *= OTHERS_LOOK_LESS
        self._discover_at_ms = now_ms + interval_ms
        shards = await self._source.shards()
        wanted = {lease.shard_id: lease for lease in missing(shards, leases)}
        # Whoever handled the parent, or began the group, is writing them, as a rule.
        self._lacking = {name: self._lacking.get(name, now_ms) for name in wanted}
        patience_ms = self._times.failover_ms
        late = [
            wanted[name] for name, since in self._lacking.items() if now_ms - since >= patience_ms
        ]
        await self.create(late)
        if len(late) < len(wanted):
            self._discover_at_ms = now_ms + min(interval_ms, patience_ms)
        for lease in outdated(shards, leases):
            if await self._table.delete(lease):
                self.member.forget(lease.shard_id)

    async def create(self, leases: Sequence[Lease]) -> None:
        """Add leases that are not there yet."""

        async def create(lease: Lease) -> None:
            if await self._table.create(lease):
                self.member.learn(lease, self.time_ms())

        # In order, a few at a time: the first must be there before the last.
        for start in range(0, len(leases), WRITES_AT_ONCE):
            await asyncio.gather(*map(create, leases[start : start + WRITES_AT_ONCE]))

    async def read_again(self, segments: int, least: int) -> None:
        """Have the whole table read once more, unless that is under way: by one lease, whose holder
        makes those of the segments. The records are numbered behind all that was handled, and
        behind `least`: they prevail over what receivers have, and over nothing to come."""
        leases = self.member.leases.values()
        reached = [lease.position.sequence or 0 for lease in leases]
        reached += [held.position.sequence or 0 for held in self.member.held.values()]
        name = rereading_name(max([least, *reached]), segments)
        is_under_way = any(
            is_rereading(lease.shard_id)
            and not lease.finished
            and read_after(lease.shard_id) >= least
            for lease in leases
        )
        if not is_under_way:
            failed = 0
            while not await self._try_to_create(name):
                await asyncio.sleep(backoff_ms(failed) / 1000)
                failed += 1
            self.hurry.set()

    async def _try_to_create(self, shard_id: str) -> bool:
        try:
            await self.create([Lease(shard_id=shard_id)])
        except Exception as error:
            self.trouble("beginning to read the table again", error)
            return False
        return True

    async def is_done(self, shard_id: str) -> bool:
        """Whether a lease that was there is finished, or gone since."""
        lease = await self._table.get(shard_id)
        return lease is None or lease.finished

    # Ends --------------------------------------------------------------------------------------

    async def finish(self, shard_id: str) -> bool:
        """Write that a shard was handled to its end, once its children have leases; False when the
        lease was lost meanwhile. The children begin with this worker, without delay."""
        children: Sequence[ShardInfo] = ()
        if not is_snapshot(shard_id):
            children = await self._children(shard_id)
        failed = 0
        while (held := self.member.held.get(shard_id)) is not None:
            try:
                for lease in children_of(held.lease, children, self.member.worker):
                    await self._add_child(lease)
            except Exception as error:
                self.trouble(f"writing the leases behind {shard_id}", error)
            else:
                names = [child.shard_id for child in children]
                write = None if held.writing else self.member.finish(shard_id, names)
                if write is not None:
                    self.member.began(write)
                    await self.write(write)
                if shard_id not in self.member.held:
                    break
            await asyncio.sleep(backoff_ms(failed) / 1000 if failed else CHILD_SEARCH_FIRST_S)
            failed += 1
        lease = self.member.leases.get(shard_id)
        return lease is not None and lease.finished

    async def foresee(self, lease: Lease) -> bool:
        """Make the leases of the shards that follow one which ended but is not handled: they wait
        for it. Whether there are any."""
        children = await self._children(lease.shard_id)
        for child in children_of(lease, children, self.member.worker):
            await self._add_child(child)
        return bool(children)

    async def _add_child(self, lease: Lease) -> None:
        if lease.shard_id in self.member.held:
            return
        adding = asyncio.create_task(self._create_own(lease))
        _keep(self._writes, adding)
        # Who stops waiting for a call does not undo it: the lease would be owned by one that is
        # gone. So it is waited for like other writes, and given back.
        await asyncio.shield(adding)

    async def _create_own(self, lease: Lease) -> None:
        began_ms = self.time_ms()
        if await self._table.create(lease):
            self.member.hold(lease, began_ms)
            return
        there = await self._table.get(lease.shard_id)
        if there is not None:
            self.member.learn(there, self.time_ms())

    async def _children(self, shard_id: str) -> Sequence[ShardInfo]:
        """The shards that follow one that ended, which may be listed a little later."""
        delay_s = CHILD_SEARCH_FIRST_S
        for _ in range(CHILD_SEARCHES):
            if shard_id not in self.member.held:
                break
            try:
                found = await self._source.children(shard_id)
            except ResourceNotFoundException:
                return await self._listed_children(shard_id) or self._known_children(shard_id)
            except Exception as error:
                self.trouble(f"listing the children of {shard_id}", error)
            else:
                if found or (found := self._known_children(shard_id)):
                    return found
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, CHILD_SEARCH_MAX_S)
        return []

    def _known_children(self, shard_id: str) -> Sequence[ShardInfo]:
        """The children that have leases already, for the stream may list them no more."""
        return [
            ShardInfo(lease.shard_id, shard_id, closed=True)
            for lease in self.member.leases.values()
            if shard_id in lease.parents
        ]

    async def _listed_children(self, shard_id: str) -> Sequence[ShardInfo]:
        """The children of a shard that is gone itself; of a stream that is gone there are none."""
        try:
            shards = await self._source.shards()
        except ResourceNotFoundException:
            return []
        except Exception as error:
            self.trouble(f"listing the children of {shard_id}", error)
            return []
        return [shard for shard in shards if shard_id in shard.parents]
