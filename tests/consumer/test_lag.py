"""A group's lag is told from leases and stream: for shards that are read, wait, moved, or idle."""

from __future__ import annotations

import asyncio

from tailrace.clock import ManualClock
from tailrace.consumer.lag import measure
from tailrace.delivery.leases.lease import Lease, Spooled
from tailrace.delivery.ports import Position
from tailrace.testing.memory_leases import MemoryLeaseTable
from tailrace.testing.memory_source import MemorySource


def test_each_shard_has_a_state_and_a_lag() -> None:
    async def main() -> None:
        clock, source, table = ManualClock(), MemorySource(), MemoryLeaseTable()
        now_ms = clock.now_us() // 1000
        for name in ("idle", "read", "behind", "trimmed", "moving"):
            source.open(name)
        source.open("child", "behind")
        done = source.put("read", {"n": 1}, now_ms - 9_000).sequence
        first = source.put("behind", {"n": 1}, now_ms - 8_000).sequence
        source.put("behind", {"n": 2}, now_ms - 5_000)
        source.put("trimmed", {"n": 1}, now_ms)
        last = source.put("trimmed", {"n": 2}, now_ms).sequence
        source.trim("trimmed", last)
        leases = [
            Lease(shard_id="idle"),
            Lease(shard_id="read", owner="one", position=Position(sequence=done)),
            Lease(shard_id="behind", owner="two", position=Position(sequence=first)),
            Lease(shard_id="trimmed", owner="two", position=Position(sequence=1)),
            Lease(shard_id="moving", owner="one", checkpoint_owner="two"),
            Lease(shard_id="child", parents=("behind",)),
            Lease(shard_id="gone", owner="one", position=Position(sequence=1)),
            Lease(shard_id="late", spooled=Spooled(spool="s", oldest_ms=now_ms - 7_000)),
            Lease(shard_id="none", spooled=Spooled(spool="s")),
            Lease(shard_id="old", position=Position(finished=True)),
            Lease(shard_id="snapshot-0-0-of-1", owner="one"),
        ]
        for lease in leases:
            await table.create(lease)
        found = {lag.shard_id: lag for lag in await measure(table, source, clock)}
        assert {name: (lag.state, lag.lag_ms, lag.owner) for name, lag in found.items()} == {
            "idle": ("idle", 0, None),
            "read": ("reading", 0, "one"),
            "behind": ("reading", 5_000, "two"),
            "trimmed": ("lost", None, "two"),
            "moving": ("moving", 0, "two"),
            "child": ("waiting", 0, None),
            "gone": ("lost", None, "one"),
            "late": ("spooled", 7_000, None),
            "none": ("spooled", 0, None),
            "snapshot-0-0-of-1": ("snapshot", None, "one"),
        }
        assert found["behind"].checkpoint == str(first)
        assert found["idle"].checkpoint == "TRIM_HORIZON"
        assert found["idle"].open
        assert not found["gone"].open

    asyncio.run(main())
