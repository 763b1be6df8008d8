"""The change records of a memory engine, and the lock they share with it."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager

import msgspec

from tailrace.errors import InternalServerError
from tailrace.streams.log import LogPage

__all__ = ["Entry", "Gate", "MemoryLog"]

_Listener = Callable[[frozenset[int]], None]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A record that is ready to be appended."""

    shard_id: int
    clock: int
    data: bytes


class _Segment:
    """The records of one shard, oldest first."""

    def __init__(self) -> None:
        self.clocks: list[int] = []
        self.records: list[bytes] = []

    def remove_oldest(self, count: int) -> None:
        del self.clocks[:count]
        del self.records[:count]


class Gate:
    """The one lock, which opens for nobody once the engine is closed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def passed(self) -> Generator[None]:
        """Hold the lock. Raises InternalServerError when the engine was closed."""
        with self._lock:
            if self._closed:
                raise InternalServerError("The store is closed")
            yield

    def close(self) -> None:
        """Let nobody through any more."""
        with self._lock:
            self._closed = True


class MemoryLog:
    """The change records of a `MemoryEngine`."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._segments: dict[int, _Segment] = {}
        self._listeners: list[_Listener] = []
        self._written: Counter[int] = Counter()
        self._trimmed: dict[int, int] = {}

    def read(self, shard_id: int, after: int, max_records: int, max_bytes: int) -> LogPage:
        with self._gate.passed():
            segment = self._segments.get(shard_id) or _Segment()
            first = last = bisect_right(segment.clocks, after)
            size = 0
            while last < len(segment.records) and last - first < max_records:
                size += len(segment.records[last])
                if size > max_bytes and last > first:
                    break
                last += 1
            return LogPage(
                records=segment.records[first:last],
                last=segment.clocks[last - 1] if last > first else after,
                more=last < len(segment.records),
            )

    def tip(self, shard_id: int) -> int:
        with self._gate.passed():
            segment = self._segments.get(shard_id)
            return segment.clocks[-1] if segment else 0

    def oldest(self, shard_id: int) -> int | None:
        with self._gate.passed():
            segment = self._segments.get(shard_id)
            return segment.clocks[0] if segment else None

    def trimmed(self, shard_id: int) -> int:
        with self._gate.passed():
            return self._trimmed.get(shard_id, 0)

    def trim(self, before: int, max_records: int) -> int:
        with self._gate.passed():
            doomed = sorted(
                (clock, shard_id)
                for shard_id, segment in self._segments.items()
                for clock in segment.clocks[: bisect_left(segment.clocks, before)]
            )[:max_records]
            for clock, shard_id in doomed:
                self._trimmed[shard_id] = clock
                self._remove_oldest(shard_id, 1)
            return len(doomed)

    def trim_shard(self, shard_id: int, before: int, max_records: int) -> int:
        with self._gate.passed():
            clocks = self._segments[shard_id].clocks if shard_id in self._segments else []
            count = min(bisect_left(clocks, before), max_records)
            if count:
                self._trimmed[shard_id] = clocks[count - 1]
                self._remove_oldest(shard_id, count)
            return count

    def written(self) -> Mapping[int, int]:
        with self._gate.passed():
            return dict(self._written)

    def subscribe(self, listener: _Listener) -> Callable[[], None]:
        # A list replaced whole: `announce` walks the one it finds, without the lock.
        with self._gate.passed():
            self._listeners = [*self._listeners, listener]
        return lambda: self._unsubscribe(listener)

    def _unsubscribe(self, listener: _Listener) -> None:
        self._listeners = [other for other in self._listeners if other is not listener]

    def append(self, entries: Sequence[Entry]) -> None:
        """Add records. For the engine, which holds the lock."""
        for entry in entries:
            segment = self._segments.setdefault(entry.shard_id, _Segment())
            segment.clocks.append(entry.clock)
            segment.records.append(entry.data)
            self._written[entry.shard_id] += 1

    def announce(self, shard_ids: frozenset[int]) -> None:
        """Tell all listeners of news in shards. For the engine, which has let go of the lock."""
        if shard_ids:
            for listener in self._listeners:
                listener(shard_ids)

    def purge(self, known: dict[int, object], count: int) -> int:
        """Remove up to `count` records of shards not in `known`. For the engine, locked."""
        removed = 0
        for shard_id in [shard_id for shard_id in self._segments if shard_id not in known]:
            taken = min(count - removed, len(self._segments[shard_id].records))
            self._remove_oldest(shard_id, taken)
            removed += taken
        for gone in (self._written, self._trimmed):
            for shard_id in gone.keys() - known.keys():
                del gone[shard_id]
        return removed

    def _remove_oldest(self, shard_id: int, count: int) -> None:
        self._segments[shard_id].remove_oldest(count)
        if not self._segments[shard_id].records:
            del self._segments[shard_id]
