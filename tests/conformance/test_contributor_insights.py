"""UpdateContributorInsights, DescribeContributorInsights and ListContributorInsights."""

from __future__ import annotations

import time

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import definitions, index, keys

WAIT_S = 120.0
STATUS = "ContributorInsightsStatus"


@pytest.fixture(scope="module")
def watched(db: Client) -> str:
    """A table with the global index `by_b`."""
    return db.new_table(
        AttributeDefinitions=definitions(("a", "S"), ("b", "S")),
        KeySchema=keys("a"),
        GlobalSecondaryIndexes=[index("by_b", "b")],
    )


def settled(db: Client, **named: str) -> Json:
    """The description when it is no longer on its way."""
    end = time.monotonic() + WAIT_S
    while True:
        found = db.call("DescribeContributorInsights", named)
        if not found[STATUS].endswith("ING") or time.monotonic() > end:
            return found
        time.sleep(0.05)


def test_they_are_off_at_first(db: Client, simple: str) -> None:
    found = db.call("DescribeContributorInsights", {"TableName": simple})
    assert (found["TableName"], found[STATUS]) == (simple, "DISABLED")


def test_they_are_turned_on_and_off(db: Client, watched: str) -> None:
    for named in ({"TableName": watched}, {"TableName": watched, "IndexName": "by_b"}):
        body = {**named, "ContributorInsightsAction": "ENABLE"}
        answer = db.call("UpdateContributorInsights", body)
        assert answer[STATUS] == "ENABLING"
        assert {name: answer[name] for name in named} == named
        assert settled(db, **named)[STATUS] == "ENABLED"
        answer = db.call(
            "UpdateContributorInsights", {**body, "ContributorInsightsAction": "DISABLE"}
        )
        assert answer[STATUS] == "DISABLING"
        assert settled(db, **named)[STATUS] == "DISABLED"


def test_what_is_on_is_listed(db: Client, watched: str) -> None:
    body = {"TableName": watched, "ContributorInsightsAction": "ENABLE"}
    db.call("UpdateContributorInsights", body)
    settled(db, TableName=watched)
    (found,) = db.call("ListContributorInsights", {"TableName": watched})[
        "ContributorInsightsSummaries"
    ]
    assert (found["TableName"], found[STATUS]) == (watched, "ENABLED")


def test_indexes_must_be_there(refuses: Refuses) -> None:
    message = "Requested resource not found: Index: nope not found for table: @simple"
    for operation, more in (
        ("DescribeContributorInsights", {}),
        ("UpdateContributorInsights", {"ContributorInsightsAction": "ENABLE"}),
    ):
        body = {"TableName": "@simple", "IndexName": "nope", **more}
        refuses(operation, body, message, "ResourceNotFoundException")


def test_the_action_is_one_of_two(refuses: Refuses) -> None:
    body = {"TableName": "@simple", "ContributorInsightsAction": "LOOK"}
    message = (
        "1 validation error detected: Value 'LOOK' at 'contributorInsightsAction' failed to satisfy"
        " constraint: Member must satisfy enum value set: [ENABLE, DISABLE]"
    )
    refuses("UpdateContributorInsights", body, message)
