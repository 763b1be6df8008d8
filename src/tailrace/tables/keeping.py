"""Housekeeping: what a store has to do by the clock, in small steps between the writes.

Rotate shards, trim records, retire what has aged out, delete items whose time is over, go on with
copies, exports and imports of tables, remove the rows of what was dropped, fill new indexes.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tailrace import limits
from tailrace.model.schema import Index, StreamKind, Table
from tailrace.streams import lineage, retention
from tailrace.streams.load import LoadMeter
from tailrace.tables import copies, expiry, life, stream_life
from tailrace.tables.catalog import Catalog
from tailrace.tables.engine import Engine
from tailrace.tables.transfer.buckets import Buckets
from tailrace.tables.transfer.step import advance
from tailrace.tables.waiting import alter_and_wait

__all__ = ["Policy", "keep", "pending_fills", "split_hot_shards"]


class Policy(msgspec.Struct, frozen=True):
    """`retention_ms` None keeps records for ever; `split_writes_per_s` is the lasting load above
    which a shard is split, None splits none."""

    retention_ms: int | None = limits.STREAM_RETENTION_MS
    rotation_ms: int = limits.SHARD_ROTATION_MS
    split_writes_per_s: int | None = limits.SHARD_SPLIT_WRITES_PER_S


def keep(engine: Engine, policy: Policy, now_us: int, buckets: Buckets | None = None) -> bool:
    """Do one bounded step of everything that is due; True when there is more to do at once. Exports
    and imports wait until there are `buckets`.

    Waits for the engine, so never call it on the thread that reports outcomes.
    """
    rotated = _rotate(engine, policy, now_us)
    trimmed = _trim(engine, policy, now_us)
    filled = _fill_one(engine)
    expired = expiry.expire(engine, now_us)
    copied = copies.advance(engine)
    moved = buckets is not None and advance(engine, buckets, now_us)
    purged = engine.purge(limits.PURGE_ROWS_PER_COMMIT)
    return rotated or trimmed or filled or expired or copied or moved or purged > 0


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
    were any. Kinesis streams are left alone: their owners split them."""
    if policy.split_writes_per_s is None:
        return False
    counts = meter.observe(engine.log.written(), now_us)
    if not counts:
        return False
    catalog = engine.catalog()
    hot = [
        shard.id
        for stream in catalog.streams.values()
        if stream.kind is not StreamKind.KINESIS
        for shard in lineage.due_splits(
            catalog.shards_of[stream.id], counts, meter.interval_ms, policy.split_writes_per_s
        )
    ]
    if hot:
        alter_and_wait(engine, stream_life.split(hot))
    return bool(hot)


def _trim(engine: Engine, policy: Policy, now_us: int) -> bool:
    most = limits.TRIM_RECORDS_PER_COMMIT
    longest_ms = retention.longest_ms(engine.catalog().streams.values(), policy.retention_ms)
    horizon = retention.horizon(now_us, longest_ms)
    if horizon and engine.log.trim(horizon, most) == most:
        return True
    if _trim_shorter(engine, policy, now_us, horizon):
        return True
    if stream_life.retirement_due(engine.catalog(), now_us, policy.retention_ms):
        alter_and_wait(engine, stream_life.retire(now_us, policy.retention_ms))
    return False


def _trim_shorter(engine: Engine, policy: Policy, now_us: int, horizon: int) -> bool:
    """Trim the streams that keep their records for less long than others; whether to go on."""
    catalog, log = engine.catalog(), engine.log
    most = left = limits.TRIM_RECORDS_PER_COMMIT
    for stream in catalog.streams.values():
        own_ms = retention.retention_ms(stream, policy.retention_ms)
        own_horizon = retention.horizon(now_us, own_ms)
        if own_horizon <= horizon:
            continue
        for shard in catalog.shards_of[stream.id]:
            oldest = log.oldest(shard.id)
            if oldest is not None and oldest < own_horizon:
                left -= log.trim_shard(shard.id, own_horizon, left)
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
