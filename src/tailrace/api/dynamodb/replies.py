"""Bodies of answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tailrace.errors import AwsError
from tailrace.model.schema import IndexKind, Table
from tailrace.tables.capacity import consumed_capacity, usage_of_write
from tailrace.tables.engine import Outcome, Settled

__all__ = ["EMPTY", "body_of", "collection_metrics", "settled", "write_extras"]

EMPTY = b"{}"
_encode = msgspec.json.Encoder().encode


def body_of(members: Mapping[str, Any]) -> bytes:
    """The JSON of an answer; `msgspec.Raw` members are spliced in as they stand."""
    return _encode(members)


def settled(outcome: Outcome) -> Settled:
    """The only write of a unit, or its error."""
    first = outcome[0]
    if isinstance(first, AwsError):
        raise first
    return first


def write_extras(
    table: Table, write: Settled, capacity: str | None, metrics: str | None
) -> dict[str, Any]:
    """ConsumedCapacity and ItemCollectionMetrics of a write, where asked for."""
    extras: dict[str, Any] = {}
    if capacity in ("TOTAL", "INDEXES"):
        extras["ConsumedCapacity"] = consumed_capacity(
            table, usage_of_write(table, write), capacity
        )
    if metrics == "SIZE":
        found = collection_metrics(table, write)
        if found is not None:
            extras["ItemCollectionMetrics"] = found
    return extras


def collection_metrics(table: Table, write: Settled) -> dict[str, Any] | None:
    """The estimated size of the item's collection; only tables with a local index have such."""
    if all(index.kind is not IndexKind.LOCAL for index in table.indexes):
        return None
    image = write.plan.new or write.previous
    if image is None:
        return None
    name = table.keys.hash[0].name
    value = msgspec.json.decode(image)[name]
    return {"ItemCollectionKey": {name: value}, "SizeEstimateRangeGB": [0.0, 1.0]}
