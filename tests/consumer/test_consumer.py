"""Consumers get every change of a table, typed, share the work, and go on where one stopped."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tailrace.consumer import Change, Checkpoint, Consumer, StreamRecord
from tailrace.delivery.settings import InvalidParameterValueException
from tailrace.errors import ConfigurationError, ResourceNotFoundException
from tailrace.sinks.dead_letters import DirectoryDeadLetters


async def until(condition: Callable[[], bool]) -> None:
    pause = asyncio.sleep
    while not condition():
        await pause(0.01)


def names(changes: Sequence[Change]) -> list[str]:
    return [str(change.keys["pk"]) for change in changes]


def test_changes_are_typed_and_in_order(play: Any) -> None:
    async def test(tables: Any) -> None:
        await tables.make("typed")
        await tables.put("typed", "a", n={"N": "1.50"}, tags={"SS": ["x", "y"]})
        await tables.put("typed", "a", n={"N": "2"})
        await tables.call("DeleteItem", TableName="typed", Key={"pk": {"S": "a"}})
        taken: list[Change] = []

        async def handle(changes: list[Change]) -> None:
            taken.extend(changes)

        options = {**tables.quick, "endpoint_url": tables.endpoint_url}
        async with Consumer("typed", group="typed-group", handler=handle, **options) as consumer:
            await consumer.caught_up()
        assert [change.kind for change in taken] == ["INSERT", "MODIFY", "REMOVE"]
        first, second, third = taken
        assert first.old is None
        assert first.new == {"pk": "a", "n": Decimal("1.5"), "tags": {"x", "y"}}
        assert second.old == first.new
        assert second.new == third.old == {"pk": "a", "n": Decimal(2)}
        assert third.new is None
        assert first.sequence < second.sequence < third.sequence
        assert not first.snapshot

    play(test)


def test_the_next_consumer_goes_on_where_the_last_one_stopped(play: Any) -> None:
    async def test(tables: Any) -> None:
        arn = await tables.make("resumed")
        taken: list[str] = []
        options = {**tables.quick, "endpoint_url": tables.endpoint_url}

        def handle(changes: list[Change]) -> None:
            taken.extend(names(changes))

        for name in "abc":
            await tables.put("resumed", name)
            async with Consumer(arn, group="resumed-group", handler=handle, **options) as consumer:
                await consumer.caught_up()
        assert taken == ["a", "b", "c"]
        rows = await tables.rows("resumed-group")
        assert all("leaseOwner" not in row for row in rows)
        assert sum(row["checkpoint"]["S"].isdigit() for row in rows) >= 1

    play(test)


def test_two_consumers_share_the_shards_and_one_takes_over_when_the_other_stops(play: Any) -> None:
    async def test(tables: Any) -> None:
        await tables.make("shared")
        taken: dict[str, list[str]] = {"one": [], "two": []}

        def handler(who: str) -> Any:
            async def handle(changes: list[Change]) -> None:
                taken[who].extend(names(changes))

            return handle

        options = {**tables.quick, "endpoint_url": tables.endpoint_url, "group": "sharing"}
        one = Consumer("shared", handler=handler("one"), **options)
        two = Consumer("shared", handler=handler("two"), **options)
        await one.start()
        await until(lambda: one.progress().shards_running == 4)
        async with two:
            await until(lambda: two.progress().shards_running == 2)
            await until(lambda: one.progress().shards_running == 2)
            keys = [f"k{n}" for n in range(40)]
            await tables.put("shared", *keys)
            await until(lambda: len(taken["one"]) + len(taken["two"]) >= 40)
            assert sorted(taken["one"] + taken["two"]) == sorted(keys)
            assert taken["one"]
            assert taken["two"]
        await until(lambda: one.progress().shards_running == 4)
        await one.stop()

    play(test)


def test_shards_that_follow_are_consumed_at_once(play: Any, server: Any) -> None:
    async def test(tables: Any) -> None:
        arn = await tables.make("rolled")
        taken: list[str] = []

        async def handle(changes: list[Change]) -> None:
            taken.extend(names(changes))

        options = {**tables.quick, "endpoint_url": tables.endpoint_url}
        options["times"] = type(options["times"])()  # the usual ones: ten seconds and so on
        async with Consumer("rolled", group="rolled-group", handler=handle, **options) as consumer:
            await tables.put("rolled", "a")
            await until(lambda: taken == ["a"])
            await tables.control(server, "RotateShards", StreamArn=arn)
            began = asyncio.get_running_loop().time()
            await tables.put("rolled", "b", "c", "d", "e")
            await until(lambda: len(taken) == 5)
            # Well before the next periodic look for shards, ten seconds after the last; how soon
            # exactly tests/delivery/test_following.py says, where time is not this machine's.
            assert asyncio.get_running_loop().time() - began < 8
            assert consumer.progress().shards_finished == 4

    play(test)


def test_iterating_handles_a_batch_when_the_next_is_asked_for(play: Any) -> None:
    async def test(tables: Any) -> None:
        await tables.make("pulled")
        await tables.put("pulled", "a")
        options = {**tables.quick, "endpoint_url": tables.endpoint_url, "group": "pulling"}
        async with Consumer("pulled", **options) as consumer:
            async for changes in consumer:
                assert names(changes) == ["a"]
                break  # not handled
        await tables.put("pulled", "b")
        taken: list[Change] = []
        async with Consumer("pulled", **options) as consumer:
            async for changes in consumer:
                taken.extend(changes)
                if len(taken) == 2:
                    asyncio.get_running_loop().call_later(0.3, consumer.runner.stop)
        assert sorted(names(taken)) == ["a", "b"]
        async with Consumer("pulled", **options) as consumer:
            await consumer.caught_up()
            assert consumer.progress().read == 0

    play(test)


def test_what_fails_for_good_is_kept_as_a_dead_letter_with_its_error(
    play: Any, tmp_path: Path
) -> None:
    async def test(tables: Any) -> None:
        await tables.make("failing")
        await tables.put("failing", "good", "bad")

        async def handle(changes: list[Change]) -> list[Change]:
            if names(changes) == ["bad"]:
                raise ValueError("cannot take bad")
            return [change for change in changes if change.keys["pk"] == "bad"]

        options = {**tables.quick, "endpoint_url": tables.endpoint_url}
        async with Consumer(
            "failing",
            group="failing-group",
            handler=handle,
            dead_letters=tmp_path,
            maximum_retry_attempts=0,
            **options,
        ) as consumer:
            await consumer.caught_up()
            assert consumer.progress().discarded == 1
        (letter,) = [each async for each in DirectoryDeadLetters(tmp_path).letters()]
        assert letter.reason == "ValueError: cannot take bad"
        assert letter.record["dynamodb"]["Keys"] == {"pk": {"S": "bad"}}
        assert letter.condition == "RetryAttemptsExhausted"

    play(test)


def test_an_announced_checkpoint_is_there_for_whoever_gets_the_records_again(play: Any) -> None:
    async def test(tables: Any) -> None:
        await tables.make("careful")
        await tables.put("careful", "a")
        seen: list[Any] = []

        def handle(changes: list[Change], checkpoint: Checkpoint) -> None:
            pending = checkpoint.pending
            seen.append(None if pending is None else pending.state)
            if pending is None:
                checkpoint.prepare(b"about to do it")
                raise SystemExit(1)

        options = {**tables.quick, "endpoint_url": tables.endpoint_url, "group": "careful-group"}
        first = Consumer("careful", handler=handle, **options)
        await first.start()
        await until(lambda: bool(seen))
        await until(lambda: first.progress().errors > 0)
        await first.stop()
        assert any("pendingCheckpoint" in row for row in await tables.rows("careful-group"))
        async with Consumer("careful", handler=handle, **options) as second:
            await second.caught_up()
        assert seen[0] is None
        assert set(seen[1:]) == {b"about to do it"}
        assert not any("pendingCheckpoint" in row for row in await tables.rows("careful-group"))

    play(test)


def test_filters_pass_over_what_is_not_wanted(play: Any) -> None:
    async def test(tables: Any) -> None:
        await tables.make("filtered")
        await tables.put("filtered", "a", "b", "c")
        taken: list[str] = []

        async def handle(changes: list[Change]) -> None:
            taken.extend(names(changes))

        options = {**tables.quick, "endpoint_url": tables.endpoint_url}
        async with Consumer(
            "filtered",
            group="filtered-group",
            handler=handle,
            filter=lambda change: change.keys["pk"] != "b",
            **options,
        ) as consumer:
            await consumer.caught_up()
            assert consumer.progress().filtered == 1
        assert sorted(taken) == ["a", "c"]

    play(test)


def test_filters_may_be_lambdas_patterns(play: Any) -> None:
    async def test(tables: Any) -> None:
        await tables.make("patterned")
        await tables.put("patterned", "a", "b", "c")
        taken: list[str] = []

        async def handle(changes: list[Change]) -> None:
            taken.extend(names(changes))

        options = {**tables.quick, "endpoint_url": tables.endpoint_url, "handler": handle}
        keys = [{"dynamodb": {"Keys": {"pk": {"S": [name]}}}} for name in "ac"]
        async with Consumer("patterned", group="of-two", filter=keys, **options) as consumer:
            await consumer.caught_up()
        assert sorted(taken) == ["a", "c"]
        with pytest.raises(InvalidParameterValueException):
            await Consumer("patterned", group="broken", filter="{", **options).start()

    play(test)


def test_kinesis_streams_are_consumed_too(play: Any) -> None:
    async def test(tables: Any) -> None:
        await tables.kinesis("CreateStream", StreamName="clicks", ShardCount=2)
        arn = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks"
        while True:
            summary = await tables.kinesis("DescribeStreamSummary", StreamName="clicks")
            if summary["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE":
                break
            await asyncio.sleep(0.05)
        for number in range(6):
            data = base64.b64encode(f"click {number}".encode()).decode()
            key = f"visitor-{number}"
            await tables.kinesis("PutRecord", StreamName="clicks", PartitionKey=key, Data=data)
        taken: list[StreamRecord] = []

        def handle(records: list[StreamRecord]) -> None:
            taken.extend(records)

        options = {**tables.quick, "endpoint_url": tables.endpoint_url, "handler": handle}
        async with Consumer(arn, group="clicking", **options) as consumer:
            await consumer.caught_up()
        assert {record.data for record in taken} == {f"click {n}".encode() for n in range(6)}
        assert {record.partition_key for record in taken} == {f"visitor-{n}" for n in range(6)}
        with pytest.raises(ConfigurationError, match="snapshot"):
            await Consumer(arn, group="snapping", snapshot=True, **options).start()

    play(test)


def test_what_cannot_be_consumed_is_told_at_once(play: Any) -> None:
    async def test(tables: Any) -> None:
        options = {"endpoint_url": tables.endpoint_url, "handler": print}
        with pytest.raises(ResourceNotFoundException):
            await Consumer("nowhere", group="g12", **options).start()
        await tables.call(
            "CreateTable",
            TableName="silent",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        with pytest.raises(ConfigurationError, match="has no stream"):
            await Consumer("silent", group="g12", **options).start()
        with pytest.raises(ConfigurationError, match="names no group"):
            Consumer("silent", group="a group", **options)
        with pytest.raises(ConfigurationError, match="batchsize"):
            Consumer("silent", group="g12", batchsize=3, **options)

    play(test)
