"""Point-in-time recovery: a capture that keeps a table's changes for some days, and its undoing in
a copy.

A copy of the table as it is now becomes the table of a moment by undoing, from the newest to the
oldest, every change since then that the capture holds: each item ends as the image before its first
change. So it does not matter how long the copying took, nor how often the undoing begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from tailrace import limits
from tailrace.errors import AwsError, TableNotFoundException
from tailrace.model.schema import Stream, Table, TableStatus
from tailrace.model.values import Item, item_size
from tailrace.streams.log import Shard
from tailrace.streams.sequence import clock_at
from tailrace.tables import plans
from tailrace.tables.captures import close_captures, open_capture
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.engine import Engine, Plan, Write
from tailrace.tables.waiting import commit_and_wait

__all__ = [
    "REWIND",
    "Recovery",
    "disable",
    "enable",
    "last_clock",
    "recovery_of",
    "rewind",
    "rewinding",
]

_RECOVERY: Final = "PointInTimeRecovery"
REWIND: Final = "Rewind"
_DAY_MS: Final = 24 * 60 * 60 * 1000
_DAY_US: Final = _DAY_MS * 1000
# PointInTimeRecovery_Howitworks.html: the latest moment lies five minutes back.
_LAG_US: Final = 5 * 60 * 1_000_000
# Changes are kept longer than they can be asked for, by what a restore may take.
_SLACK_MS: Final = 24 * 60 * 60 * 1000


class Recovery(msgspec.Struct, frozen=True):
    """How far back a table can be recovered, to when it was enabled and at most `days`; and the
    capture that keeps the changes."""

    days: int
    since_us: int
    stream_id: int

    def earliest_us(self, now_us: int) -> int:
        """The earliest moment that can be recovered."""
        return max(self.since_us, now_us - self.days * _DAY_US)

    def latest_us(self, now_us: int) -> int:
        """The latest moment that is offered."""
        return max(self.since_us, now_us - _LAG_US)


class _Rewind(msgspec.Struct, frozen=True):
    """Undo what a capture holds with clocks above one."""

    stream_id: int
    last: int


class _Images(msgspec.Struct, rename="pascal", frozen=True):
    keys: Item
    old_image: Item | None = None


class _Record(msgspec.Struct, frozen=True):
    dynamodb: _Images


_decode = msgspec.json.Decoder(_Record).decode


def recovery_of(table: Table) -> Recovery | None:
    """A table's point-in-time recovery, None while it is disabled."""
    stored = table.settings.get(_RECOVERY)
    return None if stored is None else msgspec.convert(stored, Recovery)


def enable(scope: tuple[str, str, str], days: int, now_us: int) -> Alter:
    """Keep the changes of the table (account, region, name) for some days, from now on or, when
    they are kept already, from when they were. Refused with TableNotFoundException."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        table = _named(catalog, scope)
        known = recovery_of(table)
        retention_ms = days * _DAY_MS + _SLACK_MS
        if known is None:
            begun = open_capture(catalog, tick, table, now_us)
            (table,), (stream,) = begun.tables, begun.streams
            recovery = Recovery(days, now_us, stream.id)
        else:
            begun, stream = Alteration(), catalog.streams[known.stream_id]
            recovery = Recovery(days, known.since_us, stream.id)
        kept = msgspec.structs.replace(stream, retention_ms=retention_ms)
        return msgspec.structs.replace(
            begun, tables=(_keeping(table, kept, recovery),), streams=(kept,)
        )

    return decide


def _keeping(table: Table, kept: Stream, recovery: Recovery) -> Table:
    captures = tuple(kept if stream.id == kept.id else stream for stream in table.captures)
    settings = {**table.settings, _RECOVERY: msgspec.to_builtins(recovery)}
    return msgspec.structs.replace(table, captures=captures, settings=settings)


def disable(scope: tuple[str, str, str], now_us: int) -> Alter:
    """Keep changes no longer; nothing happens where they are not kept. Refused with
    TableNotFoundException."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        table = _named(catalog, scope)
        known = recovery_of(table)
        if known is None:
            return Alteration()
        settings = {name: value for name, value in table.settings.items() if name != _RECOVERY}
        table = msgspec.structs.replace(table, settings=settings)
        return close_captures(catalog, tick, table, frozenset((known.stream_id,)), now_us)

    return decide


def _named(catalog: Catalog, scope: tuple[str, str, str]) -> Table:
    table = catalog.by_name.get(scope)
    if table is None or table.status is TableStatus.CREATING:
        raise TableNotFoundException(f"Table not found: {scope[2]}")
    return table


def rewinding(table: Table, stream_id: int, last: int) -> Table:
    """A new table that, once it is filled, is to be as its source was after the change of the clock
    `last`."""
    setting = msgspec.to_builtins(_Rewind(stream_id, last))
    return msgspec.structs.replace(table, settings={**table.settings, REWIND: setting})


def last_clock(to_us: int) -> int:
    """The greatest clock that a change made at a moment can have."""
    return clock_at(to_us + 1) - 1


def rewind(engine: Engine, table: Table) -> bool:
    """Undo in a filled copy all changes from after its moment, if it is to be of one; False when
    they are kept no longer. Waits for the engine."""
    stored = table.settings.get(REWIND)
    if stored is None:
        return True
    wanted = msgspec.convert(stored, _Rewind)
    shards = engine.catalog().shards_of.get(wanted.stream_id)
    if shards is None:
        return False
    for shard in sorted(shards, key=lambda shard: shard.start, reverse=True):
        for page_after, last in reversed(_pages(engine, shard, wanted.last)):
            _undo(engine, table, shard, page_after, last)
    return True


def _pages(engine: Engine, shard: Shard, after: int) -> list[tuple[int, int]]:
    """The clocks between which the pages of a shard lie, oldest first: one pair for a thousand
    records."""
    pages: list[tuple[int, int]] = []
    while True:
        page = engine.log.read(
            shard.id, after, limits.STREAM_PAGE_RECORDS, limits.STREAM_PAGE_BYTES
        )
        if not page.records:
            return pages
        pages.append((after, page.last))
        after = page.last


def _undo(engine: Engine, table: Table, shard: Shard, after: int, last: int) -> None:
    page = engine.log.read(shard.id, after, limits.STREAM_PAGE_RECORDS, limits.STREAM_PAGE_BYTES)
    assert page.last == last  # a page of a log doesn't change
    # The first change of an item decides, so of several only that is undone.
    images: dict[bytes, Item | None] = {}
    for data in page.records:
        record = _decode(data).dynamodb
        images.setdefault(table.keys.item_key(record.keys), record.old_image)
    writes = [Write(table.id, key, _restored(key, old)) for key, old in images.items()]
    for first in range(0, len(writes), limits.COPY_ITEMS_PER_COMMIT):
        _commit(engine, writes[first : first + limits.COPY_ITEMS_PER_COMMIT])


def _commit(engine: Engine, writes: Sequence[Write]) -> None:
    for outcome in commit_and_wait(engine, writes):
        if isinstance(outcome, AwsError):
            raise outcome


def _restored(key: bytes, old: Item | None) -> Callable[[bytes | None, Table], Plan]:
    return plans.delete(key) if old is None else plans.put(key, old, item_size(old))
