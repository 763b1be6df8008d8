"""A group that lost records reads its table again, whole and once, then reconciles its receiver,
whoever dies meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tailrace.clock import SequentialIds
from tailrace.delivery.driver import RunnerOptions
from tailrace.delivery.leases.lease import (
    Lease,
    is_rereading,
    is_snapshot,
    read_after,
    rereading_name,
    rereading_of,
)
from tailrace.delivery.leases.worker import GroupRunner, GroupSettings
from tailrace.delivery.ports import Batch, Failure, Position, Record, ShardPage
from tailrace.delivery.settings import DeliverySettings, OnTrimmed
from tailrace.testing.memory_leases import MemoryLeaseTable
from tailrace.testing.memory_source import MemorySource
from tailrace.testing.virtual_time import SimulatedProcess, World

ITEMS, SEGMENTS = 5, 3


class Table(MemoryLeaseTable):
    """Leases; that of a rereading is refused as long as the table is `busy`."""

    busy = False

    async def create(self, lease: Lease) -> bool:
        if self.busy and is_rereading(lease.shard_id):
            raise ConnectionResetError("busy")
        return await super().create(lease)


class Group:
    """A stream of two shards that lost records, a table, and what its receiver was given."""

    def __init__(self) -> None:
        self.world = World()
        self.table = Table()
        self.source = MemorySource()
        self.versions: dict[str, int] = {}
        self.reconciled: list[int] = []
        self.scanned: list[str] = []
        self.trouble: list[Exception] = []
        self.processes: dict[GroupRunner, SimulatedProcess] = {}
        for shard in ("a", "b"):
            self.source.open(shard)
            self.put(shard, "gone", "changed", "kept")
        self.start("first", segments=0)
        self.run(10)
        self.kill()
        for shard in ("a", "b"):
            lost = self.put(shard, "gone", "changed")
            self.source.trim(shard, lost)
            self.put(shard, "new")

    def put(self, shard: str, *names: str) -> int:
        last = 0
        for name in names:
            event = {"dynamodb": {"Keys": {"pk": {"S": f"{shard}-{name}"}}}}
            last = self.source.put(shard, event).sequence
        return last

    def start(self, name: str, segments: int = SEGMENTS) -> GroupRunner:
        runner = GroupRunner(
            self, self, self.table,
            DeliverySettings(on_trimmed=OnTrimmed.RESNAPSHOT, batch_size=2),
            _Clock(self.world), SequentialIds(), worker=name,
            group=GroupSettings(snapshot_segments=segments), options=RunnerOptions(grace_s=5),
        )  # fmt: skip
        self.processes[runner] = self.world.start(runner.run())
        return runner

    def kill(self) -> None:
        for process in self.processes.values():
            self.world.kill(process)

    def run(self, for_s: float) -> None:
        self.world.run(self.world.now_s + for_s)

    def until(self, condition: Callable[[], bool], limit_s: float = 200) -> None:
        end_s = self.world.now_s + limit_s
        while not condition():
            assert self.world.now_s < end_s
            self.run(0.02)

    # Source
    @property
    def arn(self) -> str:
        return self.source.arn

    async def shards(self) -> Any:
        return await self.source.shards()

    async def children(self, shard_id: str) -> Any:
        return await self.source.children(shard_id)

    async def changed(self, shard_id: str, timeout_s: float) -> None:
        await asyncio.sleep(0.25)

    async def read(self, shard_id: str, position: Position, max_records: int) -> ShardPage:
        if not is_snapshot(shard_id):
            return await self.source.read(shard_id, position, max_records)
        await asyncio.sleep(0.5)
        place = (position.sequence or 0) + 1
        number = place - read_after(shard_id)
        segment = shard_id.split("-")[2]
        key = {"pk": {"S": f"item-{segment}-{number}"}}
        record = Record.of(place, 0, {"dynamodb": {"Keys": key}})
        return ShardPage([record], number >= ITEMS, 1)

    # Sink
    async def write(self, batch: Batch) -> Sequence[Failure]:
        await asyncio.sleep(0.01)
        for record in batch.records:
            name = record.event["dynamodb"]["Keys"]["pk"]["S"]
            self.versions[name] = max(self.versions.get(name, 0), record.sequence)
            if is_snapshot(batch.shard_id):
                self.scanned.append(name)
        return ()

    async def reconcile(self, upto: int) -> int:
        if self.trouble:
            raise self.trouble.pop()
        whole = {f"item-{segment}-{n}" for segment in range(SEGMENTS) for n in range(1, ITEMS + 1)}
        assert whole <= set(self.scanned), "reconciled before the table was read"
        self.reconciled.append(upto)
        return 0

    async def close(self) -> None: ...

    def finished(self) -> bool:
        plans = [lease for lease in self.table.history if is_rereading(lease.shard_id)]
        return bool(plans) and plans[-1].finished


class _Clock:
    def __init__(self, world: World) -> None:
        self.world = world

    def now_us(self) -> int:
        return int(self.world.now_s * 1e6)


@pytest.fixture
def group() -> Any:
    made = Group()
    yield made
    made.world.close()


def test_the_table_is_read_once_numbered_behind_all_that_was_handled(group: Group) -> None:
    group.start("second")
    group.until(group.finished)
    group.run(30)
    assert group.reconciled == [6]
    assert len(group.scanned) == SEGMENTS * ITEMS
    assert all(group.versions[name] > 6 for name in group.scanned)
    assert group.versions["a-new"] > 6
    assert group.versions["a-gone"] <= 6, "the receiver can tell what is gone"


def test_a_receiver_that_fails_is_asked_again(group: Group) -> None:
    group.trouble = [RuntimeError("no"), RuntimeError("not yet")]
    group.start("second")
    group.until(group.finished)
    assert group.reconciled == [6]


@pytest.mark.parametrize("after_s", [0.02, 0.3, 1.5, 2.0, 3.0, 4.0])
def test_whoever_dies_the_table_is_read_whole_and_reconciled(group: Group, after_s: float) -> None:
    group.start("second")
    group.until(lambda: any(is_rereading(name) for name in group.table.rows))
    group.run(after_s)
    group.kill()
    group.start("third")
    group.until(group.finished)
    assert group.reconciled
    assert set(group.reconciled) == {6}


@pytest.mark.parametrize("shard", ["trimmed", "gone"])
def test_a_loss_is_not_passed_over_before_it_is_written(group: Group, shard: str) -> None:
    if shard == "gone":
        group.source.drop("a")
    group.table.busy = True
    group.start("second")
    group.until(lambda: group.versions.get("b-new", 0) > 6)
    group.run(20)
    assert group.table.rows["a"].position == Position(sequence=3), "the loss was passed over"
    group.kill()
    group.table.busy = False
    group.start("third")
    group.until(group.finished)
    group.run(20)
    assert group.reconciled
    assert group.table.rows["b"].position.sequence == group.versions["b-new"]
    if shard == "gone":
        assert "a" not in group.table.rows or group.table.rows["a"].finished


def test_workers_share_it_and_one_stops_in_good_order(group: Group) -> None:
    two, three = group.start("two"), group.start("three")
    group.until(lambda: len(group.scanned) > 2)
    plan = next(lease for name, lease in group.table.rows.items() if is_rereading(name))
    (two if plan.owner == "two" else three).stop()
    group.until(group.finished)
    assert group.reconciled == [6]


def test_who_waits_until_all_is_caught_up_waits_for_it_too(group: Group) -> None:
    runner = group.start("second")
    done: list[bool] = []

    async def ask() -> None:
        await runner.started.wait()
        await runner.caught_up()
        done.append(group.finished())

    group.run(0.5)
    group.until(lambda: any(is_rereading(name) for name in group.table.rows))
    group.world.start(ask())
    group.until(lambda: bool(done))
    assert done == [True]


def test_names_say_what_is_read() -> None:
    name = rereading_name(10**20 + 5, 4)
    assert is_rereading(name)
    assert is_snapshot(name)
    assert rereading_of(name) == (10**20 + 5, 4)
    assert read_after(name) == 10**20 + 5
    assert read_after("snapshot-0-1-of-4") == 0
    assert not is_rereading("snapshot-7-1-of-4")
