"""The consumer that runs on Tailrace runs on DynamoDB Local too: groups, snapshot, takeover."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tailrace.consumer import Change, Consumer, LeaseTimes
from tailrace.delivery.driver import RunnerOptions
from tailrace.sources.http_caller import HttpCaller
from tests.interop import programs

pytestmark = pytest.mark.timeout(900)
PROJECT = Path(__file__).with_name("dynamodb-local")
START_S = 60.0
QUICK: dict[str, Any] = {
    "times": LeaseTimes(failover_ms=1_500, handoff_ms=3_000, scan_ms=150),
    "options": RunnerOptions(checkpoint_interval_s=0.05, discovery_interval_s=0.5, grace_s=5),
    "poll_s": 0.05,
    "region": "us-east-1",
}


@pytest.fixture(scope="module")
def endpoint_url(need: Callable[[str], str]) -> Iterator[str]:
    java, mvn = need("java"), need("mvn")
    goals = [mvn, "-B", "-q", "-ntp", "dependency:copy-dependencies", "-DoutputDirectory=lib"]
    built = programs.build(PROJECT, goals)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    main = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"
    options = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)]
    command = programs.java_command(java, built, main, *options)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _await_port(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


def _await_port(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert server.poll() is None, "DynamoDB Local ended"
            assert time.monotonic() < deadline, "DynamoDB Local did not start"
            time.sleep(0.1)


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


def test_a_group_consumes_shares_and_goes_on(endpoint_url: str) -> None:
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
                await until(lambda: len(taken) == 21)
                assert two.progress().records == 1
        assert taken[-1].kind == "MODIFY"
        assert taken[-1].old == {"pk": "k0", "v": "x"}
        async with Consumer(things.name, **group) as three:
            await three.caught_up()
            assert three.progress().records == 0

    play(endpoint_url, "shared", test)


def test_a_snapshot_comes_before_the_stream(endpoint_url: str) -> None:
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

    play(endpoint_url, "scanned", test)
