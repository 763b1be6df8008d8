"""What a bulk put could not write, as files in a bucket: lines of JSON in files of bounded size,
and the manifests over them, laid out as those of exports.

A file grows by being written anew. What counts is how much of it the job has noted down; what lies
behind that is of a batch that was never put, and is written over.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.tables.transfer.buckets import Buckets
from tailrace.tables.transfer.jobs import Job
from tailrace.tables.transfer.loading import Batch, Fault, Unmet
from tailrace.tables.transfer.output import (
    FileEntry,
    file_entry,
    job_directory,
    shown_time,
    write_summary,
)

__all__ = ["Report", "report_batch", "report_directory", "write_report_manifests"]

_encode = msgspec.json.Encoder().encode
_DIRECTORIES: Final = {"ERROR": "error", "CONDITION_CHECK_FAILURE": "condition-check-failure"}


class Report(msgspec.Struct, frozen=True):
    """How far the files of one output type are written: the number of the last one, from 1, and its
    size."""

    file: int = 0
    size: int = 0


def report_directory(job: Job) -> tuple[str, str]:
    """The bucket of a job's report, and what the keys of its objects begin with. Without a bucket
    of its own it lies in that of the input."""
    output = job.asked["OutputS3Configuration"]
    bucket = output.get("S3Bucket") or job.asked["InputS3Configuration"]["S3Bucket"]
    return bucket, job_directory(output.get("S3KeyPrefix"), job.arn)


def report_batch(
    buckets: Buckets, job: Job, reports: dict[str, Report], batch: Batch, unmet: Sequence[Unmet]
) -> dict[str, Report]:
    """Report what of a batch is not put, where that is asked for; how far the files are then.
    Raises BucketFault."""
    lines = {
        "ERROR": [_fault_line(fault) for fault in batch.faults],
        "CONDITION_CHECK_FAILURE": [_unmet_line(failed) for failed in unmet],
    }
    asked = job.asked["OutputS3Configuration"]["OutputType"]
    return reports | {
        kind: _append(buckets, job, kind, reports.get(kind, Report()), found)
        for kind, found in lines.items()
        if found and kind in asked
    }


def _append(
    buckets: Buckets, job: Job, kind: str, report: Report, lines: Sequence[bytes]
) -> Report:
    added = b"".join(lines)
    if not report.file or report.size + len(added) > limits.BULK_REPORT_FILE_BYTES:
        report = Report(report.file + 1)
    bucket, key = _file(job, kind, report.file)
    kept = b""
    if report.size:
        with buckets.open(bucket, key) as file:
            kept = file.read(report.size)
    content = kept + added
    buckets.write(bucket, key, content)
    return Report(report.file, len(content))


def _file(job: Job, kind: str, number: int) -> tuple[str, str]:
    bucket, directory = report_directory(job)
    return bucket, f"{directory}/{_DIRECTORIES[kind]}/{number:06d}.json"


def _fault_line(fault: Fault) -> bytes:
    line: dict[str, Any] = {"S3Key": fault.key}
    if fault.line:
        line["Line"] = fault.line
    line["ErrorCode"] = "ValidationException"
    line["ErrorMessage"] = fault.message
    if fault.text:
        line["Record"] = fault.text.decode(errors="replace").rstrip("\r\n")
    return _encode(line) + b"\n"


def _unmet_line(unmet: Unmet) -> bytes:
    entry = unmet.entry
    line: dict[str, Any] = {
        "S3Key": entry.key,
        "Line": entry.line,
        "ErrorCode": "ConditionalCheckFailedException",
        "ErrorMessage": "The conditional request failed",
        "Item": entry.item,
    }
    if unmet.existing is not None:
        line["ExistingItem"] = msgspec.Raw(unmet.existing)
    return _encode(line) + b"\n"


def write_report_manifests(
    buckets: Buckets, job: Job, reports: dict[str, Report], now_us: int
) -> None:
    """Write the manifests over a job's report, once it is over. Raises BucketFault."""
    bucket, directory = report_directory(job)
    files: list[FileEntry] = []
    counts: collections.Counter[str] = collections.Counter()
    for kind, report in reports.items():
        for number in range(1, report.file + 1):
            entry = _entry(buckets, job, kind, number)
            files.append(entry)
            counts[kind] += entry.item_count
    output = job.asked["OutputS3Configuration"]
    summary: dict[str, Any] = {
        "version": "2026-01-01",
        "bulkOperationArn": job.arn,
        "startTime": shown_time(job.started_us),
        "endTime": shown_time(now_us),
        "tableArn": job.table_arn,
        "tableId": job.table_uuid,
        "s3Bucket": bucket,
        "s3Prefix": output.get("S3KeyPrefix"),
        "s3SseAlgorithm": output.get("S3SseAlgorithm"),
        "s3SseKmsKeyId": output.get("S3SseKmsKeyId"),
        "outputType": output["OutputType"],
        "processedItemCount": job.read_items,
        "failedItemCount": job.errors,
        "reportedItemCount": {kind: counts[kind] for kind in output["OutputType"]},
    }
    write_summary(buckets, bucket, directory, files, summary)


def _entry(buckets: Buckets, job: Job, kind: str, number: int) -> FileEntry:
    bucket, key = _file(job, kind, number)
    with buckets.open(bucket, key) as file:
        content = file.read()
    return file_entry(key, content, content.count(b"\n"))
