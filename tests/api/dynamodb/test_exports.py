"""Proves that exports lie in their bucket as AWS lays them out, with the items of their moment."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tailrace import limits
from tailrace.testing.calling import Caller
from tests.api.dynamodb.exports import ARN, MINUTE_US, described, done, export, files, lines


def test_a_full_export_has_manifests_and_files_of_items(exporter: Caller, bucket: Path) -> None:
    for number in range(20):
        exporter.put(str(number), n={"N": str(number)})
    found = done(exporter, S3Prefix="exports/today/", ClientToken="t")
    identity = found["ExportArn"].rpartition("/")[2]
    directory = bucket / "exports/today/AWSDynamoDB" / identity
    names = sorted(path.name for path in directory.iterdir())
    assert names == [
        "_started",
        "data",
        "manifest-files.json",
        "manifest-files.md5",
        "manifest-summary.json",
        "manifest-summary.md5",
    ]
    content = (directory / "manifest-summary.json").read_bytes()
    checksum = (directory / "manifest-summary.md5").read_bytes()
    assert base64.b64decode(checksum) == hashlib.md5(content).digest()
    summary = json.loads(content)
    assert summary["version"] == "2020-06-30"
    assert summary["exportArn"] == found["ExportArn"]
    assert summary["itemCount"] == found["ItemCount"] == 20
    assert summary["outputFormat"] == "DYNAMODB_JSON"
    assert summary["s3Prefix"] == "exports/today/"
    assert summary["s3SseKmsKeyId"] is None
    # At least one file for each partition.
    entries = files(bucket, found)
    assert len(entries) == exporter.table().partitions
    assert sum(entry["itemCount"] for entry in entries) == 20
    for entry in entries:
        data = (bucket / entry["dataFileS3Key"]).read_bytes()
        assert base64.b64decode(entry["md5Checksum"]) == hashlib.md5(data).digest()
        assert entry["etag"] == f"{hashlib.md5(data).hexdigest()}-1"
    items = [json.loads(line)["Item"] for line in lines(bucket, found)]
    assert sorted(items, key=str) == sorted(exporter.scan(), key=str)


def test_an_export_is_of_its_moment(exporter: Caller, bucket: Path) -> None:
    exporter.put("old", n={"N": "1"})
    exporter.clock.advance(MINUTE_US)
    at_s = exporter.clock.now_us() / 1e6
    exporter.clock.advance(MINUTE_US)
    exporter.put("old", n={"N": "2"})
    exporter.put("new")
    found = done(exporter, ExportTime=at_s)
    assert found["ExportTime"] == at_s
    (line,) = lines(bucket, found)
    assert json.loads(line) == {"Item": {"pk": {"S": "old"}, "n": {"N": "1"}}}
    # Nothing is left of the snapshot.
    assert len([t for t in exporter.engine.catalog().tables.values() if "export" in t.name]) == 0


def test_ion_is_one_line_for_each_item(exporter: Caller, bucket: Path) -> None:
    exporter.put("a", n={"N": "1.5"}, s={"SS": ["x"]})
    found = done(exporter, ExportFormat="ION")
    assert lines(bucket, found) == ['$ion_1_0 {Item:{n:1.5,pk:"a",s:$dynamodb_SS::["x"]}}']
    assert all(entry["dataFileS3Key"].endswith(".ion.gz") for entry in files(bucket, found))


@pytest.mark.parametrize("view", ["NEW_IMAGE", "NEW_AND_OLD_IMAGES", None])
def test_an_incremental_export_folds_the_changes_of_each_item(
    exporter: Caller, bucket: Path, view: str | None
) -> None:
    exporter.put("changed", n={"N": "0"})
    exporter.put("removed", n={"N": "0"})
    exporter.put("untouched")
    exporter.clock.advance(MINUTE_US)
    from_us = exporter.clock.now_us()
    for turn in range(1, 4):
        exporter.put("changed", n={"N": str(turn)})
        exporter.put("passing", n={"N": str(turn)})
        exporter.put("added", n={"N": str(turn)})
        exporter.clock.advance(5 * MINUTE_US)
    last_us = exporter.clock.now_us()
    for key in ("removed", "passing"):
        exporter.call("DeleteItem", TableName="things", Key={"pk": {"S": key}})
    exporter.clock.advance(MINUTE_US)
    to_us = exporter.clock.now_us()
    exporter.put("changed", n={"N": "99"})
    window = {"ExportFromTime": from_us / 1e6, "ExportToTime": to_us / 1e6}
    if view is not None:
        window["ExportViewType"] = view
    found = done(exporter, ExportType="INCREMENTAL_EXPORT", IncrementalExportSpecification=window)
    records = {
        record["Keys"]["pk"]["S"]: record for record in map(json.loads, lines(bucket, found))
    }
    assert sorted(records) == ["added", "changed", "removed"]
    changed = {"pk": {"S": "changed"}, "n": {"N": "3"}}
    assert records["changed"]["NewImage"] == changed
    assert "NewImage" not in records["removed"]
    stamp = records["removed"]["Metadata"]["WriteTimestampMicros"]["N"]
    assert int(stamp) == last_us
    shows_old = view != "NEW_IMAGE"
    assert ("OldImage" in records["changed"]) is shows_old
    assert ("OldImage" in records["removed"]) is shows_old
    assert "OldImage" not in records["added"]
    if shows_old:
        assert records["changed"]["OldImage"] == {"pk": {"S": "changed"}, "n": {"N": "0"}}
    summary = json.loads((bucket / found["ExportManifest"]).read_bytes())
    assert summary["exportType"] == "INCREMENTAL_EXPORT"
    assert summary["outputView"] == (view or "NEW_AND_OLD_IMAGES")
    assert all(
        entry["dataFileS3Key"].startswith("AWSDynamoDB/data/") for entry in files(bucket, found)
    )


def test_a_bucket_that_is_not_there_fails_the_export(exporter: Caller) -> None:
    begun = export(exporter, S3Bucket="absent")
    exporter.keep()
    found = described(exporter, begun["ExportArn"])
    assert found["ExportStatus"] == "FAILED"
    assert found["FailureCode"] == "S3NoSuchBucket"
    assert "ExportManifest" not in found


def test_a_token_stands_for_one_export(exporter: Caller) -> None:
    first = export(exporter, ClientToken="t")
    assert export(exporter, ClientToken="t")["ExportArn"] == first["ExportArn"]
    exporter.keep()
    assert export(exporter, ClientToken="t")["ExportArn"] == first["ExportArn"]
    members = {"TableArn": ARN, "S3Bucket": "bucket", "S3Prefix": "x", "ClientToken": "t"}
    refused = exporter.refused("ExportTableToPointInTime", **members)
    assert (refused.code, refused.message) == (
        "ExportConflictException",
        "Export conflict: Duplicate request detected with conflicting parameters",
    )
    assert export(exporter)["ExportArn"] != export(exporter)["ExportArn"]


def test_exports_are_listed_newest_first_a_page_at_a_time(exporter: Caller) -> None:
    arns: list[str] = []
    for _ in range(3):
        arns.insert(0, export(exporter)["ExportArn"])
        exporter.clock.advance(MINUTE_US)
    found: list[str] = []
    more: dict[str, Any] = {}
    while True:
        page = exporter.call("ListExports", TableArn=ARN, MaxResults=1, **more)
        found += [summary["ExportArn"] for summary in page["ExportSummaries"]]
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    assert found == arns
    refused = exporter.refused("ListExports", NextToken="00ff")
    assert refused.message == "Invalid Request: Provided nextToken is invalid: 00ff"
    exporter.keep()
    exporter.call("DeleteTable", TableName="things")
    assert exporter.call("ListExports", TableArn=ARN)["ExportSummaries"] == []
    assert described(exporter, arns[0])["TableArn"] == ARN


@pytest.mark.parametrize(
    ("members", "code", "start"),
    [
        ({"TableArn": "things"}, "ValidationException", "One or more parameter values were inval"),
        ({"TableArn": f"{ARN}x"}, "TableNotFoundException", f"Table not found: {ARN}x"),
        ({"ExportTime": 9_999_999_999}, "InvalidExportTimeException", "Export Time is invalid"),
        ({"ExportTime": 1}, "InvalidExportTimeException", "Export Time is invalid"),
        (
            {"S3SseKmsKeyId": "x"},
            "ValidationException",
            "Invalid Request: KMS Key Id is not supported for this encryption type",
        ),
        (
            {"ExportType": "INCREMENTAL_EXPORT"},
            "ValidationException",
            "Invalid Request: Incremental Export Specification expected",
        ),
        (
            {"IncrementalExportSpecification": {"ExportFromTime": 1}},
            "ValidationException",
            "Invalid Request: Export Type expected to be Incremental Export",
        ),
        (
            {"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": {}},
            "ValidationException",
            "Invalid Request: ExportFromTime must be provided",
        ),
        (
            {
                "ExportType": "INCREMENTAL_EXPORT",
                "IncrementalExportSpecification": {"ExportFromTime": 1},
            },
            "InvalidExportTimeException",
            "Incremental export period from time cannot be less than the table creation time",
        ),
        (
            {"FilterSpecification": {"FilterExpression": "a = :a"}},
            "ValidationException",
            "Invalid FilterExpression: An expression attribute value used in expression is not",
        ),
        (
            {"FilterSpecification": {"ExpressionAttributeNames": {"#a": "a"}}},
            "ValidationException",
            "ExpressionAttributeNames can only be specified when using expressions",
        ),
        (
            {
                "FilterSpecification": {
                    "KeyConditionExpression": "pk = :pk",
                    "FilterExpression": "attribute_exists(pk)",
                    "ExpressionAttributeValues": {":pk": {"S": "a"}},
                }
            },
            "ValidationException",
            "Filter Expression can only contain non-primary key attributes: Primary key attribute",
        ),
        (
            {
                "FilterSpecification": {
                    "KeyConditionExpression": "n = :n",
                    "ExpressionAttributeValues": {":n": {"S": "a"}},
                }
            },
            "ValidationException",
            "Query condition missed key schema element: pk",
        ),
        (
            {"FilterSpecification": {"ProjectionExpression": "pk.a"}},
            "ValidationException",
            "Key attributes must be scalars",
        ),
    ],
)
def test_requests_are_checked(
    exporter: Caller, members: dict[str, Any], code: str, start: str
) -> None:
    asked = {"TableArn": ARN, "S3Bucket": "bucket", **members}
    refused = exporter.refused("ExportTableToPointInTime", **asked)
    assert refused.code == code
    assert refused.message.startswith(start)


def test_a_token_stands_for_its_export_for_eight_hours(exporter: Caller) -> None:
    first = export(exporter, ClientToken="t")["ExportArn"]
    assert export(exporter, ClientToken="t")["ExportArn"] == first
    exporter.keep()
    exporter.clock.advance(8 * 60 * MINUTE_US)
    assert export(exporter, ClientToken="t")["ExportArn"] != first


def test_so_many_run_at_once_and_no_more(exporter: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "EXPORTS_AT_ONCE", 1)
    export(exporter)
    refused = exporter.refused("ExportTableToPointInTime", TableArn=ARN, S3Bucket="bucket")
    assert refused.code == "LimitExceededException"
    exporter.keep()
    export(exporter)


def test_changes_must_be_kept(caller: Caller) -> None:
    caller.create()
    refused = caller.refused("ExportTableToPointInTime", TableArn=ARN, S3Bucket="bucket")
    assert (refused.code, refused.message) == (
        "PointInTimeRecoveryUnavailableException",
        "Point in time recovery is not enabled for table 'things'",
    )


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (ARN, "ValidationException"),
        (f"{ARN}/import/01-a", "ValidationException"),
        (f"{ARN}/export/01234567890123-a1b2c3d4", "ExportNotFoundException"),
        (ARN.replace("000000000000", "111111111111") + "/export/01-a", "AccessDeniedException"),
    ],
)
def test_exports_are_named_by_their_arns(caller: Caller, arn: str, code: str) -> None:
    assert caller.refused("DescribeExport", ExportArn=arn).code == code


def test_an_export_goes_on_after_a_restart(disk: Any, tmp_path: Path) -> None:
    caller = disk.open()
    bucket = tmp_path / "buckets" / "bucket"
    bucket.mkdir()
    caller.create()
    caller.call(
        "UpdateContinuousBackups",
        TableName="things",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    for number in range(300):
        caller.put(str(number))
    arn = export(caller)["ExportArn"]
    caller = disk.open()
    caller.keep()
    assert described(caller, arn)["ItemCount"] == 300
    assert len(lines(bucket, described(caller, arn))) == 300
