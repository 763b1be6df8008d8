"""Streams, time to live, backups and contributor insights of a table pass through AWS's states when
that is to take time."""

from __future__ import annotations

from tailrace.testing.calling import Caller
from tests.api.dynamodb.transitions import (
    IN_USE,
    SECOND_US,
    VIEW,
    active,
    described,
    refused,
    status,
    stream_of,
    update,
    wait,
)


def test_a_stream_is_enabling_enabled_disabling_disabled(slow: Caller) -> None:
    active(slow)
    answer = update(slow, StreamSpecification=VIEW)
    arn, label = answer["LatestStreamArn"], answer["LatestStreamLabel"]
    assert answer["TableStatus"] == status(slow) == "UPDATING"
    assert (stream_of(slow, arn)["StreamStatus"], stream_of(slow, arn)["Shards"]) == (
        "ENABLING",
        [],
    )
    listed = slow.call("ListStreams")["Streams"]
    assert [stream["StreamArn"] for stream in listed] == [arn]
    off = {"StreamEnabled": False}
    assert refused(slow, "UpdateTable", StreamSpecification=off) == (
        f"{IN_USE}A stream status change is currently in progress. Table: things Stream: {label}"
        " Operation: ENABLE"
    )
    slow.put("while enabling")
    wait(slow)
    assert stream_of(slow, arn)["StreamStatus"] == "ENABLED"
    slow.put("enabled")
    update(slow, StreamSpecification=off)
    shown = stream_of(slow, arn)
    assert (shown["StreamStatus"], status(slow)) == ("DISABLING", "UPDATING")
    assert all("EndingSequenceNumber" in each["SequenceNumberRange"] for each in shown["Shards"])
    slow.put("while disabling")
    assert refused(slow, "UpdateTable", StreamSpecification=VIEW) == (
        f"{IN_USE}A stream status change is currently in progress. Table: things Stream: {label}"
        " Operation: DISABLE"
    )
    wait(slow)
    assert (stream_of(slow, arn)["StreamStatus"], status(slow)) == ("DISABLED", "ACTIVE")
    keys = {record["dynamodb"]["Keys"]["pk"]["S"] for record in slow.records()}
    assert keys == {"while enabling", "enabled"}


def test_the_stream_of_a_deleted_table_is_disabling_with_it(slow: Caller) -> None:
    active(slow, StreamSpecification=VIEW)
    arn = described(slow)["LatestStreamArn"]
    slow.call("DeleteTable", TableName="things")
    assert stream_of(slow, arn)["StreamStatus"] == "DISABLING"
    wait(slow)
    slow.keep()
    assert stream_of(slow, arn)["StreamStatus"] == "DISABLED"


