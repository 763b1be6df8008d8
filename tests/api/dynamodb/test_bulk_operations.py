"""Proves that bulk puts can be started once, followed, listed and cancelled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tailrace import limits
from tailrace.api.dynamodb import bulk_operations
from tailrace.testing.calling import Caller
from tests.tables.transfer.bulk_puts import (
    ARN,
    HOUR_US,
    SECOND_US,
    asked,
    begin,
    described,
    done,
    keys,
    line,
    many,
    write,
)


def test_cancelling_in_the_middle_keeps_what_was_put(putter: Caller, bucket: Path) -> None:
    many(bucket)
    arn = begin(putter)["BulkOperationArn"]
    putter.keep_step()
    putter.keep_step()
    answer = putter.call("CancelBulkOperation", BulkOperationArn=arn)
    assert answer == {"BulkOperationArn": arn, "BulkOperationStatus": "CANCELLING"}
    assert putter.call("CancelBulkOperation", BulkOperationArn=arn) == answer
    assert described(putter, arn)["BulkOperationStatus"] == "CANCELLING"
    putter.keep()
    found = described(putter, arn)
    assert found["BulkOperationStatus"] == "CANCELLED"
    assert (found["FailureCode"], bool(found["FailureMessage"])) == ("Cancelled", True)
    assert found["EndTime"] >= found["StartTime"]
    assert 0 < found["ProcessedItemCount"] < 9000
    assert len(keys(putter)) == found["ProcessedItemCount"]
    refused = putter.refused("CancelBulkOperation", BulkOperationArn=arn)
    assert refused.code == "ValidationException"


def test_a_cancellation_before_it_began_puts_nothing(putter: Caller, bucket: Path) -> None:
    write(bucket, "in/1.json", line("a"))
    arn = begin(putter)["BulkOperationArn"]
    putter.call("CancelBulkOperation", BulkOperationArn=arn)
    putter.keep()
    assert described(putter, arn)["BulkOperationStatus"] == "CANCELLED"
    assert keys(putter) == []


def test_a_token_stands_for_its_operation_for_eight_hours(putter: Caller, bucket: Path) -> None:
    write(bucket, "in/1.json", line("a"))
    first = done(putter, ClientToken="t")
    assert first["ClientToken"] == "t"
    assert begin(putter, ClientToken="t") == first
    for other in (
        {"Input": {"S3KeyPrefix": "other/"}},
        {"MaxWriteRequestUnits": 2000},
        {"PerformanceTier": "ACCELERATED"},
    ):
        refused = putter.refused("StartBulkPutItems", **asked(ClientToken="t", **other))
        assert refused.code == "IdempotentParameterMismatchException"
    assert begin(putter, ClientToken="t", TableName=ARN) == first
    putter.clock.advance(8 * HOUR_US + SECOND_US)
    again = begin(putter, ClientToken="t")
    assert again["BulkOperationArn"] != first["BulkOperationArn"]
    # Without one, each request is a new one.
    assert begin(putter)["BulkOperationArn"] != begin(putter)["BulkOperationArn"]


def test_of_two_requests_at_once_one_starts_it(
    putter: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = begin(putter, ClientToken="t")
    known = bulk_operations._known
    looks: list[str] = []

    def too_early(*asked: Any) -> Any:
        looks.append("again")
        return None if len(looks) == 1 else known(*asked)

    monkeypatch.setattr(bulk_operations, "_known", too_early)
    assert begin(putter, ClientToken="t") == first
    looks.clear()
    other = asked(ClientToken="t", MaxWriteRequestUnits=5000)
    refused = putter.refused("StartBulkPutItems", **other)
    assert refused.code == "IdempotentParameterMismatchException"
    assert len(putter.call("ListBulkOperations")["BulkOperationsSummaryList"]) == 1


def test_so_many_run_at_once_and_no_more(
    putter: Caller, bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BULK_PUTS_AT_ONCE", 2)
    begin(putter, ClientToken="first")
    begin(putter)
    assert putter.refused("StartBulkPutItems", **asked()).code == "LimitExceededException"
    # What is under way is no further one.
    assert begin(putter, ClientToken="first")["ClientToken"] == "first"
    putter.keep()
    begin(putter)


def test_operations_are_listed_newest_first(putter: Caller, bucket: Path) -> None:
    assert putter.call("ListBulkOperations") == {"BulkOperationsSummaryList": []}
    arns: list[str] = []
    for _ in range(12):
        arns.insert(0, begin(putter)["BulkOperationArn"])
        putter.clock.advance(SECOND_US)
    putter.keep()
    page = putter.call("ListBulkOperations")
    summaries = page["BulkOperationsSummaryList"]
    assert [summary["BulkOperationArn"] for summary in summaries] == arns[:10]
    assert set(summaries[0]) == {"BulkOperationArn", "BulkOperationStatus", "StartTime", "EndTime"}
    rest = putter.call("ListBulkOperations", MaxResults=25, NextToken=page["NextToken"])
    assert [found["BulkOperationArn"] for found in rest["BulkOperationsSummaryList"]] == arns[10:]
    assert "NextToken" not in rest
    refused = putter.refused("ListBulkOperations", NextToken="0" * 16)
    assert refused.code == "ValidationException"
    putter.call("DeleteTable", TableName="things")
    assert putter.call("ListBulkOperations", MaxResults=1)["BulkOperationsSummaryList"]
    putter.clock.advance(91 * 24 * HOUR_US)
    putter.keep()
    assert putter.call("ListBulkOperations") == {"BulkOperationsSummaryList": []}


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"TableName": "absent"}, "ResourceNotFoundException", "Requested resource not found"),
        ({"Output": {"OutputType": []}}, "ValidationException", "Invalid Request: OutputType"),
        ({"Output": {"OutputType": ["OTHER"]}}, "ValidationException", "1 validation error"),
        (
            {"Output": {"S3SseKmsKeyId": "k"}},
            "ValidationException",
            "Invalid Request: KMS Key Id is not supported for this encryption type",
        ),
        ({"Input": {"InputFormat": "CSV"}}, "ValidationException", "1 validation error"),
        ({"MaxWriteRequestUnits": 1023}, "ValidationException", "1 validation error"),
        ({"PerformanceTier": "FAST"}, "ValidationException", "1 validation error"),
        ({"ClientToken": "$"}, "ValidationException", "1 validation error"),
    ],
)
def test_requests_are_checked(
    putter: Caller, members: dict[str, Any], code: str, message: str
) -> None:
    refused = putter.refused("StartBulkPutItems", **asked(**members))
    assert refused.code == code
    assert refused.message.startswith(message)
    assert putter.call("ListBulkOperations")["BulkOperationsSummaryList"] == []


@pytest.mark.parametrize("operation", ["DescribeBulkOperation", "CancelBulkOperation"])
@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (ARN, "ValidationException"),
        (f"{ARN}/import/01234567890123-a1b2c3d4", "ValidationException"),
        (f"{ARN}/bulk-operation/01234567890123-a1b2c3d4", "ResourceNotFoundException"),
        (
            f"{ARN.replace('000000000000', '111111111111')}/bulk-operation/01-a",
            "AccessDeniedException",
        ),
    ],
)
def test_operations_are_named_by_their_arns(
    putter: Caller, operation: str, arn: str, code: str
) -> None:
    assert putter.refused(operation, BulkOperationArn=arn).code == code


@pytest.mark.parametrize("size", [0, 26])
def test_pages_have_from_one_to_twenty_five(putter: Caller, size: int) -> None:
    assert putter.refused("ListBulkOperations", MaxResults=size).code == "ValidationException"
