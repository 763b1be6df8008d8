"""One step of an export or import that is under way."""

from __future__ import annotations

from typing import Final

from tailrace.model.schema import TableStatus
from tailrace.tables.catalog import Alteration
from tailrace.tables.copies import source_of
from tailrace.tables.engine import Engine
from tailrace.tables.hidden import find
from tailrace.tables.transfer.buckets import BucketFault, Buckets
from tailrace.tables.transfer.exporting import export_step
from tailrace.tables.transfer.importing import abandon, import_step
from tailrace.tables.transfer.jobs import Job, JobKind, JobStatus, all_jobs, ended, store
from tailrace.tables.waiting import alter_and_wait

__all__ = ["advance"]

# Longer than it can take from the making of a table to the noting down of its import.
_BEGUN_US: Final = 60 * 1_000_000


def advance(engine: Engine, buckets: Buckets, now_us: int) -> bool:
    """Go on with each export and import by a step; whether there is more to do at once. Waits for
    the engine."""
    jobs = all_jobs(engine)
    under_way = [job for job in jobs if job.status is JobStatus.IN_PROGRESS]
    more = [_step(engine, buckets, job, now_us) for job in under_way]
    _drop_unfinished(engine, frozenset(job.table_id for job in jobs), now_us)
    return any(more)


def _drop_unfinished(engine: Engine, known: frozenset[int], now_us: int) -> None:
    """Remove tables that were to be imported when the server ended before it had noted down what
    from: nobody could fill or delete them."""
    gone = tuple(
        table.id
        for table in engine.catalog().tables.values()
        if table.status is TableStatus.CREATING
        and source_of(table) is None
        and table.id not in known
        and now_us - table.created_us > _BEGUN_US
    )
    if gone:
        alter_and_wait(engine, lambda catalog, tick: Alteration(dropped_tables=gone))


def _step(engine: Engine, buckets: Buckets, job: Job, now_us: int) -> bool:
    try:
        if job.kind is JobKind.EXPORT:
            return export_step(engine, buckets, job, now_us)
        return import_step(engine, buckets, job, now_us)
    except BucketFault as fault:
        if job.kind is JobKind.IMPORT:
            abandon(engine, job, fault, now_us)
        else:
            _fail_export(engine, job, fault, now_us)
        return True


def _fail_export(engine: Engine, job: Job, fault: BucketFault, now_us: int) -> None:
    store(engine, ended(job, now_us, (fault.code, fault.message)))
    table = find(engine.catalog(), job.arn)
    if table is not None:
        alter_and_wait(engine, lambda catalog, tick: Alteration(dropped_tables=(table.id,)))
