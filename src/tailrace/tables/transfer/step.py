"""Exports, imports and bulk puts that are under way, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from tailrace.model.schema import TableStatus
from tailrace.tables.catalog import Alteration
from tailrace.tables.copies import source_of
from tailrace.tables.engine import Engine
from tailrace.tables.hidden import find
from tailrace.tables.transfer.buckets import BucketFault, Buckets, Encryption, SealedBuckets
from tailrace.tables.transfer.bulk_putting import (
    bulk_put_source,
    bulk_put_step,
    fail_bulk_put,
    finish_bulk_put,
)
from tailrace.tables.transfer.exporting import export_step
from tailrace.tables.transfer.importing import abandon, import_source, import_step
from tailrace.tables.transfer.jobs import (
    UNDER_WAY,
    Job,
    JobKind,
    JobStatus,
    all_jobs,
    ended,
    store,
)
from tailrace.tables.transfer.loading import Loader
from tailrace.tables.waiting import alter_and_wait

__all__ = ["Transfers"]

# Longer than it can take from the making of a table to the noting down of its import.
_BEGUN_US: Final = 60 * 1_000_000


class Transfers:
    """The exports, imports and bulk puts of a store, with their buckets. What they read is kept
    open from step to step; how far each of them is stands in its job, where it is taken up again
    after a restart. To be used by one thread."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self._loaders: dict[str, Loader] = {}

    def advance(self, engine: Engine, now_us: int) -> bool:
        """Go on with each of them by a step; whether there is more to do at once. Waits for the
        engine."""
        jobs = all_jobs(engine)
        under_way = [job for job in jobs if job.status in UNDER_WAY]
        more = [self._step(engine, job, now_us) for job in under_way]
        self._let_go(set(self._loaders) - {job.arn for job in under_way})
        _drop_unfinished(engine, frozenset(job.table_id for job in jobs), now_us)
        return any(more)

    def close(self) -> None:
        """Let go of what is open."""
        self._let_go(list(self._loaders))

    def _let_go(self, arns: Iterable[str]) -> None:
        for arn in arns:
            self._loaders.pop(arn).close()

    def _step(self, engine: Engine, job: Job, now_us: int) -> bool:
        try:
            return self._moved(engine, job, now_us)
        except BucketFault as fault:
            _FAILURES[job.kind](engine, job, fault, now_us)
            return True
        except BaseException:
            # Whether the batch under way was put is not known; where the job is tells it.
            self._let_go([job.arn] if job.arn in self._loaders else [])
            raise

    def _moved(self, engine: Engine, job: Job, now_us: int) -> bool:
        if job.kind is JobKind.EXPORT:
            return export_step(engine, self._sealed(job.asked["Params"]), job, now_us)
        if job.kind is JobKind.IMPORT:
            return import_step(engine, self._loader(engine, job), job, now_us)
        reports = self._sealed(job.asked["OutputS3Configuration"])
        if job.status is JobStatus.CANCELLING:
            finish_bulk_put(engine, reports, job, now_us)
            return False
        return bulk_put_step(engine, reports, self._loader(engine, job), job, now_us)

    def _sealed(self, asked: Mapping[str, str]) -> Buckets:
        """The buckets, with the encryption that a job asked for."""
        algorithm = asked.get("S3SseAlgorithm")
        if algorithm is None:
            return self._buckets
        return SealedBuckets(self._buckets, Encryption(algorithm, asked.get("S3SseKmsKeyId")))

    def _loader(self, engine: Engine, job: Job) -> Loader:
        loader = self._loaders.get(job.arn)
        if loader is None:
            table = engine.catalog().tables.get(job.table_id)
            types = {} if table is None else table.attribute_types
            importing = job.kind is JobKind.IMPORT
            source = import_source(job.asked) if importing else bulk_put_source(job)
            loader = self._loaders[job.arn] = Loader(self._buckets, source, job, types)
        return loader


def _drop_unfinished(engine: Engine, known: frozenset[int], now_us: int) -> None:
    """Remove tables that were to be imported when the server ended before it had noted down what
    from: nobody could fill or delete them."""
    gone = tuple(
        table.id
        for table in engine.catalog().tables.values()
        if table.status is TableStatus.CREATING
        and table.settles_us is None
        and source_of(table) is None
        and table.id not in known
        and now_us - table.created_us > _BEGUN_US
    )
    if gone:
        alter_and_wait(engine, lambda catalog, tick: Alteration(dropped_tables=gone))


def _fail_export(engine: Engine, job: Job, fault: BucketFault, now_us: int) -> None:
    store(engine, ended(job, now_us, (fault.code, fault.message)))
    table = find(engine.catalog(), job.arn)
    if table is not None:
        alter_and_wait(engine, lambda catalog, tick: Alteration(dropped_tables=(table.id,)))


_FAILURES: Final = {
    JobKind.EXPORT: _fail_export,
    JobKind.IMPORT: abandon,
    JobKind.BULK_PUT: fail_bulk_put,
}
