"""Proves that reading connections are few, shared, given back, and never out of date."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack, closing
from pathlib import Path

import apsw
import pytest

from tailrace.engines.sqlite.connection import Connection, connect
from tailrace.engines.sqlite.readers import READERS, Readers
from tailrace.errors import InternalServerError

WAIT_S = 60.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "some.db"
    with closing(apsw.Connection(str(file))) as connection:
        connection.pragma("journal_mode", "wal")
        connection.execute("CREATE TABLE number (n); INSERT INTO number VALUES (0)").fetchall()
    return file


@pytest.fixture
def opened() -> list[Connection]:
    return []


@pytest.fixture
def readers(file: Path, opened: list[Connection]) -> Readers:
    def make() -> Connection:
        opened.append(connect(str(file), apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_NOMUTEX))
        # As the store's own: whoever opens the log first holds it for a moment.
        opened[-1].set_busy_timeout(10_000)
        return opened[-1]

    return Readers(make)


def _number(readers: Readers) -> int:
    with readers.lent() as cursor:
        return cursor.execute("SELECT n FROM number").get


def test_one_reader_serves_all_reads_that_come_one_by_one(
    readers: Readers, opened: list[Connection]
) -> None:
    for _ in range(50):
        _number(readers)
    assert len(opened) == 1
    readers.close()


def test_a_commit_is_seen_once_it_is_counted(file: Path, readers: Readers) -> None:
    with closing(apsw.Connection(str(file))) as writer:
        assert _number(readers) == 0
        writer.execute("UPDATE number SET n = 1").fetchall()
        assert _number(readers) == 0, "the transaction goes on"
        readers.version += 1
        assert _number(readers) == 1
        writer.execute("UPDATE number SET n = 2").fetchall()
        readers.let_go()
        assert _number(readers) == 2
        readers.close()


def test_readers_that_let_go_leave_nothing_in_the_way_of_the_log(
    file: Path, readers: Readers
) -> None:
    with closing(apsw.Connection(str(file))) as writer:
        _number(readers)
        writer.execute("UPDATE number SET n = 1").fetchall()
        logged, moved = writer.wal_checkpoint()
        assert moved < logged
        readers.let_go()
        logged, moved = writer.wal_checkpoint()
        assert moved == logged
        readers.close()


def test_more_reads_than_readers_wait_for_one(readers: Readers, opened: list[Connection]) -> None:
    seen: list[int] = []
    waiting = [threading.Thread(target=lambda: seen.append(_number(readers))) for _ in range(40)]
    with ExitStack() as lent:
        for _ in range(READERS):
            lent.enter_context(readers.lent())
        for thread in waiting:
            thread.start()
        assert seen == []
    for thread in waiting:
        thread.join(WAIT_S)
    assert seen == [0] * 40
    assert len(opened) == READERS
    readers.close()


def test_many_threads_lose_no_reader(readers: Readers, opened: list[Connection]) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)

    def read_often() -> None:
        for _ in range(100):
            _number(readers)

    threads = [threading.Thread(target=read_often) for _ in range(READERS + 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    sys.setswitchinterval(interval)
    assert len(opened) <= READERS
    readers.close()
    assert not [connection for connection in apsw.connections() if connection in opened]


def test_a_reader_that_failed_is_replaced(readers: Readers, opened: list[Connection]) -> None:
    for _ in range(2 * READERS):
        with pytest.raises(InternalServerError), readers.lent() as cursor:
            cursor.execute("SELECT no_such_column FROM number")
        with pytest.raises(KeyError), readers.lent() as cursor:
            raise KeyError
    assert _number(readers) == 0
    assert len(opened) == 4 * READERS + 1
    readers.close()


def test_a_reader_that_cannot_be_opened_is_not_counted(file: Path) -> None:
    def refuse() -> Connection:
        raise apsw.CantOpenError("out of files")

    broken = Readers(refuse)
    for _ in range(READERS + 1):
        with pytest.raises(InternalServerError), broken.lent():
            raise AssertionError("nothing was to be lent")
    broken.close()


def test_closing_waits_for_what_is_read_and_ends_the_rest(readers: Readers) -> None:
    closed = threading.Event()

    def close() -> None:
        readers.close()
        closed.set()

    with readers.lent() as cursor:
        closing_thread = threading.Thread(target=close)
        closing_thread.start()
        assert cursor.execute("SELECT n FROM number").get == 0
        assert not closed.is_set()
    assert closed.wait(WAIT_S)
    with pytest.raises(InternalServerError, match="closed"):
        _number(readers)
