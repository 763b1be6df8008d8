"""A group whose table takes long to read, in a world where a day lasts four minutes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from tailrace.clock import SequentialIds
from tailrace.delivery.driver import RunnerOptions
from tailrace.delivery.leases.lease import LeaseTimes, is_snapshot
from tailrace.delivery.leases.spool import SpooledSource
from tailrace.delivery.leases.spooler import Spooling
from tailrace.delivery.leases.worker import GroupRunner, GroupSettings
from tailrace.delivery.ports import Batch, Failure, Position, Record, ShardInfo, ShardPage
from tailrace.delivery.progress import Progress
from tailrace.delivery.settings import DeliverySettings
from tailrace.testing.memory_leases import MemoryLeaseTable
from tailrace.testing.memory_source import MemorySource
from tailrace.testing.memory_spool import MemorySpool
from tailrace.testing.virtual_time import SimulatedProcess, World

# A day of a real stream lasts four minutes here: shards rotate six times in it.
RETENTION_S, ROTATION_S = 240.0, 40.0
ITEMS = 12
KEYS = [f"item-{number}" for number in range(12)]
TIMES = LeaseTimes(spool_ms=60_000)
OPTIONS = RunnerOptions(discovery_interval_s=20.0, grace_s=5.0)


class WorldClock:
    def __init__(self, world: World) -> None:
        self.world = world

    def now_us(self) -> int:
        return int(self.world.now_s * 1e6)


class Stream(MemorySource):
    """Two lines of shards that rotate and age out, and a table whose scan takes `scan_s`."""

    def __init__(self, scan_s: float) -> None:
        super().__init__()
        self.scan_s = scan_s
        self.rng = random.Random(3)
        self.made = 0
        self.lines: list[str] = []
        self.line: dict[str, int] = {}
        self.furthest = [0, 0]
        self.written: dict[str, list[Record]] = {}
        self.gone: set[str] = set()
        self.delivered: set[int] = set()
        self.items = 0
        self.broken: list[str] = []
        for line in range(2):
            self.lines.append(self.begin(line, None))

    def begin(self, line: int, parent: str | None) -> str:
        self.made += 1
        name = f"shard-{self.made:03d}"
        self.open(name, parent)
        self.written[name] = []
        self.line[name] = line
        return name

    async def live(self, until_s: float, rotate: bool = True) -> None:
        """Write to the stream, rotate its shards and let them age."""
        loop = asyncio.get_running_loop()
        rotate_at_s = ROTATION_S
        while loop.time() < until_s:
            await asyncio.sleep(1)
            for line, shard in enumerate(self.lines):
                event = {"dynamodb": {"Keys": {"pk": {"S": self.rng.choice(KEYS[line::2])}}}}
                record = self.put(shard, event, int(loop.time() * 1000))
                self.written[shard].append(record)
            if rotate and loop.time() >= rotate_at_s:
                rotate_at_s += ROTATION_S
                for line, shard in enumerate(self.lines):
                    self.lines[line] = self.begin(line, shard)
                    self.end(shard)
            self.age(loop.time())

    def age(self, now_s: float) -> None:
        horizon_ms = (now_s - RETENTION_S) * 1000
        for shard, records in self.written.items():
            old = [record for record in records if record.created_ms < horizon_ms]
            if shard in self.gone or not old:
                continue
            self.trim(shard, old[-1].sequence)
            if len(old) == len(records) and shard not in self.lines:
                self.gone.add(shard)
                self.drop(shard)

    async def read(self, shard_id: str, position: Position, max_records: int) -> ShardPage:
        if is_snapshot(shard_id):
            return await self.scan(position)
        if position.latest and position.tip_ms is not None:
            page = await super().read(shard_id, Position(), 10**6)
            kept = [record for record in page.records if record.created_ms >= position.tip_ms]
            return ShardPage(kept, page.ended, 0)
        return await super().read(shard_id, position, max_records)

    async def scan(self, position: Position) -> ShardPage:
        done = position.sequence or 0
        await asyncio.sleep(self.scan_s / ITEMS)
        event = {"dynamodb": {"Keys": {"pk": {"S": f"scanned-{done}"}}}, "snapshot": True}
        return ShardPage([Record.of(done + 1, 0, event)], done + 1 >= ITEMS, 1)

    async def changed(self, shard_id: str, timeout_s: float) -> None:
        await asyncio.sleep(0.5)

    def deliver(self, batch: Batch) -> None:
        if is_snapshot(batch.shard_id):
            self.items = max(self.items, batch.records[-1].sequence)
            return
        if self.items < ITEMS:
            self.broken.append("a record came before the table was read")
        line = self.line[batch.shard_id]
        for record in batch.records:
            if record.sequence in self.delivered:
                continue
            if record.sequence < self.furthest[line]:
                self.broken.append(f"{record.sequence} came after what follows it")
            self.furthest[line] = record.sequence
            self.delivered.add(record.sequence)


class Host:
    """A machine: its workers share a spool, and it may be switched off for good."""

    def __init__(self, group: Group, name: str, *, spools: bool = True) -> None:
        self.group = group
        self.spool = MemorySpool(name) if spools else None
        self.process: SimulatedProcess | None = None
        self.runner: GroupRunner | None = None
        self.started = 0
        self.past_gaps = 0
        self.name = name

    def start(self, **settings: Any) -> None:
        self.started += 1
        source = _Source(self.group.stream, self.spool)
        sink = _Sink(self.group.stream)
        self.runner = GroupRunner(
            source, sink, self.group.table, DeliverySettings(batch_size=10, **settings),
            WorldClock(self.group.world), SequentialIds(), worker=f"{self.name}-{self.started}",
            group=GroupSettings(times=TIMES, snapshot_segments=1), options=OPTIONS,
            spooling=Spooling(source.spooled, after_ms=60_000),
        )  # fmt: skip
        self.process = self.group.world.start(self.runner.run())

    @property
    def gaps(self) -> int:
        return self.past_gaps + self.progress.gaps

    @property
    def progress(self) -> Progress:
        found: list[Progress] = []

        async def ask() -> None:
            assert self.runner is not None
            found.append(self.runner.snapshot())

        self.group.world.start(ask())
        self.group.world.run(self.group.world.now_s + 0.001)
        return found[0]

    def kill(self) -> None:
        assert self.process is not None
        self.past_gaps += self.progress.gaps
        self.group.world.kill(self.process)


class _Source(SpooledSource):
    """The stream through a spool, and the table beside it."""

    def __init__(self, stream: Stream, spool: MemorySpool | None) -> None:
        super().__init__(stream, spool)
        self.stream = stream
        self.spooled = SpooledSource(stream, spool)

    async def read(self, shard_id: str, position: Position, max_records: int) -> ShardPage:
        if is_snapshot(shard_id):
            return await self.stream.read(shard_id, position, max_records)
        return await self.spooled.read(shard_id, position, max_records)

    async def children(self, shard_id: str) -> Sequence[ShardInfo]:
        return await self.spooled.children(shard_id)


class _Sink:
    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    async def write(self, batch: Batch) -> Sequence[Failure]:
        await asyncio.sleep(0.3)
        self.stream.deliver(batch)
        return ()

    async def close(self) -> None: ...


class Group:
    def __init__(self, scan_s: float = 2 * RETENTION_S) -> None:
        self.world = World()
        self.stream = Stream(scan_s)
        self.table = MemoryLeaseTable()

    def live(self, until_s: float, **more: Any) -> None:
        self.world.start(self.stream.live(until_s, **more))

    def run(self, until_s: float) -> None:
        self.world.run(until_s)
        assert not self.stream.broken, self.stream.broken[0]

    @property
    def written(self) -> set[int]:
        return {each.sequence for records in self.stream.written.values() for each in records}

    @property
    def missing(self) -> set[int]:
        return self.written - self.stream.delivered
