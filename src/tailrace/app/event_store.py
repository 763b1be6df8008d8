"""Asynchronous invocations kept in a table of the store itself until they are done."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tailrace.api.functions.events import Event
from tailrace.errors import ConditionalCheckFailedException
from tailrace.sources.caller import Caller
from tailrace.sources.own_tables import MISSING, PREFIX, make_table

__all__ = ["EventStore"]

# Payloads may have a megabyte, items 400 KB: longer ones are cut into pieces of so many characters,
# each of at most four bytes.
PIECE_CHARACTERS: Final = 90_000
_HEAD: Final = "head"


class _Head(msgspec.Struct, rename="lower"):
    event: dict[str, str]
    piece: dict[str, str]
    document: dict[str, str] | None = None


class _Heads(msgspec.Struct, rename="pascal"):
    items: list[_Head] = []
    last_evaluated_key: dict[str, Any] | None = None


class _Piece(msgspec.Struct):
    piece: dict[str, str]
    payload: dict[str, str] | None = None


class _Pieces(msgspec.Struct, rename="pascal"):
    items: list[_Piece] = []
    last_evaluated_key: dict[str, Any] | None = None


class EventStore:
    """An item for each event, with its payload; more for a payload that is long. What is written is
    durable when the call returns, all of an event or nothing. The table is made with the first."""

    def __init__(self, caller: Caller, table: str) -> None:
        self._caller = caller
        self._table = table
        # How many pieces besides the head those have that have any.
        self._pieces: dict[str, int] = {}

    async def load(self) -> list[Event]:
        """All events that are kept."""
        found: list[Event] = []
        pieces: dict[str, int] = {}
        params = {"ProjectionExpression": "#event, piece, document", **self._named_event()}
        while True:
            try:
                body = await self._call("Scan", {"ConsistentRead": True, **params})
            except MISSING:
                return []
            page = msgspec.json.decode(body, type=_Heads)
            for item in page.items:
                if item.document is None:
                    name = item.event["S"]
                    pieces[name] = pieces.get(name, 0) + 1
                else:
                    found.append(msgspec.json.decode(item.document["S"], type=Event))
            if not page.last_evaluated_key:
                self._pieces = pieces
                return found
            params["ExclusiveStartKey"] = page.last_evaluated_key

    async def put(self, event: Event, payload: bytes) -> None:
        """Keep a new event."""
        text = payload.decode()
        head = {**self._key(event.id, _HEAD), "document": {"S": _document(event)}}
        if len(text) <= PIECE_CHARACTERS:
            item = {**head, "payload": {"S": text}}
            await self._made("PutItem", {"TableName": self._table, "Item": item})
            return
        parts = [text[at : at + PIECE_CHARACTERS] for at in range(0, len(text), PIECE_CHARACTERS)]
        items = [head] + [
            {**self._key(event.id, f"{at:04d}"), "payload": {"S": part}}
            for at, part in enumerate(parts)
        ]
        puts = [{"Put": {"TableName": self._table, "Item": item}} for item in items]
        await self._made("TransactWriteItems", {"TransactItems": puts})
        self._pieces[event.id] = len(parts)

    async def update(self, event: Event) -> None:
        """Keep what an event has become."""
        params = {
            "Key": self._key(event.id, _HEAD),
            "UpdateExpression": "SET document = :document",
            "ConditionExpression": "attribute_exists(document)",
            "ExpressionAttributeValues": {":document": {"S": _document(event)}},
        }
        try:
            await self._call("UpdateItem", params)
        except ConditionalCheckFailedException:
            return  # it is done

    async def payload(self, event_id: str) -> bytes:
        """An event's payload."""
        params: dict[str, Any] = {
            "ConsistentRead": True,
            "KeyConditionExpression": "#event = :event",
            "ProjectionExpression": "piece, payload",
            "ExpressionAttributeValues": {":event": {"S": event_id}},
            **self._named_event(),
        }
        parts: list[tuple[str, str]] = []
        while True:
            page = msgspec.json.decode(await self._call("Query", params), type=_Pieces)
            parts += [
                (item.piece["S"], item.payload["S"])
                for item in page.items
                if item.payload is not None
            ]
            if not page.last_evaluated_key:
                return "".join(part for _, part in sorted(parts)).encode()
            params["ExclusiveStartKey"] = page.last_evaluated_key

    async def delete(self, event_id: str) -> None:
        """Drop an event that is done."""
        pieces = self._pieces.get(event_id, 0)
        if not pieces:
            await self._call("DeleteItem", {"Key": self._key(event_id, _HEAD)})
            return
        names = [_HEAD, *(f"{at:04d}" for at in range(pieces))]
        deletes = [
            {"Delete": {"TableName": self._table, "Key": self._key(event_id, name)}}
            for name in names
        ]
        await self._caller.call(PREFIX + "TransactWriteItems", {"TransactItems": deletes})
        self._pieces.pop(event_id, None)

    @staticmethod
    def _key(event_id: str, piece: str) -> dict[str, Any]:
        return {"event": {"S": event_id}, "piece": {"S": piece}}

    @staticmethod
    def _named_event() -> dict[str, Any]:
        return {"ExpressionAttributeNames": {"#event": "event"}}

    async def _call(self, operation: str, params: dict[str, Any]) -> bytes:
        return await self._caller.call(PREFIX + operation, {"TableName": self._table, **params})

    async def _made(self, operation: str, params: dict[str, Any]) -> None:
        """Call, and make the table when it is not there yet."""
        try:
            await self._caller.call(PREFIX + operation, params)
        except MISSING:
            await make_table(self._caller, self._table, ("event", "piece"))
            await self._caller.call(PREFIX + operation, params)


def _document(event: Event) -> str:
    return msgspec.json.encode(event).decode()
