"""Events are called, retried, aged and told of by the clock; nothing accepted is forgotten."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import pytest

from tailrace.api.functions.book import Book
from tailrace.api.functions.errors import (
    InvalidParameterValueException,
    TooManyRequestsException,
)
from tailrace.api.functions.events import Event
from tailrace.api.functions.names import FunctionName
from tailrace.api.functions.ports import Called
from tailrace.api.functions.records import Code, EventInvokeConfig, Function, Version
from tailrace.app import event_queue
from tailrace.app.event_queue import EventQueue
from tailrace.clock import ManualClock, SequentialIds
from tailrace.delivery.function_counts import FunctionCounts
from tailrace.errors import TailraceError

SECOND_US = 1_000_000
QUEUE = "arn:aws:sqs:us-east-1:1:queue"
LETTERS = "arn:aws:sns:us-east-1:1:letters"
OTHER = "arn:aws:lambda:us-east-1:123456789012:function:other"
NAME = FunctionName("123456789012", "us-east-1", "f")


def function(name: str = "f", **members: Any) -> Function:
    version = Version(code=Code(), role="r", modified="", revision_id="")
    if "letters" in members:
        kept = {"DeadLetterConfig": {"TargetArn": members.pop("letters")}}
        version = msgspec.structs.replace(version, kept=kept)
    place = {"account": "123456789012", "region": "us-east-1", "name": name}
    return Function(**place, latest=version, **members)


def configured(**members: Any) -> dict[str, EventInvokeConfig]:
    return {"$LATEST": EventInvokeConfig(modified_us=0, **members)}


class Disk:
    """What outlives a queue: events with their payloads."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[Event, bytes]] = {}
        self.failing = False

    async def load(self) -> list[Event]:
        return [event for event, _ in self.kept.values()]

    async def put(self, event: Event, payload: bytes) -> None:
        self.kept[event.id] = (event, payload)

    async def update(self, event: Event) -> None:
        self.kept[event.id] = (event, self.kept[event.id][1])

    async def payload(self, event_id: str) -> bytes:
        return self.kept[event_id][1]

    async def delete(self, event_id: str) -> None:
        if self.failing:
            self.failing = False
            raise TailraceError("the disk is full")
        del self.kept[event_id]


