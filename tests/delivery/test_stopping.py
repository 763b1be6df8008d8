"""Workers that stop own no lease when they have ended, whatever was under way: leases that were
asked for, handed over or created at that moment, and calls that nobody waits for any more."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest

from tailrace.clock import SequentialIds
from tailrace.delivery.driver import RunnerOptions
from tailrace.delivery.leases.keeper import LeaseKeeper
from tailrace.delivery.leases.lease import Lease, LeaseTimes
from tailrace.delivery.leases.worker import GroupRunner, GroupSettings
from tailrace.delivery.ports import Batch, Failure, Position, ShardInfo, ShardPage
from tailrace.delivery.settings import DeliverySettings
from tailrace.testing.memory_leases import MemoryLeaseTable
from tailrace.testing.memory_source import MemorySource
from tailrace.testing.virtual_time import SimulatedProcess, World

SHARDS = 4
TIMES = LeaseTimes.of(1.5)
STOPPED_S = 15.0
LOOK_S = 0.001
CALL_S = 0.001, 0.02  # what a call takes, each way


class Group:
    """A stream, a table of leases, and workers that come and stop."""

    def __init__(self, table: MemoryLeaseTable | None = None, seed: int = 0) -> None:
        self.rng = random.Random(seed)
        self.world = World()
        self.source = MemorySource()
        self.table = table or MemoryLeaseTable()
        self.workers: list[tuple[GroupRunner, SimulatedProcess]] = []
        for number in range(SHARDS):
            self.source.open(f"shard-{number}")

    def start(self) -> Process:
        """Add a worker."""
        number = len(self.workers)
        worker = Process(self, f"worker-{number}")
        process = self.world.start(worker.runner.run(), offset_s=1000.0 * number)
        self.workers.append((worker.runner, process))
        return worker

    def run(self, for_s: float) -> None:
        self.world.run(self.world.now_s + for_s)

    def run_until_asked(self) -> None:
        """Go on until a worker asked another one for a lease."""
        for _ in range(10_000):
            if any(lease.checkpoint_owner for lease in self.table.rows.values()):
                return
            self.run(LOOK_S)
        raise AssertionError("nobody asked")

    def follow(self) -> None:
        """End all shards; each is followed by one."""
        for number in range(SHARDS):
            self.source.open(f"child-{number}", f"shard-{number}")
            self.source.end(f"shard-{number}")

    def owned(self, *, apart_s: float = 0.0) -> list[Lease]:
        """Stop all workers; leases that have an owner when all have ended in good order."""
        for runner, _ in self.workers:
            runner.stop()
            self.run(self.rng.uniform(0, apart_s))
        self.run(STOPPED_S)
        for _, process in self.workers:
            assert process.main.done(), "a worker did not stop"
            process.main.result()
        return [lease for lease in self.table.rows.values() if lease.owner is not None]


class Process:
    """One worker's source, sink and lease table. Its calls are made by threads, so to speak: who
    stops waiting for one does not keep it from being carried out."""

    def __init__(self, group: Group, worker: str) -> None:
        self.group = group
        self.lost_scans = 0
        self.runner = GroupRunner(
            self, self, self, DeliverySettings(), self, SequentialIds(),
            worker=worker, group=GroupSettings(times=TIMES), options=RunnerOptions(),
        )  # fmt: skip

    def now_us(self) -> int:
        return int(self.group.world.now_s * 1e6)

    async def _call(self, answer: Any) -> Any:
        async def carry_out() -> Any:
            await asyncio.sleep(self.group.rng.uniform(*CALL_S))
            found = await answer()
            await asyncio.sleep(self.group.rng.uniform(*CALL_S))
            return found

        return await asyncio.shield(asyncio.create_task(carry_out()))

    # Source
    @property
    def arn(self) -> str:
        return self.group.source.arn

    async def shards(self) -> Sequence[ShardInfo]:
        return await self._call(self.group.source.shards)

    async def children(self, shard_id: str) -> Sequence[ShardInfo]:
        return await self._call(lambda: self.group.source.children(shard_id))

    async def changed(self, shard_id: str, timeout_s: float) -> None:
        await asyncio.sleep(0.25)

    async def read(self, shard_id: str, position: Position, max_records: int) -> ShardPage:
        return await self._call(lambda: self.group.source.read(shard_id, position, max_records))

    # Sink
    async def write(self, batch: Batch) -> Sequence[Failure]:
        return ()

    async def close(self) -> None: ...

    # Lease table
    async def scan(self) -> Sequence[Lease]:
        if self.lost_scans:
            self.lost_scans -= 1
            raise ConnectionResetError("no answer")
        return await self._call(self.group.table.scan)

    async def get(self, shard_id: str) -> Lease | None:
        return await self._call(lambda: self.group.table.get(shard_id))

    async def create(self, lease: Lease) -> bool:
        return await self._call(lambda: self.group.table.create(lease))

    async def replace(self, old: Lease, new: Lease) -> bool:
        return await self._call(lambda: self.group.table.replace(old, new))

    async def delete(self, lease: Lease) -> bool:
        return await self._call(lambda: self.group.table.delete(lease))


class Overtaking(MemoryLeaseTable):
    """A table where whoever hands a lease over is quicker than who withdraws from having it."""

    def __init__(self) -> None:
        super().__init__()
        self.overtaken = 0

    async def replace(self, old: Lease, new: Lease) -> bool:
        withdraws = old.checkpoint_owner is not None and new.owner == old.checkpoint_owner
        while withdraws and self.rows[old.shard_id] == old:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)
        self.overtaken += withdraws
        return await super().replace(old, new)


class SlowChildren(MemoryLeaseTable):
    """A table that takes its time to make a lease which has an owner from the start."""

    async def create(self, lease: Lease) -> bool:
        if lease.owner is not None:
            await asyncio.sleep(1)
        return await super().create(lease)


def handed_over_while_withdrawn() -> tuple[list[Lease], int]:
    table = Overtaking()
    group = Group(table)
    try:
        group.start()
        group.run(5)
        group.start()
        group.run_until_asked()
        return group.owned(), table.overtaken
    finally:
        group.world.close()


def created_while_stopping() -> list[Lease]:
    group = Group(SlowChildren())
    try:
        group.start()
        group.run(5)
        group.follow()
        group.run(1)  # the ends are seen, the children's leases are under way
        assert not any(name.startswith("child") for name in group.table.rows)
        return group.owned()
    finally:
        group.world.close()


def test_what_is_handed_over_to_one_that_stops_is_given_back() -> None:
    owned, overtaken = handed_over_while_withdrawn()
    assert overtaken
    assert not owned


def test_what_is_created_while_its_owner_stops_is_given_back() -> None:
    assert not created_while_stopping()


def test_stopping_survives_a_lost_look() -> None:
    group = Group()
    try:
        worker = group.start()
        group.run(5)
        worker.lost_scans = 2
        assert not group.owned()
        assert worker.lost_scans == 0
    finally:
        group.world.close()


@pytest.mark.parametrize("seed", range(30))
def test_workers_that_stop_together_while_they_share_leave_no_owner(seed: int) -> None:
    group = Group(seed=seed)
    try:
        for _ in range(2):
            group.start()
        group.run(10)
        group.start()
        group.run_until_asked()
        group.run(group.rng.uniform(0, 0.3))
        assert not group.owned(apart_s=0.003)
    finally:
        group.world.close()


async def _once(self: LeaseKeeper) -> None:
    self.member.observe(await self._table.scan(), self.time_ms())
    await self._make(self.member.withdrawals())


def test_one_attempt_to_withdraw_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LeaseKeeper, "_withdraw", _once)
    owned, _ = handed_over_while_withdrawn()
    assert owned


async def _broken_off(self: LeaseKeeper, lease: Lease) -> None:
    await self._create_own(lease)


def test_breaking_off_what_creates_a_lease_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LeaseKeeper, "_add_child", _broken_off)
    assert created_while_stopping()
