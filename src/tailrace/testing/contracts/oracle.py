"""The contract of engines by comparison: whatever is asked of one, the memory engine answers alike.

A Hypothesis state machine: subclass `OracleMachine`, give it `make`, and let pytest collect its
`TestCase`, which has the settings `ORACLE_SETTINGS`. Sequence numbers are not compared: engines
may give others, as long as they grow.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, Final, TypeAlias

import hypothesis.strategies as st
import msgspec
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tailrace.clock import Clock, ManualClock
from tailrace.engines.memory import MemoryEngine
from tailrace.errors import AwsError, ConditionalCheckFailedException
from tailrace.model.schema import Table
from tailrace.model.values import Item
from tailrace.streams.sequence import clock_at
from tailrace.tables.catalog import Alter, Catalog
from tailrace.tables.engine import Engine, Outcome, Settled, Span, Write
from tailrace.testing.builders import (
    ACCOUNT,
    REGION,
    alter_table,
    check_write,
    delete_write,
    drop_table,
    index,
    item,
    put_write,
    rotate,
    update_write,
)
from tailrace.testing.driving import alter, make_table, submit_all
from tailrace.testing.reading import history, rows_of

__all__ = ["ORACLE_SETTINGS", "OracleMachine"]

ORACLE_SETTINGS: Final = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)

_HOUR_US: Final = 3_600_000_000
_PLENTY: Final = 1 << 20
_NAMES: Final = ("birds", "trees")
_KEYS: Final = tuple((pk, sk) for pk in ("a", "b\0", "ü") for sk in ("1", "10", "2"))
_REFUSAL: Final = ConditionalCheckFailedException("The conditional request failed")

Step: TypeAlias = tuple[str, str, tuple[str, str], dict[str, str | int]]

_attributes = st.fixed_dictionaries(
    {}, optional={"g": st.sampled_from("xyz"), "h": st.sampled_from("xyz"), "n": st.integers(0, 2)}
)
_steps = st.tuples(
    st.sampled_from(("put", "put", "put", "delete", "bump", "check", "refuse")),
    st.sampled_from(_NAMES),
    st.sampled_from(_KEYS),
    _attributes,
)
_units = st.lists(
    st.lists(_steps, min_size=1, max_size=4, unique_by=lambda step: step[1:3]),
    min_size=1,
    max_size=8,
)
_tables = st.sampled_from(_NAMES)
_places = st.integers(0, 12)


class OracleMachine(RuleBasedStateMachine):
    """Asks the same of a memory engine and of the one that `make` gives, and compares."""

    # Whether the engine's store can be opened again.
    durable: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.TestCase.settings = ORACLE_SETTINGS

    def make(self, path: Path, clock: Clock) -> Engine:
        """Open the store in the directory `path`, which exists; an empty one is a new store."""
        # Hypothesis's metaclass leaves no room for an abstract method.
        raise TypeError(f"{type(self).__name__} does not say how its engine is made")

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory(prefix="tailrace-oracle-")
        self._clock = ManualClock()
        self._latest_us = self._clock.now_us()
        # Moments, in microseconds, that all records are clearly before or clearly after.
        self._moments: list[int] = []
        self._oracle: Engine = MemoryEngine(self._clock)
        self._subject = self.make(Path(self._directory.name), self._clock)

    def teardown(self) -> None:
        self._oracle.close()
        self._subject.close()
        self._directory.cleanup()

    @property
    def _both(self) -> tuple[Engine, Engine]:
        return self._oracle, self._subject

    def _table(self, name: str) -> Table | None:
        return self._oracle.catalog().by_name.get((ACCOUNT, REGION, name))

    def _alter(self, decide: Alter) -> None:
        for engine in self._both:
            alter(engine, decide)

    # What can happen ------------------------------------------------------------------------------

    @initialize(keys=st.sets(st.sampled_from(_KEYS)))
    def begin(self, keys: set[tuple[str, str]]) -> None:
        self.create(_NAMES[0], True, 2, True)
        self.submit([[("put", _NAMES[0], key, {"g": key[1]})] for key in sorted(keys)])

    @rule(name=_tables, streamed=st.booleans(), partitions=st.integers(1, 3), indexed=st.booleans())
    def create(self, name: str, streamed: bool, partitions: int, indexed: bool) -> None:
        if self._table(name) is not None:
            return
        for engine in self._both:
            make_table(
                engine,
                name,
                sort=True,
                partitions=partitions,
                index_on=["g"] if indexed else [],
                streamed=streamed,
            )

    @rule(name=st.sampled_from((*_NAMES, _NAMES[1], _NAMES[1])))
    def drop(self, name: str) -> None:
        table = self._table(name)
        if table is not None:
            self._alter(drop_table(table.id))

    @rule(units=_units)
    def submit(self, units: list[list[Step]]) -> None:
        written = [[write for step in unit if (write := self._write(step))] for unit in units]
        first, second = (submit_all(engine, written) for engine in self._both)
        assert [_comparable(outcome) for outcome in second] == [
            _comparable(outcome) for outcome in first
        ]

    def _write(self, step: Step) -> Write | None:
        kind, name, (pk, sk), attributes = step
        table = self._table(name)
        if table is None:
            return None
        thing = item(pk, sk=sk, **attributes)
        writes: dict[str, Callable[[], Write]] = {
            "put": partial(put_write, table, thing),
            "delete": partial(delete_write, table, thing),
            "bump": partial(update_write, table, thing, partial(_bumped, thing)),
            "check": partial(check_write, table, thing),
            "refuse": partial(check_write, table, thing, _REFUSAL),
        }
        return writes[kind]()

    @rule(name=_tables, pieces=st.integers(1, 3))
    def divide(self, name: str, pieces: int) -> None:
        table = self._table(name)
        if table is not None and table.stream is not None:
            self._alter(rotate(table.id, pieces=pieces))

    @rule(us=st.integers(-_HOUR_US, _HOUR_US))
    def move_the_clock(self, us: int) -> None:
        self._clock.advance(us)
        self._latest_us = max(self._latest_us, self._clock.now_us())

    @rule()
    def let_time_pass(self) -> None:
        self._moments.append(self._latest_us + _HOUR_US)
        self._latest_us += 2 * _HOUR_US
        self._clock.advance(self._latest_us - self._clock.now_us())

    @rule(place=_places, max_records=st.sampled_from((1, 3, 1000)))
    def trim(self, place: int, max_records: int) -> None:
        if not self._moments:
            return
        before = clock_at(self._moments[place % len(self._moments)])
        for _ in range(1000):
            first, second = (engine.log.trim(before, max_records) for engine in self._both)
            assert second == first
            if first == 0:
                break

    @rule(name=_tables, max_rows=st.integers(1, 5))
    def add_an_index(self, name: str, max_rows: int) -> None:
        table = self._table(name)
        if table is None or len(table.indexes) >= 3:
            return
        added = index(self._oracle.catalog().next_id, "h")
        self._alter(alter_table(_with_indexes(table, (*table.indexes, added))))
        after: bytes | None = b""
        while after is not None:
            first, second = (
                engine.fill_index(table.id, added, after, max_rows) for engine in self._both
            )
            assert second == first
            after = first

    @rule(name=_tables)
    def drop_an_index(self, name: str) -> None:
        table = self._table(name)
        if table is not None and table.indexes:
            self._alter(alter_table(_with_indexes(table, table.indexes[1:])))

    @rule(max_rows=st.integers(1, 20))
    def purge(self, max_rows: int) -> None:
        for engine in self._both:
            while removed := engine.purge(max_rows):
                assert removed <= max_rows

    @rule()
    def open_again(self) -> None:
        if self.durable:
            self._subject.close()
            self._subject = self.make(Path(self._directory.name), self._clock)

    # What is compared -----------------------------------------------------------------------------

    @rule(
        name=_tables,
        ends=st.tuples(_places, _places),
        max_rows=st.integers(1, 12),
        max_bytes=st.integers(0, 100),
    )
    def read_rows(self, name: str, ends: tuple[int, int], max_rows: int, max_bytes: int) -> None:
        table = self._table(name)
        if table is None:
            return
        for met in (None, *table.indexes):
            keys = [b"", *(row.key for row in rows_of(self._oracle, table, met))]
            low, high = sorted(keys[end % len(keys)] for end in ends)
            for span in _spans(table.id, low, high, met.id if met else None):
                first, second = (list(e.rows(span, max_rows, max_bytes)) for e in self._both)
                assert second == first

    @rule(keys=st.lists(st.tuples(_tables, st.sampled_from(_KEYS)), max_size=6))
    def read_together(self, keys: list[tuple[str, tuple[str, str]]]) -> None:
        asked = [
            (table.id, table.keys.item_key(item(pk, sk=sk)))
            for name, (pk, sk) in keys
            if (table := self._table(name)) is not None
        ]
        first, second = (list(engine.get_together(asked)) for engine in self._both)
        assert second == first
        assert [self._subject.get(table_id, key) for table_id, key in asked] == first

    @invariant()
    def alike(self) -> None:
        """All that is stored, and all that is said of it, is the same in both."""
        first, second = (_shape(engine.catalog()) for engine in self._both)
        assert second == first
        for table in self._oracle.catalog().tables.values():
            first, second = (_content(engine, table) for engine in self._both)
            assert second == first


def _bumped(thing: Item, previous: Item | None) -> Item:
    number = int(previous["n"]["N"]) if previous and "n" in previous else 0
    return {**(previous or thing), "n": {"N": str(number + 1)}}


def _spans(table_id: int, low: bytes, high: bytes, index_id: int | None) -> list[Span]:
    return [
        Span(table_id, low, end, index_id, backwards)
        for end in (high, None)
        for backwards in (False, True)
    ]


def _with_indexes(table: Table, indexes: Sequence[object]) -> Table:
    return msgspec.structs.replace(table, indexes=tuple(indexes))


def _comparable(outcome: Outcome) -> list[object]:
    return [_comparable_result(result) for result in outcome]


def _comparable_result(result: Settled | AwsError) -> object:
    if isinstance(result, AwsError):
        return type(result), result.message, result.fields
    return result


def _shape(catalog: Catalog) -> Catalog:
    """A catalog without the clocks in it."""
    shards = {
        identity: msgspec.structs.replace(shard, start=0, end=None if shard.open else 0)
        for identity, shard in catalog.shards.items()
    }
    return msgspec.structs.replace(catalog, shards=shards)


def _content(engine: Engine, table: Table) -> list[object]:
    """Rows and figures of a table and its indexes, and its records: by shard and key, in order."""
    content: list[object] = [rows_of(engine, table), engine.usage(table)]
    for met in table.indexes:
        content += [rows_of(engine, table, met), engine.usage(table, met)]
    records: dict[tuple[int, bytes], list[object]] = {}
    for record in history(engine, table):
        place = (record.shard.id, record.key)
        records.setdefault(place, []).append((record.kind, record.old, record.new))
    return [*content, records]
