"""Bulk puts: the items of all objects under a prefix are put into a table that is there, each as
PutItem would, at a rate that may be bounded. What can't be put is counted and reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.errors import ResourceNotFoundException
from tailrace.model.schema import IndexKind, Table
from tailrace.tables.capacity import index_row_sizes, vector_write_bytes, write_units
from tailrace.tables.engine import Engine
from tailrace.tables.transfer.buckets import BucketFault, Buckets
from tailrace.tables.transfer.input import Source
from tailrace.tables.transfer.jobs import Job, JobStatus, PutBytes, change, ended
from tailrace.tables.transfer.loading import Batch, Entry, Loader, Unmet, load_batch
from tailrace.tables.transfer.output import write_started
from tailrace.tables.transfer.reports import (
    Report,
    report_batch,
    report_directory,
    write_report_manifests,
)

__all__ = ["bulk_put_source", "bulk_put_step", "fail_bulk_put", "finish_bulk_put"]

_SECOND_US: Final = 1_000_000
_GONE: Final = ("ResourceNotFoundException", "The table was deleted before all items were written")
_CANCELLED: Final = ("Cancelled", "The bulk operation was cancelled by CancelBulkOperation")


class _Progress(msgspec.Struct, frozen=True):
    """`paced_us` is the time at which what was put so far is in step with the rate asked for."""

    paced_us: int = 0
    reports: dict[str, Report] = {}


class _Used(msgspec.Struct):
    """What a batch puts: bytes by table and index, and the units of write that stand for it."""

    put: PutBytes
    units: float = 0.0


def bulk_put_source(job: Job) -> Source:
    """What the request of a bulk put wants to be read. Its own report is none of it."""
    asked = job.asked["InputS3Configuration"]
    bucket, directory = report_directory(job)
    return Source(
        asked["S3Bucket"],
        asked.get("S3KeyPrefix") or "",
        asked["InputFormat"],
        asked["InputCompressionType"],
        conditional=True,
        passed_over=f"{directory}/" if bucket == asked["S3Bucket"] else None,
        object_bytes=limits.BULK_OBJECT_BYTES,
    )


def bulk_put_step(engine: Engine, buckets: Buckets, loader: Loader, job: Job, now_us: int) -> bool:
    """Go on with a bulk put by some batches; whether there is more to do at once. Waits for the
    engine. Raises BucketFault."""
    if job.input_bytes is None:
        write_started(buckets, *report_directory(job))
        size = sum(stored.size for stored in loader.objects)
        change(engine, job.arn, lambda kept: msgspec.structs.replace(kept, input_bytes=size))
        return True
    for _ in range(limits.LOAD_BATCHES_PER_STEP):
        if _progress(job).paced_us > now_us:
            return False
        noted = _noted(engine, buckets, job, now_us)
        try:
            job = load_batch(engine, loader, job, noted) or job
        except ResourceNotFoundException:
            _end(engine, job, now_us, _GONE)
            return False
        if loader.at_end or job.status is JobStatus.CANCELLING:
            finish_bulk_put(engine, buckets, job, now_us)
            return False
    return True


def finish_bulk_put(engine: Engine, buckets: Buckets, job: Job, now_us: int) -> None:
    """End a bulk put that has read all, or is to be cancelled. Waits for the engine. Raises
    BucketFault."""
    write_report_manifests(buckets, job, _progress(job).reports, now_us)
    _end(engine, job, now_us)


def fail_bulk_put(engine: Engine, job: Job, fault: BucketFault, now_us: int) -> None:
    """End a bulk put that can't read or write its buckets. What was put stays. Waits for the
    engine."""
    _end(engine, job, now_us, (fault.code, fault.message))


def _end(engine: Engine, job: Job, now_us: int, failure: tuple[str, str] | None = None) -> None:
    def over(kept: Job) -> Job:
        if failure is not None:
            return ended(kept, now_us, failure)
        if kept.status is JobStatus.CANCELLING:
            return ended(kept, now_us, _CANCELLED, JobStatus.CANCELLED)
        return ended(kept, now_us, None, JobStatus.COMPLETED_WITH_ERRORS if kept.errors else None)

    change(engine, job.arn, over)


def _progress(job: Job) -> _Progress:
    return msgspec.convert(job.progress, _Progress)


def _noted(
    engine: Engine, buckets: Buckets, job: Job, now_us: int
) -> Callable[[Batch, Sequence[Unmet]], Callable[[Job], Job]]:
    """How the job changes with a batch: what it used, and what is reported of it."""

    def noted(batch: Batch, unmet: Sequence[Unmet]) -> Callable[[Job], Job]:
        known = _progress(job)
        used = _used(engine.catalog().tables.get(job.table_id), batch, unmet)
        reports = report_batch(buckets, job, known.reports, batch, unmet)
        progress = _Progress(_paced(job, known.paced_us, used.units, now_us), reports)

        def further(kept: Job) -> Job:
            return msgspec.structs.replace(
                kept,
                put_bytes=kept.put_bytes.plus(used.put),
                progress={**kept.progress, **_builtins(progress)},
            )

        return further

    return noted


def _builtins(progress: _Progress) -> dict[str, Any]:
    return msgspec.to_builtins(progress)


def _paced(job: Job, paced_us: int, units: float, now_us: int) -> int:
    """When what was put is in step with the rate: units that were not used for up to a second may
    be used at once."""
    rate = job.asked.get("MaxWriteRequestUnits")
    if rate is None:
        return 0
    return max(paced_us, now_us - _SECOND_US) + int(units * _SECOND_US / rate)


def _used(table: Table | None, batch: Batch, unmet: Sequence[Unmet]) -> _Used:
    """A write uses as many units as PutItem would of a new item. One whose condition does not hold
    uses units, too."""
    used = _Used(PutBytes())
    refused = {failed.entry.write.key for failed in unmet}
    for key, entry in batch.entries.items():
        used.units += write_units(entry.size)
        if key in refused or table is None:
            continue
        rows = index_row_sizes(table, entry.item)
        used.units += sum(map(write_units, rows.values()))
        used.put = used.put.plus(_put_bytes(table, entry, rows))
    return used


def _put_bytes(table: Table, entry: Entry, rows: dict[str, int]) -> PutBytes:
    if not table.secondary_indexes:
        return PutBytes(entry.size)
    local = {
        name: size
        for name, size in rows.items()
        if table.index_by_name[name].kind is IndexKind.LOCAL
    }
    other = {name: size for name, size in rows.items() if name not in local}
    vectors = vector_write_bytes(table, None, entry.item)
    return PutBytes(entry.size, local, other, {name: int(size) for name, size in vectors.items()})
