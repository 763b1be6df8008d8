"""Exports, imports and bulk puts as jobs: what was asked for, how far it is, and how it ended.

Each is an item of a hidden table, so that it outlives restarts and tables, and expires by itself.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from tailrace.errors import AwsError
from tailrace.model.schema import Table
from tailrace.model.values import Item, decode_item, item_size
from tailrace.tables import hidden, plans
from tailrace.tables.catalog import Alter, Catalog
from tailrace.tables.engine import Engine, Plan, Settled, Span, Write
from tailrace.tables.waiting import commit_and_wait

__all__ = [
    "UNDER_WAY",
    "Job",
    "JobKind",
    "JobStatus",
    "PutBytes",
    "all_jobs",
    "change",
    "changed_job",
    "ended",
    "ensure_jobs",
    "job_change",
    "job_write",
    "jobs_table",
    "store",
]

_NAME: Final = "transfers"
_ARN: Final = "arn"
_JOB: Final = "job"
_EXPIRES: Final = "expires"
# S3DataExport_Requesting.html, ListBulkOperations: jobs are shown for 90 days.
_LIFE_S: Final = 90 * 24 * 60 * 60
_PAGE_ROWS: Final = 1000
_PAGE_BYTES: Final = 4 * 1024 * 1024


class JobKind(enum.Enum):
    EXPORT = "EXPORT"
    IMPORT = "IMPORT"
    BULK_PUT = "BULK_PUT"


class JobStatus(enum.Enum):
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


UNDER_WAY: Final = frozenset({JobStatus.IN_PROGRESS, JobStatus.CANCELLING})


class PutBytes(msgspec.Struct, frozen=True):
    """Bytes of items put into a table, and of what its local, global and vector indexes hold of
    them, by name."""

    table: int = 0
    local: dict[str, int] = {}
    other: dict[str, int] = {}
    vectors: dict[str, int] = {}

    def plus(self, more: PutBytes) -> PutBytes:
        return PutBytes(
            self.table + more.table,
            _sums(self.local, more.local),
            _sums(self.other, more.other),
            _sums(self.vectors, more.vectors),
        )


def _sums(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    return {name: first.get(name, 0) + second.get(name, 0) for name in {**first, **second}}


class Job(msgspec.Struct, frozen=True):
    """One export, import or bulk put. `asked` are the members of its request, in the API's form and
    with the service's defaults; `progress` is what the work itself notes down. `items` were
    exported or put, of `read` items and bytes; `errors` could not be put. `input_bytes` is the size
    of all that is to be read, once that is known.
    """

    arn: str
    kind: JobKind
    account: str
    region: str
    table_id: int
    table_arn: str
    table_uuid: str
    started_us: int
    asked: dict[str, Any]
    token: str
    status: JobStatus = JobStatus.IN_PROGRESS
    ended_us: int | None = None
    failure: tuple[str, str] | None = None
    items: int = 0
    read_items: int = 0
    read_bytes: int = 0
    errors: int = 0
    input_bytes: int | None = None
    put_bytes: PutBytes = PutBytes()
    manifest: str | None = None
    progress: dict[str, Any] = {}


_decode = msgspec.json.Decoder(Job).decode


def ensure_jobs(now_us: int) -> Alter:
    """Create the table of jobs, unless it is there."""
    return hidden.ensure(_NAME, _ARN, _EXPIRES, now_us)


def jobs_table(catalog: Catalog) -> Table | None:
    """The table of jobs; None until there was one."""
    return hidden.find(catalog, _NAME)


def job_write(table: Table, job: Job) -> Write:
    """The write that keeps a job as it is now."""
    item = _item(job)
    key = table.keys.item_key(item)
    return Write(table.id, key, plans.put(key, item, item_size(item)))


def job_change(table: Table, arn: str, change: Callable[[Job], Job]) -> Write:
    """The write that changes a job as it is kept; nothing happens when it is not any more."""
    key = table.keys.item_key({_ARN: {"S": arn}})

    def decide(previous: bytes | None, table: Table) -> Plan:
        if previous is None:
            return Plan(False, None, 0, 0)
        item = _item(change(_job(previous)))
        return plans.put(key, item, item_size(item))(previous, table)

    return Write(table.id, key, decide)


def changed_job(settled: Settled) -> Job | None:
    """The job after its change; None when it is not kept any more."""
    return None if settled.plan.new is None else _job(settled.plan.new)


def store(engine: Engine, job: Job) -> Job:
    """Keep a job as it is now, and wait for it."""
    table = jobs_table(engine.catalog())
    assert table is not None  # the job came out of it
    _settle(engine, job_write(table, job))
    return job


def change(engine: Engine, arn: str, by: Callable[[Job], Job]) -> None:
    """Change a job as it is kept, and wait for it."""
    table = jobs_table(engine.catalog())
    assert table is not None  # the job came out of it
    _settle(engine, job_change(table, arn, by))


def _settle(engine: Engine, write: Write) -> None:
    for outcome in commit_and_wait(engine, (write,)):
        if isinstance(outcome, AwsError):
            raise outcome


def _item(job: Job) -> Item:
    return {
        _ARN: {"S": job.arn},
        _JOB: {"S": msgspec.json.encode(job).decode()},
        _EXPIRES: {"N": str(job.started_us // 1_000_000 + _LIFE_S)},
    }


def _job(data: bytes) -> Job:
    return _decode(decode_item(data)[_JOB]["S"])


def ended(
    job: Job,
    now_us: int,
    failure: tuple[str, str] | None = None,
    status: JobStatus | None = None,
) -> Job:
    """A job that is over, well or not, unless `status` says otherwise."""
    if status is None:
        status = JobStatus.COMPLETED if failure is None else JobStatus.FAILED
    return msgspec.structs.replace(job, status=status, ended_us=now_us, failure=failure)


def all_jobs(engine: Engine) -> Sequence[Job]:
    """All jobs, the newest first."""
    table = jobs_table(engine.catalog())
    if table is None:
        return ()
    found: list[Job] = []
    low = b""
    while True:
        rows = engine.rows(Span(table.id, low, None), _PAGE_ROWS, _PAGE_BYTES)
        if not rows:
            return sorted(found, key=lambda job: (job.started_us, job.arn), reverse=True)
        found += [_job(row.data) for row in rows]
        low = rows[-1].key + b"\0"
