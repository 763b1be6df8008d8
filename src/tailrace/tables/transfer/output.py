"""What an export writes: lines of items, gzipped files of them, and the manifests over the files
(S3DataExport.Output.html). The report of a bulk put has its manifests in the same form."""

from __future__ import annotations

import base64
import datetime
import gzip
import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tailrace.model.values import Item, decode_item
from tailrace.tables.transfer.buckets import Buckets
from tailrace.tables.transfer.ion_text import VERSION, ion_struct
from tailrace.tables.transfer.jobs import Job

__all__ = [
    "FileEntry",
    "change_line",
    "file_entry",
    "item_line",
    "job_directory",
    "output_prefix",
    "shown_time",
    "write_data_file",
    "write_manifests",
    "write_started",
    "write_summary",
]

_encode = msgspec.json.Encoder().encode
_NAME_CHARACTERS: Final = 26
_FILES_KEY: Final = "manifestFilesS3Key"


class FileEntry(msgspec.Struct, frozen=True, rename="camel"):
    """A line of the files manifest."""

    item_count: int
    md5_checksum: str = msgspec.field(name="md5Checksum")
    etag: str
    data_file_s3_key: str = msgspec.field(name="dataFileS3Key")


def item_line(data: bytes, ion: bool) -> bytes:
    """An item's stored JSON as a line of a full export."""
    if ion:
        return f"{VERSION}{{Item:{ion_struct(decode_item(data))}}}\n".encode()
    return b'{"Item":%b}\n' % data


def change_line(images: dict[str, Item], at_us: int, ion: bool) -> bytes:
    """The images of a changed item (Keys, OldImage, NewImage) as a line of an incremental
    export."""
    stamp = {"WriteTimestampMicros": {"N": str(at_us)}}
    members = {"Metadata": stamp, **images}
    if ion:
        fields = ",".join([f"{name}:{ion_struct(image)}" for name, image in members.items()])
        return f"{VERSION}{{Record:{{{fields}}}}}\n".encode()
    return _encode(members) + b"\n"


def output_prefix(prefix: str | None) -> str:
    """What the keys of all objects begin with that are written under a prefix."""
    bare = (prefix or "").strip("/")
    return f"{bare}/AWSDynamoDB" if bare else "AWSDynamoDB"


def job_directory(prefix: str | None, arn: str) -> str:
    """What the keys of a job's own objects begin with."""
    return f"{output_prefix(prefix)}/{arn.rpartition('/')[2]}"


def write_started(buckets: Buckets, bucket: str, directory: str) -> None:
    """Show that a job has begun, and that its bucket can be written to."""
    buckets.write(bucket, f"{directory}/_started", b"")


def write_data_file(
    buckets: Buckets, job: Job, directory: str, place: int, lines: Sequence[bytes]
) -> FileEntry:
    """Write the data file number `place` of an export."""
    digest = hashlib.sha256(f"{job.arn}#{place}".encode()).digest()
    name = base64.b32encode(digest).decode().lower()[:_NAME_CHARACTERS]
    kind = "ion" if job.asked["ExportFormat"] == "ION" else "json"
    key = f"{directory}/{name}.{kind}.gz"
    # Without a time in it, so that a file that is written again is the same.
    content = gzip.compress(b"".join(lines), mtime=0)
    buckets.write(job.asked["S3Bucket"], key, content)
    return file_entry(key, content, len(lines))


def file_entry(key: str, content: bytes, items: int) -> FileEntry:
    """The line of the manifest for a file."""
    md5 = hashlib.md5(content, usedforsecurity=False)
    checksum = base64.b64encode(md5.digest()).decode()
    return FileEntry(items, checksum, f"{md5.hexdigest()}-1", key)


def write_manifests(
    buckets: Buckets, job: Job, files: Sequence[FileEntry], size: int, now_us: int
) -> str:
    """Write the manifests of an export whose data files are written; the key of the summary."""
    directory = job_directory(job.asked.get("S3Prefix"), job.arn)
    summary: dict[str, Any] = {
        "version": "2020-06-30",
        "exportArn": job.arn,
        "startTime": shown_time(job.started_us),
        "endTime": shown_time(now_us),
        "tableArn": job.table_arn,
        "tableId": job.table_uuid,
        "exportTime": shown_time(job.asked.get("ExportTimeUs", job.started_us)),
        "s3Bucket": job.asked["S3Bucket"],
        "s3Prefix": job.asked.get("S3Prefix"),
        "s3SseAlgorithm": job.asked["S3SseAlgorithm"],
        "s3SseKmsKeyId": job.asked.get("S3SseKmsKeyId"),
        _FILES_KEY: None,
        "billedSizeBytes": size,
        "itemCount": sum(entry.item_count for entry in files),
        "outputFormat": job.asked["ExportFormat"],
    }
    if job.asked.get("ExportType") == "INCREMENTAL_EXPORT":
        del summary["exportTime"]
        summary["version"] = "2023-08-01"
        summary["exportFromTime"] = shown_time(job.asked["FromUs"])
        summary["exportToTime"] = shown_time(job.asked["ToUs"])
        summary["outputView"] = job.asked["ExportViewType"]
        summary["exportType"] = "INCREMENTAL_EXPORT"
    return write_summary(buckets, job.asked["S3Bucket"], directory, files, summary)


def write_summary(
    buckets: Buckets,
    bucket: str,
    directory: str,
    files: Sequence[FileEntry],
    summary: dict[str, Any],
) -> str:
    """Write the manifest of files and the summary, in which the former is named; the key of the
    summary."""
    files_key = f"{directory}/manifest-files.json"
    summary_key = f"{directory}/manifest-summary.json"
    listed = b"".join([_encode(entry) + b"\n" for entry in files])
    _write_summed(buckets, bucket, files_key, listed)
    _write_summed(buckets, bucket, summary_key, _encode(summary | {_FILES_KEY: files_key}))
    return summary_key


def _write_summed(buckets: Buckets, bucket: str, key: str, content: bytes) -> None:
    checksum = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest())
    buckets.write(bucket, key, content)
    buckets.write(bucket, key.removesuffix(".json") + ".md5", checksum)


def shown_time(us: int) -> str:
    """A time as manifests have it."""
    moment = datetime.datetime.fromtimestamp(us / 1e6, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{us // 1000 % 1000:03d}Z"
