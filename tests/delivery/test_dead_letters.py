"""Dead letters tell each record that was given up, with its last error."""

from __future__ import annotations

from typing import Any

from tailrace.delivery.dead_letters import dead_letters, stored
from tailrace.delivery.messages import Condition, Discard
from tailrace.delivery.ports import Batch, Record

RECORDS = [Record.of(n, 0, {"eventName": "INSERT", "dynamodb": {"n": n}}) for n in (7, 9)]
BATCH = Batch("request", "arn:stream", "shard-1", RECORDS, 3)


def test_each_record_has_a_letter() -> None:
    discard = Discard(0, BATCH, Condition.RETRIES_EXHAUSTED, 3, False, "ValueError: boom")
    first, second = map(stored, dead_letters(discard, 42))
    assert (first.id, second.id) == ("7-42", "9-42")
    assert first.record == {"eventName": "INSERT", "dynamodb": {"n": 7}}
    assert (first.reason, first.condition) == ("ValueError: boom", "RetryAttemptsExhausted")
    assert (first.source_arn, first.shard_id, first.invocations) == ("arn:stream", "shard-1", 3)


def test_the_machine_tells_why(script: Any) -> None:
    s = script(maximum_retry_attempts=0)
    s.start()
    s.page(1)
    s.error()
    assert s.discards[0].reason == "boom"
    s.kept()
    s.page(2)
    s.failed_at(2)
    assert s.discards[1].reason == "no good"


def test_records_that_only_became_too_old_have_no_error(script: Any) -> None:
    s = script(maximum_record_age_in_seconds=60)
    s.start()
    s.now_ms = 100_000
    s.page(1)
    assert s.discards[0].reason == ""
