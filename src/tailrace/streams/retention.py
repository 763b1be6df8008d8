"""What a stream still keeps, decided by the clock alone.

A record is gone at the moment its age exceeds the retention, whether or not the store has removed
it by then; a closed shard is gone when its end is, and a disabled stream when its shards are. A
hold keeps what is older for somebody who is not done with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from tailrace.model.schema import Stream
from tailrace.streams.log import Shard
from tailrace.streams.sequence import clock_at

__all__ = [
    "Hold",
    "gone_shards",
    "horizon",
    "horizon_of",
    "is_ended",
    "is_kept",
    "is_stream_gone",
    "kept_shards",
    "retention_ms",
]


class Hold(msgspec.Struct, frozen=True):
    """A stream's records from `clock` on are kept and served however old they grow, for `owner`.

    `until_us` is when the hold ends by itself unless its owner renews it, in microseconds since the
    epoch, None for never. `longest_ms` is the greatest age of what is held, None for any: what
    grows older goes, record by record.
    """

    id: int
    stream_id: int
    owner: str
    clock: int
    until_us: int | None = None
    longest_ms: int | None = None


def retention_ms(stream: Stream, default_ms: int | None) -> int | None:
    """How long a stream keeps its records, where the store's streams keep theirs `default_ms`."""
    return default_ms if stream.retention_ms is None else stream.retention_ms


def horizon(now_us: int, retention_ms: int | None) -> int:
    """The least clock that is still served; every record below it is trimmed. `None` keeps all."""
    return 0 if retention_ms is None else max(clock_at(now_us - retention_ms * 1000), 0)


def horizon_of(stream: Stream, holds: Iterable[Hold], default_ms: int | None, now_us: int) -> int:
    """The least clock that a stream serves, where the store's streams keep their records
    `default_ms` and `holds` are the stream's."""
    edge = horizon(now_us, retention_ms(stream, default_ms))
    for hold in holds:
        if not is_ended(hold, now_us):
            edge = min(edge, max(hold.clock, horizon(now_us, hold.longest_ms)))
    return edge


def is_ended(hold: Hold, now_us: int) -> bool:
    """Whether a hold's owner has not come back in time."""
    return hold.until_us is not None and hold.until_us <= now_us


def is_kept(shard: Shard, horizon: int) -> bool:
    """Whether a shard may still hold or get records at or above the horizon."""
    return shard.end is None or shard.end >= horizon


def kept_shards(shards: Sequence[Shard], horizon: int) -> tuple[Shard, ...]:
    """The shards that are listed and read."""
    return tuple(shard for shard in shards if is_kept(shard, horizon))


def gone_shards(shards: Sequence[Shard], horizon: int) -> tuple[Shard, ...]:
    """The closed shards whose last record has gone; they leave the catalog."""
    return tuple(shard for shard in shards if not is_kept(shard, horizon))


def is_stream_gone(stream: Stream, shards: Sequence[Shard], horizon: int) -> bool:
    """Whether nothing is left of a stream: disabled, its retention over, and no shard kept."""
    if stream.disabled_us is None or clock_at(stream.disabled_us) >= horizon:
        return False
    return not kept_shards(shards, horizon)