def test_a_time_to_live_is_set_up_and_not_changed_again_for_half_an_hour(slow: Caller) -> None:
    active(slow)
    slow.put("old", ttl={"N": str(slow.clock.now_us() // SECOND_US)})
    on = {"Enabled": True, "AttributeName": "ttl"}
    change = {"TimeToLiveSpecification": on}
    slow.call("UpdateTimeToLive", TableName="things", **change)
    shown = slow.call("DescribeTimeToLive", TableName="things")["TimeToLiveDescription"]
    assert shown == {"TimeToLiveStatus": "ENABLING", "AttributeName": "ttl"}
    slow.keep()
    assert slow.get("old") is not None
    wait(slow)
    slow.keep()
    assert slow.get("old") is None
    shown = slow.call("DescribeTimeToLive", TableName="things")["TimeToLiveDescription"]
    assert shown["TimeToLiveStatus"] == "ENABLED"
    off = {"TimeToLiveSpecification": {**on, "Enabled": False}}
    assert refused(slow, "UpdateTimeToLive", **off) == (
        "ValidationException: Time to live has been modified multiple times within a fixed interval"
    )
    wait(slow, 30 * 60 - 10)
    slow.call("UpdateTimeToLive", TableName="things", **off)
    shown = slow.call("DescribeTimeToLive", TableName="things")["TimeToLiveDescription"]
    assert shown == {"TimeToLiveStatus": "DISABLING"}
    wait(slow)
    shown = slow.call("DescribeTimeToLive", TableName="things")["TimeToLiveDescription"]
    assert shown == {"TimeToLiveStatus": "DISABLED"}


def test_a_new_table_cannot_be_backed_up_at_once(slow: Caller) -> None:
    slow.create()
    wait(slow)
    recovery = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
    for operation, members in (
        ("UpdateContinuousBackups", recovery),
        ("CreateBackup", {"BackupName": "name"}),
    ):
        assert refused(slow, operation, **members) == (
            "ContinuousBackupsUnavailableException: Backups are being enabled for the table:"
            " things. Please retry later"
        )
    shown = slow.call("DescribeContinuousBackups", TableName="things")
    assert shown["ContinuousBackupsDescription"]["ContinuousBackupsStatus"] == "DISABLED"
    wait(slow, 5)
    slow.call("UpdateContinuousBackups", TableName="things", **recovery)
    slow.call("CreateBackup", TableName="things", BackupName="name")


def test_contributor_insights_are_enabling_and_disabling(slow: Caller) -> None:
    slow.create()
    assert refused(slow, "UpdateContributorInsights", ContributorInsightsAction="ENABLE") == (
        "ResourceNotFoundException: Requested resource not found: Table: things not found"
    )
    wait(slow)
    for action, passing, final in (
        ("ENABLE", "ENABLING", "ENABLED"),
        ("DISABLE", "DISABLING", "DISABLED"),
    ):
        asked = {"TableName": "things", "ContributorInsightsAction": action}
        answer = slow.call("UpdateContributorInsights", **asked)
        assert answer["ContributorInsightsStatus"] == passing
        for expected in (passing, final):
            shown = slow.call("DescribeContributorInsights", TableName="things")
            assert shown["ContributorInsightsStatus"] == expected
            wait(slow)


def test_a_table_class_shows_when_the_update_is_done(slow: Caller) -> None:
    active(slow)
    assert update(slow, TableClass="STANDARD_INFREQUENT_ACCESS")["TableStatus"] == "UPDATING"
    assert (status(slow), "TableClassSummary" in described(slow)) == ("UPDATING", False)
    assert refused(slow, "UpdateTable", TableClass="STANDARD") == (
        f"{IN_USE}Can't update table class when a table class update is in progress. Table: things"
        " TableClassUpdateInProgress: STANDARD_INFREQUENT_ACCESS"
    )
    wait(slow)
    assert status(slow) == "ACTIVE"
    assert described(slow)["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    update(slow, TableClass="STANDARD_INFREQUENT_ACCESS")
    assert status(slow) == "ACTIVE"


def test_encryption_is_updating_and_so_is_its_end(slow: Caller) -> None:
    active(slow)
    key = {"Enabled": True, "SSEType": "KMS"}
    for asked, after in ((key, "ENABLED"), ({"Enabled": False}, None)):
        update(slow, SSESpecification=asked)
        shown = described(slow)
        assert (shown["TableStatus"], shown["SSEDescription"]["Status"]) == ("ACTIVE", "UPDATING")
        assert refused(slow, "UpdateTable", SSESpecification=asked) == (
            f"{IN_USE}Server-Side Encryption is still being updated"
        )
        assert "Server-Side Encryption" in refused(slow, "DeleteTable")
        wait(slow)
        assert described(slow).get("SSEDescription", {}).get("Status") == after


def test_warm_throughput_is_updating(slow: Caller) -> None:
    active(slow)
    more = {"ReadUnitsPerSecond": 13_000}
    update(slow, WarmThroughput=more)
    assert described(slow)["WarmThroughput"]["Status"] == "UPDATING"
    assert "process of being updated" in refused(slow, "DeleteTable")
    wait(slow)
    assert described(slow)["WarmThroughput"]["Status"] == "ACTIVE"
    slow.call("DeleteTable", TableName="things")
