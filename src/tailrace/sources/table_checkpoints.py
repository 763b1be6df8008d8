"""Positions in a DynamoDB table, made when it is not there, on Tailrace, AWS or anything like it.

An item for each shard: `application` (partition key) names the consumer on its stream, `shard`
(sort key) the shard, `checkpoint` where it stands (a sequence number, TRIM_HORIZON, LATEST or
SHARD_END) and `rank` the same as a string that only grows, by which writes are conditional.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from tailrace.delivery.ports import Position
from tailrace.errors import ConditionalCheckFailedException
from tailrace.sources.caller import Caller
from tailrace.sources.own_tables import MISSING, PREFIX, make_table

__all__ = ["TableCheckpoints"]

SAVES_AT_ONCE: Final = 16
_DIGITS: Final = 40  # the longest sequence number there is


class _Item(msgspec.Struct):
    shard: dict[str, str]
    rank: dict[str, str]
    checkpoint: dict[str, str]


class _Page(msgspec.Struct, rename="pascal"):
    items: list[_Item]
    last_evaluated_key: dict[str, Any] | None = None


class TableCheckpoints:
    """The positions of one consumer (`application`) on one stream."""

    def __init__(self, caller: Caller, table: str, application: str) -> None:
        self._caller = caller
        self._table = table
        self._application = application
        self._saving = asyncio.Semaphore(SAVES_AT_ONCE)

    async def load(self) -> Mapping[str, Position]:
        """All saved positions by shard id; makes the table when there is none."""
        try:
            return await self._query()
        except MISSING:
            await make_table(self._caller, self._table, ("application", "shard"))
            return await self._query()

    async def save(self, positions: Mapping[str, Position]) -> None:
        """Keep these positions, except those older than what is kept."""
        await asyncio.gather(*(self._put(*position) for position in positions.items()))

    async def forget(self, shard_ids: Sequence[str]) -> None:
        """Drop the positions of shards that no longer exist."""
        await asyncio.gather(*(self._delete(shard_id) for shard_id in shard_ids))

    async def _query(self) -> dict[str, Position]:
        params: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "#application = :application",
            "ExpressionAttributeNames": {"#application": "application"},
            "ExpressionAttributeValues": {":application": {"S": self._application}},
        }
        found: dict[str, Position] = {}
        while True:
            page = msgspec.json.decode(await self._call("Query", params), type=_Page)
            for item in page.items:
                found[item.shard["S"]] = _position(item.rank["S"], item.checkpoint["S"])
            if not page.last_evaluated_key:
                return found
            params["ExclusiveStartKey"] = page.last_evaluated_key

    async def _put(self, shard_id: str, position: Position) -> None:
        rank = _rank(position)
        params = {
            "TableName": self._table,
            "Item": {
                **self._key(shard_id),
                "rank": {"S": rank},
                "checkpoint": {"S": _checkpoint(position)},
            },
            "ConditionExpression": "attribute_not_exists(#rank) OR #rank < :rank",
            "ExpressionAttributeNames": {"#rank": "rank"},
            "ExpressionAttributeValues": {":rank": {"S": rank}},
        }
        async with self._saving:
            try:
                await self._call("PutItem", params)
            except ConditionalCheckFailedException:
                return  # a position as new or newer is kept

    async def _delete(self, shard_id: str) -> None:
        async with self._saving:
            params = {"TableName": self._table, "Key": self._key(shard_id)}
            await self._call("DeleteItem", params)

    def _key(self, shard_id: str) -> dict[str, Any]:
        return {"application": {"S": self._application}, "shard": {"S": shard_id}}

    async def _call(self, operation: str, params: dict[str, Any]) -> bytes:
        return await self._caller.call(PREFIX + operation, params)


def _rank(position: Position) -> str:
    """A string that is greater the further a shard was handled."""
    if position.sequence is None:
        digits = ""
    else:
        digits = str(position.sequence).zfill(_DIGITS)
    return f"{int(position.finished)}:{digits}"


def _checkpoint(position: Position) -> str:
    if position.finished:
        return "SHARD_END"
    if position.sequence is not None:
        return str(position.sequence)
    return "LATEST" if position.latest else "TRIM_HORIZON"


def _position(rank: str, checkpoint: str) -> Position:
    finished, _, digits = rank.partition(":")
    return Position(
        sequence=int(digits) if digits else None,
        latest=checkpoint == "LATEST",
        finished=finished == "1",
    )
