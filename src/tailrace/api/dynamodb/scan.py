"""Scan: all items of a table or an index, in the order of the keys' hashes; in segments for
parallel readers."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tailrace import expressions
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.conditions import refuse_mix, refuse_parts_of_keys
from tailrace.api.dynamodb.reading import (
    answer,
    check_select,
    check_select_of_index,
    refuse_consistent,
    refuse_vectors,
    scan_after,
    start_item,
)
from tailrace.api.dynamodb.tables import find_index, find_table
from tailrace.api.operation import Context, Operation
from tailrace.errors import ValidationException
from tailrace.expressions import Bindings
from tailrace.tables.engine import Span
from tailrace.tables.pages import segment_bounds

__all__ = ["SCAN", "ScanInput"]


class ScanInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    table_name: inputs.TableRef
    index_name: inputs.IndexName | None = None
    attributes_to_get: inputs.AttributeNames | None = None
    limit: inputs.PositiveInteger | None = None
    select: inputs.Select | None = None
    scan_filter: inputs.ConditionsJson | None = None
    conditional_operator: inputs.ConditionalOperator | None = None
    exclusive_start_key: inputs.ItemJson | None = None
    return_consumed_capacity: inputs.CapacityDetail | None = None
    total_segments: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    segment: Annotated[int, msgspec.Meta(ge=0, le=999_999)] | None = None
    projection_expression: str | None = None
    filter_expression: str | None = None
    expression_attribute_names: inputs.Names | None = None
    expression_attribute_values: inputs.Values | None = None
    consistent_read: bool | None = None


def scan(context: Context, request: ScanInput) -> bytes:
    refuse_mix(
        {
            "AttributesToGet": request.attributes_to_get,
            "ScanFilter": request.scan_filter,
            "ConditionalOperator": request.conditional_operator,
        },
        {
            "ProjectionExpression": request.projection_expression,
            "FilterExpression": request.filter_expression,
        },
    )
    expressions.refuse_idle(
        request.expression_attribute_names,
        request.expression_attribute_values,
        {
            "ProjectionExpression": request.projection_expression,
            "FilterExpression": request.filter_expression,
        },
    )
    projection = None
    if request.attributes_to_get is not None:
        projection = expressions.attributes_to_get(request.attributes_to_get)
    keep = expressions.scan_filter(request.scan_filter, request.conditional_operator)
    start = start_item(request.exclusive_start_key)
    _check_segments(request)
    bindings = Bindings(request.expression_attribute_names, request.expression_attribute_values)
    if request.filter_expression is not None:
        keep = expressions.condition(request.filter_expression, bindings, "FilterExpression")
    if request.projection_expression is not None:
        projection = expressions.projection(request.projection_expression, bindings)
    bindings.finish()
    legacy = request.attributes_to_get is not None
    check_select(request.select, request.index_name, projection, legacy)
    table = find_table(context, request.table_name)
    index = find_index(context, table, request.index_name)
    refuse_consistent(index, request.consistent_read)
    refuse_vectors(index, "Scan operation not supported on this index type")
    check_select_of_index(request.select, index)
    low, high = segment_bounds(request.segment or 0, request.total_segments or 1)
    span = Span(table.id, low, high, None if index is None else index.id)
    span = scan_after(span, table, index, start, request.total_segments)
    if projection is not None:
        refuse_parts_of_keys(table, projection.paths)
    if keep is not None:
        refuse_parts_of_keys(table, keep.paths)
    return answer(context, request, table, index, span, keep, projection)


def _check_segments(request: ScanInput) -> None:
    if request.segment is None and request.total_segments is None:
        return
    if request.segment is None:
        raise ValidationException(
            "The Segment parameter is required but was not present in the request when parameter"
            " TotalSegments is present"
        )
    if request.total_segments is None:
        raise ValidationException(
            "The TotalSegments parameter is required but was not present in the request when"
            " Segment parameter is present"
        )
    if request.segment >= request.total_segments:
        raise ValidationException(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments:"
            " Segment: "
            f"{request.segment} is not less than TotalSegments: {request.total_segments}"
        )


SCAN = Operation("Scan", ScanInput, scan)
