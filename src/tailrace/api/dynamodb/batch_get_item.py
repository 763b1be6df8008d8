"""BatchGetItem: up to 100 items by their keys, up to 16 MB; what does not fit comes back as
UnprocessedKeys."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from tailrace import limits
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.get_item import projected, wanted_attributes
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.operation import Context, Operation
from tailrace.errors import ValidationException
from tailrace.expressions import Projection
from tailrace.model.schema import Table
from tailrace.model.values import Item, canonical_item, decode_item, item_size
from tailrace.tables.capacity import Usage, consumed_capacity, read_units

__all__ = ["BATCH_GET_ITEM", "BatchGetItemInput"]


class KeysAndAttributes(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    keys: Annotated[list[inputs.ItemJson], msgspec.Meta(min_length=1, max_length=100)]
    attributes_to_get: inputs.AttributeNames | None = None
    consistent_read: bool | None = None
    projection_expression: str | None = None
    expression_attribute_names: inputs.Names | None = None


class BatchGetItemInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    request_items: Annotated[
        dict[inputs.TableRef, KeysAndAttributes], msgspec.Meta(min_length=1, max_length=100)
    ]
    return_consumed_capacity: inputs.CapacityDetail | None = None


class _Wanted(msgspec.Struct, frozen=True):
    """One table's part of the request, checked: the keys as given, and as bytes."""

    ref: str
    table: Table
    request: KeysAndAttributes
    projection: Projection | None
    keys: list[tuple[Item, bytes]]


def batch_get_item(context: Context, request: BatchGetItemInput) -> bytes:
    if sum(len(part.keys) for part in request.request_items.values()) > limits.BATCH_GET_KEYS:
        raise ValidationException("Too many items requested for the BatchGetItem call")
    wanted = [_wanted(context, ref, part) for ref, part in request.request_items.items()]
    responses: dict[str, list[msgspec.Raw]] = {}
    unprocessed: dict[str, dict[str, Any]] = {}
    capacity: list[dict[str, Any]] = []
    room = limits.BATCH_GET_BYTES
    for part in wanted:
        found = responses.setdefault(part.table.name, [])
        units = 0.0
        left: list[Item] = []
        for key_item, key in part.keys:
            if room <= 0:
                left.append(key_item)
                continue
            data = context.service.engine.get(part.table.id, key)
            size = 0 if data is None else item_size(decode_item(data))
            units += read_units(size, bool(part.request.consistent_read))
            room -= size
            if data is not None:
                found.append(
                    msgspec.Raw(
                        data if part.projection is None else projected(data, part.projection)
                    )
                )
        if left:
            unprocessed[part.ref] = {**msgspec.to_builtins(part.request), "Keys": left}
        if request.return_consumed_capacity in ("TOTAL", "INDEXES"):
            capacity.append(
                consumed_capacity(part.table, Usage(units), request.return_consumed_capacity)
            )
    members: dict[str, Any] = {"Responses": responses, "UnprocessedKeys": unprocessed}
    if capacity:
        members["ConsumedCapacity"] = capacity
    return body_of(members)


def _wanted(context: Context, ref: str, part: KeysAndAttributes) -> _Wanted:
    projection = wanted_attributes(
        part.attributes_to_get, part.projection_expression, part.expression_attribute_names
    )
    canonical = [canonical_item(key)[0] for key in part.keys]
    table = find_table(context, ref)
    keys = [(key, table.keys.lookup_key(key)) for key in canonical]
    if len({key for _, key in keys}) != len(keys):
        raise ValidationException("Provided list of item keys contains duplicates")
    return _Wanted(ref, table, part, projection, keys)


BATCH_GET_ITEM = Operation("BatchGetItem", BatchGetItemInput, batch_get_item)
