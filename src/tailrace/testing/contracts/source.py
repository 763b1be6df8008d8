"""The contract of the `Source` port. A source's tests subclass it and give it `make`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import pytest

from tailrace.delivery.ports import Position, Record, Source
from tailrace.errors import ResourceNotFoundException, TrimmedDataAccessException

__all__ = ["SourceContract", "SourceWorld"]

WAIT_S = 20.0
HORIZON, TIP = Position(), Position(latest=True)


class SourceWorld(Protocol):
    """A stream with one open shard that the contract's tests fill and that `source` reads."""

    source: Source

    async def put(self, *names: str) -> None:
        """One record for each name, whose item's key is {"pk": {"S": name}}."""
        ...

    async def rotate(self) -> None:
        """Close the open shard and open its child."""
        ...

    async def trim(self) -> None:
        """Drop all records."""
        ...


def names(records: Any) -> list[str]:
    """The keys of records' items."""
    return [record.event["dynamodb"]["Keys"]["pk"]["S"] for record in records]


async def read_all(
    source: Source, shard_id: str, position: Position
) -> tuple[list[Record], Position, bool]:
    """Read until the tip or the end; what was read, where that is, and whether it is the end."""
    found: list[Record] = []
    while True:
        page = await source.read(shard_id, position, 1000)
        found += page.records
        if page.records:
            position = Position(sequence=page.records[-1].sequence)
        if page.ended or page.behind_ms == 0:
            return found, position, page.ended


