"""Exports, a step at a time.

A full export is of a moment: the table is restored to it beside the table, in a hidden one, and
that is written out, a file for each step. An incremental export folds the changes of a time into
one for each item, in a hidden table too, and writes those.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tailrace.model.schema import Table, TableStatus
from tailrace.model.values import decode_item, encode_item
from tailrace.tables import hidden
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.copies import copying
from tailrace.tables.engine import Engine, Row, Span
from tailrace.tables.pages import segment_bounds
from tailrace.tables.recovery import last_clock, rewinding
from tailrace.tables.transfer import output
from tailrace.tables.transfer.buckets import Buckets
from tailrace.tables.transfer.filtering import ExportFilter, export_filter
from tailrace.tables.transfer.folding import fold, folded_line
from tailrace.tables.transfer.jobs import Job, ended, store
from tailrace.tables.waiting import alter_and_wait

__all__ = ["export_step", "snapshot"]

# Of items in one data file, before it is compressed; what is in memory at a time.
_FILE_BYTES: Final = 16 * 1024 * 1024
_READ_ROWS: Final = 4096
_READ_BYTES: Final = 1024 * 1024
_GONE: Final = ("TableNotFoundException", "The table was deleted before it was exported")


class _Progress(msgspec.Struct, frozen=True):
    """Where the next file begins, and the files so far."""

    partition: int = 0
    after: str = ""
    files: tuple[output.FileEntry, ...] = ()
    size: int = 0
    folded: bool = False


def snapshot(job: Job) -> Alter:
    """Begin the hidden table that an export is written from; nothing happens when it is there, or
    the table that is exported is gone."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        source = catalog.tables.get(job.table_id)
        if source is None or hidden.find(catalog, job.arn) is not None:
            return Alteration()
        made = Table(
            id=catalog.next_id,
            uuid=source.uuid,
            region=hidden.HIDDEN_REGION,
            account=hidden.HIDDEN_ACCOUNT,
            name=job.arn,
            keys=source.keys,
            attribute_types=source.attribute_types,
            created_us=job.started_us,
            partitions=source.partitions,
        )
        if not _incremental(job):
            made = copying(_of_moment(job, made, source, tick), source.id)
        return Alteration(tables=(made,), next_id=made.id + 1)

    return decide


def _of_moment(job: Job, made: Table, source: Table, tick: Tick) -> Table:
    """A snapshot that is to be of the moment asked for, or of now, whatever the clock says."""
    last = last_clock(job.asked["ExportTimeUs"])
    if job.asked["OfNow"]:
        last = max(tick(source.id, partition) for partition in range(source.partitions))
    return rewinding(made, job.asked["StreamId"], last)


def export_step(engine: Engine, buckets: Buckets, job: Job, now_us: int) -> bool:
    """Go on with an export; whether there is more to do at once. Waits for the engine. Raises
    BucketFault."""
    table = hidden.find(engine.catalog(), job.arn)
    if table is None:
        alter_and_wait(engine, snapshot(job))
        if hidden.find(engine.catalog(), job.arn) is None:
            store(engine, ended(job, now_us, _GONE))
        return True
    if table.status is TableStatus.CREATING:
        return False
    progress = msgspec.convert(job.progress, _Progress)
    if not job.progress:
        directory = output.job_directory(job.asked.get("S3Prefix"), job.arn)
        output.write_started(buckets, job.asked["S3Bucket"], directory)
    if _incremental(job) and not progress.folded:
        fold(engine, job, table)
        progress = msgspec.structs.replace(progress, folded=True)
    elif progress.partition < table.partitions:
        progress = _next_file(engine, buckets, job, table, progress)
    else:
        _finish(engine, buckets, job, progress, table.id, now_us)
        return True
    store(engine, msgspec.structs.replace(job, progress=msgspec.to_builtins(progress)))
    return True


def _incremental(job: Job) -> bool:
    return job.asked.get("ExportType") == "INCREMENTAL_EXPORT"


def _next_file(
    engine: Engine, buckets: Buckets, job: Job, table: Table, progress: _Progress
) -> _Progress:
    chosen = export_filter(job.asked.get("FilterSpecification"), table)
    span = chosen.within(*segment_bounds(progress.partition, table.partitions))
    rows, more = [], False
    if span is not None:
        low, high = span
        rows, more = _rows(engine, Span(table.id, bytes.fromhex(progress.after) or low, high))
    prefix = job.asked.get("S3Prefix")
    above = output.output_prefix(prefix)
    if not _incremental(job):
        above = output.job_directory(prefix, job.arn)
    lines = _lines(job, rows, chosen)
    files = progress.files
    if lines or chosen.takes_all:
        entry = output.write_data_file(buckets, job, f"{above}/data", len(files), lines)
        files = (*files, entry)
    return msgspec.structs.replace(
        progress,
        partition=progress.partition + (not more),
        after=(rows[-1].key + b"\0").hex() if more else "",
        files=files,
        size=progress.size + sum(row.size for row in rows),
    )


def _rows(engine: Engine, span: Span) -> tuple[list[Row], bool]:
    """The rows of one file, and whether there may be more behind them."""
    rows: list[Row] = []
    size = 0
    while size < _FILE_BYTES:
        found = engine.rows(span, _READ_ROWS, _READ_BYTES)
        if not found:
            return rows, False
        rows += found
        size += sum(len(row.data) for row in found)
        span = msgspec.structs.replace(span, low=found[-1].key + b"\0")
    return rows, True


def _lines(job: Job, rows: Sequence[Row], chosen: ExportFilter) -> list[bytes]:
    ion = job.asked["ExportFormat"] == "ION"
    if _incremental(job):
        old = job.asked["ExportViewType"] == "NEW_AND_OLD_IMAGES"
        lines = [folded_line(row.data, ion, old, chosen) for row in rows]
        return [line for line in lines if line is not None]
    if chosen.takes_all:
        return [output.item_line(row.data, ion) for row in rows]
    items = [item for row in rows if chosen.keeps(item := decode_item(row.data))]
    return [output.item_line(encode_item(chosen.shown(item)), ion) for item in items]


def _finish(
    engine: Engine, buckets: Buckets, job: Job, progress: _Progress, table_id: int, now_us: int
) -> None:
    manifest = output.write_manifests(buckets, job, progress.files, progress.size, now_us)
    items = sum(entry.item_count for entry in progress.files)
    done: dict[str, Any] = {"manifest": manifest, "items": items, "read_bytes": progress.size}
    store(engine, ended(msgspec.structs.replace(job, progress={}, **done), now_us))
    alter_and_wait(engine, lambda catalog, tick: Alteration(dropped_tables=(table_id,)))
