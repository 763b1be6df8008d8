"""A running server with tables that have streams, and ways to fill them."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import msgspec
import pytest

from tailrace.app import Tailrace
from tailrace.consumer import LeaseTimes
from tailrace.delivery.driver import RunnerOptions
from tailrace.settings import Settings
from tailrace.sources.http_caller import HttpCaller

WAIT_S = 30.0
QUICK: dict[str, Any] = {
    "times": LeaseTimes(failover_ms=1_500, handoff_ms=3_000, scan_ms=150),
    "options": RunnerOptions(checkpoint_interval_s=0.05, discovery_interval_s=0.5, grace_s=5),
    "poll_s": 0.02,
}


class Tables:
    """Calls to a server: makes tables, puts items, reads rows."""

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url
        self.quick = QUICK
        self._caller: HttpCaller | None = None

    async def call(self, operation: str, **params: Any) -> Any:
        self._caller = self._caller or HttpCaller(endpoint_url=self.endpoint_url)
        body = await self._caller.call(f"DynamoDB_20120810.{operation}", params)
        return msgspec.json.decode(body)

    async def kinesis(self, operation: str, **params: Any) -> Any:
        self._caller = self._caller or HttpCaller(endpoint_url=self.endpoint_url)
        body = await self._caller.call(f"Kinesis_20131202.{operation}", params)
        return msgspec.json.decode(body) if body else None

    async def make(self, name: str, *, view: str = "NEW_AND_OLD_IMAGES") -> str:
        """A table with a stream of four shards; the stream's ARN."""
        made = await self.call(
            "CreateTable",
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
        )
        return str(made["TableDescription"]["LatestStreamArn"])

    async def put(self, table: str, *names: str, **attributes: Any) -> None:
        for name in names:
            await self.call("PutItem", TableName=table, Item={"pk": {"S": name}, **attributes})

    async def rows(self, table: str) -> list[dict[str, Any]]:
        return list((await self.call("Scan", TableName=table))["Items"])

    async def control(self, server: Tailrace, name: str, **params: Any) -> None:
        """Carry out one of the server's test controls."""

        def post() -> None:
            url = f"{server.endpoint_url}/_tailrace/{name}"
            request = urllib.request.Request(url, msgspec.json.encode(params), method="POST")
            with urllib.request.urlopen(request, timeout=10) as response:
                assert response.status == 200

        await asyncio.to_thread(post)

    async def close(self) -> None:
        if self._caller is not None:
            await self._caller.close()
            self._caller = None


@pytest.fixture(scope="module")
def server() -> Iterator[Tailrace]:
    with Tailrace(Settings(port=0, test_controls=True)) as running:
        yield running


@pytest.fixture
def play(server: Tailrace) -> Callable[[Callable[[Tables], Coroutine[Any, Any, None]]], None]:
    """Runs a test's coroutine with the server's tables, for a while at most."""

    def run(test: Callable[[Tables], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            tables = Tables(server.endpoint_url)
            try:
                await test(tables)
            finally:
                await tables.close()

        asyncio.run(asyncio.wait_for(main(), WAIT_S))

    return run
