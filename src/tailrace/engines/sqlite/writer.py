"""The one thread that writes: it takes whatever waits, commits it together, and reports it
together.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeAlias, TypeVar

import apsw
import msgspec

from tailrace import limits
from tailrace.clock import Clock
from tailrace.engines.sqlite.batch import Batch, Heads
from tailrace.engines.sqlite.catalogs import load_catalog, load_heads, store_alteration
from tailrace.engines.sqlite.connection import Connection, Cursor
from tailrace.engines.sqlite.faults import CLOSED, translated
from tailrace.engines.sqlite.postings import Postings
from tailrace.engines.sqlite.readers import Readers
from tailrace.engines.sqlite.statements import SQL
from tailrace.engines.sqlite.tail import Tail
from tailrace.engines.sqlite.trims import Trims
from tailrace.errors import AwsError, InternalServerError, ThrottlingException
from tailrace.streams.sequence import next_clock
from tailrace.tables.catalog import Alter, Catalog
from tailrace.tables.engine import Outcome, Usage, Write

__all__ = ["Deliver", "Delivery", "Upkeep", "Writer"]

# A `done` and what it is to be called with.
Delivery: TypeAlias = tuple[Callable[[Any], None], Any]
# Calls every `done` of a commit, here or wherever their callers want it. Runs on the writer's
# thread.
Deliver: TypeAlias = Callable[[list[Delivery]], None]

# Items and records of one commit, in bytes: units beyond it go into the next one.
_COMMIT_BYTES: Final = 8 * 1024 * 1024

_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)


class _Unit:
    """Writes that wait for a commit."""

    __slots__ = ("done", "writes")

    def __init__(self, writes: Sequence[Write], done: Callable[[Outcome], None]) -> None:
        self.writes = writes
        self.done = done


class _Task(Generic[_Result]):
    """Other work for the writer's thread, whose caller waits for it."""

    def __init__(self, work: Callable[[], _Result]) -> None:
        self._work = work
        self._finished = threading.Event()
        self._result: _Result
        self._failure: Exception | None = None

    def run(self) -> None:
        try:
            self._result = self._work()
        except Exception as failure:
            self._failure = failure
        self._finished.set()

    def wait(self) -> _Result:
        self._finished.wait()
        if self._failure is not None:
            raise translated(self._failure) from self._failure
        return self._result


class Upkeep(msgspec.Struct, frozen=True, gc=False):
    """What work between the groups gets to see. Sums put into `usage`, and clocks up to which
    records go, put into `removed` by shard id, hold once it is committed.
    """

    cursor: Cursor
    catalog: Catalog
    postings: Postings
    tail: Tail
    trims: Trims
    heads: Heads
    usage: dict[int, Usage]
    removed: dict[int, int]


_Job: TypeAlias = _Unit | Callable[[], object] | None


