"""The newest change records of shards whose readers keep up with the writer, kept in memory.

Ten such readers would otherwise ask SQLite for each commit's records ten times over, and take from
the writer the time that costs. Where nobody reads, nothing is kept: memory that is let go of much
later costs a write more than the rest of its record.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

from tailrace.streams.log import LogPage

__all__ = ["SHARDS_KEPT", "SHARD_BYTES", "Tail"]

# Of each shard that is read, and of so many shards, those that got records last: 32 MiB at the very
# most.
SHARD_BYTES: Final = 256 * 1024
SHARDS_KEPT: Final = 128


class _Run:
    """A shard's records above the clock `floor`: all there are, in order. `served` says whether
    any were asked for since the oldest were dropped.
    """

    __slots__ = ("clocks", "floor", "records", "served", "size")

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self.clocks: list[int] = []
        self.records: list[bytes] = []
        self.size = 0
        self.served = True

    def drop(self, count: int) -> None:
        """Forget the oldest records, which the store is to be asked for if they are there."""
        if count:
            self.floor = self.clocks[count - 1]
            self.size -= sum(map(len, self.records[:count]))
            del self.clocks[:count], self.records[:count]


class Tail:
    """Bounded; what isn't in here is in the store. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[int, _Run] = {}
        self._wanted: set[int] = set()

    def want(self, shard_id: int) -> None:
        """A reader has come to a shard's end: keep what comes now."""
        with self._lock:
            self._wanted.add(shard_id)

    def append(self, records: Sequence[tuple[int, int, bytes]]) -> None:
        """Take in committed records: clock, shard id and encoded record, with growing clocks."""
        if not self._wanted and not self._runs:
            return
        with self._lock:
            for clock, shard_id, data in records:
                run = self._runs.get(shard_id)
                if run is None:
                    if shard_id not in self._wanted:
                        continue
                    run = self._begin(shard_id, clock - 1)
                run.clocks.append(clock)
                run.records.append(data)
                run.size += len(data)
                if run.size > SHARD_BYTES:
                    self._shorten(shard_id, run)

    def _shorten(self, shard_id: int, run: _Run) -> None:
        if run.served:
            run.served = False
            run.drop((len(run.clocks) + 1) // 2)
        else:
            del self._runs[shard_id]

    def _begin(self, shard_id: int, floor: int) -> _Run:
        if len(self._runs) >= SHARDS_KEPT:
            idle = min(self._runs, key=lambda other: (self._runs[other].clocks or [0])[-1])
            del self._runs[idle]
        self._wanted.discard(shard_id)
        run = self._runs[shard_id] = _Run(floor)
        return run

    def read(self, shard_id: int, after: int, max_records: int, max_bytes: int) -> LogPage | None:
        """What `ChangeLog.read` is to give, or None when the store has to be asked."""
        with self._lock:
            run = self._runs.get(shard_id)
            if run is None or after < run.floor:
                return None
            first = last = bisect_right(run.clocks, after)
            end = min(len(run.clocks), first + max_records)
            left = max_bytes
            while last < end:
                left -= len(run.records[last])
                if left < 0 and last > first:
                    break
                last += 1
            run.served = True
            newest = run.clocks[last - 1] if last > first else after
            return LogPage(run.records[first:last], newest, last < len(run.clocks))

    def tip(self, shard_id: int) -> int | None:
        """The clock of a shard's newest record, or None when the store has to be asked."""
        with self._lock:
            run = self._runs.get(shard_id)
            if run is None or not run.clocks:
                return None
            return run.clocks[-1]

    def trim(self, last: int, shard_id: int | None = None) -> None:
        """Let go of records up to the clock `last`, of one shard or of all, which are being removed
        from the store."""
        with self._lock:
            for place, run in self._runs.items():
                if shard_id is None or place == shard_id:
                    run.drop(bisect_right(run.clocks, last))

    def forget(self, shard_id: int | None = None) -> None:
        """Let go of one shard's records, or of all."""
        with self._lock:
            if shard_id is None:
                self._runs.clear()
            else:
                self._runs.pop(shard_id, None)

    def drop(self, shard_ids: Iterable[int]) -> None:
        """Let go of all that is known of shards that are no more."""
        with self._lock:
            for shard_id in shard_ids:
                self._runs.pop(shard_id, None)
                self._wanted.discard(shard_id)
