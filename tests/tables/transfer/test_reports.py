"""Proves that what a bulk put does not write is reported, where and as it was asked for."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from backports import zstd

from tailrace import limits
from tailrace.testing.calling import Caller
from tests.tables.transfer.bulk_puts import (
    asked,
    begin,
    described,
    done,
    item,
    keys,
    line,
    report,
    write,
)


def test_conditions_that_do_not_hold_are_reported(putter: Caller, bucket: Path) -> None:
    putter.put("old", n={"N": "1"})
    fresh = {"ConditionExpression": "attribute_not_exists(pk)"}
    newer = {
        "ConditionExpression": "#n < :n",
        "ExpressionAttributeNames": {"#n": "n"},
        "ExpressionAttributeValues": {":n": {"N": "2"}},
    }
    write(
        bucket,
        "in/1.json",
        {**line("old"), **fresh},
        {**line("new", n={"N": "1"}), **fresh},
        {**line("new", n={"N": "9"}), **fresh},
        {**line("new", n={"N": "2"}), **newer},
        {**line("absent"), **newer},
    )
    found = done(putter)
    # They are no errors.
    assert found["BulkOperationStatus"] == "COMPLETED"
    assert (found["ProcessedItemCount"], found["FailedItemCount"]) == (5, 0)
    assert putter.get("old") == item("old", n={"N": "1"})
    assert putter.get("new") == item("new", n={"N": "2"})
    assert keys(putter) == ["new", "old"]
    reported = report(bucket, found, "condition-check-failure")
    assert [(each["Line"], each["Item"], each.get("ExistingItem")) for each in reported] == [
        (1, item("old"), item("old", n={"N": "1"})),
        (3, item("new", n={"N": "9"}), item("new", n={"N": "1"})),
        (5, item("absent"), None),
    ]
    assert report(bucket, found, "error") == []


FAULTY = [
    b"{\n",
    b'{"Other": {}}\n',
    {"Item": {"other": {"S": "x"}}},
    {"Item": {"pk": {"N": "1"}}},
    line(""),
    line("x", n={"N": "x"}),
    line("x", n={"N": ["1"]}),
    line("x", long={"S": "x" * 410_000}),
    b"\xff\xfe\n",
    b"x" * 5_000_000 + b"\n",
    {**line("x"), "ConditionExpression": "pk ="},
    {**line("x"), "ConditionExpression": "pk.a = :a"},
    {**line("x"), "ExpressionAttributeValues": {":a": {"S": "x"}}},
    {**line("x"), "ConditionExpression": 5},
    {**line("x"), "ConditionExpression": "attribute_exists(pk[0])"},
    b"[" * 100_000 + b"\n",
]


def test_faulty_items_are_counted_and_reported(putter: Caller, bucket: Path) -> None:
    write(bucket, "in/1.json", *FAULTY, line("a"))
    found = done(putter, Output={"S3KeyPrefix": "deep/"})
    assert found["BulkOperationStatus"] == "COMPLETED_WITH_ERRORS"
    assert found["FailedItemCount"] == len(FAULTY)
    assert found["ProcessedItemCount"] == len(FAULTY) + 1
    assert keys(putter) == ["a"]
    found["OutputS3Configuration"]["S3KeyPrefix"] = "deep"
    reported = report(bucket, found, "error")
    assert [each["Line"] for each in reported] == list(range(1, len(FAULTY) + 1))
    assert {each["S3Key"] for each in reported} == {"in/1.json"}
    assert all(each["ErrorCode"] == "ValidationException" for each in reported)
    assert all(each["ErrorMessage"] for each in reported)
    assert reported[2]["Record"] == json.dumps(FAULTY[2])
    assert "Record" not in reported[9]


def test_only_what_is_asked_for_is_reported(putter: Caller, bucket: Path) -> None:
    failing = {**line("b"), "ConditionExpression": "attribute_exists(pk)"}
    write(bucket, "in/1.json", b"{\n", failing)
    found = done(putter, Output={"OutputType": ["CONDITION_CHECK_FAILURE"]})
    assert found["BulkOperationStatus"] == "COMPLETED_WITH_ERRORS"
    assert found["FailedItemCount"] == 1
    assert report(bucket, found, "error") == []
    assert len(report(bucket, found, "condition-check-failure")) == 1


def test_long_reports_are_several_files(
    putter: Caller, bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BULK_REPORT_FILE_BYTES", 64 * 1024)
    write(bucket, "in/1.json", *[b"{%d\n" % number for number in range(2000)])
    found = done(putter)
    assert found["FailedItemCount"] == 2000
    reported = report(bucket, found, "error")
    assert [each["Record"] for each in reported] == [f"{{{number}" for number in range(2000)]
    assert len(list((bucket.parent / "reports").rglob("error/*.json"))) > 1


def test_a_report_beside_the_input_is_not_read(putter: Caller, bucket: Path) -> None:
    write(bucket, "in/1.json", b"{\n", line("a"))
    output = {"S3KeyPrefix": "in", "OutputType": ["ERROR"]}
    request = asked(Output=output)
    del request["OutputS3Configuration"]["S3Bucket"]
    arn = putter.call("StartBulkPutItems", **request)["BulkOperationDescription"][
        "BulkOperationArn"
    ]
    putter.keep_step()
    putter.transfers.close()
    putter.keep()
    found = described(putter, arn)
    assert (found["ProcessedItemCount"], found["FailedItemCount"]) == (2, 1)
    assert "S3Bucket" not in found["OutputS3Configuration"]
    assert len(report(bucket, found, "error")) == 1


@pytest.mark.parametrize("compression", ["GZIP", "ZSTD"])
@pytest.mark.parametrize("damage", ["cut", "garbage"])
def test_damaged_objects_end_where_they_are_damaged(
    putter: Caller, bucket: Path, compression: str, damage: str
) -> None:
    pack = gzip.compress if compression == "GZIP" else zstd.compress
    whole = pack(json.dumps(line("a")).encode() + b"\n")
    write(bucket, "in/1", whole[:-3] if damage == "cut" else b"no such thing")
    write(bucket, "in/2", pack(json.dumps(line("b")).encode() + b"\n"))
    found = done(putter, Input={"InputCompressionType": compression})
    assert found["BulkOperationStatus"] == "COMPLETED_WITH_ERRORS"
    assert found["FailedItemCount"] == 1
    assert "b" in keys(putter)
    (reported,) = report(bucket, found, "error")
    assert reported["S3Key"] == "in/1"


def test_a_report_of_what_was_never_put_is_written_over(putter: Caller, bucket: Path) -> None:
    write(bucket, "in/1.json", b"{\n", line("a"))
    arn = begin(putter)["BulkOperationArn"]
    identity = arn.rpartition("/")[2]
    # As if the server had ended between the report of a batch and its commit.
    write(bucket.parent / "reports", f"AWSDynamoDB/{identity}/error/000001.json", b"lost\n" * 9)
    putter.keep()
    assert len(report(bucket, described(putter, arn), "error")) == 1
