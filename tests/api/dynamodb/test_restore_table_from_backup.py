"""Proves that a restored table has the items and the shape of its backup, and of nothing later."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.testing.calling import Caller

GSI = {
    "IndexName": "by-g",
    "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}
INDEXED = {
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("g", "pk")],
    "GlobalSecondaryIndexes": [GSI],
}


def back_up(caller: Caller) -> str:
    answer = caller.call("CreateBackup", TableName="things", BackupName="nightly")
    return answer["BackupDetails"]["BackupArn"]


def restore(caller: Caller, arn: str, **more: Any) -> dict[str, Any]:
    answer = caller.call("RestoreTableFromBackup", TargetTableName="again", BackupArn=arn, **more)
    return answer["TableDescription"]


def refused(caller: Caller, arn: str, **more: Any) -> tuple[str, str]:
    error = caller.refused(
        "RestoreTableFromBackup", **{"TargetTableName": "again", "BackupArn": arn, **more}
    )
    return error.code, error.message


def described(caller: Caller) -> dict[str, Any]:
    return caller.call("DescribeTable", TableName="again")["Table"]


def test_items_come_back_as_they_were(caller: Caller) -> None:
    caller.create(**INDEXED)
    caller.put("a", g={"S": "x"}, n={"N": "1"})
    caller.put("b")
    arn = back_up(caller)
    caller.put("a", n={"N": "2"})
    caller.put("c")
    answer = restore(caller, arn)
    assert answer["TableStatus"] == "CREATING"
    assert answer["RestoreSummary"] == {
        "SourceBackupArn": arn,
        "SourceTableArn": caller.table().arn,
        "RestoreDateTime": caller.clock.now_us() / 1e6,
        "RestoreInProgress": True,
    }
    shown = described(caller)
    assert shown["TableStatus"] == "ACTIVE"
    assert "RestoreSummary" not in shown
    assert shown["TableId"] != caller.table().uuid
    kept = {"pk": {"S": "a"}, "g": {"S": "x"}, "n": {"N": "1"}}
    assert sorted(caller.scan("again"), key=str) == sorted([kept, {"pk": {"S": "b"}}], key=str)
    found = caller.call(
        "Query",
        TableName="again",
        IndexName="by-g",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": {"S": "x"}},
    )
    assert found["Items"] == [kept]
    caller.put("a", "again")
    caller.keep()
    assert caller.get("a", "again") == {"pk": {"S": "a"}}


def test_what_is_not_backed_up_is_not_restored(caller: Caller) -> None:
    caller.create(
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        Tags=[{"Key": "a", "Value": "b"}],
        DeletionProtectionEnabled=True,
        TableClass="STANDARD_INFREQUENT_ACCESS",
        OnDemandThroughput={"MaxReadRequestUnits": 7},
        SSESpecification={"Enabled": True},
    )
    ttl = {"Enabled": True, "AttributeName": "ttl"}
    caller.call("UpdateTimeToLive", TableName="things", TimeToLiveSpecification=ttl)
    restore(caller, back_up(caller))
    shown = described(caller)
    assert shown["DeletionProtectionEnabled"] is False
    assert not shown.keys() & {"StreamSpecification", "LatestStreamArn", "TableClassSummary"}
    assert shown["OnDemandThroughput"] == {"MaxReadRequestUnits": 7}
    assert shown["SSEDescription"]["Status"] == "ENABLED"
    assert caller.call("ListTagsOfResource", ResourceArn=shown["TableArn"])["Tags"] == []
    described_ttl = caller.call("DescribeTimeToLive", TableName="again")
    assert described_ttl["TimeToLiveDescription"] == {"TimeToLiveStatus": "DISABLED"}
    assert not caller.table("again").indexes


def test_a_table_that_is_being_restored_can_only_be_described(caller: Caller) -> None:
    caller.create()
    for number in range(300):
        caller.put(str(number))
    arn = back_up(caller)
    caller.keep()
    restore(caller, arn)
    assert described(caller)["TableStatus"] == "CREATING"
    assert described(caller)["RestoreSummary"]["RestoreInProgress"] is True
    key = {"TableName": "again", "Key": {"pk": {"S": "1"}}}
    for operation, members in (
        ("GetItem", key),
        ("PutItem", {"TableName": "again", "Item": {"pk": {"S": "1"}}}),
        ("Scan", {"TableName": "again"}),
    ):
        assert caller.refused(operation, **members).code == "ResourceNotFoundException"
    protected = {"TableName": "again", "DeletionProtectionEnabled": True}
    assert caller.refused("UpdateTable", **protected).code == "ResourceInUseException"
    assert caller.refused("DescribeTimeToLive", TableName="again").code == "ValidationException"
    backup = {"TableName": "again", "BackupName": "name"}
    assert caller.refused("CreateBackup", **backup).code == "TableNotFoundException"
    assert caller.refused("DeleteTable", TableName="again").code == "ResourceInUseException"
    assert caller.refused("DeleteBackup", BackupArn=arn).code == "BackupInUseException"
    assert refused(caller, arn)[0] == "TableInUseException"
    assert refused(caller, arn, TargetTableName="third")[0] == "BackupInUseException"
    caller.keep()
    assert len(caller.scan("again")) == 300
    assert described(caller)["ItemCount"] == 300


def test_requests_may_override_what_the_table_was(caller: Caller) -> None:
    caller.create(**INDEXED)
    arn = back_up(caller)
    units = {"ReadCapacityUnits": 3, "WriteCapacityUnits": 4}
    renamed = {**GSI, "IndexName": "renamed", "ProvisionedThroughput": units}
    restore(
        caller,
        arn,
        BillingModeOverride="PROVISIONED",
        ProvisionedThroughputOverride=units,
        GlobalSecondaryIndexOverride=[renamed],
        SSESpecificationOverride={"Enabled": True},
    )
    shown = described(caller)
    assert shown["ProvisionedThroughput"]["ReadCapacityUnits"] == 3
    (index,) = shown["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "renamed"
    assert index["ProvisionedThroughput"]["WriteCapacityUnits"] == 4
    assert shown["SSEDescription"]["Status"] == "ENABLED"


def test_indexes_may_be_left_out(caller: Caller) -> None:
    caller.create(**INDEXED)
    restore(caller, back_up(caller), GlobalSecondaryIndexOverride=[])
    shown = described(caller)
    assert "GlobalSecondaryIndexes" not in shown
    assert [part["AttributeName"] for part in shown["AttributeDefinitions"]] == ["pk"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {
                "GlobalSecondaryIndexOverride": [
                    {**GSI, "Projection": {"ProjectionType": "KEYS_ONLY"}}
                ]
            },
            (
                "Invalid Request: Index by-g does not match a secondary index that existed in the"
                " source table and cannot be created during the restore operation"
            ),
        ),
        (
            {
                "BillingModeOverride": "PAY_PER_REQUEST",
                "ProvisionedThroughputOverride": {
                    "ReadCapacityUnits": 1,
                    "WriteCapacityUnits": 1,
                },
            },
            (
                "Invalid Request: Cannot override ProvisionedThroughput if BillingMode is"
                " overridden to PAY_PER_REQUEST"
            ),
        ),
        (
            {"BillingModeOverride": "PROVISIONED"},
            (
                "Invalid Request: Must override ProvisionedThroughput if BillingMode is"
                " overridden to PROVISIONED"
            ),
        ),
        (
            {"OnDemandThroughputOverride": {"MaxReadRequestUnits": 0}},
            (
                "Invalid Request: Requested MaxReadRequestUnits for OnDemandThroughput is outside"
                " of valid range"
            ),
        ),
    ],
)
def test_overrides_must_fit(caller: Caller, overrides: dict[str, Any], message: str) -> None:
    caller.create(**INDEXED)
    if overrides.get("BillingModeOverride") == "PROVISIONED":
        overrides = {**overrides, "GlobalSecondaryIndexOverride": []}
    assert refused(caller, back_up(caller), **overrides) == ("ValidationException", message)


def test_the_target_must_be_new_and_the_backup_there(caller: Caller) -> None:
    caller.create()
    arn = back_up(caller)
    assert refused(caller, arn, TargetTableName="things") == (
        "TableAlreadyExistsException",
        "Table already exists: things",
    )
    assert refused(caller, f"{arn}0")[0] == "BackupNotFoundException"
