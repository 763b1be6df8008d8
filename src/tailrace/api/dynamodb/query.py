"""Query: the items of one partition key, in the order of the sort key, from a table or an index."""

from __future__ import annotations

import msgspec

from tailrace import expressions
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.conditions import refuse_mix, refuse_parts_of_keys
from tailrace.api.dynamodb.reading import (
    answer,
    check_select,
    check_select_of_index,
    check_start,
    query_after,
    refuse_consistent,
    refuse_unprojected_filter,
    refuse_vectors,
    start_item,
)
from tailrace.api.dynamodb.tables import find_index, find_table
from tailrace.api.operation import Context, Operation
from tailrace.errors import ValidationException
from tailrace.expressions import Bindings, KeyTest
from tailrace.tables.engine import Span

__all__ = ["QUERY", "QueryInput"]


class QueryInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    table_name: inputs.TableRef
    index_name: inputs.IndexName | None = None
    select: inputs.Select | None = None
    attributes_to_get: inputs.AttributeNames | None = None
    limit: inputs.PositiveInteger | None = None
    consistent_read: bool | None = None
    key_conditions: inputs.ConditionsJson | None = None
    query_filter: inputs.ConditionsJson | None = None
    conditional_operator: inputs.ConditionalOperator | None = None
    scan_index_forward: bool | None = None
    exclusive_start_key: inputs.ItemJson | None = None
    return_consumed_capacity: inputs.CapacityDetail | None = None
    projection_expression: str | None = None
    filter_expression: str | None = None
    key_condition_expression: str | None = None
    expression_attribute_names: inputs.Names | None = None
    expression_attribute_values: inputs.Values | None = None


def query(context: Context, request: QueryInput) -> bytes:
    _refuse_mixes(request)
    expressions.refuse_idle(
        request.expression_attribute_names,
        request.expression_attribute_values,
        {
            "ProjectionExpression": request.projection_expression,
            "FilterExpression": request.filter_expression,
            "KeyConditionExpression": request.key_condition_expression,
        },
    )
    keep = expressions.query_filter(request.query_filter, request.conditional_operator)
    projection = None
    if request.attributes_to_get is not None:
        projection = expressions.attributes_to_get(request.attributes_to_get)
    start = start_item(request.exclusive_start_key)
    bindings = Bindings(request.expression_attribute_names, request.expression_attribute_values)
    if request.filter_expression is not None:
        keep = expressions.condition(request.filter_expression, bindings, "FilterExpression")
    if request.projection_expression is not None:
        projection = expressions.projection(request.projection_expression, bindings)
    tests = _key_tests(request, bindings)
    bindings.finish()
    legacy = request.attributes_to_get is not None
    check_select(request.select, request.index_name, projection, legacy)
    table = find_table(context, request.table_name)
    index = find_index(context, table, request.index_name)
    refuse_consistent(index, request.consistent_read)
    refuse_vectors(index, "Query operation not supported on this index type.")
    check_start(table, index, start)
    keys = table.keys if index is None else index.keys
    reach = expressions.key_range(tests, keys)
    low, high = reach.bounds(index=index is not None)
    span = Span(
        table.id,
        low,
        high,
        None if index is None else index.id,
        backwards=request.scan_index_forward is False,
    )
    span = query_after(span, table, index, reach, start)
    if keep is not None:
        expressions.refuse_key_filter(keep, keys, legacy=request.query_filter is not None)
        refuse_parts_of_keys(table, keep.paths)
        refuse_unprojected_filter(table, index, [path[0] for path in keep.paths])
    if projection is not None:
        refuse_parts_of_keys(table, projection.paths)
    check_select_of_index(request.select, index)
    return answer(context, request, table, index, span, keep, projection)


def _refuse_mixes(request: QueryInput) -> None:
    refuse_mix(
        {
            "AttributesToGet": request.attributes_to_get,
            "QueryFilter": request.query_filter,
            "ConditionalOperator": request.conditional_operator,
            "KeyConditions": request.key_conditions,
        },
        {
            "ProjectionExpression": request.projection_expression,
            "FilterExpression": request.filter_expression,
            "KeyConditionExpression": request.key_condition_expression,
        },
    )


def _key_tests(request: QueryInput, bindings: Bindings) -> dict[str, KeyTest]:
    """What the request asks of key attributes; whether the key is like that only a table knows."""
    if request.key_condition_expression is not None:
        tests = expressions.key_tests(request.key_condition_expression, bindings)
    elif request.key_conditions is not None:
        tests = expressions.legacy_key_tests(request.key_conditions)
    else:
        raise ValidationException(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the"
            " request."
        )
    if request.index_name is None:
        expressions.check_count(tests)
    return tests


QUERY = Operation("Query", QueryInput, query)
