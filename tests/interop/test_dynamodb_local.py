"""The consumer that runs on Tailrace runs on DynamoDB Local too: groups, snapshot, spool, takeover,
dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tailrace.consumer import Change, Consumer, LeaseTimes
from tailrace.delivery.driver import RunnerOptions
from tailrace.sources.dead_letter_table import TableDeadLetters
from tailrace.sources.http_caller import HttpCaller

pytestmark = pytest.mark.timeout(900)
QUICK: dict[str, Any] = {
    "times": LeaseTimes(failover_ms=1_500, handoff_ms=3_000, scan_ms=150),
    "options": RunnerOptions(checkpoint_interval_s=0.05, discovery_interval_s=0.5, grace_s=5),
    "poll_s": 0.05,
    "region": "us-east-1",
}


class Things:
    """A table with a stream."""

    def __init__(self, endpoint_url: str, name: str) -> None:
        self.name = name
        self.caller = HttpCaller(endpoint_url=endpoint_url, region="us-east-1")
        self.options = {**QUICK, "endpoint_url": endpoint_url}

    async def call(self, operation: str, **params: Any) -> Any:
        body = await self.caller.call(f"DynamoDB_20120810.{operation}", params)
        return msgspec.json.decode(body)

    async def make(self) -> None:
        await self.call(
            "CreateTable",
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )

    async def put(self, *names: str, value: str = "x") -> None:
        for name in names:
            item = {"pk": {"S": name}, "v": {"S": value}}
            await self.call("PutItem", TableName=self.name, Item=item)


def play(endpoint_url: str, name: str, test: Callable[[Things], Any]) -> None:
    async def main() -> None:
        things = Things(endpoint_url, name)
        await things.make()
        try:
            await test(things)
        finally:
            await things.caller.close()

    asyncio.run(asyncio.wait_for(main(), 120))


async def until(condition: Callable[[], bool]) -> None:
    pause = asyncio.sleep
    while not condition():
        await pause(0.02)


def test_a_group_consumes_shares_and_goes_on(dynamodb_local_url: str) -> None:
    async def test(things: Things) -> None:
        taken: list[Change] = []

        async def handle(changes: list[Change]) -> None:
            taken.extend(changes)

        group = {**things.options, "group": "local-group", "handler": handle}
        await things.put(*(f"k{n}" for n in range(20)))
        async with Consumer(things.name, **group) as one:
            await one.caught_up()
            assert [change.keys["pk"] for change in taken] == [f"k{n}" for n in range(20)]
            async with Consumer(things.name, **group) as two:
                await one.stop()
                await things.put("k0", value="y")
                await until(lambda: two.progress().records == 1)
        assert len(taken) == 21
        assert taken[-1].kind == "MODIFY"
        assert taken[-1].old == {"pk": "k0", "v": "x"}
        async with Consumer(things.name, **group) as three:
            await three.caught_up()
            assert three.progress().records == 0

    play(dynamodb_local_url, "shared", test)


def test_a_snapshot_comes_before_the_stream(dynamodb_local_url: str) -> None:
    async def test(things: Things) -> None:
        taken: list[Change] = []

        async def handle(changes: list[Change]) -> None:
            taken.extend(changes)

        await things.put(*(f"k{n}" for n in range(20)))
        async with Consumer(
            things.name, group="snap-group", handler=handle, snapshot=True, **things.options
        ):
            await until(lambda: sum(change.snapshot for change in taken) == 20)
            await things.put("late")
            await until(lambda: taken[-1].keys["pk"] == "late")
        kinds = [change.snapshot for change in taken]
        assert kinds == sorted(kinds, reverse=True)

    play(dynamodb_local_url, "scanned", test)


def test_what_waits_for_a_snapshot_is_spooled_and_comes_after_it(
    dynamodb_local_url: str, tmp_path: Path
) -> None:
    async def test(things: Things) -> None:
        taken: list[Change] = []

        async def handle(changes: list[Change]) -> None:
            taken.extend(changes)

        await things.put(*(f"k{n:02d}" for n in range(40)))
        options = {**things.options, "snapshot": 1, "snapshot_rate": 20, "batch_size": 4}
        options |= {"spool": tmp_path, "spool_after_s": 0, "handler": handle}
        async with Consumer(things.name, group="spool-group", **options):
            await things.put("k05", value="first")
            await until(lambda: any(tmp_path.iterdir()))
            await things.put("k05", value="second")
        assert not any(not change.snapshot for change in taken)
        async with Consumer(things.name, group="spool-group", **options) as second:
            await until(lambda: bool(taken) and taken[-1].new == {"pk": "k05", "v": "second"})
            assert second.progress().gaps == 0
        kinds = [change.snapshot for change in taken]
        assert kinds == sorted(kinds, reverse=True)
        assert len({change.keys["pk"] for change in taken if change.snapshot}) == 40
        values = [change.new for change in taken if not change.snapshot]
        assert [each["v"] for each in values if each and each["pk"] == "k05"][-2:] == [
            "first",
            "second",
        ]

    play(dynamodb_local_url, "spooled", test)


def test_dead_letters_are_kept_in_a_table_there(dynamodb_local_url: str) -> None:
    async def test(things: Things) -> None:
        async def refuse(changes: list[Change]) -> None:
            raise ValueError("cannot take it")

        await things.put("bad")
        letters = TableDeadLetters(things.caller, "dead-letters")
        options = {"maximum_retry_attempts": 0, "dead_letters": "table:dead-letters"}
        async with Consumer(
            things.name, group="dead-group", handler=refuse, **options, **things.options
        ) as consumer:
            await until(lambda: consumer.progress().discarded == 1)
        (letter,) = [each async for each in letters.letters()]
        assert letter.reason == "ValueError: cannot take it"
        assert letter.record["dynamodb"]["NewImage"]["pk"] == {"S": "bad"}

    play(dynamodb_local_url, "deadly", test)
