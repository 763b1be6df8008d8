"""Reading a shard from a position, page by page, so that nothing is lost unnoticed and nobody who
lost nothing is told so.

A position either names the next record (`NEXT`), or says that there was none behind a clock when it
was taken (`TIP`), or means the oldest record there is whenever it is used (`HORIZON`). Trimming has
overtaken a position when a record at or behind it has gone: one that is below the horizon, the
least clock that is still served, or one that the log says it has removed. The log is asked after it
was read, so records that go meanwhile are missed by nobody. The `log` is a `ChangeLog`.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import msgspec

from tailrace import limits
from tailrace.errors import TrimmedDataAccessException
from tailrace.streams.log import ChangeLog, Shard

__all__ = [
    "Page",
    "Position",
    "PositionKind",
    "after_clock",
    "at_clock",
    "from_clock",
    "oldest",
    "read",
    "tip",
]

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
    newest = log.tip(shard.id)
    return Position(PositionKind.TIP, max(newest, log.trimmed(shard.id), shard.start - 1), now_us)


def at_clock(log: ChangeLog, shard: Shard, clock: int, horizon: int, now_us: int) -> Position:
    """The position of the first record at or after a clock.

    Raises TrimmedDataAccessException when a record at or after it is trimmed.
    """
    return after_clock(log, shard, clock - 1, horizon, now_us)


def after_clock(log: ChangeLog, shard: Shard, clock: int, horizon: int, now_us: int) -> Position:
    """The position behind the record with a clock, which the reader has had.

    Raises TrimmedDataAccessException when a record behind it is trimmed.
    """
    position = _following(log, shard, clock, now_us)
    lost = position.kind is PositionKind.NEXT and position.clock < horizon
    if lost or log.trimmed(shard.id) > clock:
        raise TrimmedDataAccessException(_TRIMMED)
    return position


def from_clock(log: ChangeLog, shard: Shard, clock: int, horizon: int, now_us: int) -> Position:
    """The position of the first record at or after a clock that is still served: whoever asks by a
    time takes what there is."""
    oldest_kept = max(clock, horizon, log.trimmed(shard.id) + 1)
    return _following(log, shard, oldest_kept - 1, now_us)


def read(
    log: ChangeLog,
    shard: Shard,
    position: Position,
    horizon: int,
    max_records: int,
    now_us: int,
    max_bytes: int = limits.STREAM_PAGE_BYTES,
) -> Page:
    """At most `max_records` records, or `max_bytes` of them, from a position on.

    `shard` must be from a catalog that was read before the log is: what it says is closed has all
    its records. Raises TrimmedDataAccessException when trimming has overtaken the position.
    """
    if position.kind is PositionKind.NEXT:
        after = position.clock - 1
    elif position.kind is PositionKind.TIP:
        after = position.clock
    else:
        after = max(shard.start, horizon, log.trimmed(shard.id) + 1) - 1
    if after + 1 < horizon:
        _refuse_gap(log, shard, after, horizon)
    # One record more than asked for: its clock is the next position, exact however long it is kept.
    page = log.read(shard.id, after, max_records + 1, max_bytes)
    if position.kind is not PositionKind.HORIZON and log.trimmed(shard.id) > after:
        raise TrimmedDataAccessException(_TRIMMED)
    if len(page.records) > max_records:
        following = Position(PositionKind.NEXT, page.last, now_us)
        return Page(page.records[:max_records], following)
    if page.more:
        following = _following(log, shard, page.last, now_us)
        if log.trimmed(shard.id) <= page.last:
            return Page(page.records, following)
        # What is behind the page has gone this moment: the next read is to tell.
        return Page(page.records, Position(PositionKind.TIP, page.last, now_us))
    if not shard.open:
        return Page(page.records, None)
    return Page(page.records, Position(PositionKind.TIP, page.last, now_us))


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
