"""Proves that backups hold what a table was, outlive it, and are listed as AWS lists them."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.testing.calling import Caller

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
