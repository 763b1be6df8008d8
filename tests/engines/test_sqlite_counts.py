"""Proves how few statements and commits each operation takes: figures that hold on any machine."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import apsw
import pytest

from tailrace import limits
from tailrace.clock import ManualClock
from tailrace.engines.sqlite import SqliteEngine
from tailrace.engines.sqlite.store import FILE_NAME
from tailrace.engines.sqlite.writer import Delivery
from tailrace.errors import ValidationException
from tailrace.model.schema import Table
from tailrace.tables.engine import Outcome, Plan, Settled, Span, Write
from tailrace.testing.builders import check_write, delete_write, item, put_write
from tailrace.testing.driving import make_table, settled, submit

WAIT_S = 60.0
SETTINGS = ("temp_store", "journal_mode")


class Trace:
    """The statements that all connections of this process run, once they are set up."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def attach(self, connection: apsw.Connection) -> None:
        def note(cursor: apsw.Cursor, sql: str, bindings: object) -> bool:
            del cursor, bindings
            # The connection of the checkpoints is opened beside everything else.
            if not any(setting in sql for setting in SETTINGS):
                self.statements.append(" ".join(sql.split()[:3]))
            return True

        connection.exec_trace = note

    def taken(self) -> Counter[str]:
        """What was run since the last time of asking."""
        taken, self.statements = self.statements, []
        return Counter(taken)


