"""An engine that keeps everything in memory: dicts and sorted lists under one lock.

It is the oracle that the other engines are compared with, so it does everything in the most obvious
way; and it serves tests that want a store which is gone when they are done.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import msgspec

from tailrace.clock import Clock
from tailrace.engines.memory.log import Entry, Gate, MemoryLog
from tailrace.errors import AwsError, InternalServerError, ResourceNotFoundException
from tailrace.model.changes import Change
from tailrace.model.keys import partition_of
from tailrace.model.schema import Index, Stream, Table
from tailrace.model.values import decode_item
from tailrace.streams.records import encode_record
from tailrace.streams.sequence import next_clock
from tailrace.tables.catalog import Alter, Catalog
from tailrace.tables.engine import Outcome, Plan, Row, Settled, Span, Usage, Write

__all__ = ["MemoryEngine"]

_Value = TypeVar("_Value")
_Listener = Callable[[frozenset[int]], None]


class _Stored(msgspec.Struct, frozen=True, gc=False):
    size: int
    data: bytes


class _Ordered(Generic[_Value]):
    """A mapping of keys to values that can be walked in the order of its keys."""

    def __init__(self) -> None:
        self.values: dict[bytes, _Value] = {}
        self._keys: list[bytes] = []

    def put(self, key: bytes, value: _Value) -> None:
        if key not in self.values:
            insort(self._keys, key)
        self.values[key] = value

    def remove(self, key: bytes) -> None:
        if key in self.values:
            del self.values[key]
            del self._keys[bisect_left(self._keys, key)]

    def remove_some(self, count: int) -> int:
        """Remove `count` entries, or all when there are fewer; how many were removed."""
        gone = self._keys[:count]
        del self._keys[:count]
        for key in gone:
            del self.values[key]
        return len(gone)

    def keys(self, low: bytes, high: bytes | None, backwards: bool) -> Iterator[bytes]:
        first = bisect_left(self._keys, low)
        last = len(self._keys) if high is None else bisect_left(self._keys, high)
        order = range(last - 1, first - 1, -1) if backwards else range(first, last)
        return (self._keys[position] for position in order)

    def keys_above(self, after: bytes, count: int) -> list[bytes]:
        first = bisect_right(self._keys, after)
        return self._keys[first : first + count]


class MemoryEngine:
    """An engine without durability. `submit` and `alter` call `done` on the caller's thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._gate = Gate()
        self._catalog = Catalog()
        self._items: dict[int, _Ordered[_Stored]] = {}
        # Of each index, by its id: the rows' keys, and the keys of the items they stand for.
        self._indexes: dict[int, _Ordered[bytes]] = {}
        self._last_clock = 0
        self._log = MemoryLog(self._gate)

    @property
    def log(self) -> MemoryLog:
        return self._log

    def submit(self, unit: Sequence[Write], done: Callable[[Outcome], None]) -> None:
        entries: Sequence[Entry] = ()
        with self._gate.passed():
            outcome = self._decided(unit)
            if all(isinstance(result, Settled) for result in outcome):
                try:
                    outcome, entries = self._committed(unit, outcome)
                except Exception as failure:
                    outcome = [_translated(failure)] * len(unit)
        self._log.announce(frozenset(entry.shard_id for entry in entries))
        done(outcome)

    def _decided(self, unit: Sequence[Write]) -> list[Settled | AwsError]:
        return [self._decision(write) for write in unit]

    def _decision(self, write: Write) -> Settled | AwsError:
        table = self._catalog.tables.get(write.table_id)
        if table is None:
            return ResourceNotFoundException("Requested resource not found")
        previous = self._read(write.table_id, write.key)
        try:
            return Settled(previous, write.decide(previous, table))
        except Exception as failure:
            return _translated(failure)

    def _committed(
        self, unit: Sequence[Write], outcome: Outcome
    ) -> tuple[list[Settled | AwsError], Sequence[Entry]]:
        """Write what was decided, and return it with the records; raises before it writes
        anything."""
        settled: list[Settled | AwsError] = []
        entries: list[Entry] = []
        for write, result in zip(unit, outcome, strict=True):
            if isinstance(result, Settled) and result.plan.changed:
                result, made = self._with_records(write, result)
                entries += made
            settled.append(result)
        for write, result in zip(unit, settled, strict=True):
            if isinstance(result, Settled) and result.plan.changed:
                self._apply(write, result.plan)
        self._log.append(entries)
        return settled, entries

    def _with_records(self, write: Write, settled: Settled) -> tuple[Settled, list[Entry]]:
        table, change = self._catalog.tables[write.table_id], settled.plan.change
        entries: list[Entry] = []
        if change is None:
            return settled, entries
        if table.stream is not None and table.stream.enabled:
            entries.append(self._recorded(change, write.key, table, table.stream))
            settled = Settled(settled.previous, settled.plan, entries[0].clock)
        entries += [self._recorded(change, write.key, table, capture) for capture in table.captures]
        return settled, entries

    def _recorded(self, change: Change, key: bytes, table: Table, stream: Stream) -> Entry:
        partition = partition_of(key, table.partitions)
        for shard in self._catalog.open_shards.get((stream.id, partition), ()):
            if shard.covers(key):
                clock = self._tick(table.id, partition)
                return Entry(shard.id, clock, encode_record(change, clock, stream))
        raise InternalServerError(f"Stream {stream.arn} has no open shard for key {key.hex()}")

    def _tick(self, table_id: int, partition: int) -> int:
        del table_id  # one clock serves the whole store, as there is one lock
        self._last_clock = next_clock(self._last_clock, self._clock.now_us(), partition)
        return self._last_clock

    def _apply(self, write: Write, plan: Plan) -> None:
        items = self._items.setdefault(write.table_id, _Ordered())
        if plan.new is None:
            items.remove(write.key)
        else:
            items.put(write.key, _Stored(plan.new_size, plan.new))
        for change in plan.indexes:
            rows = self._indexes.setdefault(change.index_id, _Ordered())
            if change.old is not None:
                rows.remove(change.old)
            if change.new is not None:
                rows.put(change.new, write.key)

    def alter(self, decide: Alter, done: Callable[[Catalog | AwsError], None]) -> None:
        closed: frozenset[int] = frozenset()
        with self._gate.passed():
            try:
                alteration = decide(self._catalog, self._tick)
                self._catalog = result = self._catalog.after(alteration)
                closed = alteration.closed_shards
            except Exception as failure:
                result = _translated(failure)
        self._log.announce(closed)
        done(result)

    def catalog(self) -> Catalog:
        return self._catalog

    def get(self, table_id: int, key: bytes) -> bytes | None:
        return self.get_together([(table_id, key)])[0]

    def get_together(self, keys: Sequence[tuple[int, bytes]]) -> Sequence[bytes | None]:
        with self._gate.passed():
            return [self._read(table_id, key) for table_id, key in keys]

    def _read(self, table_id: int, key: bytes) -> bytes | None:
        items = self._items.get(table_id)
        stored = items.values.get(key) if items else None
        return stored.data if stored else None

    def rows(self, span: Span, max_rows: int, max_bytes: int) -> Sequence[Row]:
        result: list[Row] = []
        size = 0
        with self._gate.passed():
            for row in self._walk(span):
                result.append(row)
                size += row.size
                if len(result) >= max_rows or size > max_bytes:
                    break
        return result

    def _walk(self, span: Span) -> Iterator[Row]:
        items: _Ordered[_Stored] = self._items.get(span.table_id) or _Ordered()
        if span.index_id is None:
            for key in items.keys(span.low, span.high, span.backwards):
                yield Row(key, items.values[key].size, items.values[key].data)
            return
        rows: _Ordered[bytes] = self._indexes.get(span.index_id) or _Ordered()
        for key in rows.keys(span.low, span.high, span.backwards):
            stored = items.values[rows.values[key]]
            yield Row(key, stored.size, stored.data)

    def usage(self, table: Table, index: Index | None = None) -> Usage:
        span = Span(table.id, b"", None, index.id if index else None)
        with self._gate.passed():
            sizes = [row.size for row in self._walk(span)]
        return Usage(len(sizes), sum(sizes))

    def fill_index(self, table_id: int, index: Index, after: bytes, max_rows: int) -> bytes | None:
        with self._gate.passed():
            items: _Ordered[_Stored] = self._items.get(table_id) or _Ordered()
            rows = self._indexes.setdefault(index.id, _Ordered())
            keys = items.keys_above(after, max_rows)
            for key in keys:
                row = index.row_of(decode_item(items.values[key].data), key)
                if row is not None:
                    rows.put(row, key)
            return keys[-1] if keys else None

    def purge(self, max_rows: int) -> int:
        with self._gate.passed():
            tables = self._catalog.tables
            indexes = {index.id: index for table in tables.values() for index in table.indexes}
            removed = _purged(self._indexes, indexes, max_rows)
            removed += _purged(self._items, tables, max_rows - removed)
            return removed + self._log.purge(dict(self._catalog.shards), max_rows - removed)

    def close(self) -> None:
        self._gate.close()


def _purged(
    stored: dict[int, _Ordered[_Value]], known: dict[int, Table] | dict[int, Index], count: int
) -> int:
    """Remove up to `count` rows of what isn't known any more; how many were removed."""
    removed = 0
    for gone in [identity for identity in stored if identity not in known]:
        removed += stored[gone].remove_some(count - removed)
        if not stored[gone].values:
            del stored[gone]
    return removed


def _translated(failure: Exception) -> AwsError:
    """What callers are told: refusals as they are, anything else as a fault of the store."""
    if isinstance(failure, AwsError):
        return failure
    fault = InternalServerError("Internal server error")
    fault.__cause__ = failure
    return fault
