"""SearchVectors: the items of a vector index whose vectors are the most similar to another.

Which of several refusals comes first is known in part only; their words are the service's where
they were observed (August to October 2026).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec

from tailrace import expressions, limits
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import find_table, readable_index
from tailrace.api.operation import Context, Continued, Operation
from tailrace.errors import ValidationException
from tailrace.expressions import Bindings, Projection
from tailrace.model.schema import Index, Table
from tailrace.model.values import AttributeValue, Item, canonical_value, encode_item
from tailrace.model.vectors import Vector, VectorSchema, fits, vector_of
from tailrace.tables.search import Found, Search, search_bytes

__all__ = ["SEARCH_VECTORS", "SearchVectorsInput"]

_EXPRESSION: Final = "SearchConditionExpression"


class SearchVectorsInput(msgspec.Struct, frozen=True):
    TableName: inputs.TableRef
    IndexName: inputs.IndexName
    SearchVector: Annotated[
        list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=limits.VECTOR_DIMENSIONS)
    ]
    TopK: inputs.PositiveInteger
    ReturnConsumedCapacity: inputs.CapacityDetail | None = None
    ExpressionAttributeNames: inputs.Names | None = None
    ExpressionAttributeValues: inputs.Values | None = None
    ProjectionExpression: str | None = None
    SearchConditionExpression: str | None = None


def search_vectors(context: Context, request: SearchVectorsInput) -> Continued:
    if request.TopK > limits.VECTOR_TOP_K:
        raise ValidationException(
            f"Provided TopK value '{request.TopK}' is out of valid range. The value must be between"
            f" 1 and {limits.VECTOR_TOP_K} inclusive"
        )
    query = _query(request.SearchVector)
    expressions.refuse_idle(
        request.ExpressionAttributeNames,
        request.ExpressionAttributeValues,
        {
            "ProjectionExpression": request.ProjectionExpression,
            _EXPRESSION: request.SearchConditionExpression,
        },
    )
    bindings = Bindings(request.ExpressionAttributeNames, request.ExpressionAttributeValues)
    tests: dict[str, AttributeValue] | None = None
    if request.SearchConditionExpression is not None:
        tests = expressions.search_tests(request.SearchConditionExpression, bindings)
    projection = None
    if request.ProjectionExpression is not None:
        projection = expressions.projection(request.ProjectionExpression, bindings)
    bindings.finish()
    table = find_table(context, request.TableName)
    index, schema = _searched(context, table, request.IndexName)
    if len(query) != schema.dimensions:
        raise ValidationException(
            f"Input search vector dimension {len(query)} does not match vector index dimension"
            f" {schema.dimensions}"
        )
    _check_tests(schema, tests)
    engine = context.service.engine
    search = Search(engine, table, index, schema, query, tests or {}, request.TopK)

    def step() -> bytes | None:
        if not search.step():
            return None
        return _body(schema, search.found(), projection, request.ReturnConsumedCapacity)

    return Continued(step)


def _query(elements: Sequence[dict[str, Any]]) -> Vector:
    """The vector that is searched for."""
    numerals: list[str] = []
    for element in elements:
        try:
            value, _ = canonical_value(element)
        except ValidationException:
            value = {}
        if "N" not in value or not fits(value["N"]):
            raise ValidationException(
                "Search vector contains invalid values. All values in the search vector must be a"
                " 32-bit floating-point number attribute"
            )
        numerals.append(value["N"])
    return vector_of(numerals)


def _searched(context: Context, table: Table, name: str) -> tuple[Index, VectorSchema]:
    index = readable_index(context, table, name)
    if index is None or index.vector is None:
        raise ValidationException(f"The table does not have the specified index: {name}")
    return index, index.vector


def _check_tests(schema: VectorSchema, tests: Mapping[str, AttributeValue] | None) -> None:
    """Raise ValidationException unless a condition fits the search schema of an index."""
    for name in tests or ():
        if name not in schema.names:
            raise ValidationException(
                f"{_EXPRESSION} must not contain any attributes that is not in SearchSchema."
                f" Invalid attribute: {name}"
            )
    if schema.hash is not None and tests is None:
        raise ValidationException(
            f"{_EXPRESSION} must be provided when SearchSchema has a HASH key"
        )
    if schema.hash is not None and tests is not None and schema.hash.name not in tests:
        raise ValidationException(
            f"{_EXPRESSION} must have all HASH attributes in configured SearchSchema"
        )
    for attribute in schema.search:
        value = (tests or {}).get(attribute.name)
        if value is not None and attribute.type not in value:
            raise ValidationException(
                f"Type of '{attribute.name}' attribute in {_EXPRESSION} ({next(iter(value))}) does"
                f" not match type in search schema ({attribute.type})"
            )
    if schema.hash is not None and tests is not None:
        _refuse_empty(schema.hash.name, tests[schema.hash.name])


def _refuse_empty(name: str, value: AttributeValue) -> None:
    ((kind, content),) = value.items()
    if not content:
        word = "string" if kind == "S" else "binary"
        raise ValidationException(
            "One or more parameter values are not valid. The AttributeValue for a key attribute"
            f" cannot contain an empty {word} value. Key: {name}"
        )


def _body(
    schema: VectorSchema,
    found: Sequence[Found],
    projection: Projection | None,
    capacity: str | None,
) -> bytes:
    items = [_shown(each.item, schema, projection) for each in found]
    results = [
        {"Item": msgspec.Raw(encode_item(item)), "Score": each.score}
        for item, each in zip(items, found, strict=True)
    ]
    members: dict[str, Any] = {"SearchResults": results}
    if capacity in ("TOTAL", "INDEXES"):
        vectors = sum(schema.attribute in item for item in items)
        used = search_bytes(schema, found, vectors)
        members["ConsumedCapacity"] = {"VectorSearchRequestBytes": used}
    body = body_of(members)
    if len(body) > limits.VECTOR_SEARCH_BYTES:
        raise ValidationException(
            "The response exceeds the maximum size of 16 MB. Use a narrower projection or reduce"
            " TopK"
        )
    return body


def _shown(item: Item, schema: VectorSchema, projection: Projection | None) -> Item:
    """What of an item is returned: the vector only when it is asked for."""
    if projection is not None:
        return projection.apply(item)
    return {name: value for name, value in item.items() if name != schema.attribute}


SEARCH_VECTORS = Operation("SearchVectors", SearchVectorsInput, search_vectors)
