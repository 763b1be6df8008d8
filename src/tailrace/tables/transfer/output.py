"""What an export writes: lines of items, gzipped files of them, and the manifests over the files
(S3DataExport.Output.html)."""

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
    "export_prefix",
    "item_line",
    "write_data_file",
    "write_manifests",
    "write_started",
]

_encode = msgspec.json.Encoder().encode
_NAME_CHARACTERS: Final = 26


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


def export_prefix(job: Job) -> str:
    """What the keys of an export's objects begin with."""
    prefix = str(job.asked.get("S3Prefix") or "").strip("/")
    return f"{prefix}/AWSDynamoDB" if prefix else "AWSDynamoDB"


def _export_id(job: Job) -> str:
    return job.arn.rpartition("/")[2]


def write_started(buckets: Buckets, job: Job) -> None:
    """Show that an export has begun, and that its bucket can be written to."""
    buckets.write(job.asked["S3Bucket"], f"{export_prefix(job)}/{_export_id(job)}/_started", b"")


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
    md5 = hashlib.md5(content, usedforsecurity=False)
    checksum = base64.b64encode(md5.digest()).decode()
    return FileEntry(len(lines), checksum, f"{md5.hexdigest()}-1", key)


def write_manifests(
    buckets: Buckets, job: Job, files: Sequence[FileEntry], size: int, now_us: int
) -> str:
    """Write the manifests of an export whose data files are written; the key of the summary."""
    directory = f"{export_prefix(job)}/{_export_id(job)}"
    files_key = f"{directory}/manifest-files.json"
    summary_key = f"{directory}/manifest-summary.json"
    _write_summed(buckets, job, files_key, b"".join([_encode(entry) + b"\n" for entry in files]))
    summary: dict[str, Any] = {
        "version": "2020-06-30",
        "exportArn": job.arn,
        "startTime": _shown(job.started_us),
        "endTime": _shown(now_us),
        "tableArn": job.table_arn,
        "tableId": job.table_uuid,
        "exportTime": _shown(job.asked.get("ExportTimeUs", job.started_us)),
        "s3Bucket": job.asked["S3Bucket"],
        "s3Prefix": job.asked.get("S3Prefix"),
        "s3SseAlgorithm": job.asked["S3SseAlgorithm"],
        "s3SseKmsKeyId": job.asked.get("S3SseKmsKeyId"),
        "manifestFilesS3Key": files_key,
        "billedSizeBytes": size,
        "itemCount": sum(entry.item_count for entry in files),
        "outputFormat": job.asked["ExportFormat"],
    }
    if job.asked.get("ExportType") == "INCREMENTAL_EXPORT":
        del summary["exportTime"]
        summary["version"] = "2023-08-01"
        summary["exportFromTime"] = _shown(job.asked["FromUs"])
        summary["exportToTime"] = _shown(job.asked["ToUs"])
        summary["outputView"] = job.asked["ExportViewType"]
        summary["exportType"] = "INCREMENTAL_EXPORT"
    _write_summed(buckets, job, summary_key, _encode(summary))
    return summary_key


def _write_summed(buckets: Buckets, job: Job, key: str, content: bytes) -> None:
    bucket = job.asked["S3Bucket"]
    checksum = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest())
    buckets.write(bucket, key, content)
    buckets.write(bucket, key.removesuffix(".json") + ".md5", checksum)


def _shown(us: int) -> str:
    moment = datetime.datetime.fromtimestamp(us / 1e6, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{us // 1000 % 1000:03d}Z"
