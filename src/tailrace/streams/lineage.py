"""The tree of shards: how shards open, rotate, split and close, and when that is due.

Each partition of a table has one open shard at first. Rotating a shard closes it and opens one
child; splitting it opens two, each with a part of its keys. A shard of a table never has more than
one parent. A shard's clocks begin behind its parent's end, so each record belongs to exactly one
shard, found by its key and its clock.

Everything here is a function of its arguments. `Tick` gives the next clock of a partition, above
all its records, and takes it: records committed later have higher clocks.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.model.keys import HASH_BYTES
from tailrace.model.schema import Stream
from tailrace.streams.log import Shard
from tailrace.streams.sequence import time_us

__all__ = [
    "Tick",
    "close",
    "cut",
    "due_rotations",
    "due_splits",
    "middle",
    "name_time_ms",
    "open_first",
    "rotate",
    "rotation_due_us",
    "shard_holds",
    "split",
]

Tick: TypeAlias = Callable[[int], int]

_PREFIX: Final = "shardId-"
# Gaps of 4.04 h to 4.5 h between rotations were seen on AWS, whose period is 4 h: 1.010 to 1.125.
_JITTER_FIRST: Final = 1010
_JITTER_STEPS: Final = 116


def open_first(stream: Stream, partitions: int, first_id: int, tick: Tick) -> tuple[Shard, ...]:
    """The shards a new stream begins with: one open shard for each partition, with ids from
    `first_id` on."""
    starts = [tick(partition) for partition in range(partitions)]
    ms = max([_ms(stream.created_us), *(_ms(time_us(start)) for start in starts)])
    return tuple(
        Shard(
            id=first_id + partition,
            name=_name(ms, first_id + partition),
            stream_id=stream.id,
            partition=partition,
            low=cut(partition, partitions) or b"",
            high=cut(partition + 1, partitions),
            start=start,
        )
        for partition, start in enumerate(starts)
    )


def cut(piece: int, pieces: int, width: int = HASH_BYTES) -> bytes | None:
    """The least key of the piece numbered `piece` when all keys are cut into equal pieces by their
    first `width` bytes; None before the first piece and behind the last, where there is no bound.
    """
    if not 0 < piece < pieces:
        return None
    return (-(-piece * 256**width // pieces)).to_bytes(width, "big")


def middle(shard: Shard, width: int = HASH_BYTES) -> bytes | None:
    """The key that halves a shard's range by the first `width` bytes of its keys, or None when
    they are the same in all of the range."""
    low, high = _number(shard.low, width), _end_number(shard.high, width)
    half = (low + high) // 2
    return half.to_bytes(width, "big") if half > low else None


def _number(bound: bytes, width: int) -> int:
    return int.from_bytes(bound.ljust(width, b"\0"), "big")


def _end_number(bound: bytes | None, width: int) -> int:
    return 256**width if bound is None else _number(bound, width)


def rotate(shard: Shard, shards: Sequence[Shard], first_id: int, tick: Tick) -> tuple[Shard, Shard]:
    """An open shard closed, and its one child. `shards` are all shards of the stream."""
    closed = close(shard, tick)
    return closed, _child(closed, shards, first_id, shard.low, shard.high)


def split(
    shard: Shard, shards: Sequence[Shard], first_id: int, tick: Tick
) -> tuple[Shard, Shard, Shard]:
    """An open shard closed, and two children that halve its hashes; ids `first_id` and the next.

    Raises ValidationException for a shard of a single hash.
    """
    half = middle(shard)
    if half is None:
        raise ValidationException(f"Shard {shard.name} holds a single hash and cannot be split")
    closed = close(shard, tick)
    low = _child(closed, shards, first_id, shard.low, half)
    high = _child(closed, shards, first_id + 1, half, shard.high)
    return closed, low, high


def close(shard: Shard, tick: Tick) -> Shard:
    """An open shard with an end, above all its records."""
    return msgspec.structs.replace(shard, end=tick(shard.partition))


def shard_holds(shard: Shard, key: bytes, clock: int) -> bool:
    """Whether a record with this key and clock, of the shard's partition, belongs to it."""
    return shard.covers(key) and shard.start <= clock and (shard.end is None or clock <= shard.end)


