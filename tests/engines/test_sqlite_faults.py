"""Proves that a full or failing disk costs the writes of its time an error and nothing more, and
that faults of callers stay theirs."""

from __future__ import annotations

import logging
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import apsw
import pytest

from tailrace import limits
from tailrace.clock import ManualClock
from tailrace.engines.sqlite import SqliteEngine
from tailrace.engines.sqlite.store import FILE_NAME
from tailrace.errors import AwsError, InternalServerError, ThrottlingException
from tailrace.model.schema import Table
from tailrace.model.values import encode_item
from tailrace.tables.engine import Engine, Outcome, Plan, Settled, Write
from tailrace.testing.builders import delete_write, item, put_write, rotate
from tailrace.testing.contracts.agreement import check_agreement
from tailrace.testing.driving import alter, make_table, settled, submit, submit_all
from tailrace.testing.reading import history, items_of

WAIT_S = 60.0
LARGE = "x" * 300_000


@pytest.fixture
def connections() -> Iterator[list[apsw.Connection]]:
    """All connections opened from now on."""
    opened: list[apsw.Connection] = []
    hook = opened.append
    apsw.connection_hooks.append(hook)
    yield opened
    apsw.connection_hooks.remove(hook)


@pytest.fixture
def engine(tmp_path: Path, connections: list[apsw.Connection]) -> Iterator[SqliteEngine]:
    del connections
    with closing(SqliteEngine(tmp_path, ManualClock())) as engine:
        yield engine


@contextmanager
def _full_disk(connections: list[apsw.Connection]) -> Iterator[None]:
    """No page may be added to the file, as if the disk were full."""
    writers = [connection for connection in connections if connection in apsw.connections()]
    writers = [connection for connection in writers if not connection.readonly("main")]
    before = [connection.pragma("max_page_count") for connection in writers]
    for connection in writers:
        connection.pragma("max_page_count", connection.pragma("page_count"))
    yield
    for connection, pages in zip(writers, before, strict=True):
        connection.pragma("max_page_count", pages)


def _check_faults(outcome: Outcome, message: str) -> None:
    for result in outcome:
        assert isinstance(result, InternalServerError)
        assert result.message == message


def test_a_full_disk_fails_writes_while_reads_go_on_and_it_recovers(
    engine: SqliteEngine, connections: list[apsw.Connection]
) -> None:
    table = make_table(engine, index_on=["g"])
    settled(engine, put_write(table, item("a", g="x")))
    catalog, usage = engine.catalog(), engine.usage(table)
    with _full_disk(connections):
        for _ in range(3):
            outcome = submit(
                engine, put_write(table, item("a", g="y")), put_write(table, item("b", v=LARGE))
            )
            assert len(outcome) == 2
            _check_faults(outcome, "The store's disk is full")
        assert engine.get(table.id, table.keys.item_key(item("a"))) == encode_item(item("a", g="x"))
        assert len(history(engine, table)) == 1
        assert engine.catalog() == catalog
        assert engine.usage(table) == usage
        check_agreement(engine, table)
        settled(engine, put_write(table, item("a", g="z")))  # for which there is room
    settled(engine, put_write(table, item("b", v=LARGE)))
    assert len(history(engine, table)) == 3
    check_agreement(engine, table)


def test_all_that_share_a_failed_commit_get_the_error(
    engine: SqliteEngine, connections: list[apsw.Connection]
) -> None:
    table = make_table(engine)
    with _full_disk(connections):
        units = [[put_write(table, item(f"k{n}", v=LARGE))] for n in range(8)]
        for outcome in submit_all(engine, units):
            _check_faults(outcome, "The store's disk is full")
    assert items_of(engine, table) == {}
    assert all(isinstance(outcome[0], Settled) for outcome in submit_all(engine, units))
    check_agreement(engine, table)


def test_an_alteration_on_a_full_disk_changes_nothing(
    engine: SqliteEngine, connections: list[apsw.Connection]
) -> None:
    table = make_table(engine)

    def rotate_often() -> None:
        for _ in range(200):
            before.append(engine.catalog())
            alter(engine, rotate(table.id))

    before = [engine.catalog()]
    with _full_disk(connections), pytest.raises(InternalServerError, match="disk is full"):
        rotate_often()
    assert engine.catalog() == before[-1]
    settled(engine, put_write(table, item("a")))
    alter(engine, rotate(table.id))
    check_agreement(engine, table)


def test_what_a_full_disk_refused_is_not_there_later(
    tmp_path: Path, engine: SqliteEngine, connections: list[apsw.Connection]
) -> None:
    table = make_table(engine)
    settled(engine, put_write(table, item("a")))
    with _full_disk(connections):
        _check_faults(
            submit(engine, put_write(table, item("b", v=LARGE))), "The store's disk is full"
        )
    engine.close()
    with closing(SqliteEngine(tmp_path, ManualClock())) as again:
        assert list(items_of(again, table).values()) == [item("a")]
        check_agreement(again, table)


