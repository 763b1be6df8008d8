"""A capture's records are held until they are delivered, and not much longer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, cast

import pytest

from tailrace.app.holding import HeldCapture, HoldPolicy
from tailrace.app.kinesis import KinesisDeliveries
from tailrace.clock import ManualClock, SequentialIds
from tailrace.delivery.ports import Position
from tailrace.engines.memory import MemoryEngine
from tailrace.model.schema import Destination, Stream
from tailrace.sources.memory_checkpoints import MemoryCheckpoints
from tailrace.streams.sequence import sequence_number
from tailrace.tables import holds, kinesis_destinations
from tailrace.tables.engine import Engine
from tailrace.tables.keeping import Policy, keep
from tailrace.tables.kinesis_destinations import HOLDER
from tailrace.testing.builders import ACCOUNT, REGION, item, put_write
from tailrace.testing.driving import alter, make_table, settled
from tailrace.testing.reading import decoded, encoded_records

HOUR_MS = 3_600_000
HOUR_US = HOUR_MS * 1000
SCOPE = (ACCOUNT, REGION, "orders")
ARN = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/changes"


class Store:
    """A table with a destination, whose deliveries the test plays."""

    def __init__(self, partitions: int = 2, longest_ms: int | None = None) -> None:
        self.clock = ManualClock()
        self.engine = MemoryEngine(self.clock)
        self.table = make_table(self.engine, "orders", partitions=partitions, streamed=False)
        enable = kinesis_destinations.enable(SCOPE, Destination(ARN), self.clock.now_us())
        self.stream: Stream = alter(self.engine, enable).by_name[SCOPE].captures[0]
        self.checkpoints = MemoryCheckpoints()
        policy = HoldPolicy(24 * HOUR_MS, longest_ms)
        self.held = HeldCapture(self.engine, self.stream, self.checkpoints, self.clock, policy)

    def put(self, count: int = 8) -> None:
        now = str(self.clock.now_us())
        writes = [put_write(self.table, item(f"k{n}", v=now)) for n in range(count)]
        settled(self.engine, *writes)

    def keep(self) -> None:
        while keep(self.engine, Policy(24 * HOUR_MS), self.clock.now_us()):
            pass

    def clocks(self) -> dict[str, list[int]]:
        """The clocks of the records that are kept, by shard."""
        return {
            shard.name: [
                decoded(shard, data).clock for data in encoded_records(self.engine, shard.id)
            ]
            for shard in self.engine.catalog().shards_of[self.stream.id]
        }

    def deliver(self, most: int = 1000) -> None:
        positions: dict[str, Position] = {}
        for shard in self.engine.catalog().shards_of[self.stream.id]:
            clocks = self.clocks()[shard.name]
            if clocks:
                number = int(sequence_number(clocks[:most][-1]))
                ended = not shard.open and len(clocks) <= most
                positions[shard.name] = Position(sequence=number, finished=ended)
        self.run(self.checkpoints.save(positions))

    def move(self) -> None:
        self.run(self.held.move())

    @staticmethod
    def run(work: object) -> None:
        async def wait() -> None:
            await work  # type: ignore[misc]

        asyncio.run(wait())

    def hold_clock(self) -> int:
        known = holds.find(self.engine.catalog(), self.stream.id, HOLDER)
        assert known is not None
        return known.clock


def _count(clocks: Mapping[str, list[int]]) -> int:
    return sum(map(len, clocks.values()))


def test_what_is_not_delivered_is_kept_for_as_long_as_it_takes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = Store()
    store.put()
    store.run(store.held.begin())
    with caplog.at_level(logging.WARNING, "tailrace.kinesis"):
        for _ in range(20):
            store.clock.advance(12 * HOUR_US)
            store.move()
            store.keep()
        assert _count(store.clocks()) == 8
        assert store.held.behind_ms == 240 * HOUR_MS
        assert len(caplog.records) == 1, "it is told once"
        store.deliver()
        store.move()
        store.keep()
    assert len(caplog.records) == 2
    assert store.held.behind_ms == 0
    assert _count(store.clocks()) == 0


def test_a_hold_follows_the_slowest_shard() -> None:
    store = Store()
    store.run(store.held.begin())
    for _ in range(10):
        store.put()
        store.clock.advance(6 * HOUR_US)
        store.keep()
    before = store.clocks()
    store.deliver(most=3)
    store.move()
    undelivered = [clocks[3] for clocks in before.values() if len(clocks) > 3]
    assert store.hold_clock() <= min(undelivered)
    store.keep()
    kept = {clock for clocks in store.clocks().values() for clock in clocks}
    assert kept >= set(undelivered)


def test_an_idle_delivery_holds_nothing_back() -> None:
    store = Store()
    store.run(store.held.begin())
    for _ in range(20):
        store.put()
        store.deliver()
        store.move()
        store.clock.advance(6 * HOUR_US)
        store.keep()
    assert _count(store.clocks()) == 4 * 8, "as much as the retention keeps"
    for _ in range(8):
        store.clock.advance(6 * HOUR_US)
        store.deliver()
        store.move()
        store.keep()
    assert _count(store.clocks()) == 0


def test_a_hold_has_a_bound() -> None:
    store = Store(longest_ms=48 * HOUR_MS)
    store.run(store.held.begin())
    for _ in range(10):
        store.put()
        store.clock.advance(12 * HOUR_US)
        store.move()
        store.keep()
    assert _count(store.clocks()) == 4 * 8


def test_a_capture_that_was_delivered_after_its_end_is_let_go() -> None:
    store = Store()
    store.put()
    store.run(store.held.begin())
    alter(store.engine, kinesis_destinations.disable(SCOPE, ARN, store.clock.now_us()))
    store.clock.advance(100 * HOUR_US)
    store.keep()
    assert _count(store.clocks()) == 8
    store.deliver()
    store.run(store.held.end())
    store.keep()
    assert store.engine.catalog().streams == {}
    assert store.engine.catalog().holds == {}


class SlowEngine:
    """An engine whose alterations wait until they are let through."""

    def __init__(self, engine: MemoryEngine) -> None:
        self._engine = engine
        self.waiting: list[tuple[Any, Any]] = []
        self.asked = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def alter(self, decide: Any, done: Any) -> None:
        self.waiting.append((decide, done))
        self.asked.set()

    def let_through(self) -> None:
        for decide, done in self.waiting:
            self._engine.alter(decide, done)


class NoSource:
    """A source without shards."""

    arn = ""

    async def shards(self) -> list[Any]:
        return []

    async def close(self) -> None:
        pass


class NoCheckpoints:
    """Calls to a table of positions that has none."""

    async def call(self, target: str, params: dict[str, Any]) -> bytes:
        del target, params
        return b'{"Items":[]}'


def test_deliveries_that_are_told_to_stop_before_they_have_their_hold_end() -> None:
    async def run() -> None:
        store = Store()
        engine = SlowEngine(store.engine)
        source: Any = NoSource()
        unused: Any = None
        deliveries = KinesisDeliveries(
            cast("Engine", engine),
            lambda arn: (source, lambda: None),
            lambda region, account: unused,
            NoCheckpoints(),
            "checkpoints",
            store.clock,
            SequentialIds(),
            HoldPolicy(24 * HOUR_MS, None),
        )
        deliveries.begin(asyncio.get_running_loop())
        await engine.asked.wait()
        ending = asyncio.create_task(deliveries.close())
        await asyncio.sleep(0)
        engine.let_through()
        async with asyncio.timeout(30):
            await ending

    asyncio.run(run())
