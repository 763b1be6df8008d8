"""Filters of exports: which items are written, and what of them (S3DataExport.Filtered.html)."""

from __future__ import annotations

from typing import Any

import msgspec

from tailrace import expressions
from tailrace.expressions import Bindings, Condition, KeyRange, Projection
from tailrace.model.schema import Table
from tailrace.model.values import AttributeValue, Item
from tailrace.tables.conditions import refuse_parts_of_keys

__all__ = ["ExportFilter", "export_filter"]


class _Specification(msgspec.Struct, rename="pascal", frozen=True):
    filter_expression: str | None = None
    projection_expression: str | None = None
    key_condition_expression: str | None = None
    expression_attribute_names: dict[str, str] | None = None
    expression_attribute_values: dict[str, AttributeValue] | None = None


class ExportFilter(msgspec.Struct, frozen=True):
    """The keys that are read, the items among them that are written, and what of them."""

    reach: KeyRange | None = None
    keep: Condition | None = None
    projection: Projection | None = None

    @property
    def takes_all(self) -> bool:
        """Whether every item is written, as it is."""
        return self.reach is None and self.keep is None and self.projection is None

    def within(self, low: bytes, high: bytes | None) -> tuple[bytes, bytes | None] | None:
        """The part of the keys `low <= key < high` that is read; None when that is none."""
        if self.reach is None:
            return low, high
        first, last = self.reach.bounds()
        low = max(low, first)
        if high is None or (last is not None and last < high):
            high = last
        return None if high is not None and low >= high else (low, high)

    def keeps(self, item: Item) -> bool:
        """Whether an item with one of the keys is written."""
        return self.keep is None or self.keep.matches(item)

    def shown(self, item: Item) -> Item:
        """What of an item is written."""
        return item if self.projection is None else self.projection.apply(item)


def export_filter(specification: dict[str, Any] | None, table: Table) -> ExportFilter:
    """The filter of a FilterSpecification for a table's items. Raises ValidationException for all
    that can be wrong with it, in the order and the words of Query and Scan."""
    asked = msgspec.convert(specification or {}, _Specification)
    expressions.refuse_idle(
        asked.expression_attribute_names,
        asked.expression_attribute_values,
        {
            "ProjectionExpression": asked.projection_expression,
            "FilterExpression": asked.filter_expression,
            "KeyConditionExpression": asked.key_condition_expression,
        },
    )
    bindings = Bindings(asked.expression_attribute_names, asked.expression_attribute_values)
    keep = projection = reach = tests = None
    if asked.filter_expression is not None:
        keep = expressions.condition(asked.filter_expression, bindings, "FilterExpression")
    if asked.projection_expression is not None:
        projection = expressions.projection(asked.projection_expression, bindings)
    if asked.key_condition_expression is not None:
        tests = expressions.key_tests(asked.key_condition_expression, bindings)
    bindings.finish()
    if tests is not None:
        expressions.check_count(tests)
        reach = expressions.key_range(tests, table.keys)
    if keep is not None:
        if reach is not None:
            expressions.refuse_key_filter(keep, table.keys)
        refuse_parts_of_keys(table, keep.paths)
    if projection is not None:
        refuse_parts_of_keys(table, projection.paths)
    return ExportFilter(reach, keep, projection)
