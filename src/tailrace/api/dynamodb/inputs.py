"""Types that the inputs of several operations share, with the constraints of the service model.

Enumerations are Literals, so a wrong value fails in the decoder and the model-driven check words
the error.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Required, TypeAlias, TypedDict

import msgspec

__all__ = [
    "CapacityDetail",
    "ConditionalOperator",
    "ConditionsJson",
    "ExpectedJson",
    "ItemJson",
    "Names",
    "ReturnValues",
    "TableRef",
    "UpdatesJson",
    "Values",
]

# A table's name or ARN.
TableRef: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
IndexName: TypeAlias = Annotated[
    str, msgspec.Meta(min_length=3, max_length=255, pattern=r"^[a-zA-Z0-9_.-]+\Z")
]
ItemJson: TypeAlias = dict[str, dict[str, Any]]
Names: TypeAlias = dict[str, str]
Values: TypeAlias = dict[str, dict[str, Any]]
Comparison: TypeAlias = Literal[
    "EQ",
    "NE",
    "IN",
    "LE",
    "LT",
    "GE",
    "GT",
    "BETWEEN",
    "NOT_NULL",
    "NULL",
    "CONTAINS",
    "NOT_CONTAINS",
    "BEGINS_WITH",
]


class LegacyCondition(TypedDict, total=False):
    """An entry of KeyConditions, QueryFilter or ScanFilter."""

    AttributeValueList: list[dict[str, Any]] | None
    ComparisonOperator: Required[Comparison]


class LegacyExpectation(TypedDict, total=False):
    """An entry of Expected."""

    Value: dict[str, Any] | None
    Exists: bool | None
    ComparisonOperator: Comparison | None
    AttributeValueList: list[dict[str, Any]] | None


class LegacyUpdate(TypedDict, total=False):
    """An entry of AttributeUpdates."""

    Value: dict[str, Any] | None
    Action: Literal["ADD", "PUT", "DELETE"] | None


ConditionsJson: TypeAlias = dict[str, LegacyCondition]
ExpectedJson: TypeAlias = dict[str, LegacyExpectation]
UpdatesJson: TypeAlias = dict[str, LegacyUpdate]
CapacityDetail: TypeAlias = Literal["INDEXES", "TOTAL", "NONE"]
CollectionMetrics: TypeAlias = Literal["SIZE", "NONE"]
ConditionalOperator: TypeAlias = Literal["AND", "OR"]
FailureValues: TypeAlias = Literal["ALL_OLD", "NONE"]
ReturnValues: TypeAlias = Literal["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"]
Select: TypeAlias = Literal[
    "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "COUNT"
]
PositiveInteger: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
AttributeNames: TypeAlias = Annotated[list[str], msgspec.Meta(min_length=1)]
