"""The contract of the `Spool` port. An adapter's tests subclass it and give it `make`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tailrace.delivery.leases.spool import Spool, SpoolFull, SpoolState
from tailrace.delivery.ports import Record

__all__ = ["SpoolContract", "record"]

WAIT_S = 20.0
BASE = 10**20


def record(sequence: int, text: str = "ü\n") -> Record:
    """A record whose number lies so far behind the first of AWS's."""
    event = {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": text}}}}
    return Record.of(BASE + sequence, 1000 + sequence, event)


class SpoolContract(ABC):
    """What every spool does."""

    @abstractmethod
    def make(self, *, full: bool = False) -> Spool:
        """An empty spool that is not open; one that is `full` takes one page and no more."""

    def run(
        self, test: Callable[[Spool], Coroutine[Any, Any, None]], *, full: bool = False
    ) -> None:
        """Run a test with a spool of its own."""

        async def main() -> None:
            spool = self.make(full=full)
            await spool.open(create=True)
            await test(spool)
            await spool.close()

        asyncio.run(asyncio.wait_for(main(), WAIT_S))

    def test_it_is_not_made_unasked(self) -> None:
        async def main() -> None:
            spool = self.make()
            await spool.open(create=False)
            assert spool.id is None
            await spool.open(create=True)
            name = spool.id
            assert name
            await spool.open(create=True)
            assert spool.id == name
            await spool.close()

        asyncio.run(main())

    def test_records_come_back_in_order_and_whole(self) -> None:
        async def test(spool: Spool) -> None:
            assert await spool.states() == {}
            assert await spool.state("a") is None
            assert await spool.read("a", -1, 10) == []
            state = await spool.append("a", None, [record(1), record(3, "x")], now_ms=50)
            assert state == SpoolState(first=BASE + 1, oldest_ms=1001, last=BASE + 3, read_ms=50)
            await spool.append("a", BASE + 3, [record(10)], now_ms=60)
            await spool.append("b", None, [record(2)], now_ms=60)
            found = await spool.read("a", -1, 10)
            assert [each.sequence - BASE for each in found] == [1, 3, 10]
            assert found[0].event == record(1).event
            assert found[0].created_ms == 1001
            assert [each.sequence - BASE for each in await spool.read("a", BASE + 1, 1)] == [3]
            assert set(await spool.states()) == {"a", "b"}

        self.run(test)

    def test_of_two_who_append_the_same_one_does(self) -> None:
        async def test(spool: Spool) -> None:
            await spool.append("a", None, [record(1)], now_ms=1)
            there = await spool.append("a", None, [record(1), record(2)], now_ms=2)
            assert there.last == BASE + 1
            assert there == await spool.state("a")
            assert len(await spool.read("a", -1, 10)) == 1

        self.run(test)

    def test_nothing_new_and_the_end_are_kept_too(self) -> None:
        async def test(spool: Spool) -> None:
            assert await spool.append("a", None, [], now_ms=5) == SpoolState(read_ms=5)
            ended = await spool.append("a", None, [], now_ms=6, ended=True, lossy=True)
            assert ended == SpoolState(read_ms=6, ended=True, lossy=True)
            await spool.append("b", None, [record(1)], now_ms=1, lossy=True)
            state = await spool.append("b", BASE + 1, [], now_ms=2)
            assert (state.last, state.lossy, state.ended) == (BASE + 1, True, False)

        self.run(test)

    def test_what_was_handled_is_dropped_and_the_marks_stay(self) -> None:
        async def test(spool: Spool) -> None:
            await spool.append("a", None, [record(n) for n in range(1, 6)], now_ms=1)
            await spool.trim("a", BASE + 3)
            state = await spool.state("a")
            assert state is not None
            assert (state.first, state.last) == (BASE + 4, BASE + 5)
            await spool.trim("a", BASE + 5)
            state = await spool.state("a")
            assert state is not None
            assert (state.first, state.oldest_ms, state.last) == (None, None, BASE + 5)
            await spool.drop("a")
            assert await spool.state("a") is None
            await spool.drop("never")

        self.run(test)

    def test_a_full_one_takes_no_more_until_there_is_room(self) -> None:
        async def test(spool: Spool) -> None:
            page = [record(n, "x" * 2000) for n in range(1, 301)]
            await spool.append("a", None, page, now_ms=1)
            with pytest.raises(SpoolFull):
                await spool.append("a", BASE + 300, [record(301)], now_ms=2)
            state = await spool.append("a", BASE + 300, [], now_ms=3)
            assert (state.last, state.read_ms) == (BASE + 300, 3)
            await spool.trim("a", BASE + 300)
            assert (await spool.append("a", BASE + 300, [record(301)], now_ms=4)).last == BASE + 301

        self.run(test, full=True)
