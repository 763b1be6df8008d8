"""The runner delivers what the source has, in order, through every kind of trouble, and stops
cleanly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import pytest

from tailrace.clock import ManualClock, SequentialIds, SystemClock
from tailrace.delivery.ports import Batch, Failure, Position, SinkUnavailable
from tailrace.delivery.runner import Runner, RunnerOptions
from tailrace.delivery.settings import DeliverySettings, OnTrimmed, StartingPosition
from tailrace.errors import (
    InternalServerError,
    ResourceNotFoundException,
    TrimmedDataAccessException,
)
from tailrace.sources.memory_checkpoints import MemoryCheckpoints
from tailrace.testing.memory_source import MemorySource

QUICK = RunnerOptions(checkpoint_interval_s=0.0, discovery_interval_s=0.01, grace_s=2.0)
Answer = Callable[[Batch], Awaitable[Sequence[Failure]] | Sequence[Failure]]


class Sink:
    """Keeps what it takes; `answers` are its next answers, by default success."""

    def __init__(self, *answers: Answer) -> None:
        self.batches: list[Batch] = []
        self.answers = list(answers)

    @property
    def taken(self) -> list[int]:
        return [record.sequence for batch in self.batches for record in batch.records]

    async def write(self, batch: Batch) -> Sequence[Failure]:
        self.batches.append(batch)
        if not self.answers:
            return ()
        answer = self.answers.pop(0)(batch)
        return await answer if isinstance(answer, Awaitable) else answer

    async def close(self) -> None: ...


def fail(error: Exception) -> Answer:
    def answer(batch: Batch) -> Sequence[Failure]:
        raise error

    return answer


class World:
    def __init__(
        self, sink: Sink | None = None, *, options: RunnerOptions = QUICK, **settings: Any
    ) -> None:
        self.source = MemorySource()
        self.sink = sink or Sink()
        self.checkpoints = MemoryCheckpoints()
        self.options = options
        self.settings = DeliverySettings(**settings)

    def runner(self, clock: Any = None) -> Runner:
        return Runner(
            self.source,
            self.sink,
            self.checkpoints,
            self.settings,
            clock or SystemClock(),
            SequentialIds(),
            self.options,
        )

    async def drain(self) -> Runner:
        """Run until everything is handled, then stop."""
        runner = self.runner()
        running = asyncio.create_task(runner.run())
        await runner.caught_up()
        runner.stop()
        await running
        return runner


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 20))


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop turn until something holds; `run` sees to it that it ends."""
    turn = asyncio.sleep
    while not condition():
        await turn(0)


def put(world: World, shard_id: str, count: int) -> None:
    for _ in range(count):
        world.source.put(shard_id, {"dynamodb": {"Keys": {"pk": {"S": "k"}}}})


def test_all_records_in_order_and_the_checkpoint_at_the_end() -> None:
    async def main() -> None:
        world = World(batch_size=7)
        world.source.open("a")
        put(world, "a", 40)
        runner = await world.drain()
        assert world.sink.taken == list(range(1, 41))
        assert await world.checkpoints.load() == {"a": Position(sequence=40)}
        progress = runner.snapshot()
        assert (progress.records, progress.batches, progress.result) == (40, 6, "OK")

    run(main())


def test_a_restart_goes_on_where_it_stopped() -> None:
    async def main() -> None:
        world = World()
        world.source.open("a")
        put(world, "a", 3)
        await world.drain()
        put(world, "a", 2)
        await world.drain()
        assert world.sink.taken == [1, 2, 3, 4, 5]

    run(main())


def test_a_new_record_wakes_the_consumer_and_idling_does_not_poll() -> None:
    async def main() -> None:
        world = World()
        world.source.open("a")
        runner = world.runner()
        running = asyncio.create_task(runner.run())
        await runner.caught_up()
        reads = world.source.reads
        await asyncio.sleep(0.05)
        assert world.source.reads == reads
        put(world, "a", 1)
        await until(lambda: world.sink.taken == [1])
        runner.stop()
        await running

    run(main())


