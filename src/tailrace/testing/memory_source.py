"""A stream in memory, for testing what reads one: records, shards and trouble on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from tailrace.delivery.ports import Position, Record, ShardInfo, ShardPage
from tailrace.errors import ResourceNotFoundException, TrimmedDataAccessException

__all__ = ["MemorySource"]


class _Shard:
    def __init__(self, shard_id: str, parent_id: str | None) -> None:
        self.info = ShardInfo(shard_id, parent_id, closed=False)
        self.records: list[Record] = []
        self.trimmed = 0  # the sequence of the last record that was trimmed
        self.tip = 0  # where LATEST began, for each reader the same
        self.listed = True
        self.changed = asyncio.Event()


class MemorySource:
    """A source whose shards and records the test makes. Sequences count up over all shards.

    `reads` counts reads; `trouble` holds errors that the next reads raise, first to last.
    """

    def __init__(
        self, arn: str = "arn:aws:dynamodb:us-east-1:123456789012:table/T/stream/L"
    ) -> None:
        self.reads = 0
        self.trouble: list[Exception] = []
        self._arn = arn
        self._shards: dict[str, _Shard] = {}
        self._last = 0

    @property
    def arn(self) -> str:
        """The stream's ARN."""
        return self._arn

    def open(self, shard_id: str, parent_id: str | None = None, *, listed: bool = True) -> None:
        """Add an open shard; one that is not `listed` yet exists but is not shown."""
        self._shards[shard_id] = _Shard(shard_id, parent_id)
        self._shards[shard_id].listed = listed

    def list(self, shard_id: str) -> None:
        """Show a shard that was not listed."""
        self._shards[shard_id].listed = True

    def put(self, shard_id: str, event: dict[str, Any], created_ms: int = 0) -> Record:
        """Append a record; its `SequenceNumber` is set when the event has a `dynamodb` member."""
        self._last += 1
        if "dynamodb" in event:
            inner = {**event["dynamodb"], "SequenceNumber": str(self._last).zfill(21)}
            event = {**event, "dynamodb": inner}
        record = Record.of(self._last, created_ms, event)
        shard = self._shards[shard_id]
        shard.records.append(record)
        shard.changed.set()
        return record

    def end(self, shard_id: str) -> None:
        """Close a shard."""
        shard = self._shards[shard_id]
        shard.info = msgspec.structs.replace(shard.info, closed=True)
        shard.changed.set()

    def trim(self, shard_id: str, sequence: int) -> None:
        """Drop a shard's records up to a sequence."""
        shard = self._shards[shard_id]
        shard.records = [record for record in shard.records if record.sequence > sequence]
        shard.trimmed = sequence

    def drop(self, shard_id: str) -> None:
        """Let a shard age out."""
        self._shards.pop(shard_id).changed.set()

    async def shards(self) -> Sequence[ShardInfo]:
        """All listed shards."""
        return [shard.info for shard in self._shards.values() if shard.listed]

    async def children(self, shard_id: str) -> Sequence[ShardInfo]:
        """The listed shards that follow one."""
        return [info for info in await self.shards() if info.parent_id == shard_id]

    async def read(self, shard_id: str, position: Position, max_records: int) -> ShardPage:
        """The next records after a position."""
        self.reads += 1
        shard = self._found(shard_id)
        shard.changed.clear()
        if self.trouble:
            raise self.trouble.pop(0)
        if position.sequence is not None and position.sequence < shard.trimmed:
            raise TrimmedDataAccessException(
                "The operation attempted to read past the oldest record"
            )
        after = position.sequence or 0
        if position.latest:
            shard.tip = after = shard.tip or self._last
        found = [record for record in shard.records if record.sequence > after]
        more = len(found) > max_records
        return ShardPage(found[:max_records], shard.info.closed and not more, int(more))

    async def changed(self, shard_id: str, timeout_s: float) -> None:
        """Return when the shard got records or was closed since its last read."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._found(shard_id).changed.wait()
        except TimeoutError:
            return

    async def close(self) -> None:
        """Nothing to let go of."""

    def _found(self, shard_id: str) -> _Shard:
        shard = self._shards.get(shard_id)
        if shard is None:
            raise ResourceNotFoundException("Requested resource not found: Shard does not exist")
        return shard
