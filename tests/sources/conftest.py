"""A store in this process, called as sources call one."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from tailrace.api.dispatch import Dispatcher
from tailrace.api.operation import Service
from tailrace.api.registry import OPERATIONS, SERVICES
from tailrace.clock import ManualClock, SequentialIds
from tailrace.engines.memory import MemoryEngine
from tailrace.sources.caller import checked_body
from tailrace.sources.streams_api import StreamsSource
from tailrace.wire.call import Call, Reply, Scope

SCOPE = Scope("000000000000", "us-east-1")


class Store:
    """A store in memory; a `Caller`. `calls` counts by operation."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.engine = MemoryEngine(self.clock)
        service = Service(self.engine, self.clock, SequentialIds(), b"secret")
        self.dispatcher = Dispatcher(service, OPERATIONS, SERVICES)
        self.calls: dict[str, int] = {}

    async def call(self, target: str, params: dict[str, Any]) -> bytes:
        operation = target.partition(".")[2]
        self.calls[operation] = self.calls.get(operation, 0) + 1
        reply = await self._answer(self.dispatcher.dispatch, target, params)
        return checked_body(reply.status, reply.body)

    async def control(self, name: str, **params: Any) -> None:
        reply = await self._answer(self.dispatcher.control, name, params)
        checked_body(reply.status, reply.body)

    async def _answer(self, ask: Any, target: str, params: dict[str, Any]) -> Reply:
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Reply] = loop.create_future()
        call = Call(target, msgspec.json.encode(params), SCOPE)
        ask(call, lambda reply: loop.call_soon_threadsafe(answered.set_result, reply))
        return await answered

    async def table(self, name: str = "things") -> str:
        """A new table with a stream; the stream's ARN."""
        body = await self.call(
            "DynamoDB_20120810.CreateTable",
            {
                "TableName": name,
                "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "StreamSpecification": {
                    "StreamEnabled": True,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
            },
        )
        return msgspec.json.decode(body)["TableDescription"]["LatestStreamArn"]

    async def put(self, *names: str, table: str = "things", **attributes: Any) -> None:
        for name in names:
            item = {"pk": {"S": name}, **attributes}
            await self.call("DynamoDB_20120810.PutItem", {"TableName": table, "Item": item})


class StoreWorld:
    """The stream of a table in a store, with one shard, and a source that reads it."""

    def __init__(self, store: Store, source: StreamsSource) -> None:
        self.store = store
        self.source = source

    @classmethod
    async def open(cls, *, notified: bool) -> StoreWorld:
        store = Store()
        arn = await store.table()
        source = StreamsSource(store, arn, store.clock, notified=notified, poll_s=0.001)
        if notified:
            store.engine.log.subscribe(lambda shard_ids: source.notify())
        return cls(store, source)

    async def put(self, *names: str) -> None:
        await self.store.put(*names)

    async def rotate(self) -> None:
        await self.store.control("RotateShards", StreamArn=self.source.arn)
        self.source.notify()

    async def trim(self) -> None:
        await self.store.control("TrimStream", StreamArn=self.source.arn)


@pytest.fixture
def store_world() -> type[StoreWorld]:
    return StoreWorld


@pytest.fixture
def store() -> Store:
    return Store()
