"""UpdateTimeToLive and DescribeTimeToLive: one attribute for each table, and the refusals."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import definitions, keys

WAIT_S = 60.0
CONSTRAINT = (
    "1 validation error detected: Value {} at '{}' failed to satisfy constraint: Member must"
)


def asked(table: str, enabled: bool, attribute: str = "ttl") -> Json:
    specification = {"Enabled": enabled, "AttributeName": attribute}
    return {"TableName": table, "TimeToLiveSpecification": specification}


def settled(db: Client, table: str) -> Json:
    """The description when it is no longer on its way."""
    end = time.monotonic() + WAIT_S
    while True:
        body = db.call("DescribeTimeToLive", {"TableName": table})
        found = body["TimeToLiveDescription"]
        if not found["TimeToLiveStatus"].endswith("ING") or time.monotonic() > end:
            return found
        time.sleep(0.05)


@pytest.fixture(scope="module")
def expiring(db: Client) -> str:
    """A table whose attribute `ttl` says when items expire."""
    table = db.new_table(AttributeDefinitions=definitions(("a", "S")), KeySchema=keys("a"))
    answer = db.call("UpdateTimeToLive", asked(table, True))
    assert answer == {"TimeToLiveSpecification": {"Enabled": True, "AttributeName": "ttl"}}
    settled(db, table)
    return table


def test_it_is_off_at_first(db: Client, simple: str) -> None:
    answer = db.call("DescribeTimeToLive", {"TableName": simple})
    assert answer == {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}


def test_it_is_described(db: Client, expiring: str) -> None:
    assert settled(db, expiring) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}


def test_it_is_enabled_once(refuses: Refuses, expiring: str) -> None:
    refuses("UpdateTimeToLive", asked(expiring, True), "TimeToLive is already enabled")


@pytest.mark.parametrize("enabled", [True, False])
def test_it_has_one_attribute(refuses: Refuses, expiring: str, enabled: bool) -> None:
    message = "TimeToLive is active on a different AttributeName: current AttributeName is ttl"
    refuses("UpdateTimeToLive", asked(expiring, enabled, "other"), message)


def test_what_is_off_is_not_turned_off(refuses: Refuses) -> None:
    refuses("UpdateTimeToLive", asked("@simple", False), "TimeToLive is already disabled")


REFUSED: dict[str, tuple[Json, str]] = {
    "no specification": (
        {"TableName": "@simple"},
        CONSTRAINT.format("null", "timeToLiveSpecification") + " not be null",
    ),
    "no attribute": (
        {"TableName": "@simple", "TimeToLiveSpecification": {"Enabled": True}},
        CONSTRAINT.format("null", "timeToLiveSpecification.attributeName") + " not be null",
    ),
    "an empty attribute": (
        asked("@simple", True, ""),
        CONSTRAINT.format("''", "timeToLiveSpecification.attributeName")
        + " have length greater than or equal to 1",
    ),
    "a long attribute": (
        asked("@simple", True, "x" * 256),
        CONSTRAINT.format(f"'{'x' * 256}'", "timeToLiveSpecification.attributeName")
        + " have length less than or equal to 255",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(refuses: Refuses, case: str) -> None:
    body, message = REFUSED[case]
    refuses("UpdateTimeToLive", body, message)


@pytest.mark.parametrize("operation", ["UpdateTimeToLive", "DescribeTimeToLive"])
def test_tables_that_are_not_there(refuses: Refuses, operation: str) -> None:
    body: dict[str, Any] = {"TableName": "no-such-table"}
    if operation == "UpdateTimeToLive":
        body = asked("no-such-table", True)
    message = "Requested resource not found: Table: no-such-table not found"
    refuses(operation, body, message, "ResourceNotFoundException")
