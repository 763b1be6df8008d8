"""Exports and imports as jobs: what was asked for, how far it is, and how it ended.

Each is an item of a hidden table, so that it outlives restarts and tables, and expires by itself.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tailrace.errors import AwsError
from tailrace.model.schema import Table
from tailrace.model.values import decode_item, item_size
from tailrace.tables import hidden, plans
from tailrace.tables.catalog import Alter, Catalog
from tailrace.tables.engine import Engine, Span, Write
from tailrace.tables.waiting import commit_and_wait

__all__ = [
    "Job",
    "JobKind",
    "JobStatus",
    "all_jobs",
    "ended",
    "ensure_jobs",
    "job_write",
    "jobs_table",
    "store",
]

_NAME: Final = "transfers"
_ARN: Final = "arn"
_JOB: Final = "job"
_EXPIRES: Final = "expires"
# S3DataExport_Requesting.html: exports are shown for 90 days.
_LIFE_S: Final = 90 * 24 * 60 * 60
_PAGE_ROWS: Final = 1000
_PAGE_BYTES: Final = 4 * 1024 * 1024


class JobKind(enum.Enum):
    EXPORT = "EXPORT"
    IMPORT = "IMPORT"


class JobStatus(enum.Enum):
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class Job(msgspec.Struct, frozen=True):
    """One export or import. `asked` are the members of its request, in the API's form and with the
    service's defaults; `progress` is what the work itself notes down. `items` were exported or
    imported, of `read` items and bytes; `errors` could not be imported.
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
    item = {
        _ARN: {"S": job.arn},
        _JOB: {"S": msgspec.json.encode(job).decode()},
        _EXPIRES: {"N": str(job.started_us // 1_000_000 + _LIFE_S)},
    }
    key = table.keys.item_key(item)
    return Write(table.id, key, plans.put(key, item, item_size(item)))


def store(engine: Engine, job: Job) -> Job:
    """Keep a job as it is now, and wait for it."""
    table = jobs_table(engine.catalog())
    assert table is not None  # the job came out of it
    for outcome in commit_and_wait(engine, (job_write(table, job),)):
        if isinstance(outcome, AwsError):
            raise outcome
    return job


def ended(job: Job, now_us: int, failure: tuple[str, str] | None = None) -> Job:
    """A job that is over, well or not."""
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
        found += [_decode(decode_item(row.data)[_JOB]["S"]) for row in rows]
        low = rows[-1].key + b"\0"
