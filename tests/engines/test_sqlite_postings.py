"""Proves that the lists of a shard's records are whole and exact, whatever of them is stored, after
crashes and in stores of the time before them."""

from __future__ import annotations

import shutil
from array import array
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
from hypothesis import given
from hypothesis import strategies as st

from tailrace.clock import ManualClock
from tailrace.engines.sqlite import SqliteEngine
from tailrace.engines.sqlite.connection import Connection, Cursor, connect
from tailrace.engines.sqlite.postings import (
    CLOCKS_PER_LIST,
    RECORDS_UNSTORED,
    Postings,
    clocks_after,
    newest,
)
from tailrace.engines.sqlite.statements import SQL, migrations
from tailrace.engines.sqlite.store import FILE_NAME
from tailrace.testing.builders import item, put_write
from tailrace.testing.driving import make_table, settled
from tailrace.testing.reading import history

BEFORE_LISTS = 2  # migrations
SHARDS = (1, 2, 3)


@contextmanager
def _store() -> Iterator[Connection]:
    connection = connect(":memory:", apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    with closing(connection):
        for script in migrations():
            connection.execute(script).fetchall()
        yield connection


class Lists:
    """A store that has nothing but records, and the clocks it should have."""

    def __init__(self, connection: Connection) -> None:
        self.cursor: Cursor = connection.cursor()
        self.postings = Postings(self.cursor)
        self.clocks: dict[int, list[int]] = {shard_id: [] for shard_id in SHARDS}
        self._clock = 0

    def write(self, shard_ids: list[int]) -> None:
        """Records in one commit, as the writer does it."""
        records = [(self._clock + 1 + n, shard_id, b"r") for n, shard_id in enumerate(shard_ids)]
        self._clock += len(records)
        storing = self.postings.due
        self.cursor.executemany(SQL["insert_record"], records)
        if storing:
            self.postings.store(self.cursor)
            self.postings.stored()
        self.postings.add(records)
        for clock, shard_id, _ in records:
            self.clocks[shard_id].append(clock)

    def store(self) -> None:
        """What would happen with enough records."""
        self.postings.store(self.cursor)
        self.postings.stored()

    def crash(self) -> None:
        self.postings = Postings(self.cursor)

    def trim(self, shard_id: int, share: float) -> None:
        clocks = self.clocks[shard_id]
        count = round(len(clocks) * share)
        if count:
            last = clocks[count - 1]
            gone = [(clock,) for clock in clocks[:count]]
            self.cursor.executemany("DELETE FROM record WHERE clock = ?", gone)
            self.postings.cut(self.cursor, {shard_id: last})
            self.postings.forget({shard_id: last})
            del clocks[:count]

    def after(self, shard_id: int, after: int, max_clocks: int) -> list[int]:
        found: list[int] = []
        unstored = self.postings.unstored(shard_id)
        for clocks in clocks_after(self.cursor, shard_id, after, max_clocks, unstored):
            assert clocks
            found += clocks
        return found

    def check(self, after: int, max_clocks: int) -> None:
        for shard_id, clocks in self.clocks.items():
            behind = [clock for clock in clocks if clock > after]
            assert self.after(shard_id, after, max_clocks) == behind[:max_clocks]
            tip = newest(self.cursor, shard_id, self.postings.unstored(shard_id))
            assert tip == (clocks[-1] if clocks else None)


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.lists(st.sampled_from(SHARDS), min_size=1, max_size=600)),
        st.tuples(st.just("store"), st.none()),
        st.tuples(st.just("crash"), st.none()),
        st.tuples(
            st.just("trim"),
            st.tuples(st.sampled_from(SHARDS), st.sampled_from([0.0, 0.1, 0.5, 0.97, 1.0])),
        ),
    ),
    max_size=12,
)


@given(steps=_steps, after=st.integers(0, 2000), max_clocks=st.sampled_from([1, 5, 199, 5000]))
def test_a_shard_has_just_the_clocks_of_its_records(
    steps: list[tuple[str, object]], after: int, max_clocks: int
) -> None:
    with _store() as connection:
        lists = Lists(connection)
        for name, argument in steps:
            match name, argument:
                case "write", list(shard_ids):
                    lists.write(shard_ids)
                case "trim", (int(shard_id), float(share)):
                    lists.trim(shard_id, share)
                case "crash", _:
                    lists.crash()
                case _:
                    lists.store()
            lists.check(0, 5000)
        lists.check(after, max_clocks)


def test_lists_are_written_many_records_at_a_time() -> None:
    with _store() as connection:
        lists = Lists(connection)
        for _ in range(RECORDS_UNSTORED):
            lists.write([1])
        assert connection.execute("SELECT count(*) FROM posting").get == 0
        lists.write([1])
        sizes = connection.execute("SELECT length(clocks) / 8 FROM posting").fetchall()
        rest = RECORDS_UNSTORED % CLOCKS_PER_LIST
        assert sizes == [(CLOCKS_PER_LIST,)] * (RECORDS_UNSTORED // CLOCKS_PER_LIST) + [(rest,)]
        assert list(lists.postings.unstored(1)) == [RECORDS_UNSTORED + 1]


def test_a_reader_that_asked_before_lists_were_stored_has_each_clock_once() -> None:
    with _store() as connection:
        lists = Lists(connection)
        lists.write([1, 2, 1])
        unstored = lists.postings.unstored(1)
        lists.store()
        lists.write([1])
        (found,) = clocks_after(lists.cursor, 1, 0, 10, unstored)
        assert found == array("q", [1, 3])
        # And one who asked in between: committed, and not yet told.
        lists.postings.store(lists.cursor)
        assert lists.after(1, 0, 10) == [1, 3, 4]


def test_a_crash_costs_reading_what_was_not_stored(tmp_path: Path) -> None:
    with closing(SqliteEngine(tmp_path / "running", ManualClock())) as engine:
        table = make_table(engine)
        for first in range(0, 3000, 100):
            units = (put_write(table, item(f"k{first + n}")) for n in range(100))
            settled(engine, *units)
        before = history(engine, table)
        shutil.copytree(tmp_path / "running", tmp_path / "crashed")
    with closing(SqliteEngine(tmp_path / "crashed", ManualClock())) as engine:
        assert len(before) == 3000
        assert history(engine, table) == before


def test_a_store_of_the_time_before_lists_gets_them(tmp_path: Path) -> None:
    with closing(SqliteEngine(tmp_path, ManualClock())) as engine:
        table = make_table(engine)
        for first in range(0, 3 * RECORDS_UNSTORED, 100):
            settled(engine, *(put_write(table, item(f"k{first + n}")) for n in range(100)))
        before = history(engine, table)
    _take_lists_away(tmp_path / FILE_NAME)
    with closing(SqliteEngine(tmp_path, ManualClock())) as engine:
        assert history(engine, table) == before
        settled(engine, put_write(table, item("another")))
        assert history(engine, table)[:-1] == before


def _take_lists_away(file: Path) -> None:
    with closing(connect(str(file), apsw.SQLITE_OPEN_READWRITE)) as connection:
        connection.execute("DROP TABLE posting").fetchall()
        connection.execute("DELETE FROM counter WHERE name = 'last_posted'").fetchall()
        connection.execute("CREATE INDEX record_shard ON record (shard_id)").fetchall()
        connection.pragma("user_version", BEFORE_LISTS)
