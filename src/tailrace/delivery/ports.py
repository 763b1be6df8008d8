"""What delivery needs of the world: where records come from, where they go, and where positions
are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from tailrace.errors import TailraceError

__all__ = [
    "Batch",
    "Checkpoints",
    "DeadLetter",
    "DeadLetters",
    "Failure",
    "FailureDestination",
    "Position",
    "ReconcilingSink",
    "Record",
    "RecordsLost",
    "ShardInfo",
    "ShardPage",
    "Sink",
    "SinkUnavailable",
    "Source",
    "TimeWindow",
    "WindowAnswer",
    "WindowedSink",
]

_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Record(msgspec.Struct, frozen=True, gc=False):
    """One change on its way. `size` is the length of its event in bytes of JSON, as near as makes
    no difference to a payload limit; `created_ms` is when the change was made.

    Records wait as the bytes their source read. `event` is made of them anew at each access, so
    that a receiver may do with it what it likes and a later attempt still gets the original.
    """

    sequence: int
    created_ms: int
    size: int
    data: bytes | msgspec.Raw
    form: Callable[[bytes | msgspec.Raw], dict[str, Any]] = _decode

    @property
    def event(self) -> dict[str, Any]:
        """The record as an entry of `Records` in Lambda's event: binary in base64,
        `eventSourceARN` set, `ApproximateCreationDateTime` a float of whole seconds."""
        return self.form(self.data)

    @classmethod
    def of(cls, sequence: int, created_ms: int, event: Mapping[str, Any]) -> Record:
        """A record of an event in Lambda's form."""
        data = _encode(event)
        return cls(sequence, created_ms, len(data), data)


class ShardInfo(msgspec.Struct, frozen=True):
    """A shard as the source lists it. `closed` means that its end is known. A shard that two were
    merged into has an adjacent parent, too. Its records have numbers from `begins` on, where the
    source tells."""

    shard_id: str
    parent_id: str | None
    closed: bool
    adjacent_parent_id: str | None = None
    begins: int | None = None

    @property
    def parents(self) -> tuple[str, ...]:
        """The shards that come before it."""
        return tuple(each for each in (self.parent_id, self.adjacent_parent_id) if each)


class Position(msgspec.Struct, frozen=True):
    """A place in a shard: after the record `sequence`. `sequence` None means the start
    (`TRIM_HORIZON`) or, with `latest`, the tip: that of now, or that of `tip_ms`, in milliseconds
    since the epoch. `finished` means that all of it was handled. `token` is what a source that does
    not find a place by its number needs besides. `first` is the number of the record that comes
    next, where that is known: another one's coming means that records were lost."""

    sequence: int | None = None
    latest: bool = False
    finished: bool = False
    tip_ms: int | None = None
    token: str | None = None
    first: int | None = None


class ShardPage(msgspec.Struct, frozen=True):
    """What one read gave. `ended`: the shard is closed and this was its end. `behind_ms`: how old
    the oldest unread record may be (0 when the read reached the tip)."""

    records: Sequence[Record]
    ended: bool
    behind_ms: int


class RecordsLost(TailraceError):
    """Records that come before what can be read now are gone, and it is known: told once, then
    reading goes on behind them."""


class Source(Protocol):
    """A stream to read from. Errors that may pass are retried by the caller; a position that was
    trimmed away raises `tailrace.errors.TrimmedDataAccessException`, a shard or stream that is gone
    `ResourceNotFoundException`."""

    @property
    def arn(self) -> str:
        """The stream's ARN, as events name it."""
        ...

    async def shards(self) -> Sequence[ShardInfo]:
        """All shards that the source lists now."""
        ...

    async def children(self, shard_id: str) -> Sequence[ShardInfo]:
        """The shards that follow a closed one, as far as they are listed yet."""
        ...

    async def read(self, shard_id: str, position: Position, max_records: int) -> ShardPage:
        """The next records after a position; at once, without records when there are none."""
        ...

    async def changed(self, shard_id: str, timeout_s: float) -> None:
        """Return when the shard may have records that its last read did not see, or after the
        time-out; a source that cannot tell waits its polling interval."""
        ...

    async def close(self) -> None: ...