def name_time_ms(name: str) -> int | None:
    """The creation time in a ShardId, in milliseconds; None when the text is no ShardId."""
    time, _, mark = name.removeprefix(_PREFIX).partition("-")
    well_formed = (
        name.startswith(_PREFIX)
        and len(time) == 20
        and len(mark) == 8
        and f"{time}{mark}".isascii()
        and time.isdigit()
        and all(digit in "0123456789abcdef" for digit in mark)
    )
    return int(time) if well_formed else None


def rotation_due_us(shard: Shard, period_ms: int) -> int:
    """When a shard is to be rotated: a period after its start and a little more, up to an eighth of
    the period, different for each shard but always the same for one."""
    permille = _JITTER_FIRST + zlib.crc32(shard.name.encode()) % _JITTER_STEPS
    return time_us(shard.start) + period_ms * permille


def due_rotations(
    shards: Sequence[Shard], now_us: int, period_ms: int = limits.SHARD_ROTATION_MS
) -> tuple[Shard, ...]:
    """The open shards that have reached the age at which they are rotated."""
    return tuple(
        shard for shard in shards if shard.open and rotation_due_us(shard, period_ms) <= now_us
    )


def due_splits(
    shards: Sequence[Shard],
    writes: Mapping[int, Sequence[int]],
    interval_ms: int,
    writes_per_s: int = limits.SHARD_SPLIT_WRITES_PER_S,
    width: int = HASH_BYTES,
) -> tuple[Shard, ...]:
    """The open shards of one stream whose write load was too high in each recent interval.

    `writes` counts, by shard id, the records of each of the last intervals, the newest last; a
    shard with fewer than `limits.SHARD_SPLIT_INTERVALS` of them is left alone, as is one that
    cannot be split further by the first `width` bytes of its keys. At most as many are named as
    keep the stream at `limits.STREAM_OPEN_SHARDS`.
    """
    open_shards = [shard for shard in shards if shard.open]
    room = max(limits.STREAM_OPEN_SHARDS - len(open_shards), 0)
    most = writes_per_s * interval_ms
    hot = [
        shard
        for shard in open_shards
        if middle(shard, width) is not None and _sustained(writes.get(shard.id, ()), most)
    ]
    return tuple(hot[:room])


def _sustained(counts: Sequence[int], most: int) -> bool:
    recent = counts[-limits.SHARD_SPLIT_INTERVALS :]
    return len(recent) == limits.SHARD_SPLIT_INTERVALS and min(recent) * 1000 > most


def _child(
    parent: Shard, shards: Sequence[Shard], child_id: int, low: bytes, high: bytes | None
) -> Shard:
    assert parent.end is not None
    return Shard(
        id=child_id,
        name=_name(_birth_ms(parent, shards), child_id),
        stream_id=parent.stream_id,
        partition=parent.partition,
        low=low,
        high=high,
        start=parent.end + 1,
        parent=parent.name,
    )


def _birth_ms(parent: Shard, shards: Sequence[Shard]) -> int:
    """The time in a child's name: later than its parent's, and not before any other shard's, so
    that names sort by creation also when the wall clock stands still or goes back."""
    newest = max(((name_time_ms(shard.name) or 0) for shard in shards), default=0)
    own = (name_time_ms(parent.name) or 0) + 1
    return max(_ms(time_us(parent.end or parent.start)), newest, own)


def _name(ms: int, shard_id: int) -> str:
    # Ids grow with creation, so shards born within one millisecond sort by creation too.
    return f"{_PREFIX}{ms:020d}-{shard_id & 0xFFFFFFFF:08x}"


def _ms(us: int) -> int:
    return us // 1000
