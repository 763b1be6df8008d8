"""Dead letters in a DynamoDB table, on any endpoint: an item each, with `id` as its key."""

from __future__ import annotations

import asyncio
import base64
import zlib
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.delivery.dead_letters import StoredLetter, cut, stored
from tailrace.delivery.ports import DeadLetter
from tailrace.sources.caller import Caller
from tailrace.sources.own_tables import MISSING, PREFIX, make_table

__all__ = ["TableDeadLetters"]

WRITES_AT_ONCE: Final = 8
_ROOM_BYTES: Final = limits.ITEM_BYTES - 1024  # an item less the attributes that people read
_decode: Final = msgspec.json.Decoder(StoredLetter).decode


class _Page(msgspec.Struct, rename="pascal"):
    items: list[dict[str, dict[str, Any]]] = []
    last_evaluated_key: dict[str, Any] | None = None


class TableDeadLetters:
    """Keeps dead letters in a table, made when it is not there. `reason`, `source` and `failedAt`
    are attributes to look at; `letter` is all of it, as compressed JSON."""

    def __init__(self, caller: Caller, table: str) -> None:
        self._caller = caller
        self._table = table
        self._slots = asyncio.Semaphore(WRITES_AT_ONCE)

    async def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Put an item for each letter; one whose images don't fit is kept without them."""
        try:
            await self._put(stored(letters[0]))
        except MISSING:
            await make_table(self._caller, self._table, ("id",))
            await self._put(stored(letters[0]))
        await asyncio.gather(*(self._put(stored(letter)) for letter in letters[1:]))

    async def letters(self) -> AsyncGenerator[StoredLetter, None]:
        """All letters, in no order."""
        params: dict[str, Any] = {"TableName": self._table, "ConsistentRead": True}
        while True:
            try:
                body = await self._caller.call(PREFIX + "Scan", params)
            except MISSING:
                return
            page = msgspec.json.decode(body, type=_Page)
            for item in page.items:
                yield _decode(zlib.decompress(base64.b64decode(item["letter"]["B"])))
            if not page.last_evaluated_key:
                return
            params["ExclusiveStartKey"] = page.last_evaluated_key

    async def remove(self, ids: Sequence[str]) -> None:
        """Delete letters."""

        async def delete(letter_id: str) -> None:
            params = {"TableName": self._table, "Key": {"id": {"S": letter_id}}}
            async with self._slots:
                await self._caller.call(PREFIX + "DeleteItem", params)

        await asyncio.gather(*map(delete, ids))

    async def _put(self, letter: StoredLetter) -> None:
        packed = zlib.compress(msgspec.json.encode(letter))
        if len(packed) > _ROOM_BYTES:
            packed = zlib.compress(msgspec.json.encode(cut(letter)))
        item = {
            "id": {"S": letter.id},
            "source": {"S": letter.source_arn},
            "reason": {"S": letter.reason[:256] or letter.condition},
            "failedAt": {"N": str(letter.failed_at_ms)},
            "letter": {"B": base64.b64encode(packed).decode()},
        }
        async with self._slots:
            await self._caller.call(PREFIX + "PutItem", {"TableName": self._table, "Item": item})
