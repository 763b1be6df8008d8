"""Proves that point-in-time recovery is described with the bounds of what it can recover."""

from __future__ import annotations

from typing import Any

from tailrace.testing.calling import Caller

MINUTE_US = 60 * 1_000_000
DAY_US = 24 * 60 * MINUTE_US


def switch(caller: Caller, enabled: bool, **more: Any) -> dict[str, Any]:
    specification = {"PointInTimeRecoveryEnabled": enabled, **more}
    answer = caller.call(
        "UpdateContinuousBackups",
        TableName="things",
        PointInTimeRecoverySpecification=specification,
    )
    return answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]


def described(caller: Caller) -> dict[str, Any]:
    answer = caller.call("DescribeContinuousBackups", TableName="things")
    description = answer["ContinuousBackupsDescription"]
    assert description["ContinuousBackupsStatus"] == "ENABLED"
    return description["PointInTimeRecoveryDescription"]


def test_it_reaches_from_its_beginning_to_five_minutes_ago(caller: Caller) -> None:
    caller.create()
    assert described(caller) == {"PointInTimeRecoveryStatus": "DISABLED"}
    since = caller.clock.now_us() / 1e6
    first = {
        "PointInTimeRecoveryStatus": "ENABLED",
        "RecoveryPeriodInDays": 35,
        "EarliestRestorableDateTime": since,
        "LatestRestorableDateTime": since,
    }
    assert switch(caller, True) == first
    caller.clock.advance(8 * MINUTE_US)
    assert described(caller) == {**first, "LatestRestorableDateTime": since + 180}
    caller.clock.advance(40 * DAY_US)
    assert described(caller)["EarliestRestorableDateTime"] == since + 480 + 5 * 86_400


def test_its_period_can_be_changed_and_begins_anew(caller: Caller) -> None:
    caller.create()
    since = switch(caller, True, RecoveryPeriodInDays=7)["EarliestRestorableDateTime"]
    caller.clock.advance(MINUTE_US)
    assert switch(caller, True)["RecoveryPeriodInDays"] == 7
    assert switch(caller, True)["EarliestRestorableDateTime"] == since
    assert switch(caller, False) == {"PointInTimeRecoveryStatus": "DISABLED"}
    assert switch(caller, True)["RecoveryPeriodInDays"] == 35
    assert described(caller)["EarliestRestorableDateTime"] == since + 60


def test_requests_are_checked(caller: Caller) -> None:
    caller.create()
    specification = {"PointInTimeRecoveryEnabled": False, "RecoveryPeriodInDays": 3}
    refused = caller.refused(
        "UpdateContinuousBackups",
        TableName="things",
        PointInTimeRecoverySpecification=specification,
    )
    assert refused.message == (
        "Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time"
        " recovery."
    )
    absent = caller.refused("DescribeContinuousBackups", TableName="nowhere")
    assert (absent.code, absent.message) == ("TableNotFoundException", "Table not found: nowhere")
