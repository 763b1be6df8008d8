"""Many workers share a stream through crashes, pauses, skewed clocks, lost answers and throttling,
and no record is lost, out of order, or ahead of its parent's; the seed of each world is printed."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from tailrace.clock import SequentialIds
from tailrace.delivery.driver import RunnerOptions
from tailrace.delivery.leases.keeper import LeaseKeeper
from tailrace.delivery.leases.lease import Lease, LeaseTimes, rank
from tailrace.delivery.leases.member import Member
from tailrace.delivery.leases.worker import GroupRunner, GroupSettings
from tailrace.delivery.ports import Batch, Failure, Position, ShardInfo, ShardPage
from tailrace.delivery.settings import DeliverySettings
from tailrace.errors import ProvisionedThroughputExceededException
from tailrace.testing.memory_leases import MemoryLeaseTable
from tailrace.testing.memory_source import MemorySource
from tailrace.testing.virtual_time import SimulatedProcess, World

SEEDS = range(int(os.environ.get("TAILRACE_SIMULATIONS", "6")))
KEYS = [f"item-{number}" for number in range(40)]
TROUBLE_S, CALM_S = 240.0, 120.0
TIMES = LeaseTimes()
OPTIONS = RunnerOptions(discovery_interval_s=20.0, grace_s=5.0)


class ProcessClock:
    """The wall clock of whichever process asks: no two agree."""

    def now_us(self) -> int:
        return int(asyncio.get_running_loop().time() * 1e6)


def hold(stream: Stream, condition: bool, law: str) -> None:
    """Note a broken law: what a worker is told by an exception it takes for trouble on the wire."""
    if not condition:
        stream.broken.append(law)


class Table(MemoryLeaseTable):
    """The truth about the leases, which checks each write."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream = stream

    def _put(self, lease: Lease) -> None:
        before = self.rows.get(lease.shard_id)
        if before is not None:
            hold(self.stream, lease.counter > before.counter, "a counter stood still")
            forward = rank(lease.position) >= rank(before.position)
            hold(self.stream, forward, "a checkpoint went back")
        self.stream.check_handled(lease)
        if lease.finished:
            children = self.stream.children_of.get(lease.shard_id, [])
            listed = [child for child in children if child in self.stream.listed]
            known = not listed or any(child in self.rows for child in listed)
            hold(self.stream, known, "a shard was finished before its children had leases")
        super()._put(lease)


class Stream:
    """The stream, what is written to it, and what was delivered first and when."""

    def __init__(self, rng: random.Random, shards: int) -> None:
        self.rng = rng
        self.source = MemorySource()
        self.listed: set[str] = set()
        self.open: dict[str, list[str]] = {}
        self.children_of: dict[str, list[str]] = {}
        self.parent_of: dict[str, str] = {}
        self.sequences: dict[str, list[int]] = {}
        self.delivered: dict[int, int] = {}  # sequence -> how manieth first delivery
        self.key_of: dict[int, str] = {}
        self.broken: list[str] = []
        self.made = 0
        for number in range(shards):
            self._open(KEYS[number::shards], None)
            self._show()

    def _open(self, keys: list[str], parent: str | None) -> None:
        self.made += 1
        name = f"shard-{self.made:03d}"
        self.source.open(name, parent, listed=False)
        self.open[name] = keys
        self.sequences[name] = []
        if parent is not None:
            self.parent_of[name] = parent
            self.children_of.setdefault(parent, []).append(name)

    def _show(self) -> None:
        for name in self.sequences:
            self.source.list(name)
            self.listed.add(name)

    async def write(self, until_s: float) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < until_s:
            await asyncio.sleep(self.rng.expovariate(20))
            shard = self.rng.choice(sorted(self.open))
            key = self.rng.choice(self.open[shard])
            record = self.source.put(shard, {"dynamodb": {"Keys": {"pk": {"S": key}}}})
            self.sequences[shard].append(record.sequence)
            self.key_of[record.sequence] = key
            if self.rng.random() < 0.01:
                await self._roll(shard)

    async def _roll(self, shard: str) -> None:
        """Close a shard, and list what follows it a little later."""
        keys = self.open.pop(shard)
        halves = [keys[::2], keys[1::2]] if len(keys) > 3 and self.rng.random() < 0.3 else [keys]
        for part in halves:
            self._open(part, shard)
        self.source.end(shard)
        await asyncio.sleep(self.rng.choice([0.0, 0.2, 3.0]))
        self._show()

    def deliver(self, batch: Batch) -> None:
        for record in batch.records:
            if record.sequence in self.delivered:
                continue
            parent = self.parent_of.get(batch.shard_id)
            if parent is not None:
                missing = [n for n in self.sequences[parent] if n not in self.delivered]
                hold(self, not missing, f"{batch.shard_id} before its parent's {missing}")
            key = self.key_of[record.sequence]
            earlier = [n for n in self.key_of if n < record.sequence and self.key_of[n] == key]
            in_order = all(n in self.delivered for n in earlier)
            hold(self, in_order, "an item's changes out of order")
            self.delivered[record.sequence] = len(self.delivered)

    def check_handled(self, lease: Lease) -> None:
        upto = lease.position.sequence or 0
        for sequence in self.sequences.get(lease.shard_id, ()):
            if lease.finished or sequence <= upto:
                hold(self, sequence in self.delivered, "a checkpoint passed a record")