def test_children_run_after_their_parent_even_when_they_are_listed_late() -> None:
    async def main() -> None:
        world = World()
        world.source.open("a")
        world.source.open("b", "a", listed=False)
        put(world, "a", 2)
        put(world, "b", 2)
        world.source.end("a")
        runner = world.runner()
        running = asyncio.create_task(runner.run())
        await until(lambda: world.sink.taken == [1, 2])
        world.source.list("b")
        await runner.caught_up()
        assert world.sink.taken == [1, 2, 3, 4]
        saved = await world.checkpoints.load()
        assert saved["a"] == Position(sequence=2, finished=True)
        runner.stop()
        await running
        assert runner.snapshot().shards_finished == 1

    run(main())


def test_latest_passes_over_what_was_there_before() -> None:
    async def main() -> None:
        world = World(starting_position=StartingPosition.LATEST)
        world.source.open("a")
        put(world, "a", 3)
        runner = world.runner()
        running = asyncio.create_task(runner.run())
        await runner.caught_up()
        put(world, "a", 1)
        await runner.caught_up()
        assert world.sink.taken == [4]
        runner.stop()
        await running

    run(main())


def test_failures_are_retried_and_counted() -> None:
    async def main() -> None:
        first_fails = lambda batch: [Failure(batch.records[1].sequence, "no good")]  # noqa: E731
        world = World(Sink(fail(ValueError("boom")), first_fails, fail(SinkUnavailable("busy"))))
        world.source.open("a")
        put(world, "a", 3)
        runner = await world.drain()
        assert world.sink.taken == [1, 2, 3, 1, 2, 3, 2, 3, 2, 3]
        assert [batch.attempt for batch in world.sink.batches] == [1, 2, 1, 1]
        progress = runner.snapshot()
        assert (progress.records, progress.errors, progress.retries) == (3, 3, 1)
        assert progress.error == "SinkUnavailable: busy"

    run(main())


def test_errors_of_the_source_are_retried() -> None:
    async def main() -> None:
        world = World()
        world.source.open("a")
        put(world, "a", 1)
        world.source.trouble = [InternalServerError("oops"), ConnectionError("gone")]
        runner = await world.drain()
        assert world.sink.taken == [1]
        assert runner.snapshot().errors == 2

    run(main())


def test_trimmed_records_are_skipped_and_counted() -> None:
    async def main() -> None:
        world = World()
        world.source.open("a")
        put(world, "a", 5)
        await world.checkpoints.save({"a": Position(sequence=1)})
        world.source.trim("a", 3)
        runner = await world.drain()
        assert world.sink.taken == [4, 5]
        assert runner.snapshot().gaps == 1

    run(main())


def test_trimmed_records_end_the_consumer_when_that_is_the_policy() -> None:
    async def main() -> None:
        world = World(on_trimmed=OnTrimmed.FAIL)
        world.source.open("a")
        put(world, "a", 5)
        await world.checkpoints.save({"a": Position(sequence=1)})
        world.source.trim("a", 3)
        with pytest.raises(TrimmedDataAccessException):
            await world.runner().run()
        assert (await world.checkpoints.load())["a"] == Position(sequence=1)

    run(main())


@pytest.mark.parametrize("policy", list(OnTrimmed))
def test_a_shard_that_aged_out_while_nobody_read_is_a_loss(policy: OnTrimmed) -> None:
    async def main() -> None:
        world = World(on_trimmed=policy)
        world.source.open("b", "a")
        put(world, "b", 1)
        await world.checkpoints.save({"a": Position(sequence=9)})
        if policy is OnTrimmed.FAIL:
            with pytest.raises(TrimmedDataAccessException, match="shard a aged out"):
                await world.runner().run()
        else:
            runner = await world.drain()
            assert world.sink.taken == [1]
            assert runner.snapshot().gaps == 1

    run(main())


