"""What a stream still keeps, decided by the clock alone.

A record is gone at the moment its age exceeds the retention, whether or not the store has removed
it by then; a closed shard is gone when its end is, and a disabled stream when its shards are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tailrace.model.schema import Stream
from tailrace.streams.log import Shard
from tailrace.streams.sequence import clock_at

__all__ = [
    "gone_shards",
    "horizon",
    "is_kept",
    "is_stream_gone",
    "kept_shards",
    "longest_ms",
    "retention_ms",
]


def retention_ms(stream: Stream, default_ms: int | None) -> int | None:
    """How long a stream keeps its records, where the store's streams keep theirs `default_ms`."""
    return default_ms if stream.retention_ms is None else stream.retention_ms


def longest_ms(streams: Iterable[Stream], default_ms: int | None) -> int | None:
    """The longest retention of all streams; at least the store's own."""
    if default_ms is None:
        return None
    return max([default_ms, *(stream.retention_ms or 0 for stream in streams)])


def horizon(now_us: int, retention_ms: int | None) -> int:
    """The least clock that is still served; every record below it is trimmed. `None` keeps all."""
    return 0 if retention_ms is None else max(clock_at(now_us - retention_ms * 1000), 0)


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
