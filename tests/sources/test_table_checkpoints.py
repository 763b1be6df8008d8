"""Checkpoints in a table meet the contract of checkpoints, and share the table peacefully."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tailrace.delivery.ports import Checkpoints, Position
from tailrace.errors import ProvisionedThroughputExceededException
from tailrace.sources.table_checkpoints import TableCheckpoints
from tailrace.testing.contracts.checkpoints import CheckpointsContract


class TestTableCheckpoints(CheckpointsContract):
    @pytest.fixture(autouse=True)
    def _store(self, store: Any) -> None:
        self.new_store = type(store)

    def make(self) -> Callable[[], Checkpoints]:
        store = self.new_store()
        return lambda: TableCheckpoints(store, "positions", "app")


def test_the_table_is_made_on_demand_and_once(store: Any) -> None:
    async def main() -> None:
        await asyncio.gather(
            *(TableCheckpoints(store, "positions", f"app-{n}").load() for n in range(3))
        )
        body = await store.call("DynamoDB_20120810.DescribeTable", {"TableName": "positions"})
        table = msgspec.json.decode(body)["Table"]
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"

    asyncio.run(main())


def test_applications_do_not_see_each_other(store: Any) -> None:
    async def main() -> None:
        one, two = (TableCheckpoints(store, "positions", name) for name in ("one", "two"))
        await one.load()
        await one.save({"shard": Position(sequence=1)})
        await two.save({"shard": Position(sequence=2)})
        assert await one.load() == {"shard": Position(sequence=1)}
        await two.forget(["shard"])
        assert await one.load() == {"shard": Position(sequence=1)}
        assert await two.load() == {}

    asyncio.run(main())


def test_the_item_is_readable(store: Any) -> None:
    async def main() -> None:
        checkpoints = TableCheckpoints(store, "positions", "app")
        await checkpoints.load()
        await checkpoints.save(
            {"a": Position(sequence=10**20 + 1), "b": Position(finished=True), "c": Position()}
        )
        body = await store.call("DynamoDB_20120810.Scan", {"TableName": "positions"})
        items = {i["shard"]["S"]: i["checkpoint"]["S"] for i in msgspec.json.decode(body)["Items"]}
        assert items == {"a": "100000000000000000001", "b": "SHARD_END", "c": "TRIM_HORIZON"}

    asyncio.run(main())


def test_a_save_that_was_refused_is_told(store: Any) -> None:
    async def main() -> None:
        checkpoints = TableCheckpoints(store, "positions", "app")
        await checkpoints.load()
        await store.control("ThrottleCalls", Calls=1, Operation="PutItem")
        with pytest.raises(ProvisionedThroughputExceededException):
            await checkpoints.save({"a": Position(sequence=1)})

    asyncio.run(main())
