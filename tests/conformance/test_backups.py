"""Backups on demand, point-in-time recovery, and tables that are restored from them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import definitions, index, keys, number, text

WAIT_S = 300.0
INVALID = "One or more parameter values were invalid: "
ABSENT_BACKUP = "{}/backup/01489173575360-b308cd7d"


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not done() and time.monotonic() < end:
        time.sleep(0.1)
    assert done()


class Kept:
    """A table with an item, a global index and a backup."""

    def __init__(self, db: Client) -> None:
        self.db = db
        self.table = db.new_table(
            AttributeDefinitions=definitions(("a", "S"), ("b", "S")),
            KeySchema=keys("a"),
            GlobalSecondaryIndexes=[index("by_b", "b")],
        )
        db.put(self.table, {"a": text("x"), "b": text("y"), "n": number(1)})
        self.arn = db.describe(self.table)["TableArn"]
        until(self._can_be_backed_up)
        body = {"TableName": self.table, "BackupName": "nightly"}
        self.details = db.call("CreateBackup", body)["BackupDetails"]
        self.backup: str = self.details["BackupArn"]
        until(lambda: self.described()["BackupDetails"]["BackupStatus"] == "AVAILABLE")

    def _can_be_backed_up(self) -> bool:
        described = self.db.call("DescribeContinuousBackups", {"TableName": self.table})
        return described["ContinuousBackupsDescription"]["ContinuousBackupsStatus"] == "ENABLED"

    def described(self) -> Json:
        return self.db.call("DescribeBackup", {"BackupArn": self.backup})["BackupDescription"]


@pytest.fixture(scope="module")
def kept(db: Client) -> Kept:
    return Kept(db)


def test_a_backup_is_made(kept: Kept) -> None:
    details = dict(kept.details)
    assert kept.backup.startswith(f"{kept.arn}/backup/")
    assert isinstance(details.pop("BackupCreationDateTime"), int | float)
    details.pop("BackupSizeBytes", None)
    assert details == {
        "BackupArn": kept.backup,
        "BackupName": "nightly",
        "BackupStatus": "CREATING",
        "BackupType": "USER",
    }


def test_a_backup_tells_what_its_table_was(kept: Kept) -> None:
    found = kept.described()
    source = found["SourceTableDetails"]
    assert (source["TableName"], source["TableArn"]) == (kept.table, kept.arn)
    assert source["KeySchema"] == keys("a")
    assert source["BillingMode"] == "PAY_PER_REQUEST"
    (found_index,) = found["SourceTableFeatureDetails"]["GlobalSecondaryIndexes"]
    assert (found_index["IndexName"], found_index["KeySchema"]) == ("by_b", keys("b"))


def test_backups_are_listed(db: Client, kept: Kept) -> None:
    (found,) = db.call("ListBackups", {"TableName": kept.table})["BackupSummaries"]
    assert (found["BackupArn"], found["BackupName"]) == (kept.backup, "nightly")
    assert (found["TableName"], found["TableArn"]) == (kept.table, kept.arn)
    none = {"TableName": kept.table, "BackupType": "SYSTEM"}
    assert db.call("ListBackups", none)["BackupSummaries"] == []


def test_a_table_is_restored_from_its_backup(db: Client, kept: Kept) -> None:
    target = db.new_name()
    body = {"TargetTableName": target, "BackupArn": kept.backup}
    made = db.call("RestoreTableFromBackup", body)["TableDescription"]
    assert made["TableStatus"] == "CREATING"
    assert made["RestoreSummary"]["SourceBackupArn"] == kept.backup
    assert made["RestoreSummary"]["SourceTableArn"] == kept.arn
    until(lambda: db.describe(target)["TableStatus"] == "ACTIVE")
    table = db.await_active(target)
    assert [each["IndexName"] for each in table["GlobalSecondaryIndexes"]] == ["by_b"]
    item = {"a": text("x"), "b": text("y"), "n": number(1)}
    assert db.get(target, {"a": text("x")}) == item


def test_a_table_of_the_name_is_not_restored_over(refuses: Refuses, kept: Kept) -> None:
    body = {"TargetTableName": kept.table, "BackupArn": kept.backup}
    message = f"Table already exists: {kept.table}"
    refuses("RestoreTableFromBackup", body, message, "TableAlreadyExistsException")


def test_a_backup_that_is_deleted_is_gone(db: Client, refuses: Refuses, kept: Kept) -> None:
    body = {"TableName": kept.table, "BackupName": "again"}
    arn = db.call("CreateBackup", body)["BackupDetails"]["BackupArn"]
    described = {"BackupArn": arn}

    def is_available() -> bool:
        answer = db.call("DescribeBackup", described)["BackupDescription"]
        return answer["BackupDetails"]["BackupStatus"] == "AVAILABLE"

    until(is_available)
    gone = db.call("DeleteBackup", described)["BackupDescription"]
    assert gone["BackupDetails"]["BackupStatus"] == "DELETED"
    message = f"Backup not found: {arn}"
    refuses("DescribeBackup", described, message, "BackupNotFoundException")
    refuses("DeleteBackup", described, message, "BackupNotFoundException")


@pytest.mark.parametrize("operation", ["DescribeBackup", "DeleteBackup"])
def test_backups_that_are_not_there(refuses: Refuses, kept: Kept, operation: str) -> None:
    arn = ABSENT_BACKUP.format(kept.arn)
    message = f"Backup not found: {arn}"
    refuses(operation, {"BackupArn": arn}, message, "BackupNotFoundException")


def test_what_is_no_arn_of_a_backup(db: Client, kept: Kept) -> None:
    answer = db.send("DescribeBackup", {"BackupArn": kept.arn})
    assert (answer.status, answer.code) == (400, "ValidationException")


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("CreateBackup", {"BackupName": "name"}),
        ("DescribeContinuousBackups", {}),
        (
            "UpdateContinuousBackups",
            {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}},
        ),
    ],
)
def test_tables_that_are_not_there(refuses: Refuses, operation: str, more: Json) -> None:
    body = {"TableName": "no-such-table", **more}
    refuses(operation, body, "Table not found: no-such-table", "TableNotFoundException")


NAMES = {
    "ab": "have length greater than or equal to 3",
    "x" * 256: "have length less than or equal to 255",
    "no name": "satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
}


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:8])
def test_backups_have_names(refuses: Refuses, name: str) -> None:
    message = (
        f"1 validation error detected: Value '{name}' at 'backupName' failed to satisfy constraint:"
        f" Member must {NAMES[name]}"
    )
    refuses("CreateBackup", {"TableName": "@simple", "BackupName": name}, message)


def test_lists_of_backups_have_bounds(refuses: Refuses) -> None:
    message = f"{INVALID}Time range lower bound must be less than or equal to upper bound"
    refuses("ListBackups", {"TimeRangeLowerBound": 2, "TimeRangeUpperBound": 1}, message)


# Point-in-time recovery --------------------------------------------------------------------------


def switched(table: str, enabled: bool, **more: int) -> Json:
    specification = {"PointInTimeRecoveryEnabled": enabled, **more}
    return {"TableName": table, "PointInTimeRecoverySpecification": specification}


def test_recovery_is_turned_on_and_off(db: Client, kept: Kept) -> None:
    asked = {"TableName": kept.table}
    off = db.call("DescribeContinuousBackups", asked)["ContinuousBackupsDescription"]
    assert off == {
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
    }
    answer = db.call("UpdateContinuousBackups", switched(kept.table, True))
    on = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert set(on) == {
        "PointInTimeRecoveryStatus",
        "RecoveryPeriodInDays",
        "EarliestRestorableDateTime",
        "LatestRestorableDateTime",
    }
    assert (on["PointInTimeRecoveryStatus"], on["RecoveryPeriodInDays"]) == ("ENABLED", 35)
    shorter = db.call("UpdateContinuousBackups", switched(kept.table, True, RecoveryPeriodInDays=7))
    described = shorter["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert described["RecoveryPeriodInDays"] == 7
    answer = db.call("UpdateContinuousBackups", switched(kept.table, False))
    assert answer["ContinuousBackupsDescription"] == off


def test_a_period_is_for_recovery_that_is_on(refuses: Refuses, kept: Kept) -> None:
    message = (
        "Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time"
        " recovery."
    )
    refuses("UpdateContinuousBackups", switched(kept.table, False, RecoveryPeriodInDays=3), message)


@pytest.mark.parametrize(
    ("days", "bound"), [(0, "greater than or equal to 1"), (36, "less than or equal to 35")]
)
def test_a_period_has_bounds(refuses: Refuses, days: int, bound: str) -> None:
    place = "pointInTimeRecoverySpecification.recoveryPeriodInDays"
    message = (
        f"1 validation error detected: Value '{days}' at '{place}' failed to satisfy constraint:"
        f" Member must have value {bound}"
    )
    refuses(
        "UpdateContinuousBackups", switched("@simple", True, RecoveryPeriodInDays=days), message
    )


def test_what_is_not_recoverable_is_not_restored(db: Client, kept: Kept) -> None:
    body = {
        "SourceTableName": kept.table,
        "TargetTableName": db.new_name(),
        "UseLatestRestorableTime": True,
    }
    answer = db.send("RestoreTableToPointInTime", body)
    assert (answer.status, answer.code) == (400, "PointInTimeRecoveryUnavailableException")
    absent = db.send("RestoreTableToPointInTime", {**body, "SourceTableName": "no-such-table"})
    assert (absent.status, absent.code) == (400, "TableNotFoundException")
