"""Proves that backups hold what a table was, outlive it, and are listed as AWS lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tailrace.testing.calling import Caller

if TYPE_CHECKING:
    from tests.api.dynamodb.conftest import Disk

SECOND_US = 1_000_000
TABLE_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/things"


def back_up(caller: Caller, name: str = "nightly", table: str = "things") -> dict[str, Any]:
    return caller.call("CreateBackup", TableName=table, BackupName=name)["BackupDetails"]


def described(caller: Caller, arn: str) -> dict[str, Any]:
    return caller.call("DescribeBackup", BackupArn=arn)["BackupDescription"]


def listed(caller: Caller, **more: Any) -> list[str]:
    answer = caller.call("ListBackups", **more)
    return [summary["BackupName"] for summary in answer["BackupSummaries"]]


def test_a_backup_tells_what_its_table_was(caller: Caller) -> None:
    stream = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    table = caller.create(
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("g", "pk")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-g",
                "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]},
            }
        ],
        StreamSpecification=stream,
        OnDemandThroughput={"MaxReadRequestUnits": 7},
    )
    ttl = {"Enabled": True, "AttributeName": "ttl"}
    caller.call("UpdateTimeToLive", TableName="things", TimeToLiveSpecification=ttl)
    caller.put("a", text={"S": "xxxx"})
    details = back_up(caller)
    arn = details["BackupArn"]
    assert arn.startswith(f"{TABLE_ARN}/backup/0{caller.clock.now_us() // 1000}-")
    assert details == {
        "BackupArn": arn,
        "BackupName": "nightly",
        "BackupSizeBytes": 11,
        "BackupStatus": "CREATING",
        "BackupType": "USER",
        "BackupCreationDateTime": caller.clock.now_us() / 1e6,
    }
    assert described(caller, arn) == {
        "BackupDetails": {**details, "BackupStatus": "AVAILABLE"},
        "SourceTableDetails": {
            "TableName": "things",
            "TableId": table.uuid,
            "TableArn": TABLE_ARN,
            "TableSizeBytes": 11,
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "TableCreationDateTime": table.created_us / 1e6,
            "ProvisionedThroughput": {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0},
            "ItemCount": 1,
            "BillingMode": "PAY_PER_REQUEST",
            "OnDemandThroughput": {"MaxReadRequestUnits": 7},
        },
        "SourceTableFeatureDetails": {
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "by-g",
                    "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]},
                }
            ],
            "StreamDescription": stream,
            "TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"},
        },
    }


def test_backups_are_listed_by_table_and_time_a_page_at_a_time(caller: Caller) -> None:
    caller.create()
    caller.create("others")
    for name, table in (("one", "things"), ("two", "others"), ("three", "things")):
        back_up(caller, name, table)
        caller.clock.advance(SECOND_US)
    assert listed(caller) == ["one", "two", "three"]
    assert listed(caller, TableName="things") == ["one", "three"]
    assert listed(caller, TableName=TABLE_ARN) == ["one", "three"]
    assert listed(caller, TableName="nowhere") == []
    assert listed(caller, BackupType="SYSTEM") == []
    assert listed(caller, BackupType="ALL") == ["one", "two", "three"]
    now_s = caller.clock.now_us() / 1e6
    assert listed(caller, TimeRangeLowerBound=now_s - 2) == ["two", "three"]
    assert listed(caller, TimeRangeUpperBound=now_s - 2) == ["one"]
    names: list[str] = []
    more: dict[str, Any] = {}
    while True:
        page = caller.call("ListBackups", Limit=1, **more)
        names += [summary["BackupName"] for summary in page["BackupSummaries"]]
        if "LastEvaluatedBackupArn" not in page:
            break
        more = {"ExclusiveStartBackupArn": page["LastEvaluatedBackupArn"]}
    assert names == ["one", "two", "three"]
    (summary,) = caller.call("ListBackups", TableName="others")["BackupSummaries"]
    assert summary["TableId"] == caller.table("others").uuid
    refused = caller.refused("ListBackups", TimeRangeLowerBound=2, TimeRangeUpperBound=1)
    assert refused.message == (
        "One or more parameter values were invalid: Time range lower bound must be less than or"
        " equal to upper bound"
    )


def test_a_backup_outlives_its_table_and_goes_when_it_is_deleted(caller: Caller) -> None:
    caller.create()
    caller.put("a")
    arn = back_up(caller)["BackupArn"]
    caller.call("DeleteTable", TableName="things")
    caller.keep()
    assert listed(caller, TableName="things") == ["nightly"]
    answer = caller.call("DeleteBackup", BackupArn=arn)["BackupDescription"]
    assert answer["BackupDetails"]["BackupStatus"] == "DELETED"
    assert listed(caller) == []
    for operation in ("DescribeBackup", "DeleteBackup"):
        refused = caller.refused(operation, BackupArn=arn)
        assert (refused.code, refused.message) == (
            "BackupNotFoundException",
            f"Backup not found: {arn}",
        )
    caller.keep()
    assert not caller.engine.catalog().tables


def test_large_tables_are_backed_up_by_housekeeping(disk: Any) -> None:
    caller = disk.open()
    caller.create()
    for number in range(700):
        caller.put(str(number))
    arn = back_up(caller)["BackupArn"]
    assert described(caller, arn)["BackupDetails"]["BackupStatus"] == "CREATING"
    refused = caller.refused("DeleteTable", TableName="things")
    assert refused.code == "ResourceInUseException"
    assert caller.refused("DeleteBackup", BackupArn=arn).code == "BackupInUseException"
    restore = {"TargetTableName": "again", "BackupArn": arn}
    assert caller.refused("RestoreTableFromBackup", **restore).code == "BackupInUseException"
    caller = disk.open()
    caller.keep()
    assert described(caller, arn)["BackupDetails"]["BackupStatus"] == "AVAILABLE"
    caller.call("DeleteTable", TableName="things")
    caller.call("RestoreTableFromBackup", **restore)
    caller.keep()
    assert caller.call("DescribeTable", TableName="again")["Table"]["ItemCount"] == 700


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (TABLE_ARN, "ValidationException"),
        (f"{TABLE_ARN}/stream/2026-01-01T00:00:00.000", "ValidationException"),
        (
            TABLE_ARN.replace("000000000000", "111111111111") + "/backup/01-a",
            "AccessDeniedException",
        ),
        (f"{TABLE_ARN}/backup/01489173575360-b308cd7d", "BackupNotFoundException"),
    ],
)
def test_backups_are_named_by_their_arns(caller: Caller, arn: str, code: str) -> None:
    assert caller.refused("DescribeBackup", BackupArn=arn).code == code


def test_a_table_must_exist(caller: Caller) -> None:
    refused = caller.refused("CreateBackup", TableName="nowhere", BackupName="name")
    assert (refused.code, refused.message) == (
        "TableNotFoundException",
        "Table not found: nowhere",
    )


def recovered(caller: Caller, **more: Any) -> None:
    """A table whose changes are kept for recovery, with an item."""
    caller.create(**more)
    caller.call(
        "UpdateContinuousBackups",
        TableName="things",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    caller.put("a", g={"S": "1"})


def test_a_table_that_could_be_recovered_leaves_a_backup_behind(caller: Caller) -> None:
    recovered(
        caller,
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("g", "pk")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-g",
                "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )
    table_id = caller.table().uuid
    caller.call("DeleteTable", TableName="things")
    assert listed(caller) == listed(caller, BackupType="USER") == []
    assert listed(caller, BackupType="ALL") == ["things$DeletedTableBackup"]
    (summary,) = caller.call("ListBackups", BackupType="SYSTEM")["BackupSummaries"]
    now_us = caller.clock.now_us()
    assert summary == {
        "TableName": "things",
        "TableId": table_id,
        "TableArn": TABLE_ARN,
        "BackupArn": f"{TABLE_ARN}/backup/0{now_us // 1000}-00000000",
        "BackupName": "things$DeletedTableBackup",
        "BackupSizeBytes": 5,
        "BackupStatus": "AVAILABLE",
        "BackupType": "SYSTEM",
        "BackupCreationDateTime": now_us / 1e6,
        "BackupExpiryDateTime": now_us / 1e6 + 35 * 86_400,
    }
    arn = summary["BackupArn"]
    assert described(caller, arn)["SourceTableFeatureDetails"] == {}
    assert described(caller, arn)["SourceTableDetails"]["ItemCount"] == 1
    caller.keep()
    caller.create()
    assert caller.scan() == []
    caller.call("RestoreTableFromBackup", TargetTableName="again", BackupArn=arn)
    caller.keep()
    assert caller.get("a", "again") == {"pk": {"S": "a"}, "g": {"S": "1"}}
    assert caller.call("Scan", TableName="again", IndexName="by-g")["Count"] == 1


def test_what_a_deleted_table_left_behind_goes_by_itself_after_35_days(disk: Disk) -> None:
    caller = disk.open()
    recovered(caller)
    caller.call("DeleteTable", TableName="things")
    caller.keep()
    (kept,) = caller.call("ListBackups", BackupType="SYSTEM")["BackupSummaries"]
    arn = kept["BackupArn"]
    refused = caller.refused("DeleteBackup", BackupArn=arn)
    assert refused.code == "ValidationException"
    assert refused.message.startswith(
        f"User is not allowed to delete the system backup with arn {arn}. It will automatically"
        " expire on "
    )
    caller.clock.advance(35 * 86_400 * SECOND_US - 1)
    caller = disk.open()
    caller.keep()
    assert described(caller, arn)["BackupDetails"]["BackupType"] == "SYSTEM"
    caller.call("RestoreTableFromBackup", TargetTableName="again", BackupArn=arn)
    caller.keep()
    assert caller.get("a", "again") == {"pk": {"S": "a"}, "g": {"S": "1"}}
    caller.clock.advance(1)
    caller.keep()
    assert listed(caller, BackupType="ALL") == []
    assert caller.refused("DescribeBackup", BackupArn=arn).code == "BackupNotFoundException"


def test_a_table_that_could_not_be_recovered_leaves_nothing_behind(caller: Caller) -> None:
    caller.create()
    caller.put("a")
    caller.call("DeleteTable", TableName="things")
    assert listed(caller, BackupType="ALL") == []
