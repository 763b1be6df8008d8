"""The parameters from before expressions: which mistake is told, and KeyConditions that no query
can have."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.client import Json
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import is_, number, text

INVALID = "One or more parameter values were invalid: "
EMPTY = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"


def read(**members: Any) -> Json:
    return {"TableName": "no-such-table", **members}


# Which mistake wins, and that no table is needed to tell.
ORDER: dict[str, tuple[str, Json, str]] = {
    "names without an expression": (
        "Scan",
        read(
            ScanFilter={"v": is_("EQ", {})},
            AttributesToGet=["v", "v"],
            Segment=1,
            ExpressionAttributeNames={},
        ),
        "ExpressionAttributeNames can only be specified when using expressions",
    ),
    "a scan's attributes": (
        "Scan",
        read(
            ScanFilter={"v": is_("EQ", {})},
            AttributesToGet=["v", "v"],
            Segment=1,
            ExclusiveStartKey={"a": {}},
        ),
        INVALID + "Duplicate value in attribute name: v",
    ),
    "a scan's filter": (
        "Scan",
        read(ScanFilter={"v": is_("EQ", {})}, Segment=1, ExclusiveStartKey={"a": {}}),
        EMPTY,
    ),
    "a scan's start": (
        "Scan",
        read(Segment=1, ExclusiveStartKey={"a": {}}, FilterExpression=""),
        "The provided starting key is invalid: " + EMPTY,
    ),
    "a scan's start with a number": (
        "Scan",
        read(Segment=1, ExclusiveStartKey={"a": number("b")}, FilterExpression=""),
        "The parameter cannot be converted to a numeric value: b",
    ),
    "a scan's segment": (
        "Scan",
        read(Segment=1, FilterExpression=""),
        (
            "The TotalSegments parameter is required but was not present in the request when"
            " Segment parameter is present"
        ),
    ),
    "a query's filter": (
        "Query",
        read(
            QueryFilter={"v": is_("EQ")},
            AttributesToGet=["v", "v"],
            ExclusiveStartKey={"a": {}},
            KeyConditions={"a": is_("EQ", {})},
        ),
        INVALID + "Invalid number of argument(s) for the EQ ComparisonOperator",
    ),
    "a query's attributes": (
        "Query",
        read(QueryFilter={}, AttributesToGet=["v", "v"], ExclusiveStartKey={"a": {}}),
        INVALID + "Duplicate value in attribute name: v",
    ),
    "a query's start": (
        "Query",
        read(KeyConditions={"a": is_("EQ")}, ExclusiveStartKey={"a": {"SS": []}}),
        f"The provided starting key is invalid: {INVALID}An string set  may not be empty",
    ),
    "a query's start with a set of numbers": (
        "Query",
        read(KeyConditions={"a": is_("EQ")}, ExclusiveStartKey={"a": {"NS": []}}),
        INVALID + "An number set  may not be empty",
    ),
    "a query's start before its expression": (
        "Query",
        read(
            KeyConditionExpression="",
            ExpressionAttributeNames={},
            ExclusiveStartKey={"a": {"S": "a", "N": "1"}},
        ),
        (
            "The provided starting key is invalid: Supplied AttributeValue has more than one"
            " datatypes set, must contain exactly one of the supported datatypes"
        ),
    ),
    "conditions' values": (
        "Query",
        read(KeyConditions={"a": is_("EQ", {"a": ""}), "b": is_("NULL"), "c": is_("NULL")}),
        EMPTY,
    ),
    "no conditions": (
        "Query",
        read(),
        (
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the"
            " request."
        ),
    ),
    "empty conditions": (
        "Query",
        read(KeyConditions={}),
        "Conditions can be of length 1 or 2 only",
    ),
    "three conditions": (
        "Query",
        read(KeyConditions={name: is_("NULL") for name in "abc"}, ExclusiveStartKey={}),
        "Conditions can be of length 1 or 2 only",
    ),
    "a condition's syntax": (
        "Query",
        read(KeyConditionExpression="a ="),
        'Invalid KeyConditionExpression: Syntax error; token: "<EOF>", near: "="',
    ),
    "an update's action": (
        "UpdateItem",
        read(
            Key={},
            AttributeUpdates={"v": {"Action": "ADD", "Value": text("x")}},
            Expected={"v": {}},
        ),
        INVALID + "ADD action is not supported for the type S",
    ),
    "an expectation": (
        "UpdateItem",
        read(Key={}, AttributeUpdates={}, Expected={"v": {}}),
        INVALID + "Value must be provided when Exists is null for Attribute: v",
    ),
}


@pytest.mark.parametrize("name", ORDER)
def test_which_mistake_is_told(refuses: Refuses, name: str) -> None:
    operation, body, message = ORDER[name]
    refuses(operation, body, message)


NOT_INDEXABLE = "Attempted conditional constraint is not an indexable operation"
UNSUPPORTED = "Query key condition not supported"
MISSED = "Query condition missed key schema element: "
MISMATCH = INVALID + "Condition parameter type does not match schema type"
X = text("x")
KEYS: dict[str, tuple[str, Json, Json, str]] = {
    **{
        f"{operator} of a partition key": ("simple", {"a": is_(operator, X)}, {}, NOT_INDEXABLE)
        for operator in ("NE", "IN", "CONTAINS", "NOT_CONTAINS")
    },
    "no partition key": ("simple", {"a": is_("NULL")}, {}, NOT_INDEXABLE),
    "any partition key": ("simple", {"a": is_("NOT_NULL")}, {}, NOT_INDEXABLE),
    **{
        f"{operator} of a partition key": ("simple", {"a": is_(operator, X)}, {}, UNSUPPORTED)
        for operator in ("LT", "LE", "GT", "GE", "BEGINS_WITH")
    },
    "a range of partition keys": ("simple", {"a": is_("BETWEEN", X, X)}, {}, UNSUPPORTED),
    "a sort key that is none": ("simple", {"a": is_("EQ", X), "b": is_("EQ", X)}, {}, UNSUPPORTED),
    "NULL of a sort key": ("composite", {"a": is_("EQ", X), "b": is_("NULL")}, {}, NOT_INDEXABLE),
    "NE of a sort key": ("composite", {"a": is_("EQ", X), "b": is_("NE", X)}, {}, NOT_INDEXABLE),
    "two of no use": (
        "composite",
        {"a": is_("CONTAINS", X), "b": is_("NULL")},
        {},
        NOT_INDEXABLE,
    ),
    "another attribute": ("composite", {"c": is_("NULL")}, {}, MISSED + "a"),
    "another sort key": (
        "composite",
        {"a": is_("EQ", X), "c": is_("NULL")},
        {},
        MISSED + "b",
    ),
    "an index's partition key": (
        "composite",
        {"a": is_("EQ", X)},
        {"IndexName": "global_all"},
        MISSED + "c",
    ),
    "an index's sort key": (
        "composite",
        {"a": is_("EQ", X), "c": is_("NULL")},
        {"IndexName": "local_some"},
        MISSED + "d",
    ),
    "NULL of an index's sort key": (
        "composite",
        {"a": is_("EQ", X), "c": is_("NULL")},
        {"IndexName": "local_all"},
        NOT_INDEXABLE,
    ),
    "no such index": (
        "composite",
        {"a": is_("EQ", X), "c": is_("NULL")},
        {"IndexName": "whatever"},
        "The table does not have the specified index: whatever",
    ),
    "a partition key of another type": ("composite", {"a": is_("EQ", number(1))}, {}, MISMATCH),
    "a sort key of another type": (
        "composite",
        {"a": is_("EQ", X), "b": is_("EQ", number(1))},
        {},
        MISMATCH,
    ),
    "bounds the wrong way round": (
        "composite",
        {"a": is_("EQ", X), "b": is_("BETWEEN", text("b"), text("a"))},
        {},
        (
            "The BETWEEN condition was provided a range where the lower bound is greater than the"
            " upper bound"
        ),
    ),
    "bounds of two types": (
        "composite",
        {"a": is_("EQ", X), "b": is_("BETWEEN", X, number(1))},
        {},
        INVALID + "AttributeValues inside AttributeValueList must be of same type",
    ),
    "a filter of the sort key": (
        "composite",
        {"a": is_("EQ", X)},
        {"QueryFilter": {"b": is_("EQ", X)}},
        "QueryFilter can only contain non-primary key attributes: Primary key attribute: b",
    ),
    "a filter of what an index has not": (
        "composite",
        {"c": is_("EQ", X)},
        {"IndexName": "global_some", "QueryFilter": {"v": is_("NULL")}},
        INVALID + "Secondary index global_some does not project one or more filter attributes: [v]",
    ),
}


@pytest.mark.parametrize("name", KEYS)
def test_key_conditions_that_no_query_can_have(refuses: Refuses, name: str) -> None:
    table, conditions, more, message = KEYS[name]
    refuses("Query", {"TableName": f"@{table}", "KeyConditions": conditions, **more}, message)
