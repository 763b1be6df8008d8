"""What requests use: of writes before they are submitted, of reads from their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tailrace.api.operation import Context
from tailrace.errors import AwsError, ConditionalCheckFailedException
from tailrace.model.schema import Table
from tailrace.model.values import decode_item, item_size
from tailrace.tables.capacity import Usage, usage_of_write, write_units
from tailrace.tables.engine import Settled, Write
from tailrace.tables.hidden import HIDDEN_ACCOUNT

__all__ = ["Used", "metered", "read_usage", "shown", "with_members", "write_usage"]

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.encode
_INDEXED = ("Table", "LocalSecondaryIndexes", "GlobalSecondaryIndexes")

# What requests use, table by table.
Used = Sequence[tuple[Table, Usage]]


def write_usage(context: Context, write: Write) -> tuple[Table, Usage] | None:
    """What a write will use, by the item as it is now; None for one that will be refused. A failed
    condition is paid for, the store's own tables are not."""
    engine = context.service.engine
    table = engine.catalog().tables.get(write.table_id)
    if table is None:
        return None
    previous = engine.get(table.id, write.key)
    try:
        plan = write.decide(previous, table)
    except ConditionalCheckFailedException:
        size = 0 if previous is None else item_size(decode_item(previous))
        return table, Usage(write_units(size))
    except AwsError:
        return None
    own = table.account == HIDDEN_ACCOUNT
    return table, Usage(0.0) if own else usage_of_write(table, Settled(previous, plan))


def metered(request: Any) -> Any:
    """The same request, with an answer that tells what it used."""
    return msgspec.structs.replace(request, return_consumed_capacity="INDEXES")


def read_usage(context: Context, body: bytes) -> list[tuple[Table, Usage]]:
    """What a read used, from the answer to a metered request."""
    scope, catalog = context.scope, context.service.engine.catalog()
    used: list[tuple[Table, Usage]] = []
    for entry in _entries(_decode(body)):
        table = catalog.by_name.get((scope.account, scope.region, entry["TableName"]))
        if table is None:
            continue
        indexes = {
            name: units["CapacityUnits"]
            for kind in _INDEXED[1:]
            for name, units in entry.get(kind, {}).items()
        }
        used.append((table, Usage(entry["Table"]["CapacityUnits"], indexes)))
    return used


def shown(body: bytes, detail: str | None) -> bytes:
    """The answer to a metered request as its caller asked for it."""
    if detail == "INDEXES":
        return body
    members = _decode(body)
    if "ConsumedCapacity" not in members:
        return body
    if detail != "TOTAL":
        del members["ConsumedCapacity"]
        return _encode(members)
    totals = [
        {name: value for name, value in entry.items() if name not in _INDEXED}
        for entry in _entries(members)
    ]
    several = _is_list(members["ConsumedCapacity"])
    return with_members(body, ConsumedCapacity=totals if several else totals[0])


def with_members(body: bytes, **members: Any) -> bytes:
    """An answer with some members replaced."""
    return _encode({**_decode(body), **members})


def _entries(members: dict[str, msgspec.Raw]) -> list[dict[str, Any]]:
    consumed = members.get("ConsumedCapacity")
    if consumed is None:
        return []
    return msgspec.json.decode(
        consumed if _is_list(consumed) else b"[%b]" % bytes(consumed), type=list[dict[str, Any]]
    )


def _is_list(value: msgspec.Raw) -> bool:
    return bytes(value).lstrip()[:1] == b"["
