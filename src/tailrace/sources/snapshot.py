"""A stream with its table before it: segments of a parallel scan are read like shards.

Items come as INSERT records whose numbers lie below those of the stream, so that receivers that
compare versions never let them overwrite a change. The place of a segment is the key of the item
last handled, kept with the segment's lease as the position's token.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from tailrace.clock import Clock
from tailrace.delivery.leases.lease import is_snapshot
from tailrace.delivery.ports import Position, Record, ShardInfo, ShardPage, Source
from tailrace.sources.caller import Caller

__all__ = ["SnapshotSource"]

_PREFIX: Final = "DynamoDB_20120810."
_SEQUENCE_DIGITS: Final = 21
_encode: Final = msgspec.json.encode


class _Key(msgspec.Struct, rename="pascal"):
    attribute_name: str


class _Table(msgspec.Struct, rename="pascal"):
    key_schema: list[_Key]
    item_count: int = 0


class _Description(msgspec.Struct, rename="pascal"):
    table: _Table


class _Page(msgspec.Struct, rename="pascal"):
    items: list[dict[str, dict[str, Any]]] = []
    last_evaluated_key: dict[str, Any] | None = None


class SnapshotSource:
    """A stream's source that also reads its table, at most `items_per_s` if that is given."""

    def __init__(
        self,
        stream: Source,
        caller: Caller,
        table: str,
        region: str,
        clock: Clock,
        items_per_s: float | None = None,
    ) -> None:
        self._stream = stream
        self._caller = caller
        self._table = table
        self._region = region
        self._clock = clock
        self._items_per_s = items_per_s
        self._next_s = 0.0
        self._keys: tuple[str, ...] = ()
        self._places: dict[str, dict[int, str | None]] = {}

    @property
    def arn(self) -> str:
        """The stream's ARN."""
        return self._stream.arn

    async def shards(self) -> Sequence[ShardInfo]:
        """The stream's shards; segments are never listed."""
        return await self._stream.shards()

    async def children(self, shard_id: str) -> Sequence[ShardInfo]:
        """The shards that follow one."""
        return () if is_snapshot(shard_id) else await self._stream.children(shard_id)

    async def changed(self, shard_id: str, timeout_s: float) -> None:
        """Wait for news of a shard; segments never have any."""
        if not is_snapshot(shard_id):
            await self._stream.changed(shard_id, timeout_s)

    async def close(self) -> None:
        """Let go of the stream."""
        await self._stream.close()

    async def item_count(self) -> int:
        """About how many items the table has; services count a few times a day."""
        return (await self._describe()).item_count

    async def _describe(self) -> _Table:
        body = await self._caller.call(_PREFIX + "DescribeTable", {"TableName": self._table})
        table = msgspec.json.decode(body, type=_Description).table
        self._keys = tuple(key.attribute_name for key in table.key_schema)
        return table

    def mark(self, shard_id: str, position: Position) -> Position:
        """A position with what another worker needs to go on from there."""
        places = self._places.get(shard_id)
        if places is None or position.sequence is None:
            return position
        for sequence in list(itertools.takewhile(lambda n: n < (position.sequence or 0), places)):
            del places[sequence]
        return msgspec.structs.replace(position, token=places.get(position.sequence))

    async def read(self, shard_id: str, position: Position, max_records: int) -> ShardPage:
        """The next records after a position: of a segment, items of the table as they are now."""
        if not is_snapshot(shard_id):
            return await self._stream.read(shard_id, position, max_records)
        if not self._keys:
            await self._describe()
        number = position.sequence or 0
        places = self._places.setdefault(shard_id, {})
        start = position.token or places.get(number)
        if start is not None:
            places[number] = start
        page = await self._scan(shard_id, start, max_records)
        records = [self._record(item, number + place) for place, item in enumerate(page.items, 1)]
        for place, item in enumerate(page.items, 1):
            places[number + place] = _encode(self._key_of(item)).decode()
        await self._pace(len(records))
        ended = page.last_evaluated_key is None
        return ShardPage(records, ended, 0 if ended else 1)

    async def _scan(self, shard_id: str, start: str | None, limit: int) -> _Page:
        segment, _, total = shard_id.rsplit("-", 3)[1:]
        params: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "Segment": int(segment),
            "TotalSegments": int(total),
            "Limit": limit,
        }
        if start is not None:
            params["ExclusiveStartKey"] = msgspec.json.decode(start)
        while True:
            body = await self._caller.call(_PREFIX + "Scan", params)
            page = msgspec.json.decode(body, type=_Page)
            if page.items or page.last_evaluated_key is None:
                return page
            params["ExclusiveStartKey"] = page.last_evaluated_key

    async def _pace(self, count: int) -> None:
        """Wait so long that all segments together stay below the rate."""
        if not self._items_per_s:
            return
        now_s = asyncio.get_running_loop().time()
        self._next_s = max(self._next_s, now_s) + count / self._items_per_s
        await asyncio.sleep(self._next_s - now_s)

    def _key_of(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {name: item[name] for name in self._keys}

    def _record(self, item: dict[str, Any], sequence: int) -> Record:
        now_ms = self._clock.now_us() // 1000
        keys = self._key_of(item)
        event = {
            "eventID": hashlib.md5(_encode([self._table, keys]), usedforsecurity=False).hexdigest(),
            "eventName": "INSERT",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": self._region,
            "dynamodb": {
                "ApproximateCreationDateTime": float(now_ms // 1000),
                "Keys": keys,
                "NewImage": item,
                "SequenceNumber": str(sequence).zfill(_SEQUENCE_DIGITS),
                "SizeBytes": len(_encode(item)),
                "StreamViewType": "NEW_IMAGE",
            },
            "eventSourceARN": self.arn,
            "snapshot": True,
        }
        return Record.of(sequence, now_ms, event)
