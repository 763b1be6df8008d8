"""Reading a shard from a position, page by page, so that nothing is lost unnoticed and nobody who
lost nothing is told so.

A position either names the next record (`NEXT`), or says that there was none behind a clock when it
was taken (`TIP`), or means the oldest record there is whenever it is used (`HORIZON`). Trimming has
overtaken a position when a record at or behind it has gone; for `NEXT` that is a comparison, for
`TIP` the log is asked. The `log` is a `ChangeLog`; `horizon` the least clock that is still served.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import msgspec

from tailrace import limits
from tailrace.errors import TrimmedDataAccessException
from tailrace.streams.log import ChangeLog, Shard
from tailrace.streams.sequence import clock_at

__all__ = ["Page", "Position", "PositionKind", "after_clock", "at_clock", "oldest", "read", "tip"]

_TRIMMED = "The data you are trying to access has been trimmed"


class PositionKind(enum.IntEnum):
    """What the clock of a position stands for; the values are what iterators carry."""

    HORIZON = 0
    NEXT = 1
    TIP = 2


class Position(msgspec.Struct, frozen=True, gc=False):
    """A place in a shard, as it was found at `taken_us`, in microseconds since the epoch.

    `clock` is that of the next record for NEXT, of the last place passed for TIP, and 0 for
    HORIZON.
    """

    kind: PositionKind
    clock: int
    taken_us: int


class Page(msgspec.Struct, frozen=True, gc=False):
    """Encoded records in order, and where to go on: None when the shard is closed and read."""

    records: Sequence[bytes]
    following: Position | None


def oldest(now_us: int) -> Position:
    """The position of the oldest record that is kept when it is used."""
    return Position(PositionKind.HORIZON, 0, now_us)


def tip(log: ChangeLog, shard: Shard, now_us: int) -> Position:
    """The position behind the newest record."""
    return Position(PositionKind.TIP, max(log.tip(shard.id), shard.start - 1), now_us)


def at_clock(log: ChangeLog, shard: Shard, clock: int, horizon: int, now_us: int) -> Position:
    """The position of the first record at or after a clock.

    Raises TrimmedDataAccessException when the clock is below the horizon.
    """
    if clock < horizon:
        raise TrimmedDataAccessException(_TRIMMED)
    return _following(log, shard, clock - 1, now_us)


def after_clock(log: ChangeLog, shard: Shard, clock: int, horizon: int, now_us: int) -> Position:
    """The position behind the record with a clock, which the reader has had.

    Raises TrimmedDataAccessException when records behind it are trimmed. The store removes records
    in their order, so as long as it holds this one, those behind it are there to be looked at; when
    it does not, the clock is older than what is kept, and nobody can tell what was behind it.
    """
    if clock < horizon and (shard.end is None or clock < shard.end):
        held = log.read(shard.id, clock - 1, 1, limits.STREAM_PAGE_BYTES)
        if not held.records or held.last != clock:
            raise TrimmedDataAccessException(_TRIMMED)
        _refuse_gap(log, shard, clock, horizon)
    return _following(log, shard, clock, now_us)


def read(
    log: ChangeLog,
    shard: Shard,
    position: Position,
    horizon: int,
    removed: int,
    max_records: int,
    now_us: int,
    max_bytes: int = limits.STREAM_PAGE_BYTES,
) -> Page:
    """At most `max_records` records, or `max_bytes` of them, from a position on.

    `shard` must be from a catalog that was read before the log is: what it says is closed has all
    its records. `removed` is the clock below which the store may have removed records; the horizon
    is not below it. Raises TrimmedDataAccessException when trimming has overtaken the position.
    """
    after = _begin(log, shard, position, horizon, removed)
    # One record more than asked for: its clock is the next position, exact however long it is kept.
    page = log.read(shard.id, after, max_records + 1, max_bytes)
    if len(page.records) > max_records:
        following = Position(PositionKind.NEXT, page.last, now_us)
        return Page(page.records[:max_records], following)
    if page.more:
        return Page(page.records, _following(log, shard, page.last, now_us))
    if not shard.open:
        return Page(page.records, None)
    return Page(page.records, Position(PositionKind.TIP, page.last, now_us))


def _begin(log: ChangeLog, shard: Shard, position: Position, horizon: int, removed: int) -> int:
    """The clock behind which to read."""
    if position.kind is PositionKind.HORIZON:
        return max(shard.start, horizon) - 1
    if position.kind is PositionKind.NEXT:
        if position.clock < horizon:
            raise TrimmedDataAccessException(_TRIMMED)
        return position.clock - 1
    if position.clock + 1 >= horizon:
        return position.clock
    _refuse_gap(log, shard, position.clock, horizon)
    # Records made since the position was taken can only have been removed if all of that time is;
    # then nobody can tell whether there were any, unless the shard had its end before.
    taken = clock_at(position.taken_us)
    ended_before = shard.end is not None and shard.end < taken
    if removed > max(position.clock + 1, taken) and not ended_before:
        raise TrimmedDataAccessException(_TRIMMED)
    return horizon - 1


def _refuse_gap(log: ChangeLog, shard: Shard, clock: int, horizon: int) -> None:
    """Raise TrimmedDataAccessException when a record behind `clock` is below the horizon."""
    page = log.read(shard.id, clock, 1, limits.STREAM_PAGE_BYTES)
    if page.records and page.last < horizon:
        raise TrimmedDataAccessException(_TRIMMED)


def _following(log: ChangeLog, shard: Shard, clock: int, now_us: int) -> Position:
    """The position of the first record behind a clock, or the tip when there is none."""
    after = max(clock, shard.start - 1)
    page = log.read(shard.id, after, 1, limits.STREAM_PAGE_BYTES)
    kind = PositionKind.NEXT if page.records else PositionKind.TIP
    return Position(kind, page.last, now_us)
