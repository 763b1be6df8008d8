"""Proves that the write-ahead log stays bounded though writes never pause and readers never leave,
and that nothing is lost when it cannot be moved."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from tailrace.engines.sqlite import checkpoints
from tailrace.engines.sqlite.checkpoints import Checkpointer
from tailrace.engines.sqlite.connection import Connection
from tailrace.engines.sqlite.readers import Readers
from tailrace.engines.sqlite.store import Store

CHECKPOINT_PAGES = 16
ANEW_PAGES = 64


class Bench:
    """A writer, a checkpointer without its thread, and a reader that never leaves."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path, None)
        self.writer = self.store.writer()
        self.readers = Readers(self.store.reader)
        self.connection = self.store.checkpointer()
        self.checkpointer = Checkpointer(
            self.store.checkpointer, self.writer, self._between, self.readers
        )
        self.writer.set_wal_hook(self._logged)
        self.pages: list[int] = []
        self.rests = 0
        self.commits = 0

    def _logged(self, connection: Connection, name: str, pages: int) -> int:
        self.pages.append(pages)
        return self.checkpointer.logged(connection, name, pages)

    def _between(self, work: Callable[[], object]) -> None:
        self.rests += 1
        work()

    def commit(self, ending: str = "") -> None:
        self.commits += 1
        self.writer.execute("INSERT INTO record VALUES (?, 1, zeroblob(30000))", (self.commits,))
        self.writer.execute(ending)
        self.readers.version += 1
        with self.readers.lent() as cursor:
            assert cursor.execute("SELECT max(clock) FROM record").get == self.commits

    def move_with(self, connection: Any) -> None:
        self.checkpointer.move(connection)

    def close(self) -> None:
        self.readers.close()
        self.connection.close()
        self.writer.close()
        self.store.close()


class Overtaken:
    """A checkpointer's connection during each of whose passes something is committed."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def wal_checkpoint(self) -> tuple[int, int]:
        # A transaction that has begun goes on where the log is.
        self._bench.writer.execute("BEGIN IMMEDIATE")
        result = self._bench.connection.wal_checkpoint()
        self._bench.commit("COMMIT")
        return result


class Full:
    """A checkpointer's connection on a full disk."""

    def wal_checkpoint(self) -> tuple[int, int]:
        raise apsw.FullError("database or disk is full")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(checkpoints, "CHECKPOINT_PAGES", CHECKPOINT_PAGES)
    monkeypatch.setattr(checkpoints, "_ANEW_PAGES", ANEW_PAGES)
    with closing(Bench(tmp_path)) as bench:
        yield bench


def _anew(bench: Bench) -> int:
    return sum(later < before for before, later in zip(bench.pages, bench.pages[1:], strict=False))


def test_under_constant_load_the_log_begins_anew_when_it_is_long(bench: Bench) -> None:
    for _ in range(200):
        bench.commit()
        if bench.checkpointer.due:
            bench.move_with(Overtaken(bench))
    assert _anew(bench) == bench.rests >= 5
    assert max(bench.pages) < ANEW_PAGES + 2 * CHECKPOINT_PAGES


def test_when_writes_pause_it_begins_anew_without_the_writer(bench: Bench) -> None:
    for _ in range(100):
        bench.commit()
        if bench.checkpointer.due:
            bench.checkpointer.move(bench.connection)
    assert bench.rests == 0
    assert _anew(bench) >= 5
    assert max(bench.pages) < 2 * CHECKPOINT_PAGES


def test_on_a_full_disk_the_log_grows_until_there_is_room(bench: Bench) -> None:
    for _ in range(20):
        bench.commit()
        if bench.checkpointer.due:
            bench.move_with(Full())
    assert _anew(bench) == 0
    assert bench.checkpointer.due or bench.commits == 20
    for _ in range(20):
        bench.commit()
        if bench.checkpointer.due:
            bench.checkpointer.move(bench.connection)
    assert _anew(bench) >= 1


def test_its_thread_is_woken_and_ended(bench: Bench) -> None:
    moved = threading.Event()

    class Noticed:
        """A connection that says when it was used."""

        def wal_checkpoint(self) -> tuple[int, int]:
            moved.set()
            return bench.connection.wal_checkpoint()

        def close(self) -> None: ...

    make: Any = Noticed
    others = set(threading.enumerate())
    checkpointer = Checkpointer(make, bench.writer, bench._between, bench.readers)
    bench.checkpointer = checkpointer
    checkpointer.start()
    while bench.commits < 10:
        bench.commit()
    assert moved.wait(60)
    checkpointer.close()
    left = set(threading.enumerate()) - others
    assert "tailrace-checkpoint" not in [thread.name for thread in left]