class TimeWindow(msgspec.Struct, frozen=True):
    """The tumbling window that a batch belongs to, from `start_ms` until before `end_ms`. `state`
    is the JSON that the window's last call answered, `{}` at first. `final` is the window's last
    call, which has no records; `early` means that the state grew too large for the window to go
    on."""

    start_ms: int
    end_ms: int
    state: bytes = b"{}"
    final: bool = False
    early: bool = False


class Batch(msgspec.Struct, frozen=True):
    """Records of one shard, in order, handed over together. The same batch handed over again has
    the same `request_id`; `attempt` counts from 1. Only the last batch of a window is empty."""

    request_id: str
    source_arn: str
    shard_id: str
    records: Sequence[Record]
    attempt: int
    window: TimeWindow | None = None


class Failure(msgspec.Struct, frozen=True):
    """A record that its receiver could not take, and why. Records before the lowest failure count
    as done."""

    sequence: int
    reason: str


class SinkUnavailable(TailraceError):
    """The receiver is throttled or cannot be reached: the batch comes again, no retry is spent."""


class Sink(Protocol):
    """A receiver of batches: a search index, a file, a function. At least once, in order for each
    item. Batches of different shards, or lanes of one, may be written at the same time."""

    async def write(self, batch: Batch) -> Sequence[Failure]:
        """Take a batch durably. Returns the records that failed, none for success; raises when the
        batch failed as a whole, `SinkUnavailable` when that was not the batch's fault."""
        ...

    async def close(self) -> None:
        """Make durable what was taken and let go of everything."""
        ...


@runtime_checkable
class ReconcilingSink(Protocol):
    """A sink that can tell what it holds by the number of the change that made it."""

    async def reconcile(self, upto: int) -> int:
        """The table was read whole, and what it has was written with numbers beyond `upto`: remove
        what still carries one up to it; how much that was. Changes may be written meanwhile, and
        prevail. It may be called again. Raises as `Sink.write` does."""
        ...


class WindowAnswer(msgspec.Struct, frozen=True):
    """What became of a window's batch: the records that failed, and the JSON of the state for the
    window's next call, None after its last."""

    failures: Sequence[Failure]
    state: bytes | None


@runtime_checkable
class WindowedSink(Protocol):
    """A sink that can take the batches of tumbling windows: a function."""

    async def write_window(self, batch: Batch) -> WindowAnswer:
        """Take a batch that has a window. Raises as `Sink.write` does."""
        ...


class FailureDestination(Protocol):
    """Where batches go that will not be tried again."""

    async def send(self, document: bytes, batch: Batch) -> None:
        """Keep Lambda's on-failure record (JSON) of a batch, durably. What it raises is retried."""
        ...


class DeadLetter(msgspec.Struct, frozen=True):
    """A record that will not be tried again. `condition` is Lambda's word for why, `reason` the
    last error; `failed_ms` is when it was given up."""

    record: Record
    source_arn: str
    shard_id: str
    condition: str
    reason: str
    invocations: int
    failed_ms: int


class DeadLetters(Protocol):
    """Where records go that will not be tried again, one by one."""

    async def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Keep them durably. What it raises is retried."""
        ...


class Checkpoints(Protocol):
    """Durable positions of one consumer on one stream, by shard. They never go back: saving an
    older position changes nothing."""

    async def load(self) -> Mapping[str, Position]:
        """All saved positions by shard id."""
        ...

    async def save(self, positions: Mapping[str, Position]) -> None:
        """Keep these positions; durable when it returns."""
        ...

    async def forget(self, shard_ids: Sequence[str]) -> None:
        """Drop the positions of shards that no longer exist."""
        ...
