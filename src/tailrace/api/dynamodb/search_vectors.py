"""SearchVectors: refused for every index, since no table has vector indexes."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.operation import Context, Operation
from tailrace.errors import ValidationException

__all__ = ["SEARCH_VECTORS", "SearchVectorsInput"]

_MOST: Final = 100


class SearchVectorsInput(msgspec.Struct, frozen=True):
    TableName: inputs.TableRef
    IndexName: inputs.IndexName
    SearchVector: list[dict[str, Any]]
    TopK: int
    ReturnConsumedCapacity: inputs.CapacityDetail | None = None
    ExpressionAttributeNames: inputs.Names | None = None
    ExpressionAttributeValues: inputs.Values | None = None
    ProjectionExpression: str | None = None
    SearchConditionExpression: str | None = None


def search_vectors(context: Context, request: SearchVectorsInput) -> bytes:
    if request.TopK > _MOST:
        raise ValidationException(
            f"Provided TopK value '{request.TopK}' is out of valid range. The value must be between"
            f" 1 and {_MOST} inclusive"
        )
    find_table(context, request.TableName)
    raise ValidationException(f"The table does not have the specified index: {request.IndexName}")


SEARCH_VECTORS = Operation("SearchVectors", SearchVectorsInput, search_vectors)
