"""A Kinesis stream is read in order from any position, through splits, merges and lost iterators,
and its records are Lambda's events."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest

from tailrace.delivery.ports import Position, Record
from tailrace.delivery.runner import Runner
from tailrace.delivery.settings import DeliverySettings, StartingPosition
from tailrace.errors import ResourceNotFoundException
from tailrace.sources.kinesis_api import KinesisSource
from tailrace.sources.memory_checkpoints import MemoryCheckpoints

ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/changes"
ROLE = "arn:aws:iam::000000000000:role/reader"
HORIZON, TIP = Position(), Position(latest=True)
WAIT_S = 20.0
HALF = str(2**127)


class World:
    """A stream, and a source that reads it."""

    def __init__(self, store: Any, **more: Any) -> None:
        self.store = store
        given = {"identity_arn": ROLE, "notified": True, "poll_s": 0.001}
        self.source = KinesisSource(store, ARN, store.clock, **(given | more))
        store.engine.log.subscribe(self._notify)

    def _notify(self, shard_ids: frozenset[int]) -> None:
        shards = self.store.engine.catalog().shards
        self.source.notify([shards[each].name for each in shard_ids if each in shards])

    async def call(self, operation: str, **params: Any) -> Any:
        body = await self.store.call(f"Kinesis_20131202.{operation}", params)
        return msgspec.json.decode(body) if body else None

    async def put(self, *names: str, hash_key: str | None = None) -> None:
        for name in names:
            data = base64.b64encode(name.encode()).decode()
            where = {} if hash_key is None else {"ExplicitHashKey": hash_key}
            await self.call("PutRecord", StreamARN=ARN, Data=data, PartitionKey=name, **where)

    async def shards(self) -> list[str]:
        return [shard.shard_id for shard in await self.source.shards()]


def names(records: Any) -> list[str]:
    return [base64.b64decode(record.event["kinesis"]["data"]).decode() for record in records]


async def read_all(world: World, shard_id: str, position: Position) -> tuple[list[Record], bool]:
    found: list[Record] = []
    while True:
        page = await world.source.read(shard_id, position, 1000)
        found += page.records
        if page.records:
            position = Position(sequence=page.records[-1].sequence)
        if page.ended or page.behind_ms == 0:
            return found, page.ended


def run(store: Any, test: Callable[[World], Coroutine[Any, Any, None]], **more: Any) -> None:
    async def main() -> None:
        world = World(store, **more)
        await world.call("CreateStream", StreamName="changes", ShardCount=1)
        await test(world)
        await world.source.close()

    asyncio.run(asyncio.wait_for(main(), WAIT_S))


@pytest.mark.parametrize("notified", [True, False])
def test_records_come_in_order_from_any_position(store: Any, notified: bool) -> None:
    async def test(world: World) -> None:
        (shard,) = await world.shards()
        page = await world.source.read(shard, HORIZON, 10)
        assert (list(page.records), page.behind_ms, page.ended) == ([], 0, False)
        await world.put(*"abc")
        found, ended = await read_all(world, shard, HORIZON)
        assert (names(found), ended) == (["a", "b", "c"], False)
        assert [record.sequence for record in found] == sorted({each.sequence for each in found})
        rest, _ = await read_all(world, shard, Position(sequence=found[0].sequence))
        assert names(rest) == ["b", "c"]
        assert names((await world.source.read(shard, HORIZON, 2)).records) == ["a", "b"]

    run(store, test, notified=notified)


def test_events_are_lambdas(store: Any) -> None:
    async def test(world: World) -> None:
        await world.put("é")
        (shard,) = await world.shards()
        (record,), _ = await read_all(world, shard, HORIZON)
        created_ms = world.store.clock.now_us() // 1000
        assert record.event == {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": "é",
                "sequenceNumber": str(record.sequence),
                "data": base64.b64encode("é".encode()).decode(),
                "approximateArrivalTimestamp": created_ms / 1000,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard}:{record.sequence}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": ROLE,
            "awsRegion": "us-east-1",
            "eventSourceARN": ARN,
        }
        assert record.created_ms == created_ms
        assert record.size >= len(msgspec.json.encode(record.event))

    run(store, test)


def test_latest_begins_at_its_first_read_and_is_not_lost_with_its_iterator(store: Any) -> None:
    async def test(world: World) -> None:
        await world.put("old")
        world.store.clock.advance(3600 * 1_000_000)
        (shard,) = await world.shards()
        assert not (await world.source.read(shard, TIP, 10)).records
        await world.put("new")
        world.store.clock.advance(301 * 1_000_000)
        assert names((await read_all(world, shard, TIP))[0]) == ["new"]

    run(store, test)


def test_an_expired_iterator_is_taken_anew(store: Any) -> None:
    async def test(world: World) -> None:
        await world.put(*"abc")
        (shard,) = await world.shards()
        page = await world.source.read(shard, HORIZON, 1)
        world.store.clock.advance(301 * 1_000_000)
        place = Position(sequence=page.records[0].sequence)
        assert names((await read_all(world, shard, place))[0]) == ["b", "c"]

    run(store, test)


def test_a_time_to_begin_at(store: Any) -> None:
    start_ms = store.clock.now_us() // 1000 + 60_000

    async def test(world: World) -> None:
        await world.put("before")
        world.store.clock.advance(60 * 1_000_000)
        await world.put("after")
        (shard,) = await world.shards()
        assert names((await read_all(world, shard, HORIZON))[0]) == ["after"]

    run(store, test, start_ms=start_ms)


def test_a_merged_shard_comes_after_both_its_parents(store: Any) -> None:
    class Noting:
        def __init__(self) -> None:
            self.seen: list[str] = []

        async def write(self, batch: Any) -> Any:
            self.seen += names(batch.records)
            return ()

        async def close(self) -> None:
            pass

    async def test(world: World) -> None:
        (first,) = await world.shards()
        await world.put("whole", hash_key="0")
        await world.call("SplitShard", StreamARN=ARN, ShardToSplit=first, NewStartingHashKey=HALF)
        await world.put("left", hash_key="0")
        await world.put("right", hash_key=HALF)
        _, left, right = await world.shards()
        await world.call(
            "MergeShards", StreamARN=ARN, ShardToMerge=left, AdjacentShardToMerge=right
        )
        await world.put("merged", hash_key="1")
        listed = await world.source.shards()
        assert set(listed[-1].parents) == {left, right}
        assert [each.shard_id for each in await world.source.children(right)] == [
            listed[-1].shard_id
        ]
        sink = Noting()
        settings = DeliverySettings(starting_position=StartingPosition.TRIM_HORIZON)
        store = world.store
        ids = store.dispatcher.service.ids
        runner = Runner(world.source, sink, MemoryCheckpoints(), settings, store.clock, ids)
        running = asyncio.create_task(runner.run())
        await runner.caught_up()
        runner.stop()
        await running
        assert sink.seen[0] == "whole"
        assert sorted(sink.seen[1:3]) == ["left", "right"]
        assert sink.seen[3:] == ["merged"]

    run(store, test)


def test_a_change_and_the_end_wake_who_waits(store: Any) -> None:
    async def test(world: World) -> None:
        (shard,) = await world.shards()
        await read_all(world, shard, HORIZON)
        waiting = asyncio.create_task(world.source.changed(shard, WAIT_S))
        await asyncio.sleep(0)
        await world.put("a")
        await waiting
        found, _ = await read_all(world, shard, HORIZON)
        waiting = asyncio.create_task(world.source.changed(shard, WAIT_S))
        await asyncio.sleep(0)
        await world.call("SplitShard", StreamARN=ARN, ShardToSplit=shard, NewStartingHashKey=HALF)
        await waiting
        assert (await read_all(world, shard, Position(sequence=found[0].sequence))) == ([], True)
        await world.source.changed(shard, WAIT_S)

    run(store, test)


def test_what_is_not_there(store: Any) -> None:
    async def test(world: World) -> None:
        with pytest.raises(ResourceNotFoundException):
            await world.source.read("shardId-000000000099", HORIZON, 10)

    run(store, test)