def test_positions_of_shards_that_are_gone_are_forgotten() -> None:
    async def main() -> None:
        world = World()
        world.source.open("a")
        await world.checkpoints.save({"old": Position(sequence=9, finished=True)})
        forgotten: list[str] = []

        async def forget(shard_ids: Sequence[str]) -> None:
            forgotten.extend(shard_ids)

        world.checkpoints.forget = forget  # type: ignore[method-assign]
        runner = world.runner()
        running = asyncio.create_task(runner.run())
        await until(lambda: forgotten == ["old"])
        runner.stop()
        await running

    run(main())


def test_an_unknown_stream_is_told_at_once() -> None:
    async def main() -> None:
        world = World()

        async def shards() -> Any:
            raise ResourceNotFoundException("no such stream")

        world.source.shards = shards  # type: ignore[method-assign]
        with pytest.raises(ResourceNotFoundException):
            await world.runner().run()

    run(main())


def test_what_is_given_up_goes_to_the_destination_before_the_checkpoint_passes() -> None:
    class Destination:
        def __init__(self) -> None:
            self.documents: list[bytes] = []

        async def send(self, document: bytes, batch: Batch) -> None:
            self.documents.append(document)
            if len(self.documents) == 1:
                raise OSError("full")

    async def main() -> None:
        kept = Destination()
        options = RunnerOptions(checkpoint_interval_s=0, on_failure=kept, function_arn="arn:f")
        world = World(Sink(fail(ValueError("boom"))), options=options, maximum_retry_attempts=0)
        world.source.open("a")
        put(world, "a", 2)
        runner = await world.drain()
        assert len(kept.documents) == 2
        assert b'"condition":"RetryAttemptsExhausted"' in kept.documents[1]
        assert runner.snapshot().discarded == 2
        assert (await world.checkpoints.load())["a"] == Position(sequence=2)

    run(main())


def test_cancelling_finishes_the_batch_in_hand_and_saves_the_checkpoint() -> None:
    async def main() -> None:
        started, finish = asyncio.Event(), asyncio.Event()

        async def slow(batch: Batch) -> Sequence[Failure]:
            started.set()
            await finish.wait()
            return ()

        world = World(Sink(slow), batch_size=2)
        world.source.open("a")
        put(world, "a", 4)
        running = asyncio.create_task(world.runner().run())
        await started.wait()
        running.cancel()
        await asyncio.sleep(0)
        finish.set()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert world.sink.taken == [1, 2]
        assert (await world.checkpoints.load())["a"] == Position(sequence=2)

    run(main())


def test_a_batch_that_does_not_end_within_the_grace_period_is_abandoned() -> None:
    async def main() -> None:
        started = asyncio.Event()

        async def hang(batch: Batch) -> Sequence[Failure]:
            started.set()
            await asyncio.Event().wait()
            return ()

        world = World(Sink(hang), options=RunnerOptions(grace_s=0.01))
        world.source.open("a")
        put(world, "a", 1)
        runner = world.runner()
        running = asyncio.create_task(runner.run())
        await started.wait()
        runner.stop()
        await running
        assert await world.checkpoints.load() == {}

    run(main())


def test_lag_is_the_age_of_the_oldest_record_that_is_not_handled() -> None:
    async def main() -> None:
        clock = ManualClock()
        now_ms = clock.now_us() // 1000
        started, finish = asyncio.Event(), asyncio.Event()

        async def slow(batch: Batch) -> Sequence[Failure]:
            started.set()
            await finish.wait()
            return ()

        world = World(Sink(slow))
        world.source.open("a")
        world.source.put("a", {"dynamodb": {}}, created_ms=now_ms - 5_000)
        runner = world.runner(clock)
        running = asyncio.create_task(runner.run())
        await started.wait()
        assert runner.snapshot().behind_ms == 5_000
        assert runner.snapshot().in_hand == 1
        finish.set()
        await runner.caught_up()
        assert runner.snapshot().behind_ms == 0
        runner.stop()
        await running

    run(main())