class Wire:
    """Calls of one worker: slow, refused, and answered to nobody, while there is `trouble`."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.trouble = True

    async def go(self) -> None:
        await asyncio.sleep(self.rng.choice([0.001, 0.01, 0.05]))
        if self.trouble and self.rng.random() < 0.03:
            raise ProvisionedThroughputExceededException("slow down")
        if self.trouble and self.rng.random() < 0.005:
            await asyncio.sleep(self.rng.uniform(1, 15))

    async def back(self) -> None:
        await asyncio.sleep(0.001)
        if self.trouble and self.rng.random() < 0.03:
            raise ConnectionResetError("the answer was lost")


class Worker:
    """One worker's view of the world, over its wire: source, lease table and sink."""

    def __init__(self, name: str, stream: Stream, table: Table, rng: random.Random) -> None:
        self.stream, self.table, self.wire = stream, table, Wire(rng)
        self.arn = stream.source.arn
        settings = DeliverySettings(batch_size=10, parallelization_factor=rng.choice([1, 3]))
        self.runner = GroupRunner(
            self, self, self, settings, ProcessClock(), SequentialIds(),
            worker=name, group=GroupSettings(times=TIMES), options=OPTIONS,
        )  # fmt: skip
        self.error: Exception | None = None

    async def run(self) -> None:
        while True:  # whoever runs a worker starts it again when it could not begin
            try:
                return await self.runner.run()
            except (ProvisionedThroughputExceededException, OSError):
                await asyncio.sleep(1)
            except Exception as error:
                self.error = error
                return None

    async def _ask(self, answer: Any) -> Any:
        await self.wire.go()
        found = await answer()
        await self.wire.back()
        return found

    # Source
    async def shards(self) -> Sequence[ShardInfo]:
        return await self._ask(self.stream.source.shards)

    async def children(self, shard_id: str) -> Sequence[ShardInfo]:
        return await self._ask(lambda: self.stream.source.children(shard_id))

    async def read(self, shard_id: str, position: Position, max_records: int) -> ShardPage:
        return await self._ask(lambda: self.stream.source.read(shard_id, position, 50))

    async def changed(self, shard_id: str, timeout_s: float) -> None:
        await asyncio.sleep(0.25)

    # Sink
    async def write(self, batch: Batch) -> Sequence[Failure]:
        await asyncio.sleep(self.wire.rng.choice([0.0, 0.01, 0.3]))
        self.stream.deliver(batch)
        await self.wire.back()
        return ()

    async def close(self) -> None: ...

    # Lease table
    async def scan(self) -> Sequence[Lease]:
        return await self._ask(self.table.scan)

    async def get(self, shard_id: str) -> Lease | None:
        return await self._ask(lambda: self.table.get(shard_id))

    async def create(self, lease: Lease) -> bool:
        return await self._ask(lambda: self.table.create(lease))

    async def replace(self, old: Lease, new: Lease) -> bool:
        return await self._ask(lambda: self.table.replace(old, new))

    async def delete(self, lease: Lease) -> bool:
        return await self._ask(lambda: self.table.delete(lease))