class World:
    """A queue among what it stands on; `answer` says what becomes of calls."""

    def __init__(self, *functions: Function) -> None:
        self.clock = ManualClock()
        self.disk = Disk()
        self.book = Book(Any)  # type: ignore[arg-type]  # nothing is written to it
        self.book.functions = {each.place: each for each in functions or (function(),)}
        self.counted: dict[tuple[str, str, str], FunctionCounts] = {}
        self.calls: list[tuple[str, bytes, int]] = []
        self.sent: list[tuple[str, Any, Mapping[str, str]]] = []
        self.refusing: list[Exception] = []
        self.answer: Callable[[str], Any] = lambda name: None
        self.gate: asyncio.Event | None = None
        self.under_way = 0
        self.most = 0
        self.queue = self.start()

    def start(self) -> EventQueue:
        arguments: tuple[Any, ...] = (self.disk, self.book, self, self.target, self.clock)
        return EventQueue(*arguments, SequentialIds())

    def counts(self, place: tuple[str, str, str]) -> FunctionCounts:
        return self.counted.setdefault(place, FunctionCounts())

    async def call(
        self, function: Function, version: Version, payload: bytes, **more: Any
    ) -> Called:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            if self.gate is not None:
                await self.gate.wait()
        finally:
            self.under_way -= 1
        answer = self.answer(function.name)
        if isinstance(answer, Exception):
            raise answer
        self.calls.append((more["request_id"], payload, self.clock.now_us()))
        error = None if answer is None else "Unhandled"
        content = b"1" if answer is None else json.dumps({"errorMessage": answer}).encode()
        return Called(payload=content, error=error, log=b"")

    def target(self, arn: str, function_arn: str, *, succeeded: bool) -> Any:
        world = self

        class Target:
            async def send(self, document: bytes, attributes: Mapping[str, str]) -> None:
                if world.refusing:
                    raise world.refusing.pop(0)
                world.sent.append((arn, json.loads(document), attributes))

        return Target()

    async def until(self, holds: Callable[[], Any], step_us: int = 0) -> None:
        """Let the queue work, and time go by in steps, until something holds."""
        for _ in range(5000):
            if holds():
                return
            self.clock.advance(step_us)
            await asyncio.sleep(0.001)
        pytest.fail("it did not happen")

    async def done(self, step_us: int = SECOND_US) -> None:
        await self.until(lambda: not self.disk.kept, step_us)

    @property
    def times(self) -> list[int]:
        """When calls were made, in seconds after the first."""
        return [(at - self.calls[0][2]) // SECOND_US for _, _, at in self.calls]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_queue, "LOOK_S", 0.001)
    monkeypatch.setattr(event_queue, "DELIVER_AGAIN_S", (0.0, 0.0))
    monkeypatch.setattr(event_queue, "CLOSE_S", 0.01)


def played(world: World, play: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await world.queue.begin()
        try:
            await play()
        finally:
            await world.queue.close()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_an_event_is_called_once_and_dropped() -> None:
    world = World()

    async def play() -> None:
        await world.queue.accept(NAME, b'{"a": 1}', "one")
        assert "one" in world.disk.kept
        await world.done()
        assert [(name, payload) for name, payload, _ in world.calls] == [("one", b'{"a": 1}')]
        assert (world.counts(NAME.place).events_received, world.sent) == (1, [])
        assert world.counts(NAME.place).events_waiting == 0

    played(world, play)


def test_failures_come_again_and_are_told_in_the_end() -> None:
    world = World(function(event_configs=configured(on_failure=QUEUE), letters=LETTERS))
    world.answer = lambda name: "no"

    async def play() -> None:
        await world.queue.accept(NAME, b'{"a": 1}', "one")
        await world.done(10 * SECOND_US)
        assert world.times[0] == 0
        assert 60 <= world.times[1] <= 80
        assert 120 <= world.times[2] - world.times[1] <= 140
        (record, letter) = world.sent
        assert (record[0], letter[0]) == (QUEUE, LETTERS)
        assert record[1]["requestContext"]["condition"] == "RetriesExhausted"
        assert record[1]["requestContext"]["approximateInvokeCount"] == 3
        assert record[1]["responsePayload"] == {"errorMessage": "no"}
        assert letter[1] == {"a": 1}
        assert letter[2] == {"RequestID": "one", "ErrorCode": "200", "ErrorMessage": "no"}
        assert world.counts(NAME.place).events_dropped == 1

    played(world, play)


def test_throttles_are_waited_out() -> None:
    world = World()
    refusals = [TooManyRequestsException("Rate Exceeded.")] * 5
    world.answer = lambda name: refusals.pop() if refusals else None

    async def play() -> None:
        began_us = world.clock.now_us()
        await world.queue.accept(NAME, b"{}", "one")
        await world.done(SECOND_US)
        assert len(world.calls) == 1
        assert world.calls[0][2] - began_us >= (1 + 2 + 4 + 8 + 16) * SECOND_US

    played(world, play)


def test_an_old_event_is_told_of_and_not_called() -> None:
    settings = configured(on_failure=QUEUE, maximum_event_age_s=60)
    world = World(function(event_configs=settings))
    world.answer = lambda name: TooManyRequestsException("Rate Exceeded.")

    async def play() -> None:
        await world.queue.accept(NAME, b"{}", "one")
        await world.done(SECOND_US)
        assert world.calls == []
        ((_, record, _),) = world.sent
        assert record["requestContext"]["condition"] == "EventAgeExceeded"
        assert "responseContext" not in record

    played(world, play)


def test_without_concurrency_nothing_is_tried() -> None:
    world = World(function(event_configs=configured(on_failure=QUEUE), concurrency=0))

    async def play() -> None:
        await world.queue.accept(NAME, b"{}", "one")
        await world.done()
        ((_, record, _),) = world.sent
        assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
        assert world.calls == []

    played(world, play)


def test_success_is_passed_on_to_another_function() -> None:
    world = World(function(event_configs=configured(on_success=OTHER)), function("other"))

    async def play() -> None:
        await world.queue.accept(NAME, b'{"a": 1}', "one")
        await world.until(lambda: len(world.calls) == 2)
        await world.done()
        record = json.loads(world.calls[1][1])
        assert record["requestContext"]["condition"] == "Success"
        assert (record["requestPayload"], record["responsePayload"]) == ({"a": 1}, 1)

    played(world, play)


@pytest.mark.parametrize(
    ("problem", "attempts", "undelivered"),
    [
        ([TailraceError("busy"), OSError("away")], 3, 0),
        ([TailraceError("busy")] * 3, 3, 1),
        ([InvalidParameterValueException("no such")], 1, 1),
    ],
)
def test_destinations_are_tried_again(
    problem: list[Exception], attempts: int, undelivered: int
) -> None:
    world = World(function(event_configs=configured(on_success=QUEUE)))
    world.refusing = list(problem)

    async def play() -> None:
        await world.queue.accept(NAME, b"{}", "one")
        await world.done()
        assert len(problem) - len(world.refusing) + len(world.sent) == attempts
        assert world.counts(NAME.place).events_undelivered == undelivered

    played(world, play)


def test_a_function_that_is_gone_takes_its_events_along() -> None:
    world = World()

    async def play() -> None:
        world.book.functions.clear()
        await world.queue.accept(NAME, b"{}", "one")
        await world.done()
        assert (world.calls, world.counts(NAME.place).events_dropped) == ([], 1)

    played(world, play)


def test_what_the_store_refuses_is_tried_again() -> None:
    world = World()
    world.disk.failing = True

    async def play() -> None:
        await world.queue.accept(NAME, b"{}", "one")
        await world.done()
        assert [name for name, _, _ in world.calls] == ["one", "one"]

    played(world, play)


def test_a_new_queue_goes_on_where_the_old_one_stopped() -> None:
    world = World()
    world.answer = lambda name: "no"

    async def play() -> None:
        await world.queue.accept(NAME, b"{}", "failed")
        await world.until(lambda: world.disk.kept["failed"][0].calls == 1)
        world.gate = asyncio.Event()
        await world.queue.accept(NAME, b"{}", "under way")
        await world.until(lambda: world.under_way == 1)
        await world.queue.close()
        assert world.disk.kept.keys() == {"failed", "under way"}
        world.gate = None
        world.answer = lambda name: None
        world.queue = world.start()
        await world.queue.begin()
        await world.until(lambda: "under way" not in world.disk.kept)
        assert "failed" in world.disk.kept  # not before its minute is over
        await world.done()
        assert [name for name, _, _ in world.calls] == ["failed", "under way", "failed"]

    played(world, play)


def test_one_function_does_not_hold_up_another() -> None:
    world = World(function(), function("other"))

    async def play() -> None:
        world.gate = asyncio.Event()
        for number in range(25):
            await world.queue.accept(NAME, b"{}", f"{number:02d}")
        await world.queue.accept(FunctionName("123456789012", "us-east-1", "other"), b"{}", "x")
        await world.until(lambda: world.under_way == event_queue.MAX_AT_ONCE + 1)
        await asyncio.sleep(0.01)
        assert world.most == event_queue.MAX_AT_ONCE + 1
        world.gate.set()
        await world.done()
        assert len(world.calls) == 26
        assert world.most == event_queue.MAX_AT_ONCE + 1

    played(world, play)


def test_only_so_many_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_queue, "MAX_EVENTS", 2)
    world = World()

    async def play() -> None:
        world.gate = asyncio.Event()
        await world.queue.accept(NAME, b"{}", "one")
        await world.queue.accept(NAME, b"{}", "two")
        with pytest.raises(TooManyRequestsException):
            await world.queue.accept(NAME, b"{}", "three")
        assert world.disk.kept.keys() == {"one", "two"}
        world.gate.set()
        await world.done()

    played(world, play)
