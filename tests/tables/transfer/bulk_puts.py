"""What the tests of bulk puts do again and again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tailrace.testing.calling import Caller

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/things"
SECOND_US = 1_000_000
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
HOUR_US = 60 * 60 * SECOND_US


def asked(**more: Any) -> dict[str, Any]:
    return {
        "TableName": "things",
        "InputS3Configuration": {
            "S3Bucket": "bucket",
            "S3KeyPrefix": "in/",
            "InputFormat": "DYNAMODB_JSON",
            **more.pop("Input", {}),
        },
        "OutputS3Configuration": {
            "S3Bucket": "reports",
            "OutputType": ["ERROR", "CONDITION_CHECK_FAILURE"],
            **more.pop("Output", {}),
        },
        **more,
    }


def begin(caller: Caller, **more: Any) -> dict[str, Any]:
    return caller.call("StartBulkPutItems", **asked(**more))["BulkOperationDescription"]


def done(caller: Caller, **more: Any) -> dict[str, Any]:
    """A bulk put that is over."""
    begun = begin(caller, **more)
    assert begun["BulkOperationStatus"] == "IN_PROGRESS"
    assert "TotalInputBytes" not in begun
    assert "EndTime" not in begun
    caller.keep()
    return described(caller, begun["BulkOperationArn"])


def described(caller: Caller, arn: str) -> dict[str, Any]:
    return caller.call("DescribeBulkOperation", BulkOperationArn=arn)["BulkOperationDescription"]


def write(bucket: Path, key: str, *lines: Any) -> int:
    """Write lines, of JSON or as they are; how many bytes that are."""
    content = b"".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines
    )
    path = bucket / key
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.write_bytes(content)


def item(pk: str, **attributes: Any) -> dict[str, Any]:
    return {"pk": {"S": pk}, **attributes}


def line(pk: str, **attributes: Any) -> dict[str, Any]:
    return {"Item": item(pk, **attributes)}


def keys(caller: Caller) -> list[str]:
    return sorted(found["pk"]["S"] for found in caller.scan())


def report(bucket: Path, found: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The lines that were reported of a kind."""
    output = found["OutputS3Configuration"]
    prefix = "/".join(filter(None, (output.get("S3KeyPrefix"), "AWSDynamoDB")))
    identity = found["BulkOperationArn"].rpartition("/")[2]
    root = bucket.parent / output.get("S3Bucket", "bucket")
    summary = json.loads((root / prefix / identity / "manifest-summary.json").read_bytes())
    manifest = (root / summary["manifestFilesS3Key"]).read_text().splitlines()
    lines: list[dict[str, Any]] = []
    for entry in map(json.loads, manifest):
        key = entry["dataFileS3Key"]
        if f"/{kind}/" in key:
            reported = (root / key).read_text().splitlines()
            assert entry["itemCount"] == len(reported)
            lines += map(json.loads, reported)
    return lines


def images(caller: Caller) -> list[tuple[str, str]]:
    """The kinds and keys of the stream's records, in the order of their sequence numbers."""
    records = sorted(caller.records(), key=lambda record: int(record["dynamodb"]["SequenceNumber"]))
    return [(record["eventName"], record["dynamodb"]["Keys"]["pk"]["S"]) for record in records]


def many(bucket: Path, count: int = 9000) -> None:
    """More items than one step puts, in two objects."""
    half = count // 2
    write(bucket, "in/1.json", *[line(f"{number:05d}") for number in range(half)])
    write(bucket, "in/2.json", *[line(f"{number:05d}") for number in range(half, count)])
