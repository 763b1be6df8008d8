"""Triggers bring every change to their receiver: woken by the commit, over restarts, in order,
whatever the handler does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tailrace.app import Tailrace
from tailrace.delivery.ports import Batch, Failure
from tailrace.errors import ResourceNotFoundException, TailraceError, ValidationException
from tailrace.settings import Settings
from tests.app.conftest import create_table

Connect = Callable[[Tailrace], Any]
_PATIENCE_S = 30.0


class _Received:
    """A handler that keeps what it got, and fails the first times it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.records: list[Mapping[str, Any]] = []
        self.calls = 0
        self._failures = failures
        self._lock = threading.Lock()

    def __call__(self, event: dict[str, Any], context: Any) -> None:
        with self._lock:
            self.calls += 1
            if self._failures:
                self._failures -= 1
                raise RuntimeError("not yet")
            self.records += event["Records"]

    def versions(self, key: str) -> list[str]:
        """The versions of an item, in the order in which they came."""
        return [
            record["dynamodb"]["NewImage"]["v"]["N"]
            for record in self.records
            if record["dynamodb"]["Keys"]["pk"]["S"] == key
        ]


def _put(client: Any, key: str, version: int) -> None:
    client.put_item(TableName="orders", Item={"pk": {"S": key}, "v": {"N": str(version)}})


def test_every_change_comes_once_and_in_order(connect: Connect) -> None:
    with Tailrace(Settings(port=0)) as tailrace:
        client = connect(tailrace)
        create_table(client, "orders")
        handler = _Received()
        trigger = tailrace.on_change("orders", handler)
        for version in range(5):
            for n in range(10):
                _put(client, f"k{n}", version)
        trigger.wait_until_caught_up(_PATIENCE_S)
        assert len(handler.records) == 50
        for n in range(10):
            assert handler.versions(f"k{n}") == ["0", "1", "2", "3", "4"]
        progress = trigger.progress()
        assert (progress.records, progress.errors) == (50, 0)
        assert client.list_tables()["TableNames"] == ["orders"]


def test_a_failing_handler_is_called_again_until_it_succeeds(connect: Connect) -> None:
    with Tailrace(Settings(port=0)) as tailrace:
        client = connect(tailrace)
        create_table(client, "orders")
        handler = _Received(failures=2)
        trigger = tailrace.on_change("orders", handler)
        _put(client, "k", 1)
        trigger.wait_until_caught_up(_PATIENCE_S)
        assert handler.versions("k") == ["1"]
        assert handler.calls == 3


def test_a_trigger_goes_on_where_it_stopped(connect: Connect, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", port=0)
    with Tailrace(settings) as tailrace:
        client = connect(tailrace)
        create_table(client, "orders")
        before = _Received()
        trigger = tailrace.on_change("orders", before, name="indexer")
        _put(client, "k", 1)
        trigger.wait_until_caught_up(_PATIENCE_S)
        trigger.stop()
        _put(client, "k", 2)
    with Tailrace(settings) as tailrace:
        after = _Received()
        trigger = tailrace.on_change("orders", after, name="indexer")
        _put(connect(tailrace), "k", 3)
        trigger.wait_until_caught_up(_PATIENCE_S)
        assert (before.versions("k"), after.versions("k")) == (["1"], ["2", "3"])
        other = _Received()
        tailrace.on_change("orders", other, name="other").wait_until_caught_up(_PATIENCE_S)
        assert other.versions("k") == ["1", "2", "3"]


class _Sink:
    """A sink that keeps what it got."""

    def __init__(self) -> None:
        self.records = 0
        self.closed = False

    async def write(self, batch: Batch) -> Sequence[Failure]:
        self.records += len(batch.records)
        return ()

    async def close(self) -> None:
        self.closed = True


def test_a_sink_takes_the_place_of_a_function_and_is_closed(connect: Connect) -> None:
    sink = _Sink()
    with Tailrace(Settings(port=0)) as tailrace:
        client = connect(tailrace)
        create_table(client, "orders")
        trigger = tailrace.on_change("orders", sink, batch_size=3)
        for n in range(10):
            _put(client, f"k{n}", n)
        trigger.wait_until_caught_up(_PATIENCE_S)
        assert sink.records == 10
    assert sink.closed


def test_what_cannot_be_watched_is_refused(connect: Connect) -> None:
    with Tailrace(Settings(port=0)) as tailrace:
        create_table(connect(tailrace), "silent", stream=False)
        with pytest.raises(ResourceNotFoundException):
            tailrace.on_change("missing", _Received())
        with pytest.raises(ValidationException):
            tailrace.on_change("silent", _Received())
        with pytest.raises(ValidationException):
            tailrace.on_change("silent", _Received(), batch_size=0)


def test_waiting_ends_when_the_handler_never_succeeds(connect: Connect) -> None:
    with Tailrace(Settings(port=0)) as tailrace:
        client = connect(tailrace)
        create_table(client, "orders")
        trigger = tailrace.on_change("orders", _Received(failures=1_000_000))
        _put(client, "k", 1)
        with pytest.raises(TailraceError, match="not done after"):
            trigger.wait_until_caught_up(0.3)
        assert client.get_item(TableName="orders", Key={"pk": {"S": "k"}})["Item"]["v"] == {
            "N": "1"
        }
