"""The changes of a time, folded into one for each item: what it was before the first of them, and
what it is after the last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tailrace import limits
from tailrace.errors import AwsError
from tailrace.model.schema import Table
from tailrace.model.values import Item, decode_item, encode_item, item_size
from tailrace.streams.log import Shard
from tailrace.streams.sequence import clock_at, from_sequence_number, time_us
from tailrace.tables.engine import Engine, Plan, Write
from tailrace.tables.transfer.filtering import ExportFilter
from tailrace.tables.transfer.jobs import Job
from tailrace.tables.transfer.output import change_line
from tailrace.tables.waiting import commit_and_wait

__all__ = ["fold", "folded_line"]


class _Images(msgspec.Struct, rename="pascal", frozen=True):
    keys: Item
    sequence_number: str
    old_image: Item | None = None
    new_image: Item | None = None


class _Record(msgspec.Struct, frozen=True):
    dynamodb: _Images


class _Change(msgspec.Struct, frozen=True):
    """One or several changes of an item, in a row."""

    keys: Item
    old: Item | None
    new: Item | None
    clock: int

    def then(self, later: _Change) -> _Change:
        return _Change(self.keys, self.old, later.new, later.clock)


_decode = msgspec.json.Decoder(_Record).decode


def fold(engine: Engine, job: Job, table: Table) -> None:
    """Write the folded changes of an export's time into its table. Doing it again is harmless.
    Waits for the engine."""
    shards = engine.catalog().shards_of.get(job.asked["StreamId"], ())
    after, end = clock_at(job.asked["FromUs"]) - 1, clock_at(job.asked["ToUs"])
    for shard in sorted(shards, key=lambda shard: shard.start):
        _fold_shard(engine, table, shard, after, end)


def _fold_shard(engine: Engine, table: Table, shard: Shard, after: int, end: int) -> None:
    while after < end:
        page = engine.log.read(
            shard.id, after, limits.STREAM_PAGE_RECORDS, limits.STREAM_PAGE_BYTES
        )
        if not page.records:
            return
        changes: dict[bytes, _Change] = {}
        for data in page.records:
            record = _decode(data).dynamodb
            clock = from_sequence_number(record.sequence_number)
            if clock >= end:
                break
            key = table.keys.item_key(record.keys)
            change = _Change(record.keys, record.old_image, record.new_image, clock)
            known = changes.get(key)
            changes[key] = change if known is None else known.then(change)
        _commit(engine, table, changes)
        after = page.last


def _commit(engine: Engine, table: Table, changes: dict[bytes, _Change]) -> None:
    writes = [Write(table.id, key, _folding(change)) for key, change in changes.items()]
    for first in range(0, len(writes), limits.COPY_ITEMS_PER_COMMIT):
        unit = writes[first : first + limits.COPY_ITEMS_PER_COMMIT]
        for outcome in commit_and_wait(engine, unit):
            if isinstance(outcome, AwsError):
                raise outcome


def _folding(change: _Change) -> Callable[[bytes | None, Table], Plan]:
    def decide(previous: bytes | None, table: Table) -> Plan:
        del table
        known = None if previous is None else _unpacked(previous)
        whole = change
        if known is not None:
            # When the folding was interrupted, what is folded in already comes again.
            whole = known if known.clock >= change.clock else known.then(change)
        item = _packed(whole)
        size = item_size(item)
        if whole.old is None and whole.new is None:
            return Plan(previous is not None, None, 0, size)
        return Plan(True, encode_item(item), size, size)

    return decide


def _packed(change: _Change) -> Item:
    item: Item = {"keys": {"M": change.keys}, "clock": {"N": str(change.clock)}}
    if change.old is not None:
        item["old"] = {"M": change.old}
    if change.new is not None:
        item["new"] = {"M": change.new}
    return item


def _unpacked(data: bytes) -> _Change:
    item = decode_item(data)
    old, new = item.get("old"), item.get("new")
    return _Change(
        item["keys"]["M"],
        None if old is None else old["M"],
        None if new is None else new["M"],
        int(item["clock"]["N"]),
    )


def folded_line(data: bytes, ion: bool, with_old: bool, chosen: ExportFilter) -> bytes | None:
    """A folded change as a line of an export; None when the filter leaves it out. That looks at
    what the item is after the change, or before it if it is deleted."""
    change = _unpacked(data)
    latest = change.old if change.new is None else change.new
    if latest is not None and not chosen.keeps(latest):
        return None
    images: dict[str, Any] = {"Keys": change.keys}
    if with_old and change.old is not None:
        images["OldImage"] = chosen.shown(change.old)
    if change.new is not None:
        images["NewImage"] = chosen.shown(change.new)
    return change_line(images, time_us(change.clock), ion)