class Writer:
    """Owns the connection that writes, and everything that only a writer may know."""

    def __init__(
        self, connection: Connection, clock: Clock, readers: Readers, deliver: Deliver
    ) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._clock = clock
        self._readers = readers
        self._deliver = deliver
        self._listeners: tuple[Callable[[frozenset[int]], None], ...] = ()
        self.catalog: Catalog = load_catalog(self._cursor)
        self.heads: Heads = load_heads(self._cursor)
        self.postings = Postings(self._cursor)
        self.tail = Tail()
        self.trims = Trims(self._cursor)
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="tailrace-writer", daemon=True)

    def start(self, logged: Callable[[Connection, str, int], int]) -> None:
        """Begin to work. `logged` is called after each commit with the length of the write-ahead
        log, in pages.
        """
        self._connection.set_wal_hook(logged)
        self._thread.start()

    # What other threads call ----------------------------------------------------------------

    def submit(self, writes: Sequence[Write], done: Callable[[Outcome], None]) -> None:
        if self._jobs.qsize() >= limits.GROUP_COMMIT_QUEUE:
            refusal = ThrottlingException("Too many writes are waiting; slow down")
            self._hand_over([(done, [refusal] * len(writes))])
            return
        self._put(_Unit(writes, done))

    def alter(self, decide: Alter, done: Callable[[Catalog | AwsError], None]) -> None:
        self._put(lambda: self._alter(decide, done))

    def usage(self, id_: int) -> Usage:
        """The committed sums of a table or an index."""
        if self._closed:
            raise InternalServerError(CLOSED)
        return self.heads.usage.get(id_, Usage(0, 0))

    def maintain(self, work: Callable[[Upkeep], _Result]) -> _Result:
        """Run `work` in a transaction of its own and wait for it. It is not synced by itself: to be
        used for what may be done again, and to be kept short, since writes wait for it.
        """
        task = _Task(lambda: self._maintain(work))
        self._put(task.run)
        return task.wait()

    def between(self, work: Callable[[], object]) -> None:
        """Run `work` on the writer's thread, outside any transaction, after what was submitted; not
        if the store is closed.
        """
        try:
            self._put(work)
        except InternalServerError:
            pass

    def subscribe(self, listener: Callable[[frozenset[int]], None]) -> Callable[[], None]:
        with self._gate:
            self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            with self._gate:
                self._listeners = tuple(other for other in self._listeners if other is not listener)

        return unsubscribe

    def close(self) -> None:
        """Finish what was submitted and end the thread."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._thread.join()
        self.tail.forget()

    def _put(self, job: _Job) -> None:
        # Under the lock that `close` takes, so that nothing is put behind the end.
        with self._gate:
            if self._closed:
                raise InternalServerError(CLOSED)
            self._jobs.put(job)

    # What the writer's thread does ----------------------------------------------------------

    def _run(self) -> None:
        jobs = self._jobs
        while True:
            job = jobs.get()
            units: list[_Unit] = []
            while isinstance(job, _Unit):
                units.append(job)
                if len(units) == limits.GROUP_COMMIT_UNITS:
                    break
                try:
                    job = jobs.get_nowait()
                except queue.Empty:
                    break
            while units:
                units = self._commit(units)
            if job is None:
                return
            if not isinstance(job, _Unit):
                job()

    def _commit(self, units: list[_Unit]) -> list[_Unit]:
        """Carry out units in one commit; those that it had no room for."""
        batch = Batch(self._cursor, self.catalog, self.heads, self._clock.now_us())
        deliveries: list[Delivery] = []
        try:
            self._cursor.execute(SQL["begin_write"])
            for unit in units:
                deliveries.append((unit.done, batch.add(unit.writes)))
                if batch.size > _COMMIT_BYTES:
                    break
            if batch.changed:
                batch.write()
            storing = self.postings.due
            if storing:
                self.postings.store(self._cursor)
            self._cursor.execute(SQL["commit"])
        except Exception as failure:
            fault = self._undo(failure)
            self._hand_over([(unit.done, [fault] * len(unit.writes)) for unit in units])
            return []
        self.heads.usage.update(batch.usage)
        self._readers.version += 1
        if storing:
            self.postings.stored()
        if batch.records:
            self._publish(batch.records)
        self._hand_over(deliveries)
        return units[len(deliveries) :]

    def _publish(self, records: Sequence[tuple[int, int, bytes]]) -> None:
        """Let committed records be found. Nobody finds one before: no reader is told of a shard's
        end behind what another has seen."""
        self.tail.append(records)
        self.postings.add(records)
        if self._listeners:
            self._announce(frozenset([shard_id for _, shard_id, _ in records]))

    def _alter(self, decide: Alter, done: Callable[[Catalog | AwsError], None]) -> None:
        result: Catalog | AwsError
        try:
            alteration = decide(self.catalog, self._tick)
            result = self.catalog.after(alteration)
            self._cursor.execute(SQL["begin_write"])
            store_alteration(self._cursor, self.catalog, result, alteration, self.heads.clock)
            self._cursor.execute(SQL["commit"])
        except Exception as failure:
            result = self._undo(failure)
        else:
            self.catalog = result
            self._readers.version += 1
            self.tail.drop(alteration.dropped_shards)
            self.trims.drop(alteration.dropped_shards)
            self._announce(alteration.closed_shards)
        self._hand_over([(done, result)])

    def _tick(self, table_id: int, partition: int) -> int:
        del table_id  # one writer, one clock
        self.heads.clock = next_clock(self.heads.clock, self._clock.now_us(), partition)
        return self.heads.clock

    def _maintain(self, work: Callable[[Upkeep], _Result]) -> _Result:
        # The log is a sequence: whatever is synced after this has this before it.
        upkeep = Upkeep(
            cursor=self._cursor,
            catalog=self.catalog,
            postings=self.postings,
            tail=self.tail,
            trims=self.trims,
            heads=self.heads,
            usage={},
            removed={},
        )
        self._cursor.execute("PRAGMA synchronous = NORMAL")
        try:
            self._cursor.execute(SQL["begin_write"])
            result = work(upkeep)
            self._cursor.execute(SQL["commit"])
        except Exception as failure:
            raise self._undo(failure) from failure
        finally:
            self._cursor.execute("PRAGMA synchronous = FULL")
        self.heads.usage.update(upkeep.usage)
        self._readers.version += 1
        self.postings.forget(upkeep.removed)
        return result

    def _undo(self, failure: Exception) -> AwsError:
        """Leave the transaction that failed; what to tell its callers."""
        if self._connection.in_transaction:
            try:
                self._cursor.execute(SQL["rollback"])
            except apsw.Error:
                # SQLite has rolled back by itself when this fails; `in_transaction` will tell.
                _log.exception("A rollback failed")
        return translated(failure)

    def _announce(self, shard_ids: frozenset[int]) -> None:
        for listener in self._listeners:
            try:
                listener(shard_ids)
            except Exception:
                _log.exception("A listener of the change log failed")

    def _hand_over(self, deliveries: list[Delivery]) -> None:
        try:
            self._deliver(deliveries)
        except Exception:
            _log.exception("An outcome could not be delivered")
