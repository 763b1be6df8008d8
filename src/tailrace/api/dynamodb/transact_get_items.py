"""TransactGetItems: up to 100 items, from any tables, all as of one moment."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from tailrace import expressions
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.conditions import refuse_parts_of_keys
from tailrace.api.dynamodb.get_item import projected
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.dynamodb.transactions import (
    Used,
    cancelled,
    check_payload,
    is_upfront,
    refuse_repeated,
    transacted,
)
from tailrace.api.operation import Context, Operation
from tailrace.errors import ValidationException
from tailrace.expressions import Bindings, Projection
from tailrace.model.schema import Table
from tailrace.model.values import Item, canonical_item, decode_item, item_size
from tailrace.tables.capacity import Usage, read_units

__all__ = ["TRANSACT_GET_ITEMS", "TransactGetItemsInput"]


class GetAction(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    key: inputs.ItemJson
    table_name: inputs.TableRef
    projection_expression: str | None = None
    expression_attribute_names: inputs.Names | None = None


class TransactGetItem(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    get: GetAction


class TransactGetItemsInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    transact_items: Annotated[list[TransactGetItem], msgspec.Meta(min_length=1, max_length=100)]
    return_consumed_capacity: inputs.CapacityDetail | None = None


def transact_get_items(context: Context, request: TransactGetItemsInput) -> bytes:
    actions = [entry.get for entry in request.transact_items]
    projections = [_projection(action) for action in actions]
    keys = [canonical_item(action.key)[0] for action in actions]
    tables = [find_table(context, action.table_name) for action in actions]
    for table, projection in zip(tables, projections, strict=True):
        if projection is not None:
            refuse_parts_of_keys(table, projection.paths)
    places = _places(tables, keys)
    refuse_repeated(places)
    found = context.service.engine.get_together(places)
    sizes = [0 if data is None else item_size(decode_item(data)) for data in found]
    check_payload(sum(sizes))
    members: dict[str, Any] = {
        "Responses": [
            _response(data, projection) for data, projection in zip(found, projections, strict=True)
        ]
    }
    detail = request.return_consumed_capacity
    if detail in ("TOTAL", "INDEXES"):
        used = Used()
        for table, size in zip(tables, sizes, strict=True):
            used.add(table, transacted(Usage(read_units(size, consistent=True))))
        members["ConsumedCapacity"] = used.shown(detail, "ReadCapacityUnits")
    return body_of(members)


def _projection(action: GetAction) -> Projection | None:
    bindings = Bindings(action.expression_attribute_names, None)
    if action.projection_expression is None:
        return None
    projection = expressions.projection(action.projection_expression, bindings)
    bindings.finish()
    return projection


def _places(tables: list[Table], keys: list[Item]) -> list[tuple[int, bytes]]:
    """(table id, key) of all items. The first key that does not fit its table cancels the
    transaction."""
    places: list[tuple[int, bytes]] = []
    errors: list[ValidationException | None] = []
    for table, key in zip(tables, keys, strict=True):
        try:
            places.append((table.id, table.keys.lookup_key(key)))
            errors.append(None)
        except ValidationException as error:
            if is_upfront(error):
                raise
            errors.append(error)
    first = next((place for place, error in enumerate(errors) if error is not None), None)
    if first is not None:
        raise cancelled([error if place == first else None for place, error in enumerate(errors)])
    return places


def _response(data: bytes | None, projection: Projection | None) -> dict[str, Any]:
    if data is None:
        return {}
    return {"Item": msgspec.Raw(data if projection is None else projected(data, projection))}


TRANSACT_GET_ITEMS = Operation("TransactGetItems", TransactGetItemsInput, transact_get_items)