class Deliveries:
    """A `deliver` that keeps count of how many outcomes came at a time."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, deliveries: list[Delivery]) -> None:
        self.sizes.append(len(deliveries))
        for done, result in deliveries:
            done(result)


@pytest.fixture
def trace() -> Iterator[Trace]:
    trace = Trace()
    hook = trace.attach
    apsw.connection_hooks.append(hook)
    yield trace
    apsw.connection_hooks.remove(hook)


@pytest.fixture
def deliveries() -> Deliveries:
    return Deliveries()


@pytest.fixture
def engine(tmp_path: Path, trace: Trace, deliveries: Deliveries) -> Iterator[SqliteEngine]:
    with closing(SqliteEngine(tmp_path, ManualClock(), deliver=deliveries)) as engine:
        yield engine


def _together(engine: SqliteEngine, table: Table, units: list[list[Write]]) -> list[Outcome]:
    """Outcomes of units that all wait when the writer comes to them."""
    entered, go_on = threading.Event(), threading.Event()
    outcomes: dict[int, Outcome] = {}
    finished = threading.Semaphore(0)

    def hold(previous: bytes | None, _: Table) -> Plan:
        entered.set()
        assert go_on.wait(WAIT_S)
        return Plan(False, previous, 0, 0)

    def done(place: int, outcome: Outcome) -> None:
        outcomes[place] = outcome
        finished.release()

    engine.submit([Write(table.id, b"0000held", hold)], partial(done, -1))
    assert entered.wait(WAIT_S)
    for place, unit in enumerate(units):
        engine.submit(unit, partial(done, place))
    go_on.set()
    for _ in range(len(units) + 1):
        assert finished.acquire(timeout=WAIT_S)
    return [outcomes[place] for place in range(len(units))]


def _counted(trace: Trace, act: Callable[[], object]) -> dict[str, int]:
    trace.taken()
    act()
    return dict(trace.taken())


FRAME = {"BEGIN IMMEDIATE": 1, "COMMIT": 1}
READ = "SELECT id, size,"
HELD = {"BEGIN IMMEDIATE": 2, "COMMIT": 2}


def test_one_write_takes_six_statements_and_one_commit(engine: SqliteEngine, trace: Trace) -> None:
    table = make_table(engine)
    written = {**FRAME, READ: 1, "INSERT INTO record": 1, "INSERT OR REPLACE": 1}
    assert _counted(trace, lambda: settled(engine, put_write(table, item("a")))) == {
        **written,
        "INSERT INTO item": 1,
    }
    assert _counted(trace, lambda: settled(engine, put_write(table, item("a", n=1)))) == {
        **written,
        "UPDATE item SET": 1,
    }
    assert _counted(trace, lambda: settled(engine, delete_write(table, item("a")))) == {
        **written,
        "DELETE FROM item": 1,
    }


def test_a_write_without_stream_takes_one_less(engine: SqliteEngine, trace: Trace) -> None:
    table = make_table(engine, streamed=False)
    assert _counted(trace, lambda: settled(engine, put_write(table, item("a")))) == {
        **FRAME,
        READ: 1,
        "INSERT INTO item": 1,
        "INSERT OR REPLACE": 1,
    }


def test_a_changed_index_row_takes_two_more(engine: SqliteEngine, trace: Trace) -> None:
    table = make_table(engine, index_on=["g", "h"])
    settled(engine, put_write(table, item("a", g="x", h="x")))
    changed = put_write(table, item("a", g="y", h="x"))
    assert _counted(trace, lambda: settled(engine, changed)) == {
        **FRAME,
        READ: 1,
        "UPDATE item SET": 1,
        "INSERT INTO record": 1,
        "DELETE FROM index_row": 1,
        # The new row; no sum has changed.
        "INSERT OR REPLACE": 1,
    }


def test_a_refusal_and_an_unchanged_item_write_nothing(engine: SqliteEngine, trace: Trace) -> None:
    table = make_table(engine)
    settled(engine, put_write(table, item("a")))
    nothing = {**FRAME, READ: 1}
    assert _counted(trace, lambda: settled(engine, put_write(table, item("a")))) == nothing
    refusal = check_write(table, item("a"), ValidationException("no"))
    assert _counted(trace, lambda: submit(engine, refusal)) == nothing


def test_writes_that_wait_share_one_commit(
    engine: SqliteEngine, trace: Trace, deliveries: Deliveries
) -> None:
    table = make_table(engine)
    units = [[put_write(table, item(f"k{n}"))] for n in range(64)]
    trace.taken()
    deliveries.sizes.clear()
    outcomes = _together(engine, table, units)
    assert all(isinstance(outcome[0], Settled) for outcome in outcomes)
    assert dict(trace.taken()) == {
        **HELD,
        READ: 65,
        "INSERT INTO item": 1,
        "INSERT INTO record": 1,
        "INSERT OR REPLACE": 1,
    }
    assert deliveries.sizes == [1, 64]


def test_versions_of_an_item_within_a_commit_are_written_once(
    engine: SqliteEngine, trace: Trace
) -> None:
    table = make_table(engine)
    units = [[put_write(table, item("a", n=n))] for n in range(16)]
    trace.taken()
    outcomes = _together(engine, table, units)
    assert [outcome[0].previous is None for outcome in outcomes if isinstance(outcome[0], Settled)]
    assert dict(trace.taken()) == {
        **HELD,
        READ: 2,
        "INSERT INTO item": 1,
        "INSERT INTO record": 1,
        "INSERT OR REPLACE": 1,
    }


def test_a_commit_has_a_bound(engine: SqliteEngine, deliveries: Deliveries) -> None:
    table = make_table(engine)
    units = [[put_write(table, item(f"k{n}"))] for n in range(limits.GROUP_COMMIT_UNITS + 1)]
    deliveries.sizes.clear()
    _together(engine, table, units)
    assert deliveries.sizes == [1, limits.GROUP_COMMIT_UNITS, 1]


def test_a_commit_has_a_bound_in_bytes(engine: SqliteEngine, deliveries: Deliveries) -> None:
    table = make_table(engine)
    units = [[put_write(table, item(f"k{n}", v="x" * 400_000))] for n in range(24)]
    deliveries.sizes.clear()
    outcomes = _together(engine, table, units)
    assert all(isinstance(outcome[0], Settled) for outcome in outcomes)
    # Each writes its item and a record of as much.
    assert deliveries.sizes == [1, 11, 11, 2]


def test_a_stream_adds_three_pages_to_a_commit(tmp_path: Path) -> None:
    pages: list[int] = []
    for streamed in (False, True):
        path = tmp_path / str(streamed)
        with closing(SqliteEngine(path, ManualClock())) as engine:
            table = make_table(engine, streamed=streamed)
            before = (path / f"{FILE_NAME}-wal").stat().st_size
            for first in range(0, 640, 10):
                units = [put_write(table, item(f"k{first + n}", v="x" * 300)) for n in range(10)]
                settled(engine, *units)
            pages.append(((path / f"{FILE_NAME}-wal").stat().st_size - before) // 8192)
    # The end of the records, the page that nearly every commit begins behind it, and their parent;
    # it doesn't matter in how many shards the records are.
    assert (pages[1] - pages[0]) / 64 < 3.1


def test_a_read_takes_one_statement_while_nothing_is_written(
    engine: SqliteEngine, trace: Trace
) -> None:
    table = make_table(engine, index_on=["g"])
    thing = item("a", g="x")
    settled(engine, put_write(table, thing))
    key = table.keys.item_key(thing)
    get = "SELECT data FROM"
    renewed = {"COMMIT": 1, "BEGIN": 1}
    assert _counted(trace, lambda: engine.get(table.id, key))[get] == 1
    assert _counted(trace, lambda: engine.get(table.id, key)) == {get: 1}
    assert _counted(trace, lambda: engine.get_together([(table.id, key)] * 3)) == {get: 3}
    span = Span(table.id, b"", None)
    assert _counted(trace, lambda: engine.rows(span, 10, 1000)) == {"SELECT key, size,": 1}
    span = Span(table.id, b"", None, table.indexes[0].id, backwards=True)
    assert _counted(trace, lambda: engine.rows(span, 10, 1000)) == {"SELECT row.key, item.size,": 1}
    records = {"SELECT last, clocks": 1, "SELECT clock, data": 1}
    ((shard_id, _),) = engine.log.written().items()
    assert _counted(trace, lambda: engine.log.read(shard_id, 0, 10, 1000)) == records
    assert _counted(trace, lambda: engine.usage(table)) == {}
    settled(engine, put_write(table, item("b")))
    assert _counted(trace, lambda: engine.get(table.id, key)) == {get: 1, **renewed}


def test_trimming_takes_few_statements_for_hundreds_of_records(
    engine: SqliteEngine, trace: Trace
) -> None:
    table = make_table(engine, partitions=1)
    _together(engine, table, [[put_write(table, item("a", n=n))] for n in range(64)])
    counted = _counted(trace, lambda: engine.log.trim(2**62, 64))
    pragmas = {"PRAGMA synchronous =": 2}
    assert counted == {
        **FRAME,
        **pragmas,
        "SELECT shard_id, max(clock),": 1,
        "DELETE FROM record": 1,
        "DELETE FROM posting": 1,
        "SELECT last, clocks": 1,
        "INSERT OR REPLACE": 2,
    }
