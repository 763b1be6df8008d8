"""What the tests of exports do again and again."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from tailrace.testing.calling import Caller

MINUTE_US = 60 * 1_000_000
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/things"


def export(caller: Caller, **more: Any) -> dict[str, Any]:
    members = {"TableArn": ARN, "S3Bucket": "bucket", **more}
    return caller.call("ExportTableToPointInTime", **members)["ExportDescription"]


def described(caller: Caller, arn: str) -> dict[str, Any]:
    return caller.call("DescribeExport", ExportArn=arn)["ExportDescription"]


def done(caller: Caller, **more: Any) -> dict[str, Any]:
    """An export that was carried out."""
    begun = export(caller, **more)
    assert begun["ExportStatus"] == "IN_PROGRESS"
    caller.keep()
    found = described(caller, begun["ExportArn"])
    assert found["ExportStatus"] == "COMPLETED"
    return found


def files(bucket: Path, found: dict[str, Any]) -> list[dict[str, Any]]:
    summary = json.loads((bucket / found["ExportManifest"]).read_bytes())
    manifest = (bucket / summary["manifestFilesS3Key"]).read_text()
    return [json.loads(line) for line in manifest.splitlines()]


def lines(bucket: Path, found: dict[str, Any]) -> list[str]:
    """The lines of all data files."""
    return [
        line
        for entry in files(bucket, found)
        for line in gzip.decompress((bucket / entry["dataFileS3Key"]).read_bytes())
        .decode()
        .splitlines()
    ]
