"""Moving the write-ahead log into the database file, without writers waiting for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

import apsw

from tailrace.engines.sqlite.connection import Connection
from tailrace.engines.sqlite.readers import Readers

__all__ = ["CHECKPOINT_PAGES", "Checkpointer"]

# Pages in the log from which it is worth moving: 32 MiB. Pages that are written again and again
# meanwhile are moved once.
CHECKPOINT_PAGES: Final = 4096
# What the writer may be kept with to bring the log to its end, some milliseconds.
_REST_PAGES: Final = 512
# Passes to get there; each leaves what was written during it.
_PASSES: Final = 4

_log = logging.getLogger(__name__)


class Checkpointer:
    """A thread of its own moves nearly all of the log while writes go on; the writer moves the rest
    between two commits, and its next commit begins the log anew. Without that last step a store
    under constant load would have a log without end.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        writer: Connection,
        between: Callable[[Callable[[], object]], None],
        readers: Readers,
    ) -> None:
        self._connect = connect
        self._writer = writer
        self._between = between
        self._readers = readers
        self._due = threading.Event()
        self._busy = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="tailrace-checkpoint", daemon=True)
        self._thread.start()

    def logged(self, connection: Connection, name: str, pages: int) -> int:
        """Called after each commit with the pages that the log then holds."""
        del connection, name
        if pages >= CHECKPOINT_PAGES and not self._busy:
            self._busy = True
            self._due.set()
        return apsw.SQLITE_OK

    def close(self) -> None:
        """End the thread; SQLite moves what is left when the last connection is closed."""
        self._closed = True
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        connection = self._connect()
        try:
            while True:
                self._due.wait()
                self._due.clear()
                if self._closed:
                    return
                self._move(connection)
                self._between(self._move_rest)
        finally:
            connection.close()

    def _move(self, connection: Connection) -> None:
        for _ in range(_PASSES):
            self._readers.let_go()
            try:
                logged, moved = connection.wal_checkpoint()
            except apsw.Error:
                # A full disk, most likely. Nothing is lost, and the next commit asks again.
                _log.warning("The write-ahead log could not be moved", exc_info=True)
                return
            if logged - moved <= _REST_PAGES:
                return

    def _move_rest(self) -> None:
        """On the writer's thread."""
        self._readers.let_go()
        try:
            self._writer.wal_checkpoint()
        except apsw.Error:
            _log.warning("The write-ahead log could not be moved", exc_info=True)
        self._busy = False
