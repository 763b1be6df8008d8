"""As a sink a function gets Lambda's events, and its answers are what mappings make of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tailrace.delivery.ports import Batch, Record, TimeWindow
from tailrace.runtimes.answers import HandlerFailed
from tailrace.runtimes.function import FunctionSink, Invocation, Outcome, failed

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
RECORDS = [
    Record.of(n, 0, {"eventName": "INSERT", "dynamodb": {"SequenceNumber": str(n)}})
    for n in (100, 200)
]
BATCH = Batch("request", "arn", "shard", RECORDS, 1)


class Scripted:
    """A runtime that answers what a function of the event says."""

    def __init__(self, answer: Callable[[Any], Outcome]) -> None:
        self.answer = answer
        self.seen: list[Invocation] = []

    async def invoke(self, invocation: Invocation) -> Outcome:
        self.seen.append(invocation)
        return self.answer(json.loads(invocation.payload))

    async def close(self) -> None:
        self.seen.clear()


def returning(value: Any) -> Scripted:
    return Scripted(lambda event: Outcome(payload=json.dumps(value).encode()))


def test_the_event_is_lambdas() -> None:
    runtime = returning(None)
    assert not asyncio.run(FunctionSink(runtime, ARN).write(BATCH))
    (invocation,) = runtime.seen
    assert (invocation.request_id, invocation.arn) == ("request", ARN)
    assert json.loads(invocation.payload) == {"Records": [record.event for record in RECORDS]}


def test_reported_failures_count_only_when_asked_for() -> None:
    runtime = returning({"batchItemFailures": [{"itemIdentifier": "200"}]})
    (failure,) = asyncio.run(FunctionSink(runtime, ARN, report_item_failures=True).write(BATCH))
    assert failure.sequence == 200
    assert not asyncio.run(FunctionSink(runtime, ARN).write(BATCH))


def test_a_window_gets_the_state_that_was_answered() -> None:
    runtime = returning({"state": {"n": 2}, "batchItemFailures": [{"itemIdentifier": "200"}]})
    sink = FunctionSink(runtime, ARN, report_item_failures=True)
    window = TimeWindow(0, 10_000, b'{"n":1}')
    answer = asyncio.run(sink.write_window(msgspec.structs.replace(BATCH, window=window)))
    assert json.loads(answer.state or b"null") == {"n": 2}
    assert [failure.sequence for failure in answer.failures] == [200]
    assert json.loads(runtime.seen[0].payload)["state"] == {"n": 1}


def test_a_window_fails_without_a_state_but_for_its_last_call() -> None:
    sink = FunctionSink(returning({"other": 1}), ARN)
    window = TimeWindow(0, 10_000)
    with pytest.raises(HandlerFailed, match="no state"):
        asyncio.run(sink.write_window(msgspec.structs.replace(BATCH, window=window)))
    last = TimeWindow(0, 10_000, b"{}", final=True)
    answer = asyncio.run(sink.write_window(Batch("request", "arn", "shard", (), 1, last)))
    assert answer.state is None


def test_an_error_fails_the_batch_in_its_own_words() -> None:
    runtime = Scripted(lambda event: failed("KeyError", "'alone'"))
    with pytest.raises(HandlerFailed, match="KeyError: 'alone'"):
        asyncio.run(FunctionSink(runtime, ARN).write(BATCH))
    nonsense = Scripted(lambda event: Outcome(payload=b"nonsense", error="Unhandled"))
    with pytest.raises(HandlerFailed, match="the function failed"):
        asyncio.run(FunctionSink(nonsense, ARN).write(BATCH))
