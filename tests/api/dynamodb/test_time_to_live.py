"""Proves that items are deleted when their time is over, as the service's own deletions."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.testing.calling import Caller

SECOND_US = 1_000_000
YEAR_S = 365 * 24 * 60 * 60
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def switch(caller: Caller, enabled: bool, attribute: str = "ttl") -> dict[str, Any]:
    asked = {"Enabled": enabled, "AttributeName": attribute}
    return caller.call("UpdateTimeToLive", TableName="things", TimeToLiveSpecification=asked)


def refusal(caller: Caller, enabled: bool, attribute: str = "ttl") -> str:
    asked = {"Enabled": enabled, "AttributeName": attribute}
    refused = caller.refused("UpdateTimeToLive", TableName="things", TimeToLiveSpecification=asked)
    assert refused.code == "ValidationException"
    return refused.message


def described(caller: Caller) -> dict[str, Any]:
    return caller.call("DescribeTimeToLive", TableName="things")["TimeToLiveDescription"]


def at(caller: Caller, seconds: float) -> dict[str, str]:
    """A time so many seconds from now."""
    text = f"{caller.clock.now_us() // SECOND_US + seconds}"
    return {"N": text}


def keys(caller: Caller) -> list[str]:
    return sorted(item["pk"]["S"] for item in caller.scan())


def test_it_is_described_as_it_is_set(caller: Caller) -> None:
    caller.create()
    assert described(caller) == {"TimeToLiveStatus": "DISABLED"}
    answer = switch(caller, True)
    assert answer == {"TimeToLiveSpecification": {"Enabled": True, "AttributeName": "ttl"}}
    assert described(caller) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}
    answer = switch(caller, False)
    assert answer == {"TimeToLiveSpecification": {"Enabled": False, "AttributeName": "ttl"}}
    assert described(caller) == {"TimeToLiveStatus": "DISABLED"}


def test_what_would_not_change_is_refused(caller: Caller) -> None:
    caller.create()
    assert refusal(caller, False) == "TimeToLive is already disabled"
    switch(caller, True)
    other = "TimeToLive is active on a different AttributeName: current AttributeName is ttl"
    assert refusal(caller, True) == "TimeToLive is already enabled"
    assert refusal(caller, True, "other") == other
    assert refusal(caller, False, "other") == other


@pytest.mark.parametrize("operation", ["UpdateTimeToLive", "DescribeTimeToLive"])
def test_a_table_must_exist(caller: Caller, operation: str) -> None:
    members: dict[str, Any] = {"TableName": "nowhere"}
    if operation == "UpdateTimeToLive":
        members["TimeToLiveSpecification"] = {"Enabled": True, "AttributeName": "ttl"}
    refused = caller.refused(operation, **members)
    assert refused.code == "ResourceNotFoundException"
    assert refused.message == "Requested resource not found: Table: nowhere not found"


def test_items_go_when_their_time_is_over_and_not_before(caller: Caller) -> None:
    caller.create(StreamSpecification=STREAM)
    switch(caller, True)
    caller.put("soon", ttl=at(caller, 10))
    caller.put("later", ttl=at(caller, 1000))
    caller.put("fraction", ttl=at(caller, 10.5))
    caller.put("never")
    caller.put("text", ttl={"S": "1"})
    caller.put("ancient", ttl=at(caller, -5 * YEAR_S - 1))
    caller.put("old", ttl=at(caller, -5 * YEAR_S + 100))
    caller.clock.advance(10 * SECOND_US)
    # What is over can be read until it is deleted.
    assert "soon" in keys(caller)
    caller.keep()
    assert keys(caller) == ["ancient", "fraction", "later", "never", "text"]
    removed = [record for record in caller.records() if record["eventName"] == "REMOVE"]
    assert sorted(record["dynamodb"]["Keys"]["pk"]["S"] for record in removed) == ["old", "soon"]
    service = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
    assert all(record["userIdentity"] == service for record in removed)
    assert all("OldImage" in record["dynamodb"] for record in removed)


def test_a_time_that_is_moved_counts_anew(caller: Caller) -> None:
    caller.create()
    switch(caller, True)
    caller.put("a", ttl=at(caller, 10))
    caller.put("a", ttl=at(caller, 100))
    caller.put("b", ttl=at(caller, 10))
    caller.put("b")
    caller.clock.advance(50 * SECOND_US)
    caller.keep()
    assert keys(caller) == ["a", "b"]
    caller.clock.advance(50 * SECOND_US)
    caller.keep()
    assert keys(caller) == ["b"]


def test_items_that_were_there_before_expire_too(caller: Caller) -> None:
    caller.create()
    for number in range(600):
        caller.put(str(number), ttl=at(caller, -1))
    caller.put("left", ttl=at(caller, 100))
    switch(caller, True)
    caller.keep()
    assert keys(caller) == ["left"]


def test_nothing_expires_once_it_is_disabled(caller: Caller) -> None:
    caller.create()
    switch(caller, True)
    caller.put("a", ttl=at(caller, 10))
    switch(caller, False)
    caller.clock.advance(50 * SECOND_US)
    caller.keep()
    assert keys(caller) == ["a"]
    switch(caller, True)
    caller.keep()
    assert keys(caller) == []


def test_callers_see_nothing_of_the_index_behind_it(caller: Caller) -> None:
    caller.create()
    switch(caller, True)
    answer = caller.call(
        "PutItem",
        TableName="things",
        Item={"pk": {"S": "a"}, "ttl": {"S": ""}},
        ReturnConsumedCapacity="INDEXES",
    )
    units = {"CapacityUnits": 1.0}
    assert answer["ConsumedCapacity"] == {"TableName": "things", **units, "Table": units}
    description = caller.call("DescribeTable", TableName="things")["Table"]
    assert "GlobalSecondaryIndexes" not in description
    assert len(description["AttributeDefinitions"]) == 1
    name = caller.table().indexes[0].name
    assert name not in caller.table().index_by_name


def test_it_outlives_a_restart(disk: Any) -> None:
    caller = disk.open()
    caller.create(StreamSpecification=STREAM)
    switch(caller, True)
    caller.put("a", ttl=at(caller, 10))
    caller = disk.open()
    assert described(caller) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}
    caller.clock.advance(10 * SECOND_US)
    caller.keep()
    assert keys(caller) == []
    assert [record["eventName"] for record in caller.records()] == ["INSERT", "REMOVE"]
