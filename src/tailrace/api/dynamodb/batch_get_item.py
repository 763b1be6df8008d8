"""BatchGetItem: up to 100 items by their keys, up to 16 MB; what does not fit comes back as
UnprocessedKeys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from tailrace import limits
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.conditions import refuse_mix, refuse_parts_of_keys
from tailrace.api.dynamodb.get_item import projected, wanted_attributes
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.operation import Context, Operation
from tailrace.errors import ValidationException
from tailrace.expressions import Projection
from tailrace.model.schema import Table
from tailrace.model.values import Item, canonical_item, decode_item, encode_item, item_size
from tailrace.tables.capacity import Usage, consumed_capacity, read_units
from tailrace.tables.engine import Engine

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


class _Read(msgspec.Struct, frozen=True):
    """One table's part of the request, checked as far as it goes without the table."""

    ref: str
    request: KeysAndAttributes
    projection: Projection | None
    keys: list[Item]


class _Wanted(msgspec.Struct, frozen=True):
    """One table's part of the request: the keys as given, and as bytes."""

    table: Table
    read: _Read
    keys: list[tuple[Item, bytes]]


class _Page:
    """What is found, until there is no more room."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._room = limits.BATCH_GET_BYTES

    def fill(self, wanted: _Wanted, found: list[msgspec.Raw]) -> tuple[list[Item], float]:
        """Add a table's items to `found`; the keys that are left, and the units used."""
        projection = wanted.read.projection
        consistent = bool(wanted.read.request.consistent_read)
        left: list[Item] = []
        units = 0.0
        for key_item, key in wanted.keys:
            if self._room <= 0:
                left.append(key_item)
                continue
            data = self._engine.get(wanted.table.id, key)
            size = 0 if data is None else item_size(decode_item(data))
            units += read_units(size, consistent)
            self._room -= size
            if data is not None:
                shown = data if projection is None else projected(data, projection)
                found.append(msgspec.Raw(shown))
        return left, units


def batch_get_item(context: Context, request: BatchGetItemInput) -> bytes:
    if sum(len(part.keys) for part in request.request_items.values()) > limits.BATCH_GET_KEYS:
        raise ValidationException("Too many items requested for the BatchGetItem call")
    _refuse_mix(request.request_items.values())
    read = [_read(ref, part) for ref, part in request.request_items.items()]
    wanted = [_wanted(context, part) for part in read]
    page = _Page(context.service.engine)
    responses: dict[str, list[msgspec.Raw]] = {}
    unprocessed: dict[str, dict[str, Any]] = {}
    capacity: list[dict[str, Any]] = []
    for part in wanted:
        left, units = page.fill(part, responses.setdefault(part.table.name, []))
        if left:
            asked: dict[str, Any] = msgspec.to_builtins(part.read.request)
            given = {name: value for name, value in asked.items() if value is not None}
            unprocessed[part.read.ref] = {**given, "Keys": left}
        if request.return_consumed_capacity in ("TOTAL", "INDEXES"):
            capacity.append(
                consumed_capacity(part.table, Usage(units), request.return_consumed_capacity)
            )
    members: dict[str, Any] = {"Responses": responses, "UnprocessedKeys": unprocessed}
    if capacity:
        members["ConsumedCapacity"] = capacity
    return body_of(members)


def _refuse_mix(parts: Iterable[KeysAndAttributes]) -> None:
    """One table may not use the old parameter and another the new one."""
    parts = tuple(parts)
    refuse_mix(
        {
            "AttributesToGet": next(
                (p.attributes_to_get for p in parts if p.attributes_to_get), None
            )
        },
        {
            "ProjectionExpression": next(
                (p.projection_expression for p in parts if p.projection_expression is not None),
                None,
            )
        },
    )


def _read(ref: str, part: KeysAndAttributes) -> _Read:
    projection = wanted_attributes(
        part.attributes_to_get, part.projection_expression, part.expression_attribute_names
    )
    keys = [canonical_item(key)[0] for key in part.keys]
    if len({encode_item(key) for key in keys}) != len(keys):
        raise ValidationException("Provided list of item keys contains duplicates")
    return _Read(ref, part, projection, keys)


def _wanted(context: Context, read: _Read) -> _Wanted:
    table = find_table(context, read.ref)
    keys = [(key, table.keys.lookup_key(key)) for key in read.keys]
    if read.projection is not None:
        refuse_parts_of_keys(table, read.projection.paths)
    return _Wanted(table, read, keys)


BATCH_GET_ITEM = Operation("BatchGetItem", BatchGetItemInput, batch_get_item)
