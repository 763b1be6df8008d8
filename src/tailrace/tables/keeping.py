"""Housekeeping: what a store has to do by the clock, in small steps between the writes.

Settle changes that are over, rotate shards, trim records, retire what has aged out, delete items
whose time is over, go on with copies, exports, imports and bulk puts of tables, remove the rows of
what was dropped, fill new indexes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tailrace import limits
from tailrace.model.keys import HASH_BYTES
from tailrace.model.schema import Index, Stream, StreamKind, Table
from tailrace.streams import lineage, retention
from tailrace.streams.load import LoadMeter
from tailrace.tables import (
    backups,
    copies,
    expiry,
    kinesis_resharding,
    life,
    stream_life,
    transitions,
)
from tailrace.tables.catalog import Catalog
from tailrace.tables.engine import Engine
from tailrace.tables.kinesis_streams import HASH_KEY_BYTES
from tailrace.tables.transfer.step import Transfers
from tailrace.tables.waiting import alter_and_wait

__all__ = ["Policy", "keep", "pending_fills", "split_hot_shards"]


class Policy(msgspec.Struct, frozen=True):
    """`retention_ms` None keeps records for ever; `split_writes_per_s` is the lasting load above
    which a shard is split, None splits none."""

    retention_ms: int | None = limits.STREAM_RETENTION_MS
    rotation_ms: int = limits.SHARD_ROTATION_MS
    split_writes_per_s: int | None = limits.SHARD_SPLIT_WRITES_PER_S


def keep(engine: Engine, policy: Policy, now_us: int, transfers: Transfers | None = None) -> bool:
    """Do one bounded step of everything that is due; True when there is more to do at once.
    Exports, imports and bulk puts wait until there are `transfers`.

    Waits for the engine, so never call it on the thread that reports outcomes.
    """
    _settle(engine, now_us)
    rotated = _rotate(engine, policy, now_us)
    trimmed = _trim(engine, policy, now_us)
    filled = _fill_one(engine)
    expired = expiry.expire(engine, now_us)
    copied = copies.advance(engine)
    moved = transfers is not None and transfers.advance(engine, now_us)
    purged = engine.purge(limits.PURGE_ROWS_PER_COMMIT)
    return rotated or trimmed or filled or expired or copied or moved or purged > 0


def _settle(engine: Engine, now_us: int) -> None:
    """End what was to take until now: transitions, and the time of backups."""
    if transitions.settlement_due(engine.catalog(), now_us):
        alter_and_wait(engine, transitions.settle(now_us))
    if backups.expiry_due(engine.catalog(), now_us):
        alter_and_wait(engine, backups.expire(now_us))


def _rotate(engine: Engine, policy: Policy, now_us: int) -> bool:
    catalog = engine.catalog()
    shards = tuple(
        shard
        for (stream_id, _), open_ in catalog.open_shards.items()
        if catalog.streams[stream_id].kind is not StreamKind.KINESIS
        for shard in open_
    )
    due = lineage.due_rotations(shards, now_us, policy.rotation_ms)
    if due:
        alter_and_wait(engine, stream_life.rotate([shard.id for shard in due]))
    return bool(due)


def split_hot_shards(engine: Engine, policy: Policy, meter: LoadMeter, now_us: int) -> bool:
    """Split the shards that had too much to write in each of the recent intervals; whether there
    were any. Of Kinesis streams only those on demand are split: their owners split the others."""
    if policy.split_writes_per_s is None:
        return False
    counts = meter.observe(engine.log.written(), now_us)
    if not counts:
        return False
    catalog, hot, halved = engine.catalog(), list[int](), False
    for stream in catalog.streams.values():
        most = _most_writes(catalog, stream, policy.split_writes_per_s)
        if most is None:
            continue
        shards = catalog.shards_of[stream.id]
        own = stream.kind is not StreamKind.KINESIS
        width = HASH_BYTES if own else HASH_KEY_BYTES
        hot_now = lineage.due_splits(shards, counts, meter.interval_ms, most, width)
        due = [shard.id for shard in hot_now]
        if due and not own:
            owner = (stream.account, stream.region, stream.table_name)
            alter_and_wait(engine, kinesis_resharding.halve(owner, due))
            halved = True
        else:
            hot += due
    if hot:
        alter_and_wait(engine, stream_life.split(hot))
    return halved or bool(hot)


def _most_writes(catalog: Catalog, stream: Stream, writes_per_s: int) -> int | None:
    """The lasting load above which the shards of a stream are split; None for those that are not.
    One on demand is to take twice what it gets (how-do-i-size-a-stream.html)."""
    if stream.kind is not StreamKind.KINESIS:
        return writes_per_s
    table = catalog.tables.get(stream.table_id)
    on_demand = table is not None and table.settings.get("StreamMode") == "ON_DEMAND"
    return writes_per_s // 2 if on_demand else None


def _trim(engine: Engine, policy: Policy, now_us: int) -> bool:
    most = limits.TRIM_RECORDS_PER_COMMIT
    horizons = _horizons(engine.catalog(), policy, now_us)
    lowest = min(horizons.values())
    if lowest and engine.log.trim(lowest, most) == most:
        return True
    if _trim_streams(engine, horizons, lowest):
        return True
    if stream_life.retirement_due(engine.catalog(), now_us, policy.retention_ms):
        alter_and_wait(engine, stream_life.retire(now_us, policy.retention_ms))
    return False


def _horizons(catalog: Catalog, policy: Policy, now_us: int) -> dict[int, int]:
    """The least clock that each stream keeps, by its id. The store's own is among them, for the
    records of streams that are no more."""
    own = {0: retention.horizon(now_us, policy.retention_ms)}
    for stream in catalog.streams.values():
        holds = catalog.holds_of.get(stream.id, ())
        own[stream.id] = retention.horizon_of(stream, holds, policy.retention_ms, now_us)
    return own


def _trim_streams(engine: Engine, horizons: Mapping[int, int], lowest: int) -> bool:
    """Trim the streams that keep less than one of the others does; whether to go on."""
    catalog, log = engine.catalog(), engine.log
    most = left = limits.TRIM_RECORDS_PER_COMMIT
    for stream_id, horizon in horizons.items():
        if horizon <= lowest:
            continue
        for shard in catalog.shards_of.get(stream_id, ()):
            oldest = log.oldest(shard.id) if shard.start < horizon else None
            if oldest is not None and oldest < horizon:
                left -= log.trim_shard(shard.id, horizon, left)
            if not left:
                return True
    return left < most


def pending_fills(catalog: Catalog) -> Sequence[tuple[Table, Index]]:
    """The indexes whose rows are still to be written."""
    return [
        (table, index)
        for table in catalog.tables.values()
        for index in table.indexes
        if index.backfilling
    ]


def _fill_one(engine: Engine) -> bool:
    """Fill one index to its end, in steps that let writes through."""
    for table, index in pending_fills(engine.catalog()):
        after: bytes | None = b""
        while after is not None:
            after = engine.fill_index(table.id, index, after, limits.ROWS_PER_READ // 8)
        alter_and_wait(engine, life.finish_index(table.id, index.id))
        return True
    return False
