"""PutItem: replace an item, or add it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tailrace import expressions, limits
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.conditions import (
    guard_paths,
    refuse_mix,
    refuse_parts_of_keys,
    write_guard,
)
from tailrace.api.dynamodb.replies import EMPTY, body_of, settled, write_extras
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.operation import Committed, Context, Operation
from tailrace.errors import ValidationException
from tailrace.expressions import Bindings
from tailrace.model.schema import Table
from tailrace.model.values import Item, canonical_item
from tailrace.tables import plans
from tailrace.tables.engine import Outcome, Write
from tailrace.tables.plans import Guard

__all__ = ["PUT_ITEM", "PutItemInput", "check_size", "put_write"]


class PutItemInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    table_name: inputs.TableRef
    item: inputs.ItemJson
    expected: inputs.ExpectedJson | None = None
    return_values: inputs.ReturnValues | None = None
    return_consumed_capacity: inputs.CapacityDetail | None = None
    return_item_collection_metrics: inputs.CollectionMetrics | None = None
    conditional_operator: inputs.ConditionalOperator | None = None
    condition_expression: str | None = None
    expression_attribute_names: inputs.Names | None = None
    expression_attribute_values: inputs.Values | None = None
    return_values_on_condition_check_failure: inputs.FailureValues | None = None


def put_item(context: Context, request: PutItemInput) -> Committed:
    guard = _guard(request)
    item, size = canonical_item(request.item)
    check_size(size)
    table = find_table(context, request.table_name)
    write = put_write(table, item, size, guard)
    return_values = request.return_values
    if (
        return_values is None
        and request.return_consumed_capacity is None
        and request.return_item_collection_metrics is None
    ):
        return Committed(((write,),), _plain_reply)

    def reply(outcomes: Sequence[Outcome]) -> bytes:
        done = settled(outcomes[0])
        members = write_extras(
            table, done, request.return_consumed_capacity, request.return_item_collection_metrics
        )
        if return_values == "ALL_OLD" and done.previous is not None:
            members["Attributes"] = msgspec.Raw(done.previous)
        return body_of(members)

    return Committed(((write,),), reply)


def _guard(request: PutItemInput) -> Guard | None:
    if (
        request.condition_expression is None
        and request.expected is None
        and request.expression_attribute_names is None
        and request.expression_attribute_values is None
        and request.return_values is None
        and request.conditional_operator is None
    ):
        return None
    refuse_mix(
        {"Expected": request.expected, "ConditionalOperator": request.conditional_operator},
        {"ConditionExpression": request.condition_expression},
    )
    if request.return_values not in (None, "NONE", "ALL_OLD"):
        raise ValidationException("ReturnValues can only be ALL_OLD or NONE")
    expressions.refuse_idle(
        request.expression_attribute_names,
        request.expression_attribute_values,
        {"ConditionExpression": request.condition_expression},
    )
    bindings = Bindings(request.expression_attribute_names, request.expression_attribute_values)
    guard = write_guard(request, bindings)
    bindings.finish()
    return guard


def check_size(size: int) -> None:
    """Raise ValidationException for an item of too many bytes."""
    if size > limits.ITEM_BYTES:
        raise ValidationException("Item size has exceeded the maximum allowed size")


def put_write(table: Table, item: Item, size: int, guard: Guard | None = None) -> Write:
    """The write that puts a canonical item of `size` bytes, checked against the table's limits and
    keys."""
    check_size(size)
    key = table.keys.item_key(item)
    if table.indexes:
        plans.check_indexed(table, item)
    if guard is not None:
        refuse_parts_of_keys(table, guard_paths(guard))
    return Write(table.id, key, plans.put(key, item, size, guard))


def _plain_reply(outcomes: Sequence[Outcome]) -> bytes:
    settled(outcomes[0])
    return EMPTY


PUT_ITEM = Operation("PutItem", PutItemInput, put_item)
