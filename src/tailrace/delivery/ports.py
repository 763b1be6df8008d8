"""What delivery needs of the world: where records come from, where they go, and where positions are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

__all__ = ["Batch", "Checkpoints", "Failure", "Position", "Record", "ShardInfo", "ShardPage", "Sink", "Source"]


class Record(msgspec.Struct, frozen=True, gc=False):
    """One change on its way. `event` is the record as Lambda's event carries it (binary in base64, `eventSourceARN` set); who
    receives it must not change it. `size` is its length as JSON, in bytes; `created_ms` when the change was made."""

    sequence: int
    created_ms: int
    size: int
    event: Mapping[str, Any]


class ShardInfo(msgspec.Struct, frozen=True):
    """A shard as the source lists it. `closed` means that its end is known."""

    shard_id: str
    parent_id: str | None
    closed: bool


class Position(msgspec.Struct, frozen=True):
    """A place in a shard: after the record `sequence`; `sequence` None means the start (`TRIM_HORIZON`) or, with `latest`, the
    tip; `finished` means that all of the shard was handled."""

    sequence: int | None = None
    latest: bool = False
    finished: bool = False


class ShardPage(msgspec.Struct, frozen=True):
    """What one read gave. `ended`: the shard is closed and this was its end. `behind_ms`: how old the newest unread record may be
    (0 when the read reached the tip)."""

    records: Sequence[Record]
    ended: bool
    behind_ms: int


class Source(Protocol):
    """A stream to read from. Errors that may pass are retried by the caller; a position that was trimmed away raises
    `tailrace.errors.TrimmedDataAccessException`, a shard or stream that is gone `ResourceNotFoundException`."""

    @property
    def arn(self) -> str:
        """The stream's ARN, as events name it."""
        ...

    async def shards(self) -> Sequence[ShardInfo]:
        """All shards that the source lists now."""
        ...

    async def read(self, shard_id: str, position: Position, max_records: int) -> ShardPage:
        """The next records after a position. Returns at once, with no records when there are none."""
        ...

    async def changed(self, shard_id: str, timeout_s: float) -> None:
        """Return when the shard may have new records, or after the time-out; a source that cannot tell waits its polling interval."""
        ...

    async def close(self) -> None: ...


class Batch(msgspec.Struct, frozen=True):
    """Records of one shard, in order, handed over together. The same batch handed over again has the same `request_id`."""

    request_id: str
    source_arn: str
    shard_id: str
    records: Sequence[Record]
    attempt: int


class Failure(msgspec.Struct, frozen=True):
    """A record that its receiver could not take, and why. Records before the lowest failure count as done."""

    sequence: int
    reason: str


class Sink(Protocol):
    """A receiver of batches: a search index, a file, a function. At least once, in order for each item."""

    async def write(self, batch: Batch) -> Sequence[Failure]:
        """Take a batch durably. Returns the records that failed, none for success; raises when the batch failed as a whole."""
        ...

    async def close(self) -> None:
        """Make durable what was taken and let go of everything."""
        ...


class Checkpoints(Protocol):
    """Durable positions of one consumer on one stream, by shard. They never go back: saving an older position changes nothing."""

    async def load(self) -> Mapping[str, Position]:
        """All saved positions by shard id."""
        ...

    async def save(self, positions: Mapping[str, Position]) -> None:
        """Keep these positions; durable when it returns."""
        ...

    async def forget(self, shard_ids: Sequence[str]) -> None:
        """Drop the positions of shards that no longer exist."""
        ...
