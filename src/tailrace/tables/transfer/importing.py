"""Imports, an object for each step: a new table is filled with the items of all objects under a
prefix, and can be used when it is whole. Items that are none are counted, and make the import a
failed one, as on AWS."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from tailrace import limits
from tailrace.errors import AwsError, ValidationException
from tailrace.model.schema import Table, TableStatus
from tailrace.model.values import canonical_item
from tailrace.tables import plans
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.engine import Engine, Write
from tailrace.tables.transfer.buckets import BucketFault, Buckets
from tailrace.tables.transfer.input import ITEM_FAULTS, Item, LineFault, read_items
from tailrace.tables.transfer.jobs import Job, ended, store
from tailrace.tables.waiting import alter_and_wait, commit_and_wait

__all__ = ["abandon", "import_step", "importing"]

_FAULTS: Final = (
    "ItemValidationError",
    (
        "Some of the items failed validation checks and were not imported. Please check CloudWatch"
        " error logs for more details."
    ),
)


class _Progress(msgspec.Struct, frozen=True):
    """The key of the last object that was read."""

    after: str


class _Counts(msgspec.Struct):
    items: int = 0
    errors: int = 0
    size: int = 0


def importing(scope: tuple[str, str, str]) -> Alter:
    """Hide the table (account, region, name), which was created just now, until it is filled."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table = catalog.by_name[scope]
        return Alteration(tables=(msgspec.structs.replace(table, status=TableStatus.CREATING),))

    return decide


def import_step(engine: Engine, buckets: Buckets, job: Job, now_us: int) -> bool:
    """Go on with an import; whether there is more to do at once. Waits for the engine. Raises
    BucketFault."""
    table = engine.catalog().tables.get(job.table_id)
    if table is None:
        store(engine, ended(job, now_us, ("TableNotFoundException", "The table was deleted")))
        return True
    source = job.asked["S3BucketSource"]
    after = msgspec.convert(job.progress, _Progress).after if job.progress else ""
    keys = buckets.keys(source["S3Bucket"], source.get("S3KeyPrefix") or "")
    key = next((key for key in keys if key > after), None)
    if key is None:
        store(engine, ended(job, now_us, _FAULTS if job.errors else None))
        alter_and_wait(engine, _open(table.id))
        return True
    counts = _read(engine, buckets, job, table, key)
    read = msgspec.structs.replace(
        job,
        progress=msgspec.to_builtins(_Progress(key)),
        items=job.items + counts.items,
        errors=job.errors + counts.errors,
        read_items=job.read_items + counts.items + counts.errors,
        read_bytes=job.read_bytes + counts.size,
    )
    store(engine, read)
    return True


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


def _read(engine: Engine, buckets: Buckets, job: Job, table: Table, key: str) -> _Counts:
    counts = _Counts()
    writes: dict[bytes, Write] = {}
    room = limits.PAGE_BYTES
    with buckets.open(job.asked["S3BucketSource"]["S3Bucket"], key) as file:
        for found, size in read_items(file, job.asked, table):
            counts.size += size
            try:
                write, taken = _write(table, found)
            except (*ITEM_FAULTS, LineFault):
                counts.errors += 1
                continue
            counts.items += 1
            writes[write.key] = write
            room -= taken
            if len(writes) >= limits.COPY_ITEMS_PER_COMMIT or room < 0:
                _commit(engine, writes.values())
                writes, room = {}, limits.PAGE_BYTES
    _commit(engine, writes.values())
    return counts


def _write(table: Table, found: Item | LineFault) -> tuple[Write, int]:
    """The write of an item, and its size. Raises what is wrong with it."""
    if isinstance(found, LineFault):
        raise found
    item, size = canonical_item(found)
    if size > limits.ITEM_BYTES:
        raise ValidationException("Item size has exceeded the maximum allowed size")
    key = table.keys.item_key(item)
    for index in table.secondary_indexes:
        index.check(item)
    return Write(table.id, key, plans.put(key, item, size)), size


def _commit(engine: Engine, writes: Iterable[Write]) -> None:
    unit = list(writes)
    if not unit:
        return
    for outcome in commit_and_wait(engine, unit):
        if isinstance(outcome, AwsError):
            raise outcome
