"""GetItem: one item by its key. Without a projection the stored bytes are the answer."""

from __future__ import annotations

import msgspec

from tailrace import expressions
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.conditions import refuse_mix, refuse_parts_of_keys
from tailrace.api.dynamodb.replies import EMPTY, body_of
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.operation import Context, Operation
from tailrace.expressions import Bindings, Projection
from tailrace.model.schema import Table
from tailrace.model.values import canonical_item, decode_item, encode_item, item_size
from tailrace.tables.capacity import Usage, consumed_capacity, read_units

__all__ = ["GET_ITEM", "GetItemInput"]


class GetItemInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    table_name: inputs.TableRef
    key: inputs.ItemJson
    attributes_to_get: inputs.AttributeNames | None = None
    consistent_read: bool | None = None
    return_consumed_capacity: inputs.CapacityDetail | None = None
    projection_expression: str | None = None
    expression_attribute_names: inputs.Names | None = None


def get_item(context: Context, request: GetItemInput) -> bytes:
    projection = wanted_attributes(
        request.attributes_to_get, request.projection_expression, request.expression_attribute_names
    )
    key_item, _ = canonical_item(request.key)
    table = find_table(context, request.table_name)
    key = table.keys.lookup_key(key_item)
    if projection is not None:
        refuse_parts_of_keys(table, projection.paths)
    data = context.service.engine.get(table.id, key)
    if request.return_consumed_capacity in (None, "NONE"):
        if data is None:
            return EMPTY
        return b'{"Item":%b}' % (data if projection is None else projected(data, projection))
    return _with_capacity(request, table, data, projection)


def wanted_attributes(
    attributes_to_get: list[str] | None, expression: str | None, names: inputs.Names | None
) -> Projection | None:
    """The projection a read asks for, legacy or expression; None for all attributes."""
    if attributes_to_get is None and expression is None and names is None:
        return None
    refuse_mix({"AttributesToGet": attributes_to_get}, {"ProjectionExpression": expression})
    expressions.refuse_idle(names, None, {"ProjectionExpression": expression})
    bindings = Bindings(names, None)
    projection: Projection | None = None
    if attributes_to_get is not None:
        projection = expressions.attributes_to_get(attributes_to_get)
    elif expression is not None:
        projection = expressions.projection(expression, bindings)
    bindings.finish()
    return projection


def projected(data: bytes, projection: Projection) -> bytes:
    """The JSON of what a projection leaves of a stored item."""
    return encode_item(projection.apply(decode_item(data)))


def _with_capacity(
    request: GetItemInput, table: Table, data: bytes | None, projection: Projection | None
) -> bytes:
    size = 0 if data is None else item_size(decode_item(data))
    usage = Usage(read_units(size, bool(request.consistent_read)))
    detail = request.return_consumed_capacity or "TOTAL"
    members: dict[str, object] = {"ConsumedCapacity": consumed_capacity(table, usage, detail)}
    if data is not None:
        members["Item"] = msgspec.Raw(data if projection is None else projected(data, projection))
    return body_of(members)


GET_ITEM = Operation("GetItem", GetItemInput, get_item)
