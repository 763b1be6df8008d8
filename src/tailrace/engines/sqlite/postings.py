"""Which records each shard has: lists of their clocks, as search engines list the documents of a
term.

The lists of the newest records are in memory, and written with a later commit, many at a time: an
index by shard would cost every commit a page for each shard. What a crash takes of them is read
from the records themselves when the store is opened.
"""

from __future__ import annotations

import sys
import threading
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from tailrace.engines.sqlite.connection import Cursor
from tailrace.engines.sqlite.statements import SQL

__all__ = [
    "CLOCKS_PER_LIST",
    "RECORDS_UNSTORED",
    "Clocks",
    "Postings",
    "clocks_after",
    "newest",
]

Clocks: TypeAlias = "array[int]"

# Records whose clocks wait to be written, about: what is read after a crash, some milliseconds.
RECORDS_UNSTORED: Final = 1024
# So that a list has room in a page of its tree, beside others.
CLOCKS_PER_LIST: Final = 200
_LISTS_PER_READ: Final = 8
_LAST_POSTED: Final = "last_posted"
_NONE: Final[Clocks] = array("q")


class Postings:
    """Only the writer's thread changes them; readers may ask from any.

    Whoever reads takes `unstored` first and his transaction after it: clocks are never in neither,
    and those in both are told apart by their order.
    """

    def __init__(self, cursor: Cursor) -> None:
        """Read what is not in the lists, and store all of it but the newest."""
        self._unstored: dict[int, Clocks] = {}
        self._count = 0
        self._newest: int = cursor.execute(SQL["counter"], (_LAST_POSTED,)).get
        self._lock = threading.Lock()
        # What each shard got since the store was opened, less those in `_unstored`.
        self._written: Counter[int] = Counter()
        while self._catch_up(cursor):
            cursor.execute(SQL["begin_write"])
            self.store(cursor)
            cursor.execute(SQL["commit"])
            self.stored()
        self._written = Counter({id_: -len(clocks) for id_, clocks in self._unstored.items()})

    def _catch_up(self, cursor: Cursor) -> bool:
        """Take in the next records; whether there may be more."""
        found = cursor.execute(SQL["records_after"], (self._newest, RECORDS_UNSTORED)).fetchall()
        self.add(found)
        return self.due

    @property
    def due(self) -> bool:
        """Whether enough has come together to be written."""
        return self._count >= RECORDS_UNSTORED

    def add(self, records: Sequence[tuple[int, int, object]]) -> None:
        """Take in committed records: their clocks, which grow, and shard ids."""
        lists = self._unstored
        for clock, shard_id, _ in records:
            clocks = lists.get(shard_id)
            if clocks is None:
                clocks = lists[shard_id] = array("q")
            clocks.append(clock)
        if records:
            self._count += len(records)
            self._newest = records[-1][0]

    def store(self, cursor: Cursor) -> None:
        """Write what was taken in, in the transaction that the caller has begun."""
        for shard_id, clocks in self._unstored.items():
            for first in range(0, len(clocks), CLOCKS_PER_LIST):
                part = clocks[first : first + CLOCKS_PER_LIST]
                cursor.execute(SQL["insert_posting"], (shard_id, part[-1], _packed(part)))
        cursor.execute(SQL["put_counter"], (_LAST_POSTED, self._newest))

    def stored(self) -> None:
        """What `store` wrote is committed, and readers who ask now will see it."""
        with self._lock:
            for shard_id, clocks in self._unstored.items():
                self._written[shard_id] += len(clocks)
            self._unstored = {}
        self._count = 0

    def unstored(self, shard_id: int) -> Clocks:
        """The clocks of a shard that are not stored, or are only now being stored. More may be
        appended to it at any time."""
        return self._unstored.get(shard_id, _NONE)

    def cut(self, cursor: Cursor, lasts: Mapping[int, int]) -> None:
        """Remove clocks up to those given, by shard id, from what is stored, in the transaction in
        which their records go. `forget` is to follow it."""
        for shard_id, last in lasts.items():
            cursor.execute(SQL["delete_postings"], (shard_id, last))
            found = cursor.execute(SQL["postings"], (shard_id, last, 1)).fetchall()
            for end, packed in found:
                clocks = _unpacked(packed)
                if clocks[0] <= last:
                    left = clocks[bisect_right(clocks, last) :]
                    cursor.execute(SQL["update_posting"], (_packed(left), shard_id, end))

    def forget(self, lasts: Mapping[int, int]) -> None:
        """The records up to these clocks, by shard id, are no more."""
        with self._lock:
            for shard_id, last in lasts.items():
                clocks = self._unstored.get(shard_id)
                if clocks:
                    # Another list: readers may be in the old one.
                    left = self._unstored[shard_id] = clocks[bisect_right(clocks, last) :]
                    self._written[shard_id] += len(clocks) - len(left)
                    self._count -= len(clocks) - len(left)

    def written(self) -> Mapping[int, int]:
        """How many records each shard got since the store was opened. From any thread."""
        with self._lock:
            counts = self._written.copy()
            # In one step: the writer may begin another list at any time.
            for shard_id, clocks in list(self._unstored.items()):
                counts[shard_id] += len(clocks)
        return counts

    def drop(self, shard_ids: Iterable[int]) -> None:
        """Forget what was counted of shards that are no more and have no records."""
        with self._lock:
            for shard_id in shard_ids:
                self._written.pop(shard_id, None)


def clocks_after(
    cursor: Cursor, shard_id: int, after: int, max_clocks: int, unstored: Clocks
) -> Generator[Clocks]:
    """The clocks of a shard above `after`, in order, `max_clocks` at most, in parts that are not
    empty.
    """
    left = max_clocks
    while left > 0:
        found = cursor.execute(SQL["postings"], (shard_id, after, _LISTS_PER_READ)).fetchall()
        if not found:
            break
        clocks: Clocks = array("q")
        for _, packed in found:
            clocks += _unpacked(packed)
        first = bisect_right(clocks, after)
        yield clocks[first : first + left]
        left -= len(clocks) - first
        after = clocks[-1]
    first = bisect_right(unstored, after)
    rest = unstored[first : first + max(0, left)]
    if rest:
        yield rest


def newest(cursor: Cursor, shard_id: int, unstored: Clocks) -> int | None:
    """The clock of a shard's newest record, or None."""
    if unstored:
        return unstored[-1]
    return cursor.execute(SQL["last_posting"], (shard_id,)).get


def _packed(clocks: Clocks) -> bytes:
    if sys.byteorder == "big":
        clocks = clocks[:]
        clocks.byteswap()
    return clocks.tobytes()


def _unpacked(packed: bytes) -> Clocks:
    clocks = array("q", packed)
    if sys.byteorder == "big":
        clocks.byteswap()
    return clocks
