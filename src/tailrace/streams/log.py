"""The port behind which engines keep change records, and the shards they are kept in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

__all__ = ["ChangeLog", "LogPage", "Shard"]


class Shard(msgspec.Struct, frozen=True):
    """A segment of one partition's log: the records of a range of keys between two clocks.

    `id` is unique in the whole store and never used again; `name` is the ShardId the API serves.
    The keys are `low <= key < high`, compared as bytes; `high` None is no bound. Records have
    clocks `start <= c`, and `c <= end` once it is closed. A shard that two were merged into has
    both as parents.
    """

    id: int
    name: str
    stream_id: int
    partition: int
    low: bytes
    high: bytes | None
    start: int
    parent: str | None = None
    end: int | None = None
    adjacent_parent: str | None = None

    @property
    def open(self) -> bool:
        return self.end is None

    def covers(self, key: bytes) -> bool:
        """Whether a key lies in the shard's range."""
        return self.low <= key and (self.high is None or key < self.high)


class LogPage(msgspec.Struct, frozen=True):
    """A run of records of one shard, in order.

    `records` are whole encoded stream records; `last` is the clock of the last of them, or the
    `after` asked for when there are none; `more` says that the next read will find records at once.
    """

    records: Sequence[bytes]
    last: int
    more: bool


class ChangeLog(Protocol):
    """Committed change records. Writing them is the engine's business: they are born in the commit
    of their item.

    Visibility: once a reader has seen clock n of a shard, no record below n will ever appear in
    that shard.
    """

    def read(self, shard_id: int, after: int, max_records: int, max_bytes: int) -> LogPage:
        """Records of a shard with clocks above `after`: at most `max_records`, and no more than
        `max_bytes` of encoded records (but always one). An unknown shard has none.
        """
        ...

    def tip(self, shard_id: int) -> int:
        """The clock of a shard's newest record, or 0 when it holds none: where LATEST begins."""
        ...

    def oldest(self, shard_id: int) -> int | None:
        """The clock of the oldest record a shard still holds, or None."""
        ...

    def trimmed(self, shard_id: int) -> int:
        """The clock of the newest record that was ever trimmed from a shard, 0 when none was, also
        after a restart. A reader that asks after it read knows whether it lost something: whoever
        stands at this clock or behind it has lost nothing.

        It may tell of a record a moment before that goes, never after.
        """
        ...

    def trim(self, before: int, max_records: int) -> int:
        """Remove the oldest records with clocks below `before`, at most `max_records`; how many
        were removed. Waits for it.
        """
        ...

    def trim_shard(self, shard_id: int, before: int, max_records: int) -> int:
        """Do as `trim`, in one shard alone."""
        ...

    def written(self) -> Mapping[int, int]:
        """How many records each shard got since the store was opened, by shard id; shards that are
        gone may be left out."""
        ...

    def subscribe(self, listener: Callable[[frozenset[int]], None]) -> Callable[[], None]:
        """Call `listener` with the ids of the shards that got records, or were closed, after each
        commit that did so; returns what ends it.

        The listener runs on a thread of the engine's: it must be quick and must not raise.
        """
        ...
