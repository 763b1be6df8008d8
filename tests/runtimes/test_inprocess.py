"""Handlers run as on Lambda: same event, a context, a time-out, and failures that stay theirs."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tailrace.delivery.ports import Batch, Record, SinkUnavailable
from tailrace.runtimes import inprocess
from tailrace.runtimes.answers import HandlerFailed
from tailrace.runtimes.inprocess import InProcessFunction

EVENT = {"eventName": "INSERT", "dynamodb": {"NewImage": {"pk": {"S": "x"}}}}


def batch(request_id: str = "request-1", shard_id: str = "shard-1") -> Batch:
    records = [Record.of(10**20 + n, 0, EVENT) for n in (1, 2)]
    return Batch(request_id, "arn", shard_id, records, 1)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 20))


def test_a_plain_function_gets_event_and_context_on_a_thread_of_its_own() -> None:
    seen: dict[str, Any] = {}

    def handler(event: Any, context: Any) -> None:
        seen.update(event=event, id=context.aws_request_id, thread=threading.current_thread())

    async def main() -> None:
        function = InProcessFunction(handler)
        assert not await function.write(batch())
        await function.close()

    run(main)
    assert seen["event"] == {"Records": [EVENT, EVENT]}
    assert seen["id"] == "request-1"
    assert seen["thread"] is not threading.main_thread()


def test_a_retry_gets_the_event_as_it_was() -> None:
    seen: list[int] = []

    def handler(event: Any, context: Any) -> None:
        seen.append(len(event["Records"]))
        event["Records"][0]["dynamodb"].clear()
        event["Records"].clear()
        if len(seen) == 1:
            raise ValueError("after it spoiled the event")

    async def main() -> None:
        function = InProcessFunction(handler)
        same = batch()
        with pytest.raises(ValueError, match="spoiled"):
            await function.write(same)
        await function.write(same)
        await function.close()
        assert same.records[0].event == EVENT

    run(main)
    assert seen == [2, 2]


def test_an_async_function_is_awaited() -> None:
    async def handler(event: Any, context: Any) -> Any:
        await asyncio.sleep(0)
        return {"batchItemFailures": [{"itemIdentifier": "100000000000000000002"}]}

    class Handler:
        async def __call__(self, event: Any, context: Any) -> Any:
            return await handler(event, context)

    async def main() -> None:
        for each in (handler, Handler(), lambda event, context: handler(event, context)):
            function = InProcessFunction(each, report_item_failures=True)
            assert [f.sequence for f in await function.write(batch())] == [10**20 + 2]
            await function.close()

    run(main)


def test_without_the_setting_the_answer_is_ignored() -> None:
    async def main() -> None:
        function = InProcessFunction(lambda event, context: "nonsense")
        assert not await function.write(batch())
        await function.close()

    run(main)


def test_an_answer_that_is_no_json_fails() -> None:
    async def main() -> None:
        function = InProcessFunction(lambda event, context: {1, 2})
        with pytest.raises(HandlerFailed, match="MarshalError"):
            await function.write(batch())
        await function.close()

    run(main)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (ValueError("boom"), ValueError),
        (TimeoutError("its own"), HandlerFailed),
        (StopIteration(), RuntimeError),
        (SystemExit(1), HandlerFailed),
        (KeyboardInterrupt(), HandlerFailed),
    ],
)
def test_what_a_handler_raises_fails_the_batch_and_nothing_else(
    raised: BaseException, expected: type[Exception]
) -> None:
    def handler(event: Any, context: Any) -> None:
        raise raised

    async def main() -> None:
        function = InProcessFunction(handler)
        for _ in range(2):
            with pytest.raises(expected):
                await function.write(batch())
        await function.close()

    run(main)


def test_a_handler_that_hangs_has_failed_and_its_late_answer_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    release, ended = threading.Event(), threading.Event()

    def handler(event: Any, context: Any) -> str:
        assert context.get_remaining_time_in_millis() <= 10
        release.wait(10)
        return "late"

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            ended.set()

    async def main() -> None:
        function = InProcessFunction(handler, name="slow", timeout_s=0.01)
        with pytest.raises(HandlerFailed, match=r"request-1 Task timed out after 0.01 seconds"):
            await function.write(batch())
        logger = logging.getLogger("tailrace.runtimes.inprocess")
        heard = Heard()
        logger.addHandler(heard)
        release.set()
        assert await asyncio.to_thread(ended.wait, 10)
        logger.removeHandler(heard)
        await function.close()

    run(main)
    assert "slow ended after its time was up: ('late', None), ignored" in caplog.text


def test_an_async_handler_that_hangs_is_cancelled() -> None:
    async def handler(event: Any, context: Any) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        with pytest.raises(HandlerFailed, match="timed out"):
            await InProcessFunction(handler, timeout_s=0.01).write(batch())

    run(main)


def test_no_more_threads_are_started_when_many_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inprocess, "MAX_ABANDONED", 2)
    release = threading.Event()

    async def main() -> None:
        function = InProcessFunction(lambda event, context: release.wait(10), timeout_s=0.01)
        for _ in range(2):
            with pytest.raises(HandlerFailed):
                await function.write(batch())
        with pytest.raises(SinkUnavailable, match="2 calls"):
            await function.write(batch())
        release.set()

    run(main)


def test_calls_run_one_after_the_other_as_in_one_lambda_environment() -> None:
    running: list[int] = []
    most: list[int] = []
    never = threading.Event()

    def handler(event: Any, context: Any) -> None:
        running.append(1)
        never.wait(0.02)  # long enough for another call to come in between, if any could
        most.append(len(running))
        running.pop()

    async def main() -> None:
        function = InProcessFunction(handler)
        shards = [batch(shard_id=shard_id) for shard_id in "abc"]
        await asyncio.gather(*(function.write(each) for each in shards))
        await function.close()

    run(main)
    assert most == [1, 1, 1]


def test_shards_run_beside_each_other_when_asked_for() -> None:
    both = threading.Barrier(2, timeout=10)

    async def main() -> None:
        function = InProcessFunction(lambda event, context: both.wait() * 0, concurrency=2)
        await asyncio.gather(
            function.write(batch(shard_id="a")), function.write(batch(shard_id="b"))
        )
        await function.close()

    run(main)