class SourceContract(ABC):
    """What every source does."""

    @abstractmethod
    async def make(self) -> SourceWorld:
        """A stream with one open shard and no records."""

    def run(self, test: Callable[[SourceWorld, str], Coroutine[Any, Any, None]]) -> None:
        """Run a test with a world and the name of its only shard."""

        async def main() -> None:
            world = await self.make()
            (shard,) = await world.source.shards()
            await test(world, shard.shard_id)
            await world.source.close()

        asyncio.run(asyncio.wait_for(main(), WAIT_S))

    def test_records_come_in_order_and_each_once(self) -> None:
        async def test(world: SourceWorld, shard_id: str) -> None:
            await world.put(*"abc")
            found, position, ended = await read_all(world.source, shard_id, HORIZON)
            await world.put(*"de")
            more, _, _ = await read_all(world.source, shard_id, position)
            assert (names(found), names(more), ended) == (["a", "b", "c"], ["d", "e"], False)
            sequences = [record.sequence for record in [*found, *more]]
            assert sequences == sorted(set(sequences))

        self.run(test)

    def test_reading_goes_on_from_any_record(self) -> None:
        async def test(world: SourceWorld, shard_id: str) -> None:
            await world.put(*"abc")
            found, _, _ = await read_all(world.source, shard_id, HORIZON)
            place = Position(sequence=found[0].sequence)
            assert names((await read_all(world.source, shard_id, place))[0]) == ["b", "c"]

        self.run(test)

    def test_a_page_has_no_more_records_than_asked_for(self) -> None:
        async def test(world: SourceWorld, shard_id: str) -> None:
            await world.put(*"abc")
            page = await world.source.read(shard_id, HORIZON, 2)
            assert names(page.records) == ["a", "b"]
            assert page.behind_ms > 0
            assert not page.ended

        self.run(test)

    def test_nothing_new_is_an_empty_page_at_the_tip(self) -> None:
        async def test(world: SourceWorld, shard_id: str) -> None:
            page = await world.source.read(shard_id, HORIZON, 10)
            assert (list(page.records), page.behind_ms, page.ended) == ([], 0, False)

        self.run(test)

    def test_latest_begins_at_its_first_read(self) -> None:
        async def test(world: SourceWorld, shard_id: str) -> None:
            await world.put("old")
            page = await world.source.read(shard_id, TIP, 10)
            assert not page.records
            await world.put("new")
            found, _, _ = await read_all(world.source, shard_id, TIP)
            assert names(found) == ["new"]

        self.run(test)

    def test_events_are_lambdas(self) -> None:
        async def test(world: SourceWorld, shard_id: str) -> None:
            await world.put("a")
            (record,), _, _ = await read_all(world.source, shard_id, HORIZON)
            event = record.event
            assert event["eventSourceARN"] == world.source.arn
            assert event["eventName"] == "INSERT"
            assert event["eventSource"] == "aws:dynamodb"
            assert event["eventVersion"] == "1.1"
            change = event["dynamodb"]
            created = change["ApproximateCreationDateTime"]
            assert isinstance(created, float)
            assert created.is_integer()
            assert record.created_ms // 1000 == created
            assert int(change["SequenceNumber"]) == record.sequence
            assert record.size > len(str(change))  # JSON without spaces, and the rest of the event
            event.clear()
            assert record.event["eventName"] == "INSERT"

        self.run(test)

    def test_the_end_of_a_shard_and_its_child(self) -> None:
        async def test(world: SourceWorld, shard_id: str) -> None:
            await world.put("a")
            await world.rotate()
            await world.put("b")
            found, position, ended = await read_all(world.source, shard_id, HORIZON)
            assert (names(found), ended) == (["a"], True)
            again = await world.source.read(shard_id, position, 10)
            assert (list(again.records), again.ended) == ([], True)
            (child,) = await world.source.children(shard_id)
            assert child.parent_id == shard_id
            assert await world.source.children(child.shard_id) == []
            listed = {shard.shard_id: shard for shard in await world.source.shards()}
            assert listed[shard_id].closed
            assert listed[child.shard_id] == child
            assert names((await read_all(world.source, child.shard_id, HORIZON))[0]) == ["b"]

        self.run(test)

    def test_a_change_wakes_who_waits(self) -> None:
        async def test(world: SourceWorld, shard_id: str) -> None:
            _, position, _ = await read_all(world.source, shard_id, HORIZON)
            waiting = asyncio.create_task(world.source.changed(shard_id, WAIT_S))
            await asyncio.sleep(0)
            await world.put("a")
            await waiting
            assert names((await read_all(world.source, shard_id, position))[0]) == ["a"]

        self.run(test)

    def test_a_change_since_the_last_read_is_not_waited_for(self) -> None:
        async def test(world: SourceWorld, shard_id: str) -> None:
            await read_all(world.source, shard_id, HORIZON)
            await world.put("a")
            await world.source.changed(shard_id, WAIT_S)

        self.run(test)

    def test_the_end_wakes_who_waits(self) -> None:
        async def test(world: SourceWorld, shard_id: str) -> None:
            _, position, _ = await read_all(world.source, shard_id, HORIZON)
            waiting = asyncio.create_task(world.source.changed(shard_id, WAIT_S))
            await asyncio.sleep(0)
            await world.rotate()
            await waiting
            assert (await read_all(world.source, shard_id, position))[2]

        self.run(test)

    def test_waiting_has_an_end(self) -> None:
        async def test(world: SourceWorld, shard_id: str) -> None:
            await read_all(world.source, shard_id, HORIZON)
            await world.source.changed(shard_id, 0.01)

        self.run(test)

    def test_a_position_that_was_trimmed_away_is_told(self) -> None:
        async def test(world: SourceWorld, shard_id: str) -> None:
            await world.put(*"abc")
            found, _, _ = await read_all(world.source, shard_id, HORIZON)
            await world.trim()
            with pytest.raises(TrimmedDataAccessException):
                await world.source.read(shard_id, Position(sequence=found[0].sequence), 10)
            await world.put("d")
            assert names((await read_all(world.source, shard_id, HORIZON))[0]) == ["d"]

        self.run(test)

    def test_an_unknown_shard_is_told(self) -> None:
        async def test(world: SourceWorld, shard_id: str) -> None:
            unknown = "shardId-00000001500000000000-00000000"
            with pytest.raises(ResourceNotFoundException):
                await world.source.read(unknown, HORIZON, 10)

        self.run(test)
