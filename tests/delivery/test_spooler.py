"""A snapshot that takes longer than the stream keeps its records loses none of them: what waits is
spooled, by whoever is to read it, and comes in order after the table; what is lost is told."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace import limits
from tailrace.delivery.leases.keeper import LeaseKeeper
from tailrace.delivery.leases.lease import Lease
from tailrace.delivery.leases.spool import SpooledSource
from tailrace.delivery.ports import Position, ShardPage
from tailrace.delivery.settings import OnTrimmed
from tailrace.errors import TrimmedDataAccessException
from tailrace.testing.memory_spool import MemorySpool
from tests.delivery.slow_snapshot import RETENTION_S, Group, Host


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
    assert host.progress.shards_spooled == len(spooled)
    assert group.stream.delivered == set()
    group.run(END_S)
    assert not group.missing
    assert len(group.written) > 900
    assert host.gaps == host.progress.shards_spooled == 0
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
