"""Proves that the engine contract and the oracle find out engines that are wrong in one way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tailrace.clock import Clock, ManualClock
from tailrace.engines.memory import MemoryEngine
from tailrace.errors import AwsError
from tailrace.model.schema import Index, Table
from tailrace.tables.engine import Outcome, Plan, Row, Span, Usage, Write
from tailrace.testing.contracts.engine import EngineContract
from tailrace.testing.contracts.oracle import ORACLE_SETTINGS, OracleMachine


class TearsUnits(MemoryEngine):
    def submit(self, unit: Sequence[Write], done: Callable[[Outcome], None]) -> None:
        results: list[Outcome] = []
        for write in unit:
            super().submit([write], results.append)
        done([outcome[0] for outcome in results])


class LosesRemovals(MemoryEngine):
    """Its stream has no records of deletions."""

    def submit(self, unit: Sequence[Write], done: Callable[[Outcome], None]) -> None:
        super().submit([msgspec.structs.replace(w, decide=_silent(w)) for w in unit], done)


def _silent(write: Write) -> Callable[[bytes | None, Table], Plan]:
    def decide(previous: bytes | None, table: Table) -> Plan:
        plan = write.decide(previous, table)
        return plan if plan.new else msgspec.structs.replace(plan, change=None)

    return decide


class LeavesIndexRows(MemoryEngine):
    """Its indexes keep the rows that should move to another key."""

    def submit(self, unit: Sequence[Write], done: Callable[[Outcome], None]) -> None:
        super().submit([msgspec.structs.replace(w, decide=_staying(w)) for w in unit], done)


def _staying(write: Write) -> Callable[[bytes | None, Table], Plan]:
    def decide(previous: bytes | None, table: Table) -> Plan:
        plan = write.decide(previous, table)
        kept = tuple(change for change in plan.indexes if not (change.old and change.new))
        return msgspec.structs.replace(plan, indexes=kept)

    return decide


class ReadsHighEnd(MemoryEngine):
    def rows(self, span: Span, max_rows: int, max_bytes: int) -> Sequence[Row]:
        high = None if span.high is None else span.high + b"\0"
        return super().rows(msgspec.structs.replace(span, high=high), max_rows, max_bytes)


class IgnoresBytes(MemoryEngine):
    def rows(self, span: Span, max_rows: int, max_bytes: int) -> Sequence[Row]:
        return super().rows(span, max_rows, 1 << 40)


class Miscounts(MemoryEngine):
    def usage(self, table: Table, index: Index | None = None) -> Usage:
        usage = super().usage(table, index)
        return Usage(usage.items, usage.size + (index is not None and usage.items > 0))


class FillsTooFew(MemoryEngine):
    def fill_index(self, table_id: int, index: Index, after: bytes, max_rows: int) -> bytes | None:
        last = super().fill_index(table_id, index, after, max_rows)
        # As if the last row of each step had been taken for the first of the next.
        return last and super().fill_index(table_id, index, last, 1)


class HidesRefusals(MemoryEngine):
    def submit(self, unit: Sequence[Write], done: Callable[[Outcome], None]) -> None:
        def answer(outcome: Outcome) -> None:
            first = next((result for result in outcome if isinstance(result, AwsError)), None)
            done([first] * len(outcome) if first else outcome)

        super().submit(unit, answer)


class Contract(EngineContract):
    def make(self, path: Path, clock: Clock) -> MemoryEngine:
        return MemoryEngine(clock)


@pytest.mark.parametrize(
    ("engine_type", "test"),
    [
        (TearsUnits, "one_refusal_and_nothing_of_the_unit_is_written"),
        (HidesRefusals, "one_refusal_and_nothing_of_the_unit_is_written"),
        (LosesRemovals, "each_change_is_a_record"),
        (LeavesIndexRows, "an_index_follows_its_items"),
        (IgnoresBytes, "large_rows_end_a_page_early"),
        (Miscounts, "figures_are_those_of_what_is_stored"),
    ],
)
def test_the_contract_fails_what_is_wrong(engine_type: type[MemoryEngine], test: str) -> None:
    run = getattr(Contract(), f"test_{test}")
    with closing(MemoryEngine(ManualClock())) as engine:
        run(engine)
    with closing(engine_type(ManualClock())) as engine, pytest.raises((AssertionError, ValueError)):
        run(engine)


@pytest.mark.parametrize(
    "engine_type",
    [
        TearsUnits,
        HidesRefusals,
        LosesRemovals,
        LeavesIndexRows,
        ReadsHighEnd,
        IgnoresBytes,
        Miscounts,
        FillsTooFew,
    ],
)
def test_the_oracle_disagrees_with_what_is_wrong(engine_type: type[MemoryEngine]) -> None:
    class Machine(OracleMachine):
        durable = False

        def make(self, path: Path, clock: Clock) -> MemoryEngine:
            return engine_type(clock)

    finds = settings(ORACLE_SETTINGS, phases=(Phase.generate,), print_blob=False)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Machine, settings=finds)


def test_the_oracle_agrees_with_itself() -> None:
    class Machine(OracleMachine):
        durable = False

        def make(self, path: Path, clock: Clock) -> MemoryEngine:
            return MemoryEngine(clock)

    run_state_machine_as_test(Machine, settings=settings(ORACLE_SETTINGS, max_examples=10))
