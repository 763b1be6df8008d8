"""Tables, indexes, streams and the rest pass through AWS's states when that is to take time, driven
by the clock alone, also over a restart; and a reader of items has nothing to look at for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tailrace.api.dynamodb.tables import find_table
from tailrace.api.operation import Context
from tailrace.testing.calling import Caller

SECOND_US = 1_000_000
TEN_S = 10 * SECOND_US
STILL = "Attempt to change a resource which is still in use: "
INDEX = {
    "IndexName": "by-n",
    "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}
DEFINED = [{"AttributeName": "n", "AttributeType": "N"}]


@pytest.fixture(params=["memory", "sqlite"])
def slow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Caller]:
    """A store in which every change takes ten seconds."""
    made = Caller(tmp_path / "data" if request.param == "sqlite" else None)
    made.service.faults.transition_us = TEN_S
    yield made
    made.close()


def wait(caller: Caller, seconds: float = 10) -> None:
    """Let time pass, without housekeeping."""
    caller.clock.advance(round(seconds * SECOND_US))


def active(caller: Caller, **more: Any) -> None:
    """A table that is ACTIVE, and can be backed up."""
    caller.create(**more)
    wait(caller, 15)
    caller.keep()


def described(caller: Caller) -> dict[str, Any]:
    return caller.call("DescribeTable", TableName="things")["Table"]


def status(caller: Caller) -> str:
    return described(caller)["TableStatus"]


def index_of(caller: Caller) -> dict[str, Any]:
    (index,) = described(caller)["GlobalSecondaryIndexes"]
    return index


def update(caller: Caller, **changes: Any) -> dict[str, Any]:
    return caller.call("UpdateTable", TableName="things", **changes)["TableDescription"]


def refused(caller: Caller, operation: str, **members: Any) -> str:
    """Code and message of a refusal."""
    refusal = caller.refused(operation, TableName="things", **members)
    return f"{refusal.code}: {refusal.message}"


IN_USE = f"ResourceInUseException: {STILL}"
MISSING = "ResourceNotFoundException: Requested resource not found"


def test_a_new_table_is_there_but_of_no_use_until_it_is_active(slow: Caller) -> None:
    slow.create()
    assert status(slow) == "CREATING"
    assert slow.call("ListTables")["TableNames"] == ["things"]
    assert refused(slow, "PutItem", Item={"pk": {"S": "a"}}) == MISSING
    assert refused(slow, "GetItem", Key={"pk": {"S": "a"}}) == MISSING
    assert refused(slow, "Scan") == MISSING
    for operation, members in (
        ("DeleteTable", {}),
        ("UpdateTable", {"DeletionProtectionEnabled": True}),
        ("CreateTable", {**_KEY, "BillingMode": "PAY_PER_REQUEST"}),
    ):
        assert refused(slow, operation, **members) == f"{IN_USE}Table is being created: things"
    arn = described(slow)["TableArn"]
    tagged = slow.refused("TagResource", ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}])
    assert tagged.message == f"{STILL}Table is being created: things"
    assert refused(slow, "DescribeTimeToLive") == (
        "ValidationException: Cannot describe time to live while table is in CREATING state:"
        " Current table state is CREATING"
    )
    wait(slow, 9.999)
    assert status(slow) == "CREATING"
    wait(slow, 0.001)
    assert status(slow) == "ACTIVE"
    slow.put("a")
    assert slow.get("a") is not None


_KEY = {
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
}


def test_a_deleted_table_is_shown_until_it_is_gone(slow: Caller) -> None:
    active(slow)
    slow.put("a")
    slow.call("DeleteTable", TableName="things")
    assert status(slow) == "DELETING"
    assert refused(slow, "GetItem", Key={"pk": {"S": "a"}}) == MISSING
    assert refused(slow, "Scan") == MISSING
    assert refused(slow, "DeleteTable") == f"{IN_USE}Table is being deleted: things"
    assert refused(slow, "UpdateTable", DeletionProtectionEnabled=True) == (
        f"{IN_USE}Table is being deleted: things"
    )
    again = {**_KEY, "BillingMode": "PAY_PER_REQUEST"}
    assert refused(slow, "CreateTable", **again) == (
        "ResourceInUseException: Table already exists: things"
    )
    wait(slow)
    assert refused(slow, "DescribeTable") == f"{MISSING}: Table: things not found"
    assert slow.call("ListTables")["TableNames"] == []
    active(slow)
    assert slow.scan() == []


def test_throughput_changes_when_the_update_is_done(slow: Caller) -> None:
    units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    active(slow, BillingMode="PROVISIONED", ProvisionedThroughput=units)
    slow.put("a")
    wanted = {"ReadCapacityUnits": 9, "WriteCapacityUnits": 3}
    answer = update(slow, ProvisionedThroughput=wanted)
    for shown in (answer, described(slow)):
        assert shown["TableStatus"] == "UPDATING"
        assert shown["ProvisionedThroughput"]["ReadCapacityUnits"] == 5
    slow.put("b")
    assert slow.get("a") is not None
    assert refused(slow, "UpdateTable", ProvisionedThroughput=units) == (
        f"{IN_USE}Table IOPS are currently being updated. Table: things"
    )
    assert refused(slow, "DeleteTable") == (
        f"{IN_USE}Table: things is in the process of being updated."
    )
    assert update(slow, DeletionProtectionEnabled=True)["TableStatus"] == "UPDATING"
    update(slow, DeletionProtectionEnabled=False)
    wait(slow)
    done = described(slow)
    assert done["TableStatus"] == "ACTIVE"
    moment = slow.clock.now_us() / 1e6
    assert done["ProvisionedThroughput"] == {
        "ReadCapacityUnits": 9,
        "WriteCapacityUnits": 3,
        "NumberOfDecreasesToday": 1,
        "LastIncreaseDateTime": moment,
        "LastDecreaseDateTime": moment,
    }
    slow.call("DeleteTable", TableName="things")


def test_a_new_index_is_allocated_then_filled_then_active(slow: Caller) -> None:
    active(slow)
    slow.put("a", n={"N": "1"})
    create = {
        "AttributeDefinitions": DEFINED,
        "GlobalSecondaryIndexUpdates": [{"Create": INDEX}],
    }
    query = {
        "IndexName": "by-n",
        "KeyConditionExpression": "n = :n",
        "ExpressionAttributeValues": {":n": {"N": "1"}},
    }
    update(slow, **create)
    assert status(slow) == "UPDATING"
    assert (index_of(slow)["IndexStatus"], index_of(slow)["Backfilling"]) == ("CREATING", False)
    remove = {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by-n"}}]}
    assert "resource allocation phase" in refused(slow, "UpdateTable", **remove)
    wait(slow, 5)
    slow.keep()
    assert status(slow) == "ACTIVE"
    assert (index_of(slow)["IndexStatus"], index_of(slow)["Backfilling"]) == ("CREATING", True)
    unready = "ValidationException: Cannot read from backfilling global secondary index: by-n"
    assert refused(slow, "Query", **query) == unready
    assert refused(slow, "Scan", IndexName="by-n") == unready
    statement = slow.refused("ExecuteStatement", Statement='SELECT * FROM things."by-n"')
    assert statement.message == unready.partition(": ")[2]
    other = {**INDEX, "IndexName": "other"}
    second = {**create, "GlobalSecondaryIndexUpdates": [{"Create": other}]}
    assert refused(slow, "UpdateTable", **second).startswith("LimitExceededException: Subscriber")
    assert refused(slow, "DeleteTable") == (
        f"{IN_USE}Cannot delete table while indexes are being created, updated, or deleted."
    )
    slow.put("b", n={"N": "1"})
    wait(slow, 5)
    assert index_of(slow)["IndexStatus"] == "ACTIVE"
    assert "Backfilling" not in index_of(slow)
    assert slow.call("Query", TableName="things", **query)["Count"] == 2


def test_an_index_that_is_not_filled_yet_is_not_active_whatever_the_time(slow: Caller) -> None:
    active(slow)
    create = {
        "AttributeDefinitions": DEFINED,
        "GlobalSecondaryIndexUpdates": [{"Create": INDEX}],
    }
    update(slow, **create)
    wait(slow, 60)
    assert index_of(slow)["IndexStatus"] == "CREATING"
    slow.keep()
    assert index_of(slow)["IndexStatus"] == "ACTIVE"


def test_indexes_are_updated_and_deleted_until_their_time_is_over(slow: Caller) -> None:
    units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    active(
        slow,
        BillingMode="PROVISIONED",
        ProvisionedThroughput=units,
        GlobalSecondaryIndexes=[{**INDEX, "ProvisionedThroughput": units}],
        AttributeDefinitions=_KEY["AttributeDefinitions"] + DEFINED,
    )
    slow.put("a", n={"N": "1"})
    lower = {"ReadCapacityUnits": 4, "WriteCapacityUnits": 5}
    retune = [{"Update": {"IndexName": "by-n", "ProvisionedThroughput": lower}}]
    assert update(slow, GlobalSecondaryIndexUpdates=retune)["TableStatus"] == "ACTIVE"
    assert index_of(slow)["IndexStatus"] == "UPDATING"
    assert slow.call("Scan", TableName="things", IndexName="by-n")["Count"] == 1
    assert refused(slow, "UpdateTable", GlobalSecondaryIndexUpdates=retune) == (
        f"{IN_USE}Index is being updated.  Table: things Index: by-n"
    )
    wait(slow)
    assert index_of(slow)["IndexStatus"] == "ACTIVE"
    assert index_of(slow)["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 1
    remove = [{"Delete": {"IndexName": "by-n"}}]
    update(slow, GlobalSecondaryIndexUpdates=remove)
    assert (status(slow), index_of(slow)["IndexStatus"]) == ("UPDATING", "DELETING")
    assert refused(slow, "Scan", IndexName="by-n") == (
        "ValidationException: The table does not have the specified index: by-n"
    )
    wait(slow, 5)
    assert (status(slow), index_of(slow)["IndexStatus"]) == ("ACTIVE", "DELETING")
    assert refused(slow, "UpdateTable", GlobalSecondaryIndexUpdates=remove) == (
        f"{IN_USE}Index is being deleted.  Table: things Index: by-n"
    )
    wait(slow, 5)
    assert "GlobalSecondaryIndexes" not in described(slow)
    slow.keep()
    slow.call("DeleteTable", TableName="things")


VIEW = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}


def stream_of(caller: Caller, arn: str) -> dict[str, Any]:
    return caller.call("DescribeStream", StreamArn=arn)["StreamDescription"]


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


def test_a_table_is_deleted_with_what_is_kept_of_it_only_when_it_is_gone(slow: Caller) -> None:
    active(slow)
    recovery = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
    slow.call("UpdateContinuousBackups", TableName="things", **recovery)
    slow.put("a")
    slow.call("DeleteTable", TableName="things")
    assert slow.call("ListBackups", BackupType="ALL")["BackupSummaries"] == []
    wait(slow)
    (kept,) = slow.call("ListBackups", BackupType="SYSTEM")["BackupSummaries"]
    assert (kept["BackupName"], kept["BackupStatus"]) == ("things$DeletedTableBackup", "AVAILABLE")


def test_restored_tables_take_no_part(slow: Caller) -> None:
    active(slow)
    slow.put("a")
    made = slow.call("CreateBackup", TableName="things", BackupName="name")
    arn = made["BackupDetails"]["BackupArn"]
    slow.call("RestoreTableFromBackup", TargetTableName="again", BackupArn=arn)
    slow.keep()
    assert slow.call("DescribeTable", TableName="again")["Table"]["TableStatus"] == "ACTIVE"


def test_only_so_many_tables_change_at_a_time(
    slow: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tailrace.limits.TABLES_CHANGING", 2)
    for name in ("one", "two"):
        slow.create(name)
    third = {**_KEY, "BillingMode": "PAY_PER_REQUEST"}
    assert refused(slow, "CreateTable", **third) == (
        "LimitExceededException: Subscriber limit exceeded: Only 2 tables can be created, updated,"
        " or deleted simultaneously"
    )
    wait(slow)
    slow.create()


def test_only_so_many_tables_are_in_a_region(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tailrace.limits.TABLES_PER_REGION", 2)
    for name in ("one", "two"):
        caller.create(name)
    third = {**_KEY, "BillingMode": "PAY_PER_REQUEST"}
    assert refused(caller, "CreateTable", **third) == (
        "LimitExceededException: Subscriber limit exceeded: There is a limit of 2 tables per"
        " subscriber"
    )
    caller.call("DeleteTable", TableName="one")
    caller.create()


@pytest.mark.parametrize("kept", [False, True], ids=["before housekeeping", "after housekeeping"])
def test_a_change_goes_on_over_a_restart(tmp_path: Path, kept: bool) -> None:
    first = Caller(tmp_path / "data")
    first.service.faults.transition_us = TEN_S
    first.create("gone")
    first.create(StreamSpecification=VIEW)
    wait(first)
    first.put("a", n={"N": "1"})
    update(
        first,
        AttributeDefinitions=DEFINED,
        GlobalSecondaryIndexUpdates=[{"Create": INDEX}],
    )
    first.call("DeleteTable", TableName="gone")
    first.create("new")
    wait(first, 6)
    first.close()
    again = Caller(tmp_path / "data", clock=first.clock)
    if kept:
        again.keep()
    states = {
        name: again.call("DescribeTable", TableName=name)["Table"]["TableStatus"]
        for name in again.call("ListTables")["TableNames"]
    }
    assert states == {"gone": "DELETING", "new": "CREATING", "things": "ACTIVE"}
    assert index_of(again)["IndexStatus"] == "CREATING"
    wait(again, 4)
    if kept:
        again.keep()
        assert index_of(again)["IndexStatus"] == "ACTIVE"
    assert again.call("ListTables")["TableNames"] == ["new", "things"]
    again.put("b", "new")
    again.close()


def test_settling_at_once_is_what_it_was(caller: Caller) -> None:
    caller.create(StreamSpecification=VIEW)
    assert status(caller) == "ACTIVE"
    assert stream_of(caller, described(caller)["LatestStreamArn"])["StreamStatus"] == "ENABLED"
    assert caller.engine.catalog().next_settlement_us is None
    caller.call("DeleteTable", TableName="things")
    assert caller.call("ListTables")["TableNames"] == []


def test_an_index_is_not_read_before_it_is_filled(caller: Caller) -> None:
    caller.create()
    caller.put("a", n={"N": "1"})
    update(
        caller,
        AttributeDefinitions=DEFINED,
        GlobalSecondaryIndexUpdates=[{"Create": INDEX}],
    )
    assert "backfilling" in refused(caller, "Scan", IndexName="by-n")
    caller.keep()
    assert caller.call("Scan", TableName="things", IndexName="by-n")["Count"] == 1


def test_throughput_is_lowered_four_times_a_day_of_table_and_index_each(caller: Caller) -> None:
    units = {"ReadCapacityUnits": 50, "WriteCapacityUnits": 50}
    caller.create(
        BillingMode="PROVISIONED",
        ProvisionedThroughput=units,
        GlobalSecondaryIndexes=[{**INDEX, "ProvisionedThroughput": units}],
        AttributeDefinitions=_KEY["AttributeDefinitions"] + DEFINED,
    )

    def lower(to: int) -> dict[str, Any]:
        return {"ProvisionedThroughput": {**units, "ReadCapacityUnits": to}}

    def lower_index(to: int) -> dict[str, Any]:
        return {"GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": "by-n", **lower(to)}}]}

    for turn in range(4):
        update(caller, **lower(40 - turn))
    limited = "LimitExceededException: Subscriber limit exceeded: Provisioned throughput decreases"
    assert refused(caller, "UpdateTable", **lower(30), **lower_index(30)).startswith(limited)
    assert index_of(caller)["ProvisionedThroughput"]["ReadCapacityUnits"] == 50
    for turn in range(4):
        update(caller, **lower_index(40 - turn))
    assert refused(caller, "UpdateTable", **lower_index(30)).startswith(limited)
    assert described(caller)["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 4
    update(caller, **lower(60))
    caller.clock.advance(3600 * SECOND_US)
    update(caller, **lower(30))
    assert described(caller)["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 5
    caller.clock.advance(24 * 3600 * SECOND_US)
    assert described(caller)["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 0


class _NoClock:
    def now_us(self) -> int:
        raise AssertionError("whoever finds an available table need not know the time")


def test_an_available_table_is_found_without_looking_at_anything_else(slow: Caller) -> None:
    active(slow)
    service = msgspec.structs.replace(slow.service, clock=_NoClock())
    context = Context(service, slow.scope)
    assert find_table(context, "things").name == "things"
    with pytest.raises(AssertionError, match="know the time"):
        find_table(context, "nothing")
