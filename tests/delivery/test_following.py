"""The shards that follow one are read within a second after its end was seen and handled, however
long a look at all shards takes to come."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest

from tailrace.clock import SequentialIds
from tailrace.delivery.driver import RunnerOptions
from tailrace.delivery.leases.keeper import LeaseKeeper
from tailrace.delivery.leases.lease import Lease
from tailrace.delivery.leases.worker import GroupRunner
from tailrace.delivery.ports import Batch, Failure, Position, ShardInfo, ShardPage
from tailrace.delivery.settings import DeliverySettings
from tailrace.sources.streams_api import POLL_S
from tailrace.testing.memory_leases import MemoryLeaseTable
from tailrace.testing.memory_source import MemorySource
from tailrace.testing.virtual_time import World

LINES = 20
CALL_S = 0.03  # what a call takes
SECOND_S = 1.0


class Followers:
    """A stream whose shards end at random; when each end was seen, and each child first read."""

    def __init__(self, workers: int, *, listed_after_s: float = 0.0, settings: Any = None) -> None:
        self.world = World()
        self.source = MemorySource()
        self.table = MemoryLeaseTable()
        self.rng = random.Random(7)
        self.listed_after_s = listed_after_s
        self.handled_s: dict[str, float] = {}
        self.listed_s: dict[str, float] = {}
        self.read_s: dict[str, float] = {}
        self.parent: dict[str, str] = {}
        self.open = [self.begin(None) for _ in range(LINES)]
        for number in range(workers):
            runner = GroupRunner(
                self, self, self, DeliverySettings(**(settings or {})), _Clock(self.world),
                SequentialIds(), worker=f"worker-{number}", options=RunnerOptions(),
            )  # fmt: skip
            self.world.start(runner.run(), offset_s=1000.0 * number)
        self.world.start(self.roll())

    def begin(self, parent: str | None) -> str:
        name = f"shard-{len(self.source._shards):04d}"
        self.source.open(name, parent, listed=parent is None)
        if parent is not None:
            self.parent[name] = parent
        return name

    async def roll(self) -> None:
        """End shards, half of them with records just before, some by a split."""
        await asyncio.sleep(20)
        for _ in range(60):
            await asyncio.sleep(self.rng.uniform(0.1, 2))
            line = self.rng.randrange(len(self.open))
            shard = self.open.pop(line)
            if self.rng.random() < 0.5:
                self.source.put(shard, {"dynamodb": {"Keys": {"pk": {"S": shard}}}})
            children = [self.begin(shard) for _ in range(self.rng.choice([1, 1, 2]))]
            self.source.end(shard)
            self.open += children
            asyncio.get_running_loop().call_later(self.listed_after_s, self.show, children)

    def show(self, children: Sequence[str]) -> None:
        for name in children:
            self.source.list(name)
            self.listed_s[name] = self.world.now_s

    def delays_s(self) -> list[float]:
        """How long after its parent's end was handled, and it was listed, each child was read."""
        assert set(self.read_s) == set(self.parent), "some were never read"
        return [
            at_s - max(self.handled_s[self.parent[child]], self.listed_s[child])
            for child, at_s in self.read_s.items()
        ]

    # Source
    @property
    def arn(self) -> str:
        return self.source.arn

    async def _call(self, answer: Any) -> Any:
        await asyncio.sleep(CALL_S)
        return await answer()

    async def shards(self) -> Sequence[ShardInfo]:
        return await self._call(self.source.shards)

    async def children(self, shard_id: str) -> Sequence[ShardInfo]:
        return await self._call(lambda: self.source.children(shard_id))

    async def changed(self, shard_id: str, timeout_s: float) -> None:
        await asyncio.sleep(POLL_S)

    async def read(self, shard_id: str, position: Position, max_records: int) -> ShardPage:
        if shard_id in self.parent:
            self.read_s.setdefault(shard_id, self.world.now_s)
        page = await self._call(lambda: self.source.read(shard_id, position, max_records))
        if page.ended:
            self.handled_s[shard_id] = self.world.now_s
        return page

    # Sink
    async def write(self, batch: Batch) -> Sequence[Failure]:
        await asyncio.sleep(CALL_S)
        self.handled_s[batch.shard_id] = self.world.now_s
        return ()

    async def close(self) -> None: ...

    # Lease table
    async def scan(self) -> Sequence[Lease]:
        return await self._call(self.table.scan)

    async def get(self, shard_id: str) -> Lease | None:
        return await self._call(lambda: self.table.get(shard_id))

    async def create(self, lease: Lease) -> bool:
        return await self._call(lambda: self.table.create(lease))

    async def replace(self, old: Lease, new: Lease) -> bool:
        return await self._call(lambda: self.table.replace(old, new))

    async def delete(self, lease: Lease) -> bool:
        return await self._call(lambda: self.table.delete(lease))


class _Clock:
    def __init__(self, world: World) -> None:
        self.world = world

    def now_us(self) -> int:
        return int(self.world.now_s * 1e6)


def delays_s(workers: int, until_s: float = 120, **more: Any) -> list[float]:
    followers = Followers(workers, **more)
    try:
        followers.world.run(until_s)
        return followers.delays_s()
    finally:
        followers.world.close()


@pytest.mark.parametrize("workers", [1, 3])
def test_shards_that_follow_are_read_within_a_second(workers: int) -> None:
    found = delays_s(workers)
    assert len(found) > 60
    assert max(found) < SECOND_S


def test_also_when_they_are_listed_a_little_late() -> None:
    assert max(delays_s(2, listed_after_s=0.4)) < SECOND_S


def test_also_when_lanes_share_the_work() -> None:
    assert max(delays_s(2, settings={"parallelization_factor": 4})) < SECOND_S


async def _sees_none(self: LeaseKeeper, shard_id: str) -> Sequence[ShardInfo]:
    return ()


def test_what_the_periodic_look_finds_comes_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LeaseKeeper, "_children", _sees_none)
    assert max(delays_s(1, until_s=600)) > SECOND_S