class Simulation:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.world = World()
        self.stream = Stream(self.rng, shards=8)
        self.table = Table(self.stream)
        self.workers: dict[Worker, SimulatedProcess] = {}
        self.started = 0

    def start(self) -> None:
        self.started += 1
        worker = Worker(
            f"worker-{self.started}", self.stream, self.table, random.Random(self.rng.random())
        )
        offset_s, rate = self.rng.uniform(0, 1e6), self.rng.uniform(0.97, 1.03)
        self.workers[worker] = self.world.start(worker.run(), offset_s=offset_s, rate=rate)

    def disturb(self) -> None:
        """Kill one, pause one, stop one in good order, or add one."""
        worker = self.rng.choice(sorted(self.workers, key=lambda each: each.runner.member.worker))
        what = self.rng.random()
        if what < 0.25 and len(self.workers) > 1:
            self.world.kill(self.workers.pop(worker))
        elif what < 0.5:
            self.world.pause(self.workers[worker], self.rng.choice([1, 8, 25]))
        elif what < 0.65 and len(self.workers) > 1:
            worker.runner.stop()
            del self.workers[worker]
        elif len(self.workers) < 5:
            self.start()

    def run(self) -> None:
        self.world.start(self.stream.write(TROUBLE_S + CALM_S / 2))
        for _ in range(3):
            self.start()
        while self.world.now_s < TROUBLE_S:
            self.world.run(self.world.now_s + self.rng.uniform(2, 15))
            self.disturb()
            self.check()
        for worker in self.workers:
            worker.wire.trouble = False
        self.world.run(self.world.now_s + CALM_S)
        self.check()
        self.judge()

    def check(self) -> None:
        assert not self.stream.broken, self.stream.broken[0]
        for worker, process in self.workers.items():
            if worker.error is not None:
                raise worker.error
            if process.main.done():
                process.main.result()

    def judge(self) -> None:
        """What must hold once it has been calm for a while."""
        assert len(self.stream.key_of) > 1000
        lost = self.stream.key_of.keys() - self.stream.delivered.keys()
        assert not lost, f"{len(lost)} records were lost"
        loads = {worker.runner.member.worker: 0 for worker in self.workers}
        for lease in self.table.rows.values():
            if not lease.finished:
                assert lease.owner in loads
                assert lease.checkpoint_owner is None
                loads[lease.owner or ""] += 1
        assert max(loads.values()) - min(loads.values()) <= 1, loads


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_or_out_of_order_and_work_is_spread(seed: int) -> None:
    sys.stdout.write(f"seed {seed}\n")
    simulation = Simulation(seed)
    try:
        simulation.run()
    finally:
        simulation.world.close()


def _skips_ahead(member: Member, shard_id: str, position: Position) -> None:
    member.held[shard_id].position = Position(sequence=(position.sequence or 0) + 9)


async def _unfenced(self: MemoryLeaseTable, old: Lease, new: Lease) -> bool:
    self._put(new)
    return True


async def _childless(self: LeaseKeeper, shard_id: str) -> Sequence[ShardInfo]:
    return ()


_look = LeaseKeeper.look


async def _hastily(self: LeaseKeeper, *asked: Any) -> None:
    """Give every shard a lease as soon as it is listed, which waits for none."""
    await _look(self, *asked)
    listed = [shard.shard_id for shard in await self._source.shards()]
    wanted = [name for name in listed if name not in self.member.leases]
    await self.create([Lease(shard_id=name) for name in wanted])


@pytest.mark.parametrize(
    ("owner", "name", "broken", "law"),
    [
        (Member, "advance", _skips_ahead, "passed a record"),
        (Member, "is_free", lambda self, lease, now_ms: lease.worker is None, ""),
        (MemoryLeaseTable, "replace", _unfenced, ""),
        (LeaseKeeper, "_children", _childless, "before its children"),
        (LeaseKeeper, "look", _hastily, "before its parent's"),
    ],
    ids=["checkpoints", "failover", "fencing", "children", "parents"],
)
def test_the_simulation_catches_whoever_breaks_a_rule(
    owner: Any, name: str, broken: Any, law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, broken)
    simulation = Simulation(1)
    try:
        with pytest.raises(AssertionError, match=law or "."):
            simulation.run()
    finally:
        simulation.world.close()
