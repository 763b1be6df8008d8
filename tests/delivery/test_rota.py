"""Leases are renewed in time, and what has nothing to be written costs nothing: of ten thousand
idle shards only those are touched whose time has come."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.clock import SequentialIds
from tailrace.delivery.driver import RunnerOptions
from tailrace.delivery.leases.held import Held
from tailrace.delivery.leases.keeper import WRITES_AT_ONCE, LeaseKeeper
from tailrace.delivery.leases.lease import Lease, LeaseTimes
from tailrace.delivery.leases.member import Action, Member
from tailrace.delivery.leases.rota import Rota
from tailrace.delivery.leases.worker import GroupRunner
from tailrace.delivery.ports import Position
from tailrace.delivery.settings import DeliverySettings
from tailrace.testing.memory_leases import MemoryLeaseTable
from tailrace.testing.memory_source import MemorySource
from tailrace.testing.virtual_time import World

SHARDS = 10_000
RENEW_MS = 100


def held_of(name: str, renewed_ms: int) -> Held:
    return Held(Lease(shard_id=name), renewed_ms, Position())


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from(["renew", "move", "keep", "drop"])),
        max_size=40,
    )
)
def test_what_is_due_is_what_looking_at_all_would_find(steps: list[tuple[str, str]]) -> None:
    held: dict[str, Held] = {}
    rota = Rota(held, RENEW_MS)
    now_ms = 0
    for name, step in steps:
        now_ms += 37
        if step == "renew" or name not in held:
            held[name] = held_of(name, now_ms)
            rota.enter(name)
        elif step == "move":
            held[name].position = Position(sequence=now_ms)
            rota.note(name)
        elif step == "keep":
            lease = Lease(shard_id=name, position=held[name].position)
            held[name].lease, held[name].renewed_ms = lease, now_ms
            rota.enter(name)
        else:
            del held[name]
        expected = {
            each
            for each, one in held.items()
            if one.moved or one.leaving or now_ms - one.renewed_ms >= RENEW_MS
        }
        found = rota.due(now_ms)
        assert {one.lease.shard_id for one in found} == expected
        assert len(found) == len(expected)
        for one in found:  # what is due is written, whether it succeeds or not
            if now_ms - one.renewed_ms >= RENEW_MS:
                rota.enter(one.lease.shard_id)


def test_leases_that_are_not_due_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member("one", LeaseTimes(), random.Random(1))
    for number in range(SHARDS):
        member.hold(Lease(shard_id=f"s{number}", owner="one"), began_ms=number)
    looks: list[str] = []
    moved = Held.moved.fget
    assert moved is not None

    def counted(held: Held) -> bool:
        looks.append(held.lease.shard_id)
        return bool(moved(held))

    monkeypatch.setattr(Held, "moved", property(counted))
    assert member.renewals(3_000) == []
    assert looks == []
    member.advance("s7777", Position(sequence=5))
    (write,) = member.renewals(3_001)
    assert (write.action, write.new.shard_id) == (Action.KEEP, "s7777")
    assert set(looks) == {"s7777"}
    due = member.renewals(LeaseTimes().renew_ms + 9)
    assert {each.new.shard_id for each in due} == {f"s{n}" for n in range(10)} | {"s7777"}


def test_ten_thousand_idle_shards_are_renewed_by_a_handful_of_tasks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, source, table = World(), MemorySource(), MemoryLeaseTable()
    for number in range(SHARDS):
        source.open(f"shard-{number:05d}")
    begun: list[int] = []
    drain = LeaseKeeper._drain

    async def counted(self: LeaseKeeper) -> None:
        begun.append(1)
        await drain(self)

    monkeypatch.setattr(LeaseKeeper, "_drain", counted)
    runner = GroupRunner(
        source, _Sink(), table, DeliverySettings(), _Clock(world), SequentialIds(),
        worker="one", options=RunnerOptions(),
    )  # fmt: skip
    world.start(runner.run())
    try:
        world.run(10)
        assert len(runner.member.held) == SHARDS
        begun.clear()
        table.history.clear()
        reads = source.reads
        world.run(20)
        assert len(table.history) >= 2 * SHARDS
        assert len(begun) <= 5 * WRITES_AT_ONCE, "a task for each write"
        assert source.reads == reads, "an idle shard was read though nothing was said"
        assert len(runner.member.held) == SHARDS
    finally:
        world.close()


class _Sink:
    async def write(self, batch: Any) -> Any:
        return ()

    async def close(self) -> None: ...


class _Clock:
    def __init__(self, world: World) -> None:
        self.world = world

    def now_us(self) -> int:
        return int(self.world.now_s * 1e6)
