"""A function with tumbling windows gets each window's records with its state, over a whole
Tailrace."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailrace.app import Tailrace
from tailrace.clock import ManualClock
from tailrace.errors import ConfigurationError
from tailrace.settings import Settings
from tests.app.conftest import create_table
from tests.app.test_functions import User, until

Connect = Callable[[Tailrace], Any]
_PATIENCE_S = 30.0
_SECOND_US = 1_000_000


def test_a_handler_adds_up_window_by_window(connect: Connect) -> None:
    clock = ManualClock(1_789_654_270 * _SECOND_US)
    calls: list[dict[str, Any]] = []

    def add_up(event: dict[str, Any], context: Any) -> dict[str, Any]:
        del context
        calls.append(event)
        images = [record["dynamodb"]["NewImage"] for record in event["Records"]]
        total = event["state"].get("total", 0) + sum(int(image["v"]["N"]) for image in images)
        return {"state": {"total": total}}

    with Tailrace(Settings(port=0), clock=clock) as tailrace:
        client = connect(tailrace)
        create_table(client, "orders")
        trigger = tailrace.on_change("orders", add_up, tumbling_window_in_seconds=10)
        for version in (1, 2, 30):
            if version == 30:
                clock.advance(15 * _SECOND_US)
            client.put_item(TableName="orders", Item={"pk": {"S": "k"}, "v": {"N": str(version)}})
            trigger.wait_until_caught_up(_PATIENCE_S)
        stream = client.describe_table(TableName="orders")["Table"]["LatestStreamArn"]
    first, second, last, other = calls
    window = {"start": "2026-09-17T14:11:10Z", "end": "2026-09-17T14:11:20Z"}
    assert [call["window"] for call in calls[:3]] == [window] * 3
    assert [call["state"] for call in calls] == [{}, {"total": 1}, {"total": 3}, {}]
    assert [call["isFinalInvokeForWindow"] for call in calls] == [False, False, True, False]
    assert not last["Records"]
    assert first["eventSourceARN"] == stream
    assert first["shardId"] == second["shardId"]
    assert other["window"]["start"] == "2026-09-17T14:11:20Z"


# Adds one for each record, and writes down each call.
COUNTING = """
    import json, os
    def handler(event, context):
        with open(os.environ["NOTES"], "a") as notes:
            call = [len(event["Records"]), event["state"], event["isFinalInvokeForWindow"]]
            notes.write(json.dumps(call) + "\\n")
        return {"state": {"n": event["state"].get("n", 0) + len(event["Records"])}}
"""


def test_a_mapping_has_windows(tmp_path: Path) -> None:
    clock = ManualClock()
    notes = tmp_path / "notes"

    def calls() -> list[Any]:
        lines = notes.read_text().splitlines() if notes.exists() else []
        return [json.loads(line) for line in lines]

    with Tailrace(Settings(port=0, data=tmp_path / "data"), clock=clock) as tailrace:
        user = User(tailrace)
        stream = user.table("orders")
        user.function("count", COUNTING, Environment={"Variables": {"NOTES": str(notes)}})
        uuid = user.map(stream, "count", TumblingWindowInSeconds=900)
        shown = user.functions.get_event_source_mapping(UUID=uuid)
        assert shown["TumblingWindowInSeconds"] == 900
        user.put("orders", "k")
        until(lambda: len(calls()) == 1)
        clock.advance(1000 * _SECOND_US)
        user.tables.put_item(TableName="orders", Item={"pk": {"S": "k"}, "v": {"N": "2"}})
        until(lambda: len(calls()) == 3)
    assert calls() == [[1, {}, False], [0, {"n": 1}, True], [1, {}, False]]


def test_windows_are_for_functions_only(connect: Connect) -> None:
    class Sink:
        async def write(self, batch: Any) -> list[Any]:
            return []

        async def close(self) -> None:
            """Nothing to let go of."""

    with Tailrace(Settings(port=0)) as tailrace:
        create_table(connect(tailrace), "orders")
        with pytest.raises(ConfigurationError, match="a sink answers with no state"):
            tailrace.on_change("orders", Sink(), tumbling_window_in_seconds=10)
