"""Expressions of all kinds, and the legacy parameters before them: parsed, checked as the service
checks, and ready to apply.
"""

from __future__ import annotations

from tailrace.expressions.bindings import Bindings, refuse_idle
from tailrace.expressions.conditions import (
    Condition,
    condition,
    refuse_key_filter,
    refuse_key_paths,
)
from tailrace.expressions.key_conditions import (
    KeyRange,
    KeyTest,
    check_count,
    key_condition,
    key_range,
    key_tests,
)
from tailrace.expressions.legacy import (
    attribute_updates,
    expected,
    key_conditions,
    legacy_key_tests,
    query_filter,
    scan_filter,
)
from tailrace.expressions.projections import Projection, attributes_to_get, projection
from tailrace.expressions.search_conditions import search_tests
from tailrace.expressions.updates import Update, update

__all__ = [
    "Bindings",
    "Condition",
    "KeyRange",
    "KeyTest",
    "Projection",
    "Update",
    "attribute_updates",
    "attributes_to_get",
    "check_count",
    "condition",
    "expected",
    "key_condition",
    "key_conditions",
    "key_range",
    "key_tests",
    "legacy_key_tests",
    "projection",
    "query_filter",
    "refuse_idle",
    "refuse_key_filter",
    "refuse_key_paths",
    "scan_filter",
    "search_tests",
    "update",
]
