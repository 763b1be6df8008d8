"""Types that the inputs of several operations share, with the constraints of the service model.

Enumerations are Literals, so a wrong value fails in the decoder and the model-driven check words
the error.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec

__all__ = [
    "CapacityDetail",
    "ConditionalOperator",
    "ExpectedJson",
    "ItemJson",
    "Names",
    "ReturnValues",
    "TableRef",
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
ConditionJson: TypeAlias = dict[str, dict[str, Any]]
ExpectedJson: TypeAlias = dict[str, dict[str, Any]]
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
