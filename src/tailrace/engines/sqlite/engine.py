"""The engine as a whole: what is opened, and in which order it is closed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import apsw

from tailrace.clock import Clock
from tailrace.engines.sqlite.checkpoints import Checkpointer
from tailrace.engines.sqlite.log import SqliteLog
from tailrace.engines.sqlite.readers import Readers, get_one, get_rows, get_several
from tailrace.engines.sqlite.store import Store
from tailrace.engines.sqlite.upkeep import fill_index, purge
from tailrace.engines.sqlite.writer import Deliver, Delivery, Writer
from tailrace.errors import AwsError, ConfigurationError
from tailrace.model.schema import Index, Table
from tailrace.tables.catalog import Alter, Catalog
from tailrace.tables.engine import Outcome, Row, Span, Usage, Write

__all__ = ["SqliteEngine"]

_log = logging.getLogger(__name__)


class SqliteEngine:
    """An `Engine` in a directory of its own.

    Reads run in the caller's thread. One thread writes; everything submitted while a commit is
    under way shares the next one. `trim`, `purge` and `fill_index` wait for that thread, so they
    must not be called from a `done` or a listener.
    """

    def __init__(
        self, path: Path, clock: Clock, key: bytes | None = None, deliver: Deliver | None = None
    ) -> None:
        """Open the store in the directory `path`, or make one.

        `key`, any bytes, encrypts everything that is written there. `deliver` is given each
        commit's `done`s with what to call them with, on the writer's thread; without it they are
        called there. Raises ConfigurationError when the directory cannot be opened as asked: it is
        in use, it is no store, or the key is wrong, missing or superfluous.
        """
        self._store = Store(path, key)
        try:
            self._connection = self._store.writer()
            self._readers = Readers(self._store.reader)
            self._writer = Writer(self._connection, clock, self._readers, deliver or _call_each)
        except apsw.Error as failure:
            self._store.close()
            raise ConfigurationError(f"Cannot open the store in {path}: {failure}") from failure
        except BaseException:
            self._store.close()
            raise
        self._checkpointer = Checkpointer(
            self._store.checkpointer, self._connection, self._writer.between, self._readers
        )
        self._checkpointer.start()
        self._writer.start(self._checkpointer.logged)
        self._log = SqliteLog(self._readers, self._writer)

    def submit(self, unit: Sequence[Write], done: Callable[[Outcome], None]) -> None:
        self._writer.submit(unit, done)

    def alter(self, decide: Alter, done: Callable[[Catalog | AwsError], None]) -> None:
        self._writer.alter(decide, done)

    def catalog(self) -> Catalog:
        return self._writer.catalog

    def get(self, table_id: int, key: bytes) -> bytes | None:
        return get_one(self._readers, table_id, key)

    def get_together(self, keys: Sequence[tuple[int, bytes]]) -> Sequence[bytes | None]:
        with self._readers.lent() as cursor:
            return get_several(cursor, keys)

    def rows(self, span: Span, max_rows: int, max_bytes: int) -> Sequence[Row]:
        with self._readers.lent() as cursor:
            return get_rows(cursor, span, max_rows, max_bytes)

    def usage(self, table: Table, index: Index | None = None) -> Usage:
        return self._writer.usage(index.id if index else table.id)

    def fill_index(self, table_id: int, index: Index, after: bytes, max_rows: int) -> bytes | None:
        return fill_index(self._writer, table_id, index, after, max_rows)

    def purge(self, max_rows: int) -> int:
        return purge(self._writer, max_rows)

    @property
    def log(self) -> SqliteLog:
        return self._log

    def close(self) -> None:
        self._writer.close()
        self._checkpointer.close()
        self._readers.close()
        self._connection.close()
        self._store.close()


def _call_each(deliveries: list[Delivery]) -> None:
    for done, result in deliveries:
        try:
            done(result)
        except Exception:
            # It must not cost the others of the commit theirs.
            _log.exception("A caller failed to take its outcome")
