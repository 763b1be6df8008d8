"""An app's functions each get their table's changes, with leases of their own in one table."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tailrace.consumer import Change, ConsumerApp
from tailrace.errors import ConfigurationError


async def run_until(app: ConsumerApp, condition: Any) -> None:
    running = asyncio.create_task(app.run_async())
    pause = asyncio.sleep
    while not condition() and not running.done():
        await pause(0.01)
    app.stop()
    await running


def test_functions_on_several_tables(play: Any) -> None:
    async def test(tables: Any) -> None:
        for table in ("orders", "clients"):
            await tables.make(table)
            await tables.put(table, "a", "b")
        taken: dict[str, list[Any]] = {"bill": [], "greet": [], "audit": []}
        app = ConsumerApp(group="office", endpoint_url=tables.endpoint_url, **tables.quick)

        @app.on_change("orders", batch_size=1)
        def bill(changes: list[Change]) -> None:
            taken["bill"] += [len(changes)]

        @app.on_change("clients", filter=lambda change: change.keys["pk"] == "a")
        async def greet(changes: list[Change]) -> None:
            taken["greet"] += [change.keys["pk"] for change in changes]

        @app.on_change("orders", group="audit-group", concurrency=2)
        async def audit(changes: list[Change]) -> None:
            taken["audit"] += [change.keys["pk"] for change in changes]

        def done() -> bool:
            counts = {name: len(values) for name, values in taken.items()}
            return counts == {"bill": 2, "greet": 1, "audit": 2}

        await run_until(app, done)
        assert taken["bill"] == [1, 1]
        assert taken["greet"] == ["a"]
        assert sorted(taken["audit"]) == ["a", "b"]
        assert app.progress()["bill@orders"].records == 2
        shared = {row["leaseKey"]["S"].rpartition(":")[0] for row in await tables.rows("office")}
        assert shared == {"bill@orders", "greet@clients"}
        assert all(":" not in row["leaseKey"]["S"] for row in await tables.rows("audit-group"))
        app.stop()
        assert done(), "a second run began anew"

    play(test)


def test_one_that_cannot_begin_ends_the_app(play: Any) -> None:
    async def test(tables: Any) -> None:
        await tables.make("there")
        app = ConsumerApp(group="half-group", endpoint_url=tables.endpoint_url, **tables.quick)
        app.on_change("there")(lambda changes: None)
        app.on_change("not-there", name="other")(lambda changes: None)
        with pytest.raises(Exception, match="not-there"):
            await app.run_async()
        rows = await tables.rows("half-group")
        assert all("leaseOwner" not in row for row in rows)

    play(test)


def test_mistakes_are_told() -> None:
    app = ConsumerApp(group="mistaken", endpoint_url="http://127.0.0.1:1")

    @app.on_change("orders")
    def bill(changes: list[Change]) -> None: ...

    with pytest.raises(ConfigurationError, match="already"):
        app.on_change("orders")(bill)
    with pytest.raises(ConfigurationError, match="no function"):
        asyncio.run(ConsumerApp(group="empty-one").run_async())
