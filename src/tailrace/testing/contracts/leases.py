"""The contract of the `LeaseTable` port. An adapter's tests subclass it and give it `make`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from tailrace.delivery.leases.lease import Lease, LeaseTable, Prepared, Spooled
from tailrace.delivery.ports import Position

__all__ = ["LeaseTableContract"]

WAIT_S = 20.0
LEASES = [
    Lease(shard_id="horizon"),
    Lease(shard_id="tip", position=Position(latest=True), started_ms=1_789_651_658_000),
    Lease(
        shard_id="middle",
        counter=12,
        owner="two",
        checkpoint_owner="one",
        position=Position(sequence=10**20 + 7),
        switches=3,
        parents=("a", "b"),
        prepared=Prepared(10**20 + 9, b"\x00state"),
    ),
    Lease(shard_id="end", position=Position(finished=True), children=("c", "d")),
    Lease(shard_id="waits", spooled=Spooled(spool="s1", read_ms=5, lossy=True)),
    Lease(
        shard_id="spooled",
        spooled=Spooled(spool="s2", first=10**20 + 1, last=10**20 + 9, oldest_ms=7, read_ms=8),
    ),
    Lease(shard_id="snapshot-0-0-of-1", position=Position(sequence=9, token='{"pk":{"S":"x"}}')),
]


class LeaseTableContract(ABC):
    """What all lease tables do."""

    @abstractmethod
    def make(self) -> LeaseTable:
        """An empty table."""

    def run(self, test: Callable[[LeaseTable], Coroutine[Any, Any, None]]) -> None:
        """Run a test with a table of its own."""

        async def main() -> None:
            await test(self.make())

        asyncio.run(asyncio.wait_for(main(), WAIT_S))

    def test_what_was_created_is_there(self) -> None:
        async def test(table: LeaseTable) -> None:
            assert list(await table.scan()) == []
            for lease in LEASES:
                assert await table.create(lease)
            found = {lease.shard_id: lease for lease in await table.scan()}
            assert found == {lease.shard_id: lease for lease in LEASES}
            for lease in LEASES:
                assert await table.get(lease.shard_id) == lease
            assert await table.get("none") is None

        self.run(test)

    def test_a_lease_is_created_once(self) -> None:
        async def test(table: LeaseTable) -> None:
            await table.scan()
            assert await table.create(Lease(shard_id="a", owner="one"))
            assert not await table.create(Lease(shard_id="a", owner="two"))
            assert await table.get("a") == Lease(shard_id="a", owner="one")

        self.run(test)

    def test_any_lease_becomes_any_other(self) -> None:
        async def test(table: LeaseTable) -> None:
            await table.scan()
            old = Lease(shard_id="a")
            await table.create(old)
            for number, lease in enumerate([*LEASES, *reversed(LEASES)]):
                new = msgspec.structs.replace(lease, shard_id="a", counter=100 + number)
                assert await table.replace(old, new)
                assert await table.get("a") == new
                old = new

        self.run(test)

    def test_a_write_with_an_old_counter_changes_nothing(self) -> None:
        async def test(table: LeaseTable) -> None:
            await table.scan()
            first = Lease(shard_id="a")
            second = Lease(shard_id="a", counter=1, owner="one")
            await table.create(first)
            assert await table.replace(first, second)
            assert not await table.replace(first, Lease(shard_id="a", counter=1, owner="two"))
            assert not await table.delete(first)
            assert await table.get("a") == second
            assert await table.delete(second)
            assert await table.get("a") is None
            assert not await table.replace(second, first)
            assert await table.get("a") is None

        self.run(test)

    def test_of_many_who_want_a_lease_one_gets_it(self) -> None:
        async def test(table: LeaseTable) -> None:
            await table.scan()
            free = Lease(shard_id="a")
            await table.create(free)
            wanted = [Lease(shard_id="a", counter=1, owner=f"w{n}") for n in range(8)]
            results = await asyncio.gather(*(table.replace(free, lease) for lease in wanted))
            assert results.count(True) == 1
            assert await table.get("a") == wanted[results.index(True)]

        self.run(test)
