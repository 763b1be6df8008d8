"""A snapshot that takes longer than the stream keeps its records loses none of them: what waits is
spooled, by whoever is to read it, and comes in order after the table; what is lost is told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest

from tailrace import limits
from tailrace.clock import SequentialIds
from tailrace.delivery.driver import RunnerOptions
from tailrace.delivery.leases.keeper import LeaseKeeper
from tailrace.delivery.leases.lease import Lease, LeaseTimes, is_snapshot
from tailrace.delivery.leases.spool import SpooledSource
from tailrace.delivery.leases.spooler import Spooling
from tailrace.delivery.leases.worker import GroupRunner, GroupSettings
from tailrace.delivery.ports import Batch, Failure, Position, Record, ShardInfo, ShardPage
from tailrace.delivery.progress import Progress
from tailrace.delivery.settings import DeliverySettings, OnTrimmed
from tailrace.errors import TrimmedDataAccessException
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


@pytest.fixture
def group() -> Any:
    made = Group()
    yield made
    made.world.close()


WROTE_S, END_S = 2 * RETENTION_S + 60, 2 * RETENTION_S + 200


def test_nothing_is_lost_by_a_scan_of_twice_the_retention(group: Group) -> None:
    group.live(WROTE_S)
    host = Host(group, "host")
    host.start()
    group.run(2 * RETENTION_S - 60)
    assert host.spool is not None
    spooled = [lease.spooled for lease in group.table.rows.values() if lease.spooled]
    assert {mark.spool for mark in spooled} == {"host"}
    assert len(group.stream.gone) > 4, "the stream was to age"
    assert group.stream.delivered == set()
    group.run(END_S)
    assert not group.missing
    assert len(group.written) > 900
    assert host.gaps == 0
    assert not any(lease.spooled for lease in group.table.rows.values())
    assert not any(host.spool.records.values()), "what was handled is still on the disk"


def test_without_a_spool_the_loss_is_counted(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STREAM_RETENTION_MS", int(RETENTION_S * 1000))
    group.live(WROTE_S)
    host = Host(group, "host", spools=False)
    host.start()
    group.run(END_S)
    assert group.missing
    assert host.gaps >= 2


@pytest.mark.parametrize("policy", ["fail", "skip"])
def test_a_loss_within_a_shard_that_is_still_there_is_no_secret(
    group: Group, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "STREAM_RETENTION_MS", int(RETENTION_S * 1000))
    group.live(WROTE_S, rotate=False)
    host = Host(group, "host", spools=False)
    host.start(on_trimmed=OnTrimmed(policy))
    group.run(END_S)
    assert host.process is not None
    assert group.missing
    if policy == "fail":
        assert isinstance(host.process.main.exception(), TrimmedDataAccessException)
        assert group.stream.delivered == set()
    else:
        assert host.gaps == 2


def test_a_killed_worker_goes_on_with_its_spool(group: Group) -> None:
    group.live(WROTE_S)
    host = Host(group, "host")
    host.start()
    for at_s in (150, 300, 420, 500, 520, 540):
        group.run(at_s)
        host.kill()
        group.run(at_s + 12)
        host.start()
    group.run(END_S + 60)
    assert not group.missing
    assert host.gaps == 0


def test_workers_share_the_spooling_and_hand_nothing_over_that_is_spooled(group: Group) -> None:
    group.live(WROTE_S)
    hosts = [Host(group, name) for name in ("one", "two")]
    for host in hosts:
        host.start()
    group.run(200)
    third = Host(group, "three")
    third.start()
    group.run(400)
    marks = {lease.spooled.spool for lease in group.table.rows.values() if lease.spooled}
    assert marks == {"one", "two"}
    group.run(END_S)
    assert not group.missing
    assert sum(host.gaps for host in [*hosts, third]) == 0
    assert not any(any(host.spool.records.values()) for host in hosts if host.spool)


def test_a_spool_that_comes_back_is_waited_for(group: Group) -> None:
    group.live(WROTE_S)
    lost, other = Host(group, "lost"), Host(group, "other")
    lost.start()
    group.run(300)
    other.start()
    group.run(330)
    lost.kill()
    group.run(360)  # three times the failover: others' leases would be taken
    owners = {each.owner for each in group.table.rows.values() if each.spooled}
    assert owners == {"lost-1"}
    lost.start()
    group.run(END_S + 60)
    assert not group.missing
    assert lost.gaps + other.gaps == 0


def test_who_takes_over_without_the_spool_reads_what_the_stream_still_has(group: Group) -> None:
    group.live(WROTE_S)
    lost, other = Host(group, "lost"), Host(group, "other")
    lost.start()
    group.run(120)
    assert any(lease.spooled for lease in group.table.rows.values())
    other.start()
    lost.kill()
    group.run(END_S + 60)
    assert {mark.owner for mark in group.table.rows.values() if not mark.finished} <= {"other-1"}
    assert not group.missing
    assert other.gaps == 0


def test_what_only_the_lost_spool_had_is_told(group: Group) -> None:
    group.live(WROTE_S)
    lost, other = Host(group, "lost"), Host(group, "other")
    lost.start()
    group.run(400)
    lost.kill()
    other.start()
    group.run(END_S + 60)
    assert group.missing
    assert other.gaps >= 2
    assert not any(lease.spooled for lease in group.table.rows.values())
    assert other.spool is not None
    assert not any(other.spool.records.values())


def test_a_full_spool_goes_on_when_there_is_room(group: Group) -> None:
    group.stream.scan_s = RETENTION_S
    group.live(RETENTION_S + 60)
    host = Host(group, "host")
    assert host.spool is not None
    host.spool.max_records = 150
    host.start()
    group.run(RETENTION_S - 20)
    progress = host.progress
    assert progress.errors
    assert "150 records" in progress.error
    assert sum(map(len, host.spool.records.values())) <= 150 + 1000
    group.run(RETENTION_S + 200)
    assert not group.missing
    assert host.gaps == 0


def test_a_short_scan_spools_nothing(group: Group) -> None:
    group.stream.scan_s = 50
    group.live(200)
    host = Host(group, "host")
    host.start()
    group.run(260)
    assert not group.missing
    assert host.spool is not None
    assert host.spool.id is None, "no spool was to be made"


async def _takes_nothing(self: SpooledSource, shard_id: str, start: Position) -> Any:
    return ShardPage((), ended=False, behind_ms=0), False


async def _reads_past(
    self: SpooledSource, spool: Any, shard: Any, shard_id: str, position: Position, count: int
) -> None:
    shard.drained, shard.upto = True, -1


async def _trims_too_much(self: MemorySpool, shard_id: str, upto: int) -> None:
    self.records[shard_id] = self.records[shard_id][-5:]


async def _foresees_nothing(self: LeaseKeeper, lease: Lease) -> bool:
    return True


@pytest.mark.parametrize(
    ("owner", "name", "broken"),
    [
        (SpooledSource, "_page", _takes_nothing),
        (SpooledSource, "_read_spool", _reads_past),
        (LeaseKeeper, "foresee", _foresees_nothing),
        (MemorySpool, "trim", _trims_too_much),
    ],
    ids=["taking", "reading", "children", "trimming"],
)
def test_the_laws_here_can_be_broken(
    group: Group, owner: Any, name: str, broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, broken)
    group.live(WROTE_S, rotate=name == "foresee")
    host = Host(group, "host")
    host.start()
    with pytest.raises(AssertionError):
        _live_with_a_death(group, host)


def _live_with_a_death(group: Group, host: Host) -> None:
    group.run(2 * RETENTION_S + 12)
    host.kill()
    group.run(2 * RETENTION_S + 30)
    host.start()
    group.run(END_S + 60)
    assert not group.missing


def test_a_death_while_the_spool_is_read_loses_nothing(group: Group) -> None:
    group.live(WROTE_S, rotate=False)
    host = Host(group, "host")
    host.start()
    _live_with_a_death(group, host)
    assert host.gaps == 0
