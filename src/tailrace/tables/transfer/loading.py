"""How items come from objects into a table, for imports and for bulk puts: in batches, each of them
one commit with the note of how far the job is, so that nothing is put twice and nothing left out.

A batch ends before an item whose key is in it already: items of one key are put one after another.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from tailrace import expressions, limits
from tailrace.errors import (
    AwsError,
    ConditionalCheckFailedException,
    ResourceNotFoundException,
    ValidationException,
)
from tailrace.expressions import Bindings
from tailrace.model.schema import Table
from tailrace.model.values import Item, canonical_item, decode_item
from tailrace.tables import plans
from tailrace.tables.conditions import guard_paths, refuse_parts_of_keys
from tailrace.tables.engine import Engine, Settled, Write
from tailrace.tables.plans import Guard
from tailrace.tables.transfer.buckets import Buckets, StoredObject
from tailrace.tables.transfer.input import ITEM_FAULTS, LineFault, Put, Source
from tailrace.tables.transfer.jobs import Job, changed_job, job_change, jobs_table
from tailrace.tables.transfer.reading import Found, Place, list_objects, read_from
from tailrace.tables.waiting import commit_and_wait

__all__ = ["Batch", "Entry", "Fault", "Loader", "Unmet", "load_batch", "place_of"]

# Bytes that are read for one batch at most, when there is little to put among them; each record
# counts for as many as it costs to look at an empty line.
_WORK_BYTES: Final = 8 * 1024 * 1024
_RECORD_WORK: Final = 256


class Entry(msgspec.Struct, frozen=True):
    """An item to put, of `size` bytes, and where it was found."""

    key: str
    line: int
    item: Item
    size: int
    write: Write
    guard: Guard | None


class Fault(msgspec.Struct, frozen=True):
    """A line that can't be put, and why. `line` 0: the object itself can't be read."""

    key: str
    line: int
    text: bytes
    message: str


class Unmet(msgspec.Struct, frozen=True):
    """An item whose condition does not hold, and the item (canonical JSON) that is there."""

    entry: Entry
    existing: bytes | None


class Batch(msgspec.Struct):
    """What is put in one commit, by key; `behind` is the place after it, `end` that there is no
    more."""

    entries: dict[bytes, Entry]
    faults: list[Fault]
    behind: Place
    end: bool = False
    room: int = limits.PAGE_BYTES
    work: int = _WORK_BYTES

    @property
    def full(self) -> bool:
        """Whether no more goes in."""
        count = len(self.entries) + len(self.faults)
        return count >= limits.COPY_ITEMS_PER_COMMIT or self.room <= 0 or self.work <= 0


class _Progress(msgspec.Struct, frozen=True):
    place: Place = Place()


def place_of(job: Job) -> Place:
    """How far a job has read."""
    return msgspec.convert(job.progress, _Progress).place


class Loader:
    """Reads what a job has to put, until it is `at_end`. It keeps the object open between batches;
    one that is made anew goes on where the job is."""

    def __init__(
        self, buckets: Buckets, source: Source, job: Job, types: Mapping[str, str]
    ) -> None:
        """Raises BucketFault."""
        self.objects: Sequence[StoredObject] = list_objects(buckets, source)
        self._place = place_of(job)
        self._found: Generator[Found] = read_from(buckets, source, types, self.objects, self._place)
        self._held: Found | None = None
        self._batch: Batch | None = None
        self.at_end = False

    def batch(self, table: Table) -> Batch:
        """The next batch, the same until it is done. Raises BucketFault."""
        if self._batch is None:
            self._batch = _gather(self._records(), table, self._place, self._hold)
        return self._batch

    def done(self) -> None:
        """The batch is put."""
        assert self._batch is not None
        self._place = self._batch.behind
        self.at_end = self._batch.end
        self._batch = None

    def close(self) -> None:
        """Let go of the object that is open."""
        self._found.close()

    def _hold(self, found: Found) -> None:
        self._held = found

    def _records(self) -> Iterator[Found]:
        held, self._held = self._held, None
        # Not a generator over a generator: that would close the inner one with the outer.
        return self._found if held is None else itertools.chain((held,), self._found)


def _gather(
    records: Iterator[Found], table: Table, place: Place, hold: Callable[[Found], None]
) -> Batch:
    batch = Batch({}, [], place)
    for found in records:
        record = found.record
        if isinstance(record.found, Put):
            try:
                entry = _entry(table, found.behind.key, found.line, record.found)
            except (*ITEM_FAULTS, LineFault) as error:
                _refuse(batch, found, str(error) or "The item has the wrong shape")
            else:
                if entry.write.key in batch.entries:
                    hold(found)
                    return batch
                batch.entries[entry.write.key] = entry
                batch.room -= entry.size
        elif record.found is not None:
            _refuse(batch, found, str(record.found))
        batch.behind = found.behind
        batch.work -= max(record.size + record.work, _RECORD_WORK)
        if batch.full:
            return batch
    batch.end = True
    return batch


def _refuse(batch: Batch, found: Found, message: str) -> None:
    text = found.record.text
    batch.faults.append(Fault(found.behind.key, found.line, text, message))
    batch.room -= len(text)


def _entry(table: Table, key: str, line: int, put: Put) -> Entry:
    """The write of an item. Raises what is wrong with it."""
    item, size = canonical_item(put.item)
    if size > limits.ITEM_BYTES:
        raise ValidationException("Item size has exceeded the maximum allowed size")
    guard = _guard(put)
    item_key = table.keys.item_key(item)
    plans.check_indexed(table, item)
    refuse_parts_of_keys(table, guard_paths(guard))
    write = Write(table.id, item_key, plans.put(item_key, item, size, guard))
    return Entry(key, line, item, size, write, guard)


def _guard(put: Put) -> Guard | None:
    expressions.refuse_idle(put.names, put.values, {"ConditionExpression": put.condition})
    if put.condition is None:
        return None
    bindings = Bindings(put.names, put.values)
    condition = expressions.condition(put.condition, bindings)
    bindings.finish()
    return Guard(condition)


def load_batch(
    engine: Engine,
    loader: Loader,
    job: Job,
    noted: Callable[[Batch, Sequence[Unmet]], Callable[[Job], Job]],
) -> Job | None:
    """Put the next batch, and change the job in the same commit; the job after it, or None when
    a condition stopped to hold just then, and the same batch is to be tried again. `noted` says how
    the job changes beside its counts and place. Waits for the engine.

    Raises ResourceNotFoundException when the table is gone, and BucketFault.
    """
    catalog = engine.catalog()
    table, jobs = catalog.tables.get(job.table_id), jobs_table(catalog)
    if table is None or jobs is None:
        raise ResourceNotFoundException("Requested resource not found")
    batch = loader.batch(table)
    unmet = [failed for entry in batch.entries.values() if (failed := _unmet(engine, entry))]
    refused = {failed.entry.write.key for failed in unmet}
    further = noted(batch, unmet)

    def change(kept: Job) -> Job:
        return further(_counted(kept, batch, len(unmet)))

    writes = [entry.write for key, entry in batch.entries.items() if key not in refused]
    *outcomes, last = commit_and_wait(engine, [*writes, job_change(jobs, job.arn, change)])
    for outcome in (*outcomes, last):
        if isinstance(outcome, ConditionalCheckFailedException):
            return None
        if isinstance(outcome, AwsError):
            raise outcome
    loader.done()
    assert isinstance(last, Settled)
    return changed_job(last) or job


def _unmet(engine: Engine, entry: Entry) -> Unmet | None:
    """What a condition refuses as things stand; the commit looks again."""
    if entry.guard is None:
        return None
    existing = engine.get(entry.write.table_id, entry.write.key)
    if entry.guard.predicate.matches(None if existing is None else decode_item(existing)):
        return None
    return Unmet(entry, existing)


def _counted(job: Job, batch: Batch, unmet: int) -> Job:
    items, errors = len(batch.entries), len(batch.faults)
    return msgspec.structs.replace(
        job,
        items=job.items + items - unmet,
        errors=job.errors + errors,
        read_items=job.read_items + items + errors,
        read_bytes=batch.behind.stored_bytes,
        progress={**job.progress, "place": msgspec.to_builtins(batch.behind)},
    )
