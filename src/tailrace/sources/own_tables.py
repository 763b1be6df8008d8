"""The tables that consumers keep their own affairs in: made on demand, on any endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tailrace.errors import (
    ResourceInUseException,
    ResourceNotFoundException,
    TableNotFoundException,
    TailraceError,
)
from tailrace.sources.caller import Caller

__all__ = ["MISSING", "PREFIX", "make_table"]

PREFIX: Final = "DynamoDB_20120810."
MISSING: Final = (ResourceNotFoundException, TableNotFoundException)
TABLE_POLLS: Final = 120
TABLE_POLL_S: Final = 0.5


class _Table(msgspec.Struct, rename="pascal"):
    table_status: str


class _Description(msgspec.Struct, rename="pascal"):
    table: _Table


async def make_table(caller: Caller, name: str, key: Sequence[str]) -> None:
    """Make an on-demand table whose partition key, and sort key if there is one, are these strings;
    nothing when it is there. Raises TailraceError when it does not become active."""
    definition: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": attribute, "AttributeType": "S"} for attribute in key
        ],
        "KeySchema": [
            {"AttributeName": attribute, "KeyType": kind}
            for attribute, kind in zip(key, ("HASH", "RANGE"), strict=False)
        ],
    }
    try:
        await caller.call(PREFIX + "CreateTable", definition)
    except ResourceInUseException:
        pass  # someone else was quicker
    for _ in range(TABLE_POLLS):
        body = await caller.call(PREFIX + "DescribeTable", {"TableName": name})
        if msgspec.json.decode(body, type=_Description).table.table_status == "ACTIVE":
            return
        await asyncio.sleep(TABLE_POLL_S)
    raise TailraceError(f"the table {name} did not become ACTIVE")
