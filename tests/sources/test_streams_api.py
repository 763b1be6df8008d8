"""A stream read through the Streams API meets the contract of sources, whatever happens to its
iterators."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest

from tailrace.clock import ManualClock, SequentialIds
from tailrace.delivery.ports import Position, ShardInfo
from tailrace.delivery.runner import Runner, RunnerOptions
from tailrace.delivery.settings import DeliverySettings
from tailrace.errors import ProvisionedThroughputExceededException, ValidationException
from tailrace.sources.memory_checkpoints import MemoryCheckpoints
from tailrace.sources.streams_api import StreamsSource
from tailrace.testing.contracts.source import SourceContract, SourceWorld

HORIZON, TIP = Position(), Position(latest=True)
ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/T/stream/2026-09-17T14:11:10.000"


class TestNotified(SourceContract):
    @pytest.fixture(autouse=True)
    def _world(self, store_world: Any) -> None:
        self.world = store_world

    async def make(self) -> SourceWorld:
        return await self.world.open(notified=True)


class TestPolled(SourceContract):
    @pytest.fixture(autouse=True)
    def _world(self, store_world: Any) -> None:
        self.world = store_world

    async def make(self) -> SourceWorld:
        return await self.world.open(notified=False)


def run(
    store_world: Any, test: Callable[[Any, str], Coroutine[Any, Any, None]], notified: bool = True
) -> None:
    async def main() -> None:
        world = await store_world.open(notified=notified)
        (shard,) = await world.source.shards()
        await test(world, shard.shard_id)

    asyncio.run(asyncio.wait_for(main(), 20))


def keys(page: Any) -> list[str]:
    return [record.event["dynamodb"]["Keys"]["pk"]["S"] for record in page.records]


def test_an_expired_iterator_is_taken_anew_from_its_position(store_world: Any) -> None:
    async def test(world: Any, shard_id: str) -> None:
        await world.put(*"abc")
        page = await world.source.read(shard_id, HORIZON, 2)
        await world.store.control("ExpireIterators")
        place = Position(sequence=page.records[-1].sequence)
        assert keys(await world.source.read(shard_id, place, 10)) == ["c"]

    run(store_world, test)


def test_latest_loses_nothing_when_its_iterator_expires(store_world: Any) -> None:
    async def test(world: Any, shard_id: str) -> None:
        await world.put("old")
        world.store.clock.advance(120_000_000)
        assert keys(await world.source.read(shard_id, TIP, 10)) == []
        await world.put("new")
        await world.store.control("ExpireIterators")
        assert keys(await world.source.read(shard_id, TIP, 10)) == ["new"]

    run(store_world, test)


def test_iterators_are_kept_from_read_to_read(store_world: Any) -> None:
    async def test(world: Any, shard_id: str) -> None:
        position = HORIZON
        for name in "abcd":
            await world.put(name)
            page = await world.source.read(shard_id, position, 10)
            position = Position(sequence=page.records[-1].sequence)
        assert world.store.calls["GetShardIterator"] == 1

    run(store_world, test)


def test_errors_are_raised_and_the_next_read_goes_on(store_world: Any) -> None:
    async def test(world: Any, shard_id: str) -> None:
        await world.put("a")
        await world.store.control("ThrottleCalls", Calls=1, Operation="GetRecords")
        with pytest.raises(ProvisionedThroughputExceededException):
            await world.source.read(shard_id, HORIZON, 10)
        assert keys(await world.source.read(shard_id, HORIZON, 10)) == ["a"]
        assert world.store.calls["GetShardIterator"] == 1

    run(store_world, test)


def test_a_record_in_a_new_shard_wakes_the_reader_of_its_parent(store_world: Any) -> None:
    async def test(world: Any, shard_id: str) -> None:
        await world.source.read(shard_id, HORIZON, 10)
        waiting = asyncio.create_task(world.source.changed(shard_id, 20))
        world.source.notify(["shardId-00000001789651658000-ffffffff"])
        await waiting

    run(store_world, test)


def test_a_notice_for_one_shard_leaves_the_others_asleep(store_world: Any) -> None:
    async def test(world: Any, shard_id: str) -> None:
        await world.store.control("SplitShards", StreamArn=world.source.arn)
        left, right = (shard.shard_id for shard in await world.source.children(shard_id))
        for shard in (left, right):
            await world.source.read(shard, HORIZON, 10)
        waiting = asyncio.create_task(world.source.changed(left, 20))
        world.source.notify([right])
        await world.source.changed(right, 20)
        assert not waiting.done()
        waiting.cancel()

    run(store_world, test)


class Pages:
    """An endpoint that lists shards in pages, and maybe knows no filter."""

    def __init__(self, *, knows_filter: bool) -> None:
        self.knows_filter = knows_filter
        self.shards = [
            {
                "ShardId": f"shard-{n}",
                "SequenceNumberRange": {"StartingSequenceNumber": "1", "EndingSequenceNumber": "2"},
                **({"ParentShardId": "shard-0"} if n in (3, 4) else {}),
            }
            for n in range(5)
        ]

    async def call(self, target: str, params: dict[str, Any]) -> bytes:
        if "ShardFilter" in params and not self.knows_filter:
            raise ValidationException("unknown parameter ShardFilter")
        start = int(params.get("ExclusiveStartShardId", "shard--1").removeprefix("shard-")) + 1
        description: dict[str, Any] = {"Shards": self.shards[start : start + 2]}
        if start + 2 < len(self.shards):
            description["LastEvaluatedShardId"] = f"shard-{start + 1}"
        return msgspec.json.encode({"StreamDescription": description})


def test_shards_are_listed_page_by_page() -> None:
    source = StreamsSource(Pages(knows_filter=True), ARN, ManualClock())
    assert [shard.shard_id for shard in asyncio.run(source.shards())] == [
        f"shard-{n}" for n in range(5)
    ]


@pytest.mark.parametrize("knows_filter", [True, False])
def test_children_are_found_whether_the_filter_is_known_heeded_or_neither(
    knows_filter: bool,
) -> None:
    source = StreamsSource(Pages(knows_filter=knows_filter), ARN, ManualClock())
    assert asyncio.run(source.children("shard-0")) == [
        ShardInfo("shard-3", "shard-0", closed=True, begins=1),
        ShardInfo("shard-4", "shard-0", closed=True, begins=1),
    ]


def test_short_sequence_numbers_keep_their_zeros() -> None:
    asked: list[dict[str, Any]] = []

    class Endpoint:
        async def call(self, target: str, params: dict[str, Any]) -> bytes:
            asked.append(params)
            return b'{"ShardIterator":"i","Records":[]}'

    source = StreamsSource(Endpoint(), ARN, ManualClock())
    asyncio.run(source.read("shard-0", Position(sequence=7), 10))
    assert asked[0]["SequenceNumber"] == "000000000000000000007"


def test_deletions_by_time_to_live_say_so_in_lower_camel_case() -> None:
    record = {
        "eventName": "REMOVE",
        "userIdentity": {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"},
        "dynamodb": {
            "ApproximateCreationDateTime": 1.789651658e9,
            "Keys": {},
            "SequenceNumber": "100000000000000000001",
        },
    }

    class Endpoint:
        async def call(self, target: str, params: dict[str, Any]) -> bytes:
            return msgspec.json.encode({"ShardIterator": "i", "Records": [record]})

    source = StreamsSource(Endpoint(), ARN, ManualClock())
    (found,) = asyncio.run(source.read("shard-0", HORIZON, 10)).records
    assert found.event["userIdentity"] == {
        "type": "Service",
        "principalId": "dynamodb.amazonaws.com",
    }
    assert found.created_ms == 1_789_651_658_000
    assert len(msgspec.json.encode(found.event)) <= found.size


def test_a_consumer_follows_shards_that_rotate_and_split(store_world: Any) -> None:
    class Sink:
        def __init__(self) -> None:
            self.names: list[str] = []

        async def write(self, batch: Any) -> Any:
            self.names += keys(batch)
            return ()

        async def close(self) -> None: ...

    async def test(world: Any, shard_id: str) -> None:
        sink = Sink()
        runner = Runner(
            world.source,
            sink,
            MemoryCheckpoints(),
            DeliverySettings(),
            world.store.clock,
            SequentialIds(),
            RunnerOptions(checkpoint_interval_s=0, discovery_interval_s=20),
        )
        running = asyncio.create_task(runner.run())
        await runner.caught_up()
        written: list[str] = []
        for turn, step in enumerate(("RotateShards", "SplitShards", "RotateShards")):
            names = [f"{turn}-{n}" for n in range(5)]
            written += names
            await world.put(*names)
            await world.store.control(step, StreamArn=world.source.arn)
        await world.put("last")
        await runner.caught_up()
        assert sorted(sink.names) == [*written, "last"]
        runner.stop()
        await running

    run(store_world, test)
