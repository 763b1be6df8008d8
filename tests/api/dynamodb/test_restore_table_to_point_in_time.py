"""Proves that a table comes back as it was at a moment, whatever has happened to it since."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tailrace.testing.calling import Caller

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
DAY_US = 24 * 60 * MINUTE_US


def enable(caller: Caller) -> None:
    specification = {"PointInTimeRecoveryEnabled": True}
    caller.call(
        "UpdateContinuousBackups",
        TableName="things",
        PointInTimeRecoverySpecification=specification,
    )


def restore(caller: Caller, at_us: int, target: str = "again", **more: Any) -> None:
    members = {"SourceTableName": "things", "TargetTableName": target, **more}
    caller.call("RestoreTableToPointInTime", RestoreDateTime=at_us / 1e6, **members)
    caller.keep()


def items(caller: Caller, table: str) -> dict[str, Any]:
    return {item["pk"]["S"]: item for item in caller.scan(table)}


def test_a_table_of_a_moment_has_the_items_of_that_moment(caller: Caller) -> None:
    caller.create()
    caller.put("before", n={"N": "0"})
    enable(caller)
    source = random.Random(7)
    states: list[tuple[int, dict[str, Any]]] = []
    for step in range(60):
        key = f"k{source.randrange(8)}"
        if source.random() < 0.3:
            caller.call("DeleteItem", TableName="things", Key={"pk": {"S": key}})
        else:
            caller.put(key, n={"N": str(step)})
        states.append((caller.clock.now_us(), items(caller, "things")))
        caller.clock.advance(MINUTE_US)
    caller.put("before", n={"N": "1"})
    caller.clock.advance(6 * MINUTE_US)
    for place, (at_us, wanted) in enumerate(states[::12]):
        restore(caller, at_us, f"again{place}")
        assert items(caller, f"again{place}") == wanted
    restored = caller.table("again0")
    assert caller.engine.usage(restored).items == len(states[0][1])


def test_many_changes_are_undone_page_by_page(disk: Any) -> None:
    caller = disk.open()
    caller.create()
    enable(caller)
    for number in range(300):
        caller.put(f"{number}")
    # Clocks of records that are made at one and the same time run ahead of it.
    caller.clock.advance(SECOND_US)
    at_us = caller.clock.now_us()
    caller.clock.advance(MINUTE_US)
    for turn in range(4):
        for number in range(300):
            caller.put(f"{number}", turn={"N": str(turn)})
    for number in range(300):
        caller.put(f"late-{number}")
    caller.clock.advance(6 * MINUTE_US)
    members = {"SourceTableName": "things", "TargetTableName": "again"}
    caller.call("RestoreTableToPointInTime", RestoreDateTime=at_us / 1e6, **members)
    caller = disk.open()
    caller.keep()
    assert items(caller, "again") == {str(n): {"pk": {"S": str(n)}} for n in range(300)}


def test_the_latest_moment_is_five_minutes_ago(caller: Caller) -> None:
    caller.create()
    enable(caller)
    caller.put("old")
    caller.clock.advance(4 * MINUTE_US)
    caller.put("new")
    caller.clock.advance(2 * MINUTE_US)
    source = {"SourceTableArn": caller.table().arn}
    answer = caller.call(
        "RestoreTableToPointInTime",
        TargetTableName="again",
        UseLatestRestorableTime=True,
        **source,
    )
    assert answer["TableDescription"]["TableStatus"] == "CREATING"
    assert answer["TableDescription"]["RestoreSummary"] == {
        **source,
        "RestoreDateTime": (caller.clock.now_us() - 5 * MINUTE_US) / 1e6,
        "RestoreInProgress": True,
    }
    caller.keep()
    assert list(items(caller, "again")) == ["old"]


def test_recovery_that_was_disabled_begins_anew(caller: Caller) -> None:
    caller.create()
    enable(caller)
    caller.call(
        "UpdateContinuousBackups",
        TableName="things",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
    )
    assert not caller.table().captures
    refused = caller.refused(
        "RestoreTableToPointInTime",
        SourceTableName="things",
        TargetTableName="again",
        UseLatestRestorableTime=True,
    )
    assert (refused.code, refused.message) == (
        "PointInTimeRecoveryUnavailableException",
        "Point in time recovery is not enabled for table 'things'",
    )


def test_changes_are_kept_as_long_as_they_can_be_asked_for(caller: Caller) -> None:
    caller.create()
    enable(caller)
    caller.put("a")
    caller.clock.advance(DAY_US)
    at_us = caller.clock.now_us()
    caller.clock.advance(MINUTE_US)
    caller.put("a", n={"N": "1"})
    caller.clock.advance(34 * DAY_US)
    caller.keep()
    restore(caller, at_us)
    assert items(caller, "again") == {"a": {"pk": {"S": "a"}}}
    refused = caller.refused(
        "RestoreTableToPointInTime",
        SourceTableName="things",
        TargetTableName="third",
        RestoreDateTime=at_us / 1e6 - 86_400,
    )
    assert refused.code == "InvalidRestoreTimeException"
    assert "must be within EarliestRestorableDateTime '" in refused.message


@pytest.mark.parametrize(
    ("members", "start"),
    [
        ({"UseLatestRestorableTime": True}, "Must provide exactly one of"),
        ({"SourceTableName": "things"}, "Invalid Request: Either one of RestoreDateTime"),
        (
            {
                "SourceTableName": "things",
                "UseLatestRestorableTime": True,
                "RestoreDateTime": 1,
            },
            "Invalid Request: Both RestoreDateTime and UseLatestRestorableTime",
        ),
    ],
)
def test_requests_are_checked(caller: Caller, members: dict[str, Any], start: str) -> None:
    caller.create()
    refused = caller.refused("RestoreTableToPointInTime", TargetTableName="again", **members)
    assert refused.code == "ValidationException"
    assert refused.message.startswith(start)


def test_the_source_must_exist_and_the_target_must_not(caller: Caller) -> None:
    caller.create()
    enable(caller)
    latest = {"UseLatestRestorableTime": True, "TargetTableName": "things"}
    refused = caller.refused("RestoreTableToPointInTime", SourceTableName="things", **latest)
    assert refused.code == "TableAlreadyExistsException"
    refused = caller.refused("RestoreTableToPointInTime", SourceTableName="nowhere", **latest)
    assert refused.code == "TableNotFoundException"
