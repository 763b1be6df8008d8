"""Documents in a table of the store itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tailrace.errors import (
    ResourceInUseException,
    ResourceNotFoundException,
    TableNotFoundException,
    TailraceError,
)
from tailrace.sources.caller import Caller

__all__ = ["TableDocuments"]

_PREFIX: Final = "DynamoDB_20120810."
_MISSING: Final = (ResourceNotFoundException, TableNotFoundException)
_POLLS: Final = 200
_POLL_S: Final = 0.05


class _Item(msgspec.Struct):
    key: dict[str, str]
    document: dict[str, str]


class _Page(msgspec.Struct, rename="pascal"):
    items: list[_Item] = []
    last_evaluated_key: dict[str, Any] | None = None


class _Table(msgspec.Struct, rename="pascal"):
    table_status: str


class _Description(msgspec.Struct, rename="pascal"):
    table: _Table


class TableDocuments:
    """Keeps each document as an item. The table is made when the first is kept."""

    def __init__(self, caller: Caller, table: str) -> None:
        self._caller = caller
        self._table = table

    async def load(self) -> Mapping[str, bytes]:
        """All documents by key."""
        params: dict[str, Any] = {"TableName": self._table, "ConsistentRead": True}
        found: dict[str, bytes] = {}
        while True:
            try:
                body = await self._caller.call(_PREFIX + "Scan", params)
            except _MISSING:
                return {}
            page = msgspec.json.decode(body, type=_Page)
            found.update((item.key["S"], item.document["S"].encode()) for item in page.items)
            if not page.last_evaluated_key:
                return found
            params["ExclusiveStartKey"] = page.last_evaluated_key

    async def put(self, key: str, document: bytes) -> None:
        """Keep a document."""
        item = {"key": {"S": key}, "document": {"S": document.decode()}}
        params = {"TableName": self._table, "Item": item}
        try:
            await self._caller.call(_PREFIX + "PutItem", params)
        except _MISSING:
            await self._create()
            await self._caller.call(_PREFIX + "PutItem", params)

    async def delete(self, key: str) -> None:
        """Drop a document."""
        params = {"TableName": self._table, "Key": {"key": {"S": key}}}
        try:
            await self._caller.call(_PREFIX + "DeleteItem", params)
        except _MISSING:
            return

    async def _create(self) -> None:
        try:
            await self._caller.call(
                _PREFIX + "CreateTable",
                {
                    "TableName": self._table,
                    "BillingMode": "PAY_PER_REQUEST",
                    "AttributeDefinitions": [{"AttributeName": "key", "AttributeType": "S"}],
                    "KeySchema": [{"AttributeName": "key", "KeyType": "HASH"}],
                },
            )
        except ResourceInUseException:
            pass  # someone else was quicker
        for _ in range(_POLLS):
            body = await self._caller.call(_PREFIX + "DescribeTable", {"TableName": self._table})
            if msgspec.json.decode(body, type=_Description).table.table_status == "ACTIVE":
                return
            await asyncio.sleep(_POLL_S)
        raise TailraceError(f"the table {self._table} did not become ACTIVE")
