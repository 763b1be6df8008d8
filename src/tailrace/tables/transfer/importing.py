"""Imports: a new table is filled with the items of all objects under a prefix, and can be used when
it is whole. Items that are none are counted, and make the import a failed one, as on AWS."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.errors import ResourceNotFoundException
from tailrace.model.schema import TableStatus
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.engine import Engine
from tailrace.tables.transfer.buckets import BucketFault
from tailrace.tables.transfer.input import Columns, Source
from tailrace.tables.transfer.jobs import Job, ended, store
from tailrace.tables.transfer.loading import Loader, load_batch
from tailrace.tables.waiting import alter_and_wait

__all__ = ["abandon", "import_source", "import_step", "importing"]

_FAULTS: Final = (
    "ItemValidationError",
    (
        "Some of the items failed validation checks and were not imported. Please check CloudWatch"
        " error logs for more details."
    ),
)
_GONE: Final = ("TableNotFoundException", "The table was deleted")


class _CsvOptions(msgspec.Struct, frozen=True):
    Delimiter: str | None = None
    HeaderList: list[str] | None = None


class _Options(msgspec.Struct, frozen=True):
    Csv: _CsvOptions | None = None


def importing(scope: tuple[str, str, str]) -> Alter:
    """Hide the table (account, region, name), which was created just now, until it is filled."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table = catalog.by_name[scope]
        return Alteration(tables=(msgspec.structs.replace(table, status=TableStatus.CREATING),))

    return decide


def import_source(asked: dict[str, Any]) -> Source:
    """What the request of an import wants to be read."""
    options = msgspec.convert(asked.get("InputFormatOptions") or {}, _Options).Csv or _CsvOptions()
    bucket = asked["S3BucketSource"]
    return Source(
        bucket["S3Bucket"],
        bucket.get("S3KeyPrefix") or "",
        asked["InputFormat"],
        asked["InputCompressionType"],
        Columns(options.Delimiter or ",", options.HeaderList),
    )


def import_step(engine: Engine, loader: Loader, job: Job, now_us: int) -> bool:
    """Go on with an import by some batches; whether there is more to do at once. Waits for the
    engine. Raises BucketFault."""
    for _ in range(limits.LOAD_BATCHES_PER_STEP):
        try:
            job = load_batch(engine, loader, job, lambda batch, unmet: _as_it_is) or job
        except ResourceNotFoundException:
            store(engine, ended(job, now_us, _GONE))
            return False
        if loader.at_end:
            # In this order: a table that nobody is filling any more must not stay hidden.
            alter_and_wait(engine, _open(job.table_id))
            store(engine, ended(job, now_us, _FAULTS if job.errors else None))
            return False
    return True


def _as_it_is(job: Job) -> Job:
    return job


def abandon(engine: Engine, job: Job, fault: BucketFault, now_us: int) -> None:
    """End an import that can't read its bucket; there is no table then. Waits for the engine."""
    store(engine, ended(job, now_us, (fault.code, fault.message)))
    alter_and_wait(engine, lambda catalog, tick: Alteration(dropped_tables=(job.table_id,)))


def _open(table_id: int) -> Alter:
    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table = catalog.tables.get(table_id)
        if table is None:
            return Alteration()
        return Alteration(tables=(msgspec.structs.replace(table, status=TableStatus.ACTIVE),))

    return decide
