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

# Pages that the log may hold beyond those moved already: 32 MiB. Pages that are written again and
# again meanwhile are moved once.
CHECKPOINT_PAGES: Final = 4096
# Pages from which the log is to begin anew even if writes have to wait for it: 128 MiB, which take
# a tenth of a second to read after a crash. Under full load that is every few seconds.
_ANEW_PAGES: Final = 16384
# What the writer may be kept with to bring the log to its end, a few milliseconds.
_REST_PAGES: Final = 512
# Passes to get there; each leaves what was written during it.
_PASSES: Final = 4

_log = logging.getLogger(__name__)


class Checkpointer:
    """A thread of its own moves the log while writes go on. Whenever it catches up with them, the
    next commit begins the log anew. A store under constant load would never see that, so there the
    writer moves the rest between two commits, once the log has become long.
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
        self._logged = 0
        self._moved = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="tailrace-checkpoint", daemon=True)

    def start(self) -> None:
        """Begin to move."""
        self._thread.start()

    @property
    def due(self) -> bool:
        """Whether the thread has been woken and has not begun."""
        return self._due.is_set()

    def logged(self, connection: Connection, name: str, pages: int) -> int:
        """Called after each commit with the pages that the log then holds."""
        del connection, name
        self._logged = pages
        if pages < self._moved:
            self._moved = 0  # it has begun anew
        if pages - self._moved >= CHECKPOINT_PAGES and not self._busy:
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
                if self._closed:
                    return
                self.move(connection)
        finally:
            connection.close()

    def move(self, connection: Connection) -> None:
        """What the thread does when it is woken."""
        self._due.clear()
        if self._move(connection):
            self._between(self._move_rest)
        else:
            self._busy = False

    def _move(self, connection: Connection) -> bool:
        """Move what there is; whether the log is long and writes have gone on all the while."""
        for _ in range(_PASSES):
            self._readers.let_go()
            try:
                # Which counts what there was when the pass began, not what has come since.
                _, self._moved = connection.wal_checkpoint()
            except apsw.Error:
                # A full disk, most likely. Nothing is lost, and a later commit asks again.
                _log.warning("The write-ahead log could not be moved", exc_info=True)
                return False
            rest = self._logged - self._moved
            if rest <= 0 or self._logged < _ANEW_PAGES:
                return False
            if rest <= _REST_PAGES:
                break
        return True

    def _move_rest(self) -> None:
        """On the writer's thread."""
        self._readers.let_go()
        try:
            _, self._moved = self._writer.wal_checkpoint()
        except apsw.Error:
            _log.warning("The write-ahead log could not be moved", exc_info=True)
        self._busy = False