def test_a_write_that_the_system_refuses_is_rolled_back(
    tmp_path: Path, engine: SqliteEngine
) -> None:
    table = make_table(engine)
    settled(engine, put_write(table, item("a")))
    log_bytes = (tmp_path / f"{FILE_NAME}-wal").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The write-ahead log may grow by some pages, but not by all that the commit has.
    resource.setrlimit(resource.RLIMIT_FSIZE, (log_bytes + 30_000, hard))
    try:
        outcome = submit(engine, put_write(table, item("b", v=LARGE)))
        _check_faults(outcome, "The store could not be read or written")
        assert list(items_of(engine, table).values()) == [item("a")]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    settled(engine, put_write(table, item("b", v=LARGE)))
    check_agreement(engine, table)
    engine.close()
    with closing(SqliteEngine(tmp_path, ManualClock())) as again:
        assert len(items_of(again, table)) == 2
        check_agreement(again, table)


def test_trimming_makes_room_on_a_full_disk(
    engine: SqliteEngine, connections: list[apsw.Connection]
) -> None:
    table = make_table(engine)
    submit_all(engine, [[put_write(table, item("a", n=n, v="x" * 5000))] for n in range(200)])
    with _full_disk(connections):
        large = put_write(table, item("b", v=LARGE))
        assert isinstance(submit(engine, large)[0], InternalServerError)
        assert engine.log.trim(2**62, 200) == 200
        settled(engine, large)
    assert len(items_of(engine, table)) == 2


def test_a_failed_read_is_a_fault_and_the_next_one_works(
    engine: SqliteEngine,
) -> None:
    # Servers of other tests may have connections of their own.
    others = list(apsw.connections())
    table = make_table(engine)
    thing = item("a")
    settled(engine, put_write(table, thing))
    key = table.keys.item_key(thing)
    assert engine.get(table.id, key) is not None
    reads: list[Callable[[], object]] = [
        lambda: engine.get(table.id, key),
        lambda: engine.log.tip(1),
    ]
    for read in reads:
        own = [known for known in apsw.connections() if known not in others]
        (reader,) = [known for known in own if known.readonly("main")]
        reader.set_progress_handler(lambda: True, 1)  # interrupts whatever runs
        with pytest.raises(InternalServerError):
            read()
        read()
    assert engine.get(table.id, key) == encode_item(thing)


def test_too_many_writes_that_wait_are_refused(engine: SqliteEngine) -> None:
    table = make_table(engine)
    entered, go_on = threading.Event(), threading.Event()
    refused: list[Outcome] = []
    finished = threading.Semaphore(0)

    def hold(previous: bytes | None, _: Table) -> Plan:
        entered.set()
        assert go_on.wait(WAIT_S)
        return Plan(False, previous, 0, 0)

    def done(outcome: Outcome) -> None:
        finished.release()

    engine.submit([Write(table.id, b"0000held", hold)], done)
    assert entered.wait(WAIT_S)
    unchanged = Write(table.id, b"0000none", lambda previous, _: Plan(False, previous, 0, 0))
    for _ in range(limits.GROUP_COMMIT_QUEUE):
        engine.submit([unchanged], done)
    engine.submit([unchanged, unchanged], refused.append)
    assert [type(result) for result in refused[0]] == [ThrottlingException] * 2
    go_on.set()
    for _ in range(limits.GROUP_COMMIT_QUEUE + 1):
        assert finished.acquire(timeout=WAIT_S)
    settled(engine, put_write(table, item("a")))


def test_a_done_or_a_listener_that_raises_does_not_stop_the_writer(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    table = make_table(engine)

    def broken(_: object) -> None:
        raise ValueError("a caller's fault")

    engine.log.subscribe(broken)
    with caplog.at_level(logging.ERROR):
        engine.submit([put_write(table, item("a"))], broken)
        settled(engine, put_write(table, item("b")))
    messages = [record.message for record in caplog.records]
    assert messages.count("A caller failed to take its outcome") == 1
    assert messages.count("A listener of the change log failed") in (1, 2), "commits"
    assert len(items_of(engine, table)) == 2


def test_a_closed_engine_lets_its_submitters_know(tmp_path: Path) -> None:
    engine = SqliteEngine(tmp_path, ManualClock())
    table = make_table(engine)
    outcomes: list[Outcome] = []
    stopped: list[AwsError] = []

    def keep_submitting() -> None:
        try:
            for n in range(100_000):
                engine.submit([delete_write(table, item(f"k{n}"))], outcomes.append)
                started.set()
        except AwsError as failure:
            stopped.append(failure)

    started = threading.Event()
    threads = [threading.Thread(target=partial(keep_submitting)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert started.wait(WAIT_S)
    engine.close()
    for thread in threads:
        thread.join(WAIT_S)
    assert len(stopped) == 2
    assert all(isinstance(outcome[0], Settled | ThrottlingException) for outcome in outcomes)
