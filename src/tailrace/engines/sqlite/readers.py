"""Connections for reading, shared by all threads, and reads of items."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Final

import apsw

from tailrace.engines.sqlite.connection import Connection, Cursor
from tailrace.engines.sqlite.faults import CLOSED, translated
from tailrace.engines.sqlite.statements import SQL
from tailrace.errors import InternalServerError
from tailrace.tables.engine import Row, Span

__all__ = ["READERS", "Reader", "Readers", "get_one", "get_rows", "get_several"]

# Reads that can be under way at once; more wait for one of them. Each holds a cache of 8 MiB at
# most.
READERS: Final = 16
_NEVER: Final = -1

_GET = SQL["get"]
_BEGIN = SQL["begin"]
_COMMIT = SQL["commit"]
# Above every key: a key has a zero byte, its partition key's end, before it has this many bytes of
# 255.
_ABOVE_ALL: Final = b"\xff" * 2100


class Reader:
    """A connection in a read transaction, which shows the store as it was when its commit number
    `version` was the newest.
    """

    __slots__ = ("connection", "cursor", "version")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.cursor = connection.cursor()
        self.version = _NEVER

    def renew(self, version: int) -> None:
        """See everything committed until now, which is `version` or later."""
        if self.version != _NEVER:
            self.cursor.execute(_COMMIT)
        self.version = version
        self.cursor.execute(_BEGIN)

    def let_go(self) -> None:
        """End the read transaction, so that the write-ahead log can begin anew."""
        if self.version != _NEVER:
            self.cursor.execute(_COMMIT)
            self.version = _NEVER


class Readers:
    """A bounded pool. The last one returned goes out first, as its cache is warm.

    Readers stay in their transaction while nothing new is committed: opening one costs four times
    what a cached read costs.
    """

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._free: list[Reader] = []
        self._opened = 0
        self._closed = False
        self._waiting = 0
        self._returned = threading.Condition()
        # Counted up by the writer after each commit, before it is reported.
        self.version = 0

    def borrow(self) -> Reader:
        """A reader that sees all that was reported as committed. Give it back, or `discard` it
        after an error.
        """
        try:
            reader = self._free.pop()
        except IndexError:
            reader = self._more()
        if reader.version != self.version:
            try:
                reader.renew(self.version)
            except BaseException:
                self.discard(reader)
                raise
        return reader

    def give_back(self, reader: Reader) -> None:
        self._free.append(reader)
        if self._waiting or self._closed:
            self._after_return()

    def discard(self, reader: Reader) -> None:
        """Close a reader that failed."""
        reader.connection.close()
        with self._returned:
            self._opened -= 1
            self._returned.notify_all()

    @contextmanager
    def lent(self) -> Generator[Cursor]:
        """A reader's cursor. Raises InternalServerError for whatever SQLite raises."""
        try:
            reader = self.borrow()
        except apsw.Error as failure:
            raise translated(failure) from failure
        try:
            yield reader.cursor
        except apsw.Error as failure:
            self.discard(reader)
            raise translated(failure) from failure
        except BaseException:
            self.discard(reader)
            raise
        self.give_back(reader)

    def let_go(self) -> None:
        """End the transactions of all readers that are idle."""
        idle = self._free
        for _ in range(len(idle)):
            reader = self._idle()
            if reader is None:
                return
            try:
                reader.let_go()
            except apsw.Error:
                self.discard(reader)
            else:
                # In front, so that the next to be taken here is another.
                idle.insert(0, reader)
                if self._waiting or self._closed:
                    self._after_return()

    def close(self) -> None:
        """Wait for the reads under way and close all readers. Later borrowers get
        InternalServerError.
        """
        with self._returned:
            self._closed = True
            while self._opened:
                reader = self._idle()
                if reader is None:
                    self._returned.wait()
                else:
                    reader.connection.close()
                    self._opened -= 1
            self._returned.notify_all()

    def _idle(self) -> Reader | None:
        # Others take readers without the lock: looking whether there is one would say nothing.
        try:
            return self._free.pop()
        except IndexError:
            return None

    def _more(self) -> Reader:
        with self._returned:
            # Counted before looking, so that a reader returned meanwhile is either seen or
            # announced.
            self._waiting += 1
            try:
                while not self._closed:
                    reader = self._idle()
                    if reader is not None:
                        return reader
                    if self._opened < READERS:
                        break
                    self._returned.wait()
                else:
                    raise InternalServerError(CLOSED)
            finally:
                self._waiting -= 1
            self._opened += 1
        try:
            return Reader(self._connect())
        except BaseException:
            with self._returned:
                self._opened -= 1
                self._returned.notify_all()
            raise

    def _after_return(self) -> None:
        with self._returned:
            self._returned.notify_all()


def get_one(readers: Readers, table_id: int, key: bytes) -> bytes | None:
    """One item's JSON. Raises InternalServerError for whatever SQLite raises."""
    try:
        reader = readers.borrow()
        try:
            # `get` runs the statement to its end, which a single fetch would not.
            data = reader.cursor.execute(_GET, (table_id, key)).get
        except BaseException:
            readers.discard(reader)
            raise
    except apsw.Error as failure:
        raise translated(failure) from failure
    readers.give_back(reader)
    return data


def get_several(cursor: Cursor, keys: Sequence[tuple[int, bytes]]) -> Sequence[bytes | None]:
    """Items' JSON by (table id, key), all from the reader's one transaction."""
    return [cursor.execute(_GET, place).get for place in keys]


def get_rows(cursor: Cursor, span: Span, max_rows: int, max_bytes: int) -> Sequence[Row]:
    """The first rows of a span, as `Engine.rows` gives them."""
    name = "rows" if span.index_id is None else "index_rows"
    place = span.table_id if span.index_id is None else span.index_id
    high = _ABOVE_ALL if span.high is None else span.high
    found = cursor.execute(
        SQL[f"{name}_backwards" if span.backwards else name], (place, span.low, high, max_rows)
    )
    rows: list[Row] = []
    left = max_bytes
    for key, size, data in found:
        rows.append(Row(key, size, data))
        left -= size
        if left < 0:
            break
    return rows
