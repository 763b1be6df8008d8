"""Proves that contributor insights are switched by table and index, and listed where they are
on."""

from __future__ import annotations

from typing import Any

from tailrace.testing.calling import Caller

INDEXED = {
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "g")],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-g",
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}
MODE = "ACCESSED_AND_THROTTLED_KEYS"


def switch(caller: Caller, action: str, **more: Any) -> dict[str, Any]:
    return caller.call(
        "UpdateContributorInsights",
        TableName="things",
        ContributorInsightsAction=action,
        **more,
    )


def described(caller: Caller, **more: Any) -> dict[str, Any]:
    return caller.call("DescribeContributorInsights", TableName="things", **more)


def test_they_are_switched_on_and_off(caller: Caller) -> None:
    caller.create()
    off = {"TableName": "things", "ContributorInsightsStatus": "DISABLED"}
    assert described(caller) == off
    assert switch(caller, "DISABLE") == off
    on = {"TableName": "things", "ContributorInsightsMode": MODE}
    assert switch(caller, "ENABLE") == {**on, "ContributorInsightsStatus": "ENABLING"}
    assert switch(caller, "ENABLE") == {**on, "ContributorInsightsStatus": "ENABLED"}
    shown = described(caller)
    assert shown.pop("LastUpdateDateTime") == caller.clock.now_us() / 1e6
    assert shown == {**on, "ContributorInsightsStatus": "ENABLED"}
    answer = switch(caller, "ENABLE", ContributorInsightsMode="THROTTLED_KEYS")
    assert answer["ContributorInsightsStatus"] == "ENABLING"
    assert switch(caller, "DISABLE")["ContributorInsightsStatus"] == "DISABLING"
    assert described(caller)["ContributorInsightsStatus"] == "DISABLED"


def test_what_is_on_is_listed_page_by_page(caller: Caller) -> None:
    caller.create(**INDEXED)
    caller.create("others")
    assert caller.call("ListContributorInsights") == {"ContributorInsightsSummaries": []}
    switch(caller, "ENABLE")
    switch(caller, "ENABLE", IndexName="by-g")
    switch(caller, "DISABLE")
    switch(caller, "ENABLE")
    found: list[dict[str, Any]] = []
    more: dict[str, Any] = {}
    while True:
        page = caller.call("ListContributorInsights", MaxResults=1, **more)
        found += page["ContributorInsightsSummaries"]
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    assert [summary.get("IndexName") for summary in found] == [None, "by-g"]
    one = caller.call("ListContributorInsights", TableName="others")
    assert one["ContributorInsightsSummaries"] == []


def test_indexes_must_exist(caller: Caller) -> None:
    caller.create()
    refused = caller.refused("DescribeContributorInsights", TableName="things", IndexName="nowhere")
    assert (refused.code, refused.message) == (
        "ResourceNotFoundException",
        "Requested resource not found: Index: nowhere not found for table: things",
    )
