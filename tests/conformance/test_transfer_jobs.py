"""Exports and imports once they are under way: described, listed, told apart by their tokens, and
failed for a bucket that is not there."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import definitions, keys

WAIT_S = 600.0
ABSENT_BUCKET = f"no-such-bucket-{uuid.uuid4().hex[:12]}"
KEYED: Json = {"AttributeDefinitions": definitions(("a", "S")), "KeySchema": keys("a")}
TIME = "InvalidExportTimeException"


def ended(describe: Callable[[], Json], status: str) -> Json:
    """What describes a job when it is no longer under way."""
    end = time.monotonic() + WAIT_S
    while (found := describe())[status] == "IN_PROGRESS" and time.monotonic() < end:
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def arn(db: Client) -> str:
    """The ARN of a table with point-in-time recovery."""
    table = db.new_table(**KEYED)
    specification = {"PointInTimeRecoveryEnabled": True}
    body = {"TableName": table, "PointInTimeRecoverySpecification": specification}
    end = time.monotonic() + WAIT_S
    while db.send("UpdateContinuousBackups", body).status != 200 and time.monotonic() < end:
        time.sleep(0.5)
    return db.describe(table)["TableArn"]


def exported(arn: str, **more: Any) -> Json:
    return {"TableArn": arn, "S3Bucket": ABSENT_BUCKET, **more}


def test_an_export_is_described_listed_and_fails_without_its_bucket(
    db: Client, refuses: Refuses, arn: str
) -> None:
    body = exported(arn, S3Prefix="here", ClientToken=uuid.uuid4().hex)
    made = db.call("ExportTableToPointInTime", body)["ExportDescription"]
    assert made["ExportArn"].startswith(f"{arn}/export/")
    assert made["ExportStatus"] == "IN_PROGRESS"
    shown = {name: made[name] for name in (*body, "ExportFormat", "S3SseAlgorithm")}
    assert shown == {**body, "ExportFormat": "DYNAMODB_JSON", "S3SseAlgorithm": "AES256"}
    again = db.call("ExportTableToPointInTime", body)["ExportDescription"]
    assert again["ExportArn"] == made["ExportArn"]
    message = "Export conflict: Duplicate request detected with conflicting parameters"
    other = {**body, "S3Prefix": "there"}
    refuses("ExportTableToPointInTime", other, message, "ExportConflictException")
    listed = db.call("ListExports", {"TableArn": arn})["ExportSummaries"]
    found = next(each for each in listed if each["ExportArn"] == made["ExportArn"])
    assert found["ExportType"] == "FULL_EXPORT"
    named = {"ExportArn": made["ExportArn"]}
    last = ended(lambda: db.call("DescribeExport", named)["ExportDescription"], "ExportStatus")
    assert (last["ExportStatus"], last["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    assert last["EndTime"] >= last["StartTime"]


def incremental(arn: str, begin: float, end: float | None = None) -> Json:
    specification = {"ExportFromTime": begin, **({} if end is None else {"ExportToTime": end})}
    return exported(
        arn,
        ExportType="INCREMENTAL_EXPORT",
        IncrementalExportSpecification=specification,
    )


def test_exports_have_times(refuses: Refuses, arn: str) -> None:
    now = int(time.time())
    refuses("ExportTableToPointInTime", exported(arn, ExportTime=1), "Export Time is invalid", TIME)
    later = exported(arn, ExportTime=now + 3600)
    refuses("ExportTableToPointInTime", later, "Export Time is invalid", TIME)
    message = "Incremental export period to time cannot be greater than the current time"
    refuses("ExportTableToPointInTime", incremental(arn, now, now + 3600), message, TIME)
    message = "Incremental export period from time cannot be less than the table creation time"
    refuses("ExportTableToPointInTime", incremental(arn, 1), message, TIME)


def test_lists_have_pages(refuses: Refuses) -> None:
    problem = "failed to satisfy constraint: Member must have value less than or equal to 25"
    message = f"1 validation error detected: Value '26' at '{{}}' {problem}"
    refuses("ListExports", {"MaxResults": 26}, message.format("maxResults"))
    refuses("ListImports", {"PageSize": 26}, message.format("pageSize"))


def test_an_import_is_described_and_fails_without_its_bucket(db: Client) -> None:
    table = db.new_name()
    creation = {"TableName": table, **KEYED, "BillingMode": "PAY_PER_REQUEST"}
    body = {
        "S3BucketSource": {"S3Bucket": ABSENT_BUCKET},
        "InputFormat": "CSV",
        "ClientToken": uuid.uuid4().hex,
        "TableCreationParameters": creation,
    }
    made = db.call("ImportTable", body)["ImportTableDescription"]
    assert made["ImportArn"].startswith(f"{made['TableArn']}/import/")
    assert (made["ImportStatus"], made["InputFormat"]) == ("IN_PROGRESS", "CSV")
    assert made["InputCompressionType"] == "NONE"
    assert made["TableCreationParameters"] == creation
    named = {"ImportArn": made["ImportArn"]}
    last = ended(lambda: db.call("DescribeImport", named)["ImportTableDescription"], "ImportStatus")
    assert (last["ImportStatus"], last["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    assert (last["ProcessedItemCount"], last["ImportedItemCount"]) == (0, 0)
    (listed,) = db.call("ListImports", {"TableArn": made["TableArn"]})["ImportSummaryList"]
    assert (listed["ImportArn"], listed["ImportStatus"]) == (made["ImportArn"], "FAILED")
