"""What PutItem, UpdateItem and DeleteItem have in common: the members of their inputs, their
condition, and the answer with the item that was there before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from tailrace import expressions
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.conditions import refuse_mix
from tailrace.api.dynamodb.replies import body_of, settled, write_extras
from tailrace.errors import ValidationException
from tailrace.expressions import Bindings
from tailrace.model.schema import Table
from tailrace.tables.engine import Outcome
from tailrace.tables.plans import Guard

__all__ = ["ConditionalWrite", "old_item_reply", "replacement_guard", "write_guard"]


class ConditionalWrite(msgspec.Struct, rename="pascal", frozen=True, gc=False, kw_only=True):
    """The members that the inputs of all three have."""

    table_name: inputs.TableRef
    expected: inputs.ExpectedJson | None = None
    conditional_operator: inputs.ConditionalOperator | None = None
    return_values: inputs.ReturnValues | None = None
    return_consumed_capacity: inputs.CapacityDetail | None = None
    return_item_collection_metrics: inputs.CollectionMetrics | None = None
    condition_expression: str | None = None
    expression_attribute_names: inputs.Names | None = None
    expression_attribute_values: inputs.Values | None = None
    return_values_on_condition_check_failure: inputs.FailureValues | None = None


def write_guard(request: ConditionalWrite, bindings: Bindings) -> Guard | None:
    """The condition of a write, or None."""
    show = request.return_values_on_condition_check_failure == "ALL_OLD"
    if request.condition_expression is not None:
        return Guard(expressions.condition(request.condition_expression, bindings), show)
    legacy = expressions.expected(request.expected, request.conditional_operator)
    return None if legacy is None else Guard(legacy, show)


def replacement_guard(request: ConditionalWrite) -> Guard | None:
    """The condition of a write that replaces or removes a whole item, its parameters checked."""
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


def old_item_reply(table: Table, request: ConditionalWrite) -> Callable[[Sequence[Outcome]], bytes]:
    """Words the answer of a write that can return the item it replaced or removed."""

    def reply(outcomes: Sequence[Outcome]) -> bytes:
        done = settled(outcomes[0])
        members = write_extras(
            table, done, request.return_consumed_capacity, request.return_item_collection_metrics
        )
        if request.return_values == "ALL_OLD" and done.previous is not None:
            members["Attributes"] = msgspec.Raw(done.previous)
        return body_of(members)

    return reply
