"""Asynchronous invocations: what becomes of an event after each attempt to call its function
(invocation-async-error-handling.html), and the record of it for destinations
(invocation-async-retain-records.html). No waiting, no clock."""

from __future__ import annotations

import datetime
import enum
from typing import Any, Final

import msgspec

from tailrace.api.functions.names import LATEST, FunctionName, function_arn
from tailrace.api.functions.ports import Called
from tailrace.api.functions.records import EventInvokeConfig, Function

__all__ = [
    "Condition",
    "Event",
    "after_call",
    "after_throttle",
    "config_of",
    "destination_of",
    "failed_again",
    "invocation_record",
    "is_too_old",
]

_SECOND_US: Final = 1_000_000
# Tried again after one minute, and two minutes after that.
RETRY_AFTER_US: Final = (60 * _SECOND_US, 120 * _SECOND_US)
# Throttled events come back after one second, then ever later, up to five minutes.
THROTTLED_FIRST_US: Final = _SECOND_US
THROTTLED_MAX_US: Final = 300 * _SECOND_US
MAX_EVENT_AGE_S: Final = 6 * 60 * 60
_OK: Final = 200
_VERSION: Final = "1.0"


class Condition(enum.Enum):
    """How an event ended, in the words of its record."""

    SUCCESS = "Success"
    RETRIES_EXHAUSTED = "RetriesExhausted"
    AGE_EXCEEDED = "EventAgeExceeded"
    NO_CONCURRENCY = "ZeroReservedConcurrency"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An event on its way, but for its payload. `calls` counts those that were made and failed,
    `throttles` those that could not be made; it is due again at `due_us`."""

    id: str
    account: str
    region: str
    function: str
    qualifier: str | None
    accepted_us: int
    due_us: int
    calls: int = 0
    throttles: int = 0

    @property
    def name(self) -> FunctionName:
        """The function, as it was named."""
        return FunctionName(self.account, self.region, self.function, self.qualifier)


def config_of(function: Function, qualifier: str | None) -> EventInvokeConfig | None:
    """How events are handled that name a version or alias, or none."""
    return function.event_configs.get(qualifier or LATEST)


def destination_of(config: EventInvokeConfig | None, condition: Condition) -> str | None:
    """The ARN that the record of an event's end goes to."""
    if config is None:
        return None
    return config.on_success if condition is Condition.SUCCESS else config.on_failure


def is_too_old(event: Event, config: EventInvokeConfig | None, now_us: int) -> bool:
    """Whether an event has waited for too long to be called."""
    return now_us >= _expires_us(event, config)


def after_call(
    event: Event, called: Called, config: EventInvokeConfig | None, now_us: int
) -> Event | Condition:
    """The event as it waits for another attempt, or how it ended."""
    if called.error is None:
        return Condition.SUCCESS
    return failed_again(event, config, now_us)


def failed_again(event: Event, config: EventInvokeConfig | None, now_us: int) -> Event | Condition:
    """An event whose function has failed once more."""
    given = None if config is None else config.maximum_retry_attempts
    retries = len(RETRY_AFTER_US) if given is None else given
    if event.calls >= retries:
        return Condition.RETRIES_EXHAUSTED
    due_us = min(now_us + RETRY_AFTER_US[event.calls], _expires_us(event, config))
    return msgspec.structs.replace(event, calls=event.calls + 1, due_us=due_us)


def after_throttle(event: Event, config: EventInvokeConfig | None, now_us: int) -> Event:
    """The event as it waits until its function may be called; that spends no retry."""
    doublings = min(event.throttles, THROTTLED_MAX_US.bit_length())
    delay_us = min(THROTTLED_FIRST_US << doublings, THROTTLED_MAX_US)
    due_us = min(now_us + delay_us, _expires_us(event, config))
    return msgspec.structs.replace(event, throttles=event.throttles + 1, due_us=due_us)


def _expires_us(event: Event, config: EventInvokeConfig | None) -> int:
    given = None if config is None else config.maximum_event_age_s
    return event.accepted_us + (given or MAX_EVENT_AGE_S) * _SECOND_US


def invocation_record(
    event: Event,
    condition: Condition,
    payload: bytes,
    called: Called | None,
    executed_version: str,
    now_us: int,
) -> bytes:
    """The record of an event's end, as JSON. `called` is the last call that was made; an event that
    never was called has no response."""
    invocations = event.calls + (called is not None)
    arn = function_arn(event.name.place, event.qualifier or LATEST)
    record: dict[str, Any] = {
        "version": _VERSION,
        "timestamp": _moment(now_us),
        "requestContext": {
            "requestId": event.id,
            "functionArn": arn,
            "condition": condition.value,
            "approximateInvokeCount": invocations,
        },
        "requestPayload": msgspec.Raw(payload),
    }
    if called is not None:
        context: dict[str, Any] = {"statusCode": _OK, "executedVersion": executed_version}
        if called.error is not None:
            context["functionError"] = called.error
        record["responseContext"] = context
        record["responsePayload"] = msgspec.Raw(called.payload or b"null")
    return msgspec.json.encode(record)


def _moment(us: int) -> str:
    moment = datetime.datetime.fromtimestamp(us // _SECOND_US, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{us // 1000 % 1000:03d}Z"
