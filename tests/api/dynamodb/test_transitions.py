"""Tables pass through AWS's states when that is to take time, driven by the clock alone, also over
a restart; and a reader of items has nothing to look at for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from tailrace.api.dynamodb.tables import find_table
from tailrace.api.operation import Context
from tailrace.testing.calling import Caller
from tests.api.dynamodb.transitions import (
    DEFINED,
    IN_USE,
    INDEX,
    KEY,
    MISSING,
    SECOND_US,
    STILL,
    TEN_S,
    VIEW,
    active,
    described,
    index_of,
    refused,
    status,
    stream_of,
    update,
    wait,
)

if TYPE_CHECKING:
    from tests.api.dynamodb.conftest import Disk


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
        ("CreateTable", {**KEY, "BillingMode": "PAY_PER_REQUEST"}),
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
    again = {**KEY, "BillingMode": "PAY_PER_REQUEST"}
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


def test_a_table_that_takes_long_is_not_taken_for_an_import_without_a_job(disk: Disk) -> None:
    caller = disk.open()
    caller.service.faults.transition_us = 2 * 3600 * SECOND_US
    caller.create()
    wait(caller, 3600)
    caller.keep()
    assert status(caller) == "CREATING"


def test_only_so_many_tables_change_at_a_time(
    slow: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tailrace.limits.TABLES_CHANGING", 2)
    for name in ("one", "two"):
        slow.create(name)
    third = {**KEY, "BillingMode": "PAY_PER_REQUEST"}
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
    third = {**KEY, "BillingMode": "PAY_PER_REQUEST"}
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
