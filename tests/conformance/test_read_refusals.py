"""Query and Scan: the words of the refusals, and which comes first."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import text

INVALID = "One or more parameter values were invalid: "
START = "The provided starting key is invalid"
SCHEMA = "The provided key element does not match the schema"
ONE = "1 validation error detected: "
MIX = (
    "Can not use both expression and non-expression parameters in the same request:"
    " Non-expression parameters: {{{}}} Expression parameters: {{{}}}"
)
SCALARS = (
    "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed:"
)
VALUES: Json = {":a": {"S": "x"}}


def query(condition: str = "a = :a", table: str = "simple", **more: Any) -> Json:
    return {
        "TableName": f"@{table}",
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": VALUES,
        **more,
    }


def through(name: str, condition: str, **more: Any) -> Json:
    return query(condition, "composite", IndexName=name, **more)


def key(**attributes: str) -> Json:
    return {name: {"S": value} for name, value in attributes.items()}


QUERIES: dict[str, tuple[Json, str]] = {
    "no condition": (
        {"TableName": "@simple"},
        (
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the"
            " request."
        ),
    ),
    "an empty condition": (
        query(""),
        "Invalid KeyConditionExpression: The expression can not be empty;",
    ),
    "no partition key": (
        query("b = :a", "composite"),
        "Query condition missed key schema element: a",
    ),
    "another attribute": (
        query("a = :a AND z = :a", "composite"),
        "Query condition missed key schema element: b",
    ),
    "a sort key the table has not": (
        query("a = :a AND b = :a"),
        "Query key condition not supported",
    ),
    "a range of partition keys": (query("a > :a"), "Query key condition not supported"),
    "a prefix of partition keys": (
        query("begins_with(a, :a)"),
        "Query key condition not supported",
    ),
    "a condition of another type": (
        query(ExpressionAttributeValues={":a": {"N": "1"}}),
        INVALID + "Condition parameter type does not match schema type",
    ),
    "either or": (
        query("a = :a OR b = :a", "composite"),
        "Invalid operator used in KeyConditionExpression: OR",
    ),
    "not equal": (
        query("a = :a AND b <> :a", "composite"),
        "Invalid operator used in KeyConditionExpression: <>",
    ),
    "not": (
        query("a = :a AND NOT b = :a", "composite"),
        "Invalid operator used in KeyConditionExpression: NOT",
    ),
    "one of": (
        query("a = :a AND b IN (:a)", "composite"),
        "Invalid operator used in KeyConditionExpression: IN",
    ),
    "contains": (
        query("a = :a AND contains(b, :a)", "composite"),
        "Invalid operator used in KeyConditionExpression: contains",
    ),
    "one attribute twice": (
        query("a = :a AND a = :a", "composite"),
        "KeyConditionExpressions must only contain one condition per key",
    ),
    "part of a key": (
        query("a = :a AND b.c = :a", "composite"),
        "KeyConditionExpressions cannot have conditions on nested attributes",
    ),
    "an empty value": (
        query(ExpressionAttributeValues={":a": {"S": ""}}),
        (
            "One or more parameter values are not valid. The AttributeValue for a key attribute"
            " cannot contain an empty string value. Key: a"
        ),
    ),
    "bounds the wrong way round": (
        query(
            "a = :a AND b BETWEEN :z AND :a",
            "composite",
            ExpressionAttributeValues={**VALUES, ":z": {"S": "z"}},
        ),
        (
            "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be"
            " greater than or equal to lower bound; lower bound operand: AttributeValue: {S:z},"
            " upper bound operand: AttributeValue: {S:x}"
        ),
    ),
    "old and new": (
        query(KeyConditions={}, QueryFilter={}),
        MIX.format("QueryFilter, KeyConditions", "KeyConditionExpression"),
    ),
    "an index that is not there": (
        query(IndexName="none"),
        "The table does not have the specified index: none",
    ),
    "reading a global index consistently": (
        through("global_all", "c = :a", ConsistentRead=True),
        "Consistent reads are not supported on global secondary indexes",
    ),
    "all attributes of an index without them": (
        through("global_some", "c = :a", Select="ALL_ATTRIBUTES"),
        (
            INVALID + "Select type ALL_ATTRIBUTES is not supported for global secondary index"
            " global_some because its projection type is not ALL"
        ),
    ),
    "an attribute the index has not": (
        through("global_some", "c = :a", ProjectionExpression="z"),
        INVALID + "Global secondary index global_some does not project [z]",
    ),
    "a filter on the partition key": (
        query(FilterExpression="a = :a"),
        ("Filter Expression can only contain non-primary key attributes: Primary key attribute: a"),
    ),
    "a filter on the index's sort key": (
        through("global_some", "c = :a", FilterExpression="attribute_exists(d)"),
        ("Filter Expression can only contain non-primary key attributes: Primary key attribute: d"),
    ),
    "an old filter on the partition key": (
        {
            "TableName": "@simple",
            "KeyConditions": {
                "a": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "x"}]}
            },
            "QueryFilter": {"a": {"ComparisonOperator": "NOT_NULL"}},
        },
        "QueryFilter can only contain non-primary key attributes: Primary key attribute: a",
    ),
    "a filter into an index's key": (
        query(table="composite", FilterExpression="attribute_exists(d.x)"),
        f"{SCALARS} IndexKey: d",
    ),
    "a projection into a key": (query(ProjectionExpression="a.x"), f"{SCALARS} Key: a"),
    "an undefined name in the filter": (
        query(FilterExpression="#z = :a"),
        (
            "Invalid FilterExpression: An expression attribute name used in the document path is"
            " not defined; attribute name: #z"
        ),
    ),
    "a start without sort key": (
        query(table="composite", ExclusiveStartKey=key(a="x")),
        START,
    ),
    "a start with too much": (query(ExclusiveStartKey=key(a="x", b="x")), START),
    "a start of another type": (query(ExclusiveStartKey={"a": {"N": "1"}}), SCHEMA),
    "a start elsewhere": (
        query(ExclusiveStartKey=key(a="y")),
        "The provided starting key is outside query boundaries based on provided conditions",
    ),
    "a start outside the range": (
        query("a = :a AND b > :a", "composite", ExclusiveStartKey=key(a="x", b="a")),
        "The provided starting key does not match the range key predicate",
    ),
    "a start inside the range elsewhere": (
        query("a = :a AND b > :a", "composite", ExclusiveStartKey=key(a="y", b="z")),
        "The query can return at most one row and cannot be restarted",
    ),
    "a start without the index's key": (
        through("global_all", "c = :a", ExclusiveStartKey=key(a="x", b="x")),
        START,
    ),
    "a start with the index's key of another type": (
        through("global_all", "c = :a", ExclusiveStartKey={**key(a="x", b="x"), "c": {"N": "1"}}),
        SCHEMA,
    ),
    "a start with the table's key of another type": (
        through("global_all", "c = :a", ExclusiveStartKey={**key(a="x", c="x"), "b": {"N": "1"}}),
        f"{START}: {SCHEMA}",
    ),
    "a start elsewhere in the index": (
        through("global_all", "c = :a", ExclusiveStartKey=key(a="x", b="x", c="y")),
        "The provided starting key is outside query boundaries based on provided conditions",
    ),
}


@pytest.mark.parametrize("case", QUERIES)
def test_query_refuses(refuses: Refuses, case: str) -> None:
    request, message = QUERIES[case]
    refuses("Query", request, message)


SCANS: dict[str, tuple[Json, str]] = {
    "a segment of none": (
        {"Segment": 0},
        (
            "The TotalSegments parameter is required but was not present in the request when"
            " Segment parameter is present"
        ),
    ),
    "segments without the one": (
        {"TotalSegments": 4},
        (
            "The Segment parameter is required but was not present in the request when parameter"
            " TotalSegments is present"
        ),
    ),
    "a segment beyond the last": (
        {"Segment": 5, "TotalSegments": 5},
        (
            "The Segment parameter is zero-based and must be less than parameter TotalSegments:"
            " Segment: 5 is not less than TotalSegments: 5"
        ),
    ),
    "a segment below the first": (
        {"Segment": -1, "TotalSegments": 4},
        (
            f"{ONE}Value '-1' at 'segment' failed to satisfy constraint: Member must have value"
            " greater than or equal to 0"
        ),
    ),
    "too many segments": (
        {"Segment": 1, "TotalSegments": 1_000_001},
        (
            f"{ONE}Value '1000001' at 'totalSegments' failed to satisfy constraint: Member must"
            " have value less than or equal to 1000000"
        ),
    ),
    "old and new": (
        {"ScanFilter": {}, "FilterExpression": "b = :b"},
        MIX.format("ScanFilter", "FilterExpression"),
    ),
    "reading a global index consistently": (
        {"TableName": "@composite", "IndexName": "global_all", "ConsistentRead": True},
        "Consistent reads are not supported on global secondary indexes",
    ),
    "all attributes of an index without them": (
        {"TableName": "@composite", "IndexName": "global_some", "Select": "ALL_ATTRIBUTES"},
        (
            INVALID + "Select type ALL_ATTRIBUTES is not supported for global secondary index"
            " global_some because its projection type is not ALL"
        ),
    ),
    "a filter into a key": ({"FilterExpression": "attribute_exists(a.b)"}, f"{SCALARS} Key: a"),
    "a start of another type": (
        {"ExclusiveStartKey": {"a": {"N": "1"}}},
        f"{START}: {SCHEMA}",
    ),
    "a start of another name": ({"ExclusiveStartKey": key(z="x")}, f"{START}: {SCHEMA}"),
    "a start with too much": ({"ExclusiveStartKey": key(a="x", b="x")}, f"{START}: {SCHEMA}"),
    "a start of nothing": ({"ExclusiveStartKey": {}}, f"{START}: {SCHEMA}"),
    "a start without the index's key": (
        {
            "TableName": "@composite",
            "IndexName": "global_all",
            "ExclusiveStartKey": key(a="x", b="x"),
        },
        START,
    ),
    "a start with the index's key of another type": (
        {
            "TableName": "@composite",
            "IndexName": "local_all",
            "ExclusiveStartKey": {**key(a="x", b="x"), "c": {"N": "1"}},
        },
        SCHEMA,
    ),
    "a start with the table's key of another type": (
        {
            "TableName": "@composite",
            "IndexName": "global_all",
            "ExclusiveStartKey": {**key(b="x", c="x"), "a": {"N": "1"}},
        },
        f"{START}: {SCHEMA}",
    ),
}


@pytest.mark.parametrize("case", SCANS)
def test_scan_refuses(refuses: Refuses, case: str) -> None:
    request, message = SCANS[case]
    refuses("Scan", {"TableName": "@simple", **request}, message)


def test_a_start_belongs_to_its_segment(db: Client, simple: str, refuses: Refuses) -> None:
    db.put_many(simple, [{"a": text(f"segment-{n}")} for n in range(20)])
    other = {"TableName": simple, "Segment": 1, "TotalSegments": 2}
    item = db.call("Scan", other)["Items"][0]
    refuses(
        "Scan",
        {**other, "Segment": 0, "ExclusiveStartKey": {"a": item["a"]}},
        f"{START}: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment."
        " TotalSegments: 2 Segment: 0",
    )


# What both have ----------------------------------------------------------------------------------

SELECTS: dict[str, tuple[Json, str]] = {
    "an unknown selection": (
        {"Select": "SOME"},
        (
            f"{ONE}Value 'SOME' at 'select' failed to satisfy constraint: Member must satisfy enum"
            " value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]"
        ),
    ),
    "a limit of nothing": (
        {"Limit": 0},
        (
            f"{ONE}Value '0' at 'limit' failed to satisfy constraint: Member must have value"
            " greater than or equal to 1"
        ),
    ),
    "specific attributes without any": (
        {"Select": "SPECIFIC_ATTRIBUTES"},
        (
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get"
            " SPECIFIC_ATTRIBUTES"
        ),
    ),
    "all attributes and some": (
        {"Select": "ALL_ATTRIBUTES", "ProjectionExpression": "b"},
        "Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES",
    ),
    "a count and attributes": (
        {"Select": "COUNT", "ProjectionExpression": "b"},
        "Cannot specify the ProjectionExpression when choosing to get only the Count",
    ),
    "projected attributes and some": (
        {"Select": "ALL_PROJECTED_ATTRIBUTES", "ProjectionExpression": "b"},
        "Cannot specify the ProjectionExpression when choosing to get ALL_PROJECTED_ATTRIBUTES",
    ),
    "projected attributes of a table": (
        {"Select": "ALL_PROJECTED_ATTRIBUTES"},
        "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
    ),
}


@pytest.mark.parametrize("operation", ["Query", "Scan"])
@pytest.mark.parametrize("case", SELECTS)
def test_both_refuse(refuses: Refuses, operation: str, case: str) -> None:
    request, message = SELECTS[case]
    body = query() if operation == "Query" else {"TableName": "@simple"}
    refuses(operation, {**body, **request}, message)
    refuses(operation, {**body, **request, "TableName": "no-such-table"}, message)


@pytest.mark.parametrize("operation", ["Query", "Scan"])
def test_tables_that_are_not_there(refuses: Refuses, operation: str) -> None:
    body = query() if operation == "Query" else {}
    refuses(
        operation,
        {**body, "TableName": "no-such-table", "ExclusiveStartKey": key(z="x")},
        "Requested resource not found",
        "ResourceNotFoundException",
    )
