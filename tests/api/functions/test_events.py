"""What becomes of an asynchronous invocation after each attempt follows from the attempt alone."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.api.functions.events import (
    MAX_EVENT_AGE_S,
    Condition,
    Event,
    after_call,
    after_throttle,
    config_of,
    destination_of,
    failed_again,
    invocation_record,
    is_too_old,
)
from tailrace.api.functions.ports import Called
from tailrace.api.functions.records import Code, EventInvokeConfig, Function, Version

NOW_US = 1_789_651_658_123_456
SECOND_US = 1_000_000
EVENT = Event(
    id="request",
    account="123456789012",
    region="us-east-1",
    function="f",
    qualifier=None,
    accepted_us=NOW_US,
    due_us=NOW_US,
)
GOOD = Called(payload=b'{"ok": 1}', error=None, log=b"")
BAD = Called(payload=b'{"errorMessage": "no"}', error="Unhandled", log=b"")


def config(**members: Any) -> EventInvokeConfig:
    return EventInvokeConfig(modified_us=0, **members)


def test_it_is_tried_after_one_minute_and_after_two_more() -> None:
    event, now_us, delays = EVENT, NOW_US, []
    while isinstance(verdict := after_call(event, BAD, None, now_us), Event):
        delays.append((verdict.due_us - now_us) // SECOND_US)
        event, now_us = verdict, verdict.due_us
    assert (verdict, delays) == (Condition.RETRIES_EXHAUSTED, [60, 120])


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_retries_are_as_configured(retries: int) -> None:
    event, calls = EVENT, 0
    while True:
        calls += 1
        verdict = failed_again(event, config(maximum_retry_attempts=retries), event.due_us)
        if not isinstance(verdict, Event):
            break
        event = verdict
    assert calls == retries + 1


def test_success_is_success_whatever_came_before() -> None:
    tried = msgspec.structs.replace(EVENT, calls=2, throttles=5)
    assert after_call(tried, GOOD, None, NOW_US) is Condition.SUCCESS


def test_throttles_wait_ever_longer_and_spend_no_retry() -> None:
    event, now_us, delays = EVENT, NOW_US, []
    for _ in range(12):
        event = after_throttle(event, None, now_us)
        delays.append((event.due_us - now_us) // SECOND_US)
        now_us = event.due_us
    assert delays == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert event.calls == 0


def test_it_ages() -> None:
    last_us = NOW_US + MAX_EVENT_AGE_S * SECOND_US
    assert not is_too_old(EVENT, None, last_us - 1)
    assert is_too_old(EVENT, None, last_us)
    assert is_too_old(EVENT, config(maximum_event_age_s=60), NOW_US + 60 * SECOND_US)


@given(
    throttles=st.integers(0, 10_000),
    calls=st.integers(0, 1),
    age_s=st.integers(60, MAX_EVENT_AGE_S),
    later_s=st.integers(0, MAX_EVENT_AGE_S),
)
def test_it_is_never_due_after_it_expires(
    throttles: int, calls: int, age_s: int, later_s: int
) -> None:
    settings, now_us = config(maximum_event_age_s=age_s), NOW_US + later_s * SECOND_US
    event = msgspec.structs.replace(EVENT, throttles=throttles, calls=calls)
    failed = failed_again(event, settings, now_us)
    assert isinstance(failed, Event)
    for verdict in (failed, after_throttle(event, settings, now_us)):
        assert verdict.due_us <= NOW_US + age_s * SECOND_US
        if not is_too_old(event, settings, now_us):
            assert verdict.due_us > now_us


def test_configurations_are_by_qualifier() -> None:
    latest, prod = config(on_success="s"), config(on_failure="f")
    version = Version(code=Code(), role="r", modified="", revision_id="")
    function = Function(
        account="1",
        region="r",
        name="f",
        latest=version,
        event_configs={"$LATEST": latest, "prod": prod},
    )
    assert config_of(function, None) is config_of(function, "$LATEST") is latest
    assert config_of(function, "prod") is prod
    assert config_of(function, "7") is None
    assert destination_of(latest, Condition.SUCCESS) == "s"
    assert destination_of(latest, Condition.RETRIES_EXHAUSTED) is None
    assert destination_of(prod, Condition.AGE_EXCEEDED) == "f"
    assert destination_of(None, Condition.SUCCESS) is None


def test_the_record_of_a_failure() -> None:
    event = msgspec.structs.replace(EVENT, calls=2, qualifier="prod")
    condition = Condition.RETRIES_EXHAUSTED
    record = invocation_record(event, condition, b'{"a": 1.50}', BAD, "7", NOW_US)
    assert b'"requestPayload":{"a": 1.50}' in record
    assert json.loads(record) == {
        "version": "1.0",
        "timestamp": "2026-09-17T13:27:38.123Z",
        "requestContext": {
            "requestId": "request",
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:prod",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"a": 1.5},
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "7",
            "functionError": "Unhandled",
        },
        "responsePayload": {"errorMessage": "no"},
    }


def test_the_record_of_a_success_has_no_error() -> None:
    record = json.loads(invocation_record(EVENT, Condition.SUCCESS, b"1", GOOD, "$LATEST", NOW_US))
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert record["requestContext"]["functionArn"].endswith(":function:f:$LATEST")
    assert record["requestContext"]["approximateInvokeCount"] == 1


def test_the_record_of_what_was_never_called_has_no_response() -> None:
    old = invocation_record(EVENT, Condition.AGE_EXCEEDED, b"{}", None, "$LATEST", NOW_US)
    record = json.loads(old)
    assert not record.keys() & {"responseContext", "responsePayload"}
    assert record["requestContext"]["approximateInvokeCount"] == 0
