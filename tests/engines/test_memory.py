"""Proves that the memory engine, the oracle of the others, keeps the engine contract."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from threading import get_ident

from tailrace.clock import Clock, ManualClock
from tailrace.engines.memory import MemoryEngine
from tailrace.testing.builders import item, put_write, rotate
from tailrace.testing.contracts.engine import EngineContract
from tailrace.testing.driving import make_table, settled
from tailrace.testing.reading import rows_of


class TestMemoryEngine(EngineContract):
    def make(self, path: Path, clock: Clock) -> MemoryEngine:
        return MemoryEngine(clock)

    def test_done_is_called_by_the_caller_at_once(self) -> None:
        engine = MemoryEngine(ManualClock())
        table = make_table(engine)
        callers: list[int] = []
        engine.submit([put_write(table, item("a"))], lambda _: callers.append(get_ident()))
        engine.alter(rotate(table.id), lambda _: callers.append(get_ident()))
        assert callers == [get_ident()] * 2

    def test_tens_of_thousands_of_items_stay_in_order(self) -> None:
        engine = MemoryEngine(ManualClock())
        table = make_table(engine, index_on=["g"])
        for n in range(20_000):
            settled(engine, put_write(table, item(f"k{n}", g=f"g{n % 500}")))
        rows = rows_of(engine, table)
        assert len(rows) == len(rows_of(engine, table, table.indexes[0])) == 20_000
        assert all(one.key < other.key for one, other in pairwise(rows))
