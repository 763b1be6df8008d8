"""Proves that work on many rows goes in steps that stay short, that it does all it should, and that
a closed store is one file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.clock import ManualClock
from tailrace.engines.sqlite import SqliteEngine
from tailrace.engines.sqlite.pace import Pace
from tailrace.engines.sqlite.store import FILE_NAME
from tailrace.testing.builders import alter_table, drop_table, index, item, put_write
from tailrace.testing.contracts.agreement import check_agreement
from tailrace.testing.driving import alter, make_table, submit_all
from tailrace.testing.reading import rows_of


class Stopwatch:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@given(
    rows=st.integers(0, 5000),
    there=st.integers(0, 5000),
    rows_max=st.integers(1, 600),
    row_s=st.sampled_from([1e-7, 1e-5, 1e-4, 1e-3]),
)
def test_steps_come_to_what_was_asked_for_and_stay_short(
    rows: int, there: int, rows_max: int, row_s: float
) -> None:
    watch, left, steps = Stopwatch(), there, list[int]()

    def step(asked: int) -> int:
        nonlocal left
        assert 1 <= asked <= rows_max
        steps.append(asked)
        done = min(asked, left)
        left -= done
        watch.now_s += done * row_s
        return done

    assert Pace(rows_max, watch).spend(rows, step) == min(rows, there)
    # After the first few steps none takes long, unless even the shortest would.
    assert all(asked * row_s <= 0.0161 or asked <= 8 for asked in steps[4:])
    if row_s < 1e-6 and there >= rows >= 4000 and rows_max == 600:
        assert max(steps) == rows_max


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SqliteEngine]:
    with closing(SqliteEngine(tmp_path, ManualClock())) as engine:
        yield engine


def test_thousands_of_rows_are_filled_trimmed_and_purged_in_one_call(engine: SqliteEngine) -> None:
    table, dropped = make_table(engine), make_table(engine, "dropped", index_on=["g"])
    for made in (table, dropped):
        submit_all(engine, [[put_write(made, item(f"k{n}", g="x"))] for n in range(1500)])
    added = index(engine.catalog().next_id, "g")
    changed = msgspec.structs.replace(table, indexes=(added,))
    alter(engine, alter_table(changed))
    last = engine.fill_index(table.id, added, b"", 10_000)
    assert last == rows_of(engine, changed)[-1].key
    assert engine.fill_index(table.id, added, last, 10_000) is None
    check_agreement(engine, changed)
    alter(engine, drop_table(dropped.id))
    while engine.purge(100_000):
        pass
    check_agreement(engine, changed)
    assert engine.usage(changed, added) == engine.usage(changed)
    assert engine.log.trim(2**62, 1400) == 1400
    assert engine.log.trim(2**62, 1400) == 100
    assert engine.log.trim(2**62, 1400) == 0


def test_an_index_that_was_dropped_meanwhile_is_not_filled(engine: SqliteEngine) -> None:
    table = make_table(engine, index_on=["g"])
    (gone,) = table.indexes
    alter(engine, alter_table(msgspec.structs.replace(table, indexes=())))
    submit_all(engine, [[put_write(table, item("a", g="x"))]])
    while engine.purge(10):
        pass
    assert engine.fill_index(table.id, gone, b"", 10) is None
    assert engine.fill_index(10_000, gone, b"", 10) is None


def test_a_closed_store_has_all_in_one_file(tmp_path: Path) -> None:
    with closing(SqliteEngine(tmp_path, ManualClock())) as engine:
        table = make_table(engine)
        submit_all(engine, [[put_write(table, item(f"k{n}"))] for n in range(50)])
    assert {file.name for file in tmp_path.iterdir()} == {FILE_NAME, "tailrace.lock"}
