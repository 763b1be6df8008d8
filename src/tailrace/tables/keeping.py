"""Housekeeping: what a store has to do by the clock, in small steps between the writes.

Rotate shards, trim records, retire what has aged out, delete items whose time is over, remove the
rows of what was dropped, fill new indexes.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tailrace import limits
from tailrace.model.schema import Index, Table
from tailrace.streams import lineage, retention
from tailrace.tables import expiry, life, stream_life
from tailrace.tables.catalog import Catalog
from tailrace.tables.engine import Engine
from tailrace.tables.waiting import alter_and_wait

__all__ = ["Policy", "keep", "pending_fills"]


class Policy(msgspec.Struct, frozen=True):
    """`retention_ms` None keeps records for ever."""

    retention_ms: int | None = limits.STREAM_RETENTION_MS
    rotation_ms: int = limits.SHARD_ROTATION_MS


def keep(engine: Engine, policy: Policy, now_us: int) -> bool:
    """Do one bounded step of everything that is due; True when there is more to do at once.

    Waits for the engine, so never call it on the thread that reports outcomes.
    """
    rotated = _rotate(engine, policy, now_us)
    trimmed = _trim(engine, policy, now_us)
    filled = _fill_one(engine)
    expired = expiry.expire(engine, now_us)
    purged = engine.purge(limits.PURGE_ROWS_PER_COMMIT)
    return rotated or trimmed or filled or expired or purged > 0


def _rotate(engine: Engine, policy: Policy, now_us: int) -> bool:
    shards = tuple(shard for open_ in engine.catalog().open_shards.values() for shard in open_)
    due = lineage.due_rotations(shards, now_us, policy.rotation_ms)
    if due:
        alter_and_wait(engine, stream_life.rotate([shard.id for shard in due]))
    return bool(due)


def _trim(engine: Engine, policy: Policy, now_us: int) -> bool:
    horizon = retention.horizon(now_us, policy.retention_ms)
    if not horizon:
        return False
    if engine.log.trim(horizon, limits.TRIM_RECORDS_PER_COMMIT) == limits.TRIM_RECORDS_PER_COMMIT:
        return True
    if stream_life.retirement_due(engine.catalog(), now_us, policy.retention_ms):
        alter_and_wait(engine, stream_life.retire(now_us, policy.retention_ms))
    return False


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
