"""Proves that the crash contract fails an engine that loses, tears or invents writes."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tailrace.clock import ManualClock
from tailrace.engines.memory import MemoryEngine
from tailrace.testing.builders import delete_write, item, put_write
from tailrace.testing.contracts.crash import Report, check_survivors, killed_child
from tailrace.testing.driving import make_table, settled
from tailrace.testing.victim import TABLE_NAME, WRITERS, units

_NOTHING = Report({writer: set() for writer in range(WRITERS)}, 0)


@pytest.fixture
def engine() -> MemoryEngine:
    return MemoryEngine(ManualClock())


def _write(engine: MemoryEngine, numbers: range, *, skip: int | None = None) -> None:
    """Write the units of writer 0, but only the first step of the unit `skip`."""
    table = make_table(engine, TABLE_NAME, partitions=2, index_on=["g"])
    for number, unit in zip(numbers, units(0, 0), strict=False):
        for step in unit[:1] if number == skip else unit:
            write = put_write(table, step.becomes) if step.becomes else None
            settled(engine, write or delete_write(table, item(step.name)))


def _said(numbers: range) -> Report:
    return Report({0: set(numbers), 1: set()}, 0)


def test_a_store_that_forgets_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    report = killed_child("forgetful:open_store", tmp_path, 0, 50)
    assert sum(map(len, report.acknowledged.values())) >= 48
    with (
        closing(MemoryEngine(ManualClock())) as engine,
        pytest.raises(AssertionError, match="gone"),
    ):
        check_survivors(engine, 0, report, 0)


def test_a_store_that_has_all_that_was_acknowledged_passes(engine: MemoryEngine) -> None:
    _write(engine, range(40))
    check_survivors(engine, 0, _said(range(40)), 0)
    check_survivors(engine, 0, _said(range(30)), 0)


def test_a_lost_unit_is_found(engine: MemoryEngine) -> None:
    _write(engine, range(40))
    with pytest.raises(AssertionError, match="unit 40 is lost"):
        check_survivors(engine, 0, _said(range(41)), 0)


def test_a_torn_unit_is_found(engine: MemoryEngine) -> None:
    _write(engine, range(40), skip=39)
    with pytest.raises(AssertionError, match="unit 39 was torn"):
        check_survivors(engine, 0, _said(range(39)), 0)


def test_a_lost_rotation_is_found(engine: MemoryEngine) -> None:
    _write(engine, range(1))
    with pytest.raises(AssertionError):
        check_survivors(engine, 0, _said(range(1)), 1)


def test_a_write_that_nobody_made_is_found(engine: MemoryEngine) -> None:
    table = make_table(engine, TABLE_NAME, partitions=2, index_on=["g"])
    settled(engine, put_write(table, item("r0-w0-k0", n=-1)))
    with pytest.raises(AssertionError):
        check_survivors(engine, 0, _NOTHING, 0)
