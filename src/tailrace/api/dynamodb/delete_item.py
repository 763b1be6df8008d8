"""DeleteItem: remove an item by its key; removing what is not there succeeds and changes
nothing."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tailrace import expressions
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.conditions import (
    guard_paths,
    refuse_mix,
    refuse_parts_of_keys,
    write_guard,
)
from tailrace.api.dynamodb.replies import body_of, settled, write_extras
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.operation import Committed, Context, Operation
from tailrace.errors import ValidationException
from tailrace.expressions import Bindings
from tailrace.model.schema import Table
from tailrace.model.values import Item, canonical_item
from tailrace.tables import plans
from tailrace.tables.engine import Outcome, Write
from tailrace.tables.plans import Guard

__all__ = ["DELETE_ITEM", "DeleteItemInput", "delete_write"]


class DeleteItemInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    table_name: inputs.TableRef
    key: inputs.ItemJson
    expected: inputs.ExpectedJson | None = None
    conditional_operator: inputs.ConditionalOperator | None = None
    return_values: inputs.ReturnValues | None = None
    return_consumed_capacity: inputs.CapacityDetail | None = None
    return_item_collection_metrics: inputs.CollectionMetrics | None = None
    condition_expression: str | None = None
    expression_attribute_names: inputs.Names | None = None
    expression_attribute_values: inputs.Values | None = None
    return_values_on_condition_check_failure: inputs.FailureValues | None = None


def delete_item(context: Context, request: DeleteItemInput) -> Committed:
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
    key_item, _ = canonical_item(request.key)
    table = find_table(context, request.table_name)

    def reply(outcomes: Sequence[Outcome]) -> bytes:
        done = settled(outcomes[0])
        members = write_extras(
            table, done, request.return_consumed_capacity, request.return_item_collection_metrics
        )
        if request.return_values == "ALL_OLD" and done.previous is not None:
            members["Attributes"] = msgspec.Raw(done.previous)
        return body_of(members)

    return Committed(((delete_write(table, key_item, guard),),), reply)


def delete_write(table: Table, key_item: Item, guard: Guard | None = None) -> Write:
    """The write that removes the item of a canonical key."""
    key = table.keys.lookup_key(key_item)
    if guard is not None:
        refuse_parts_of_keys(table, guard_paths(guard))
    return Write(table.id, key, plans.delete(key, guard))


DELETE_ITEM = Operation("DeleteItem", DeleteItemInput, delete_item)
