"""BatchWriteItem: up to 25 puts and deletes, each on its own; all are carried out, so nothing is
ever left unprocessed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec

from tailrace import limits
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.delete_item import delete_write
from tailrace.api.dynamodb.put_item import check_size, put_write
from tailrace.api.dynamodb.replies import body_of, collection_metrics, settled
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.operation import Committed, Context, Operation
from tailrace.errors import ValidationException
from tailrace.model.schema import Table
from tailrace.model.values import Item, canonical_item
from tailrace.tables.capacity import Usage, consumed_capacity, usage_of_write
from tailrace.tables.engine import Outcome, Write

__all__ = ["BATCH_WRITE_ITEM", "BatchWriteItemInput"]


class PutRequest(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    item: inputs.ItemJson


class DeleteRequest(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    key: inputs.ItemJson


class WriteRequest(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    put_request: PutRequest | None = None
    delete_request: DeleteRequest | None = None


_Requests = Annotated[list[WriteRequest], msgspec.Meta(min_length=1, max_length=25)]


class BatchWriteItemInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    request_items: Annotated[
        dict[inputs.TableRef, _Requests], msgspec.Meta(min_length=1, max_length=25)
    ]
    return_consumed_capacity: inputs.CapacityDetail | None = None
    return_item_collection_metrics: inputs.CollectionMetrics | None = None


def batch_write_item(context: Context, request: BatchWriteItemInput) -> Committed:
    if sum(map(len, request.request_items.values())) > limits.BATCH_WRITE_ITEMS:
        raise ValidationException("Too many items requested for the BatchWriteItem call")
    # What is wrong with any of the requests by itself comes before what their tables say to them.
    read = {ref: [_read(one) for one in part] for ref, part in request.request_items.items()}
    pairs: list[tuple[Table, Write]] = []
    for ref, requests in read.items():
        table = find_table(context, ref)
        pairs += [(table, one(table)) for one in requests]
    if len({(write.table_id, write.key) for _, write in pairs}) != len(pairs):
        raise ValidationException("Provided list of item keys contains duplicates")

    def reply(outcomes: Sequence[Outcome]) -> bytes:
        return body_of(_members(request, [table for table, _ in pairs], outcomes))

    return Committed(tuple((write,) for _, write in pairs), reply)


def _read(request: WriteRequest) -> Callable[[Table], Write]:
    """How to make a request's write for a table."""
    put, delete = request.put_request, request.delete_request
    if (put is None) == (delete is None):
        raise ValidationException(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of"
            " the supported datatypes"
        )
    if put is not None:
        item, size = canonical_item(put.item)
        check_size(size)
        return lambda table: _put(table, item, size)
    assert delete is not None
    key, _ = canonical_item(delete.key)
    return lambda table: delete_write(table, key)


def _put(table: Table, item: Item, size: int) -> Write:
    for attribute in table.keys.attributes:
        if attribute.type not in item.get(attribute.name, ()):
            # The words for keys, not PutItem's for items.
            raise ValidationException("The provided key element does not match the schema")
    return put_write(table, item, size)


def _members(
    request: BatchWriteItemInput, tables: Sequence[Table], outcomes: Sequence[Outcome]
) -> dict[str, Any]:
    members: dict[str, Any] = {"UnprocessedItems": {}}
    used: dict[str, tuple[Table, Usage]] = {}
    metrics: dict[str, list[dict[str, Any]]] = {}
    for table, outcome in zip(tables, outcomes, strict=True):
        done = settled(outcome)
        usage = usage_of_write(table, done)
        used[table.name] = (table, used[table.name][1].plus(usage) if table.name in used else usage)
        found = collection_metrics(table, done)
        if found is not None:
            metrics.setdefault(table.name, []).append(found)
    detail = request.return_consumed_capacity
    if detail in ("TOTAL", "INDEXES"):
        members["ConsumedCapacity"] = [
            consumed_capacity(table, usage, detail) for table, usage in used.values()
        ]
    if request.return_item_collection_metrics == "SIZE" and metrics:
        members["ItemCollectionMetrics"] = metrics
    return members


BATCH_WRITE_ITEM = Operation("BatchWriteItem", BatchWriteItemInput, batch_write_item)
