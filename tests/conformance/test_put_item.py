"""PutItem: replacing and adding, conditions, return values, and the words of each refusal."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses

INVALID = "One or more parameter values were invalid: "
EMPTY_KEY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot"
    " contain an empty {} value. Key: {}"
)
EMPTY_INDEX_KEY = (
    "One or more parameter values are not valid. A value specified for a secondary index key is"
    " not supported. The AttributeValue for a key attribute cannot contain an empty {} value."
    " IndexName: {}, IndexKey: {}"
)
SCALAR = "Supplied AttributeValue {}, must contain exactly one of the supported datatypes"
EXCLUSIVE = (
    "Can not use both expression and non-expression parameters in the same request:"
    " Non-expression parameters: {{{}}} Expression parameters: {{{}}}"
)


def item(**values: Any) -> Json:
    """A request that puts an item into the table `simple`, with the key `refused`."""
    return {"TableName": "@simple", "Item": {"a": {"S": "refused"}, **values}}


def into(table: str, **values: Any) -> Json:
    return {"TableName": f"@{table}", "Item": values}


def with_(**more: Any) -> Json:
    return {**item(), **more}


EQUALS: Json = {"ConditionExpression": "a = :a"}
A: Json = {"ExpressionAttributeValues": {":a": {"S": "x"}}}

REFUSALS: dict[str, tuple[Json, str]] = {
    "an attribute without type": (item(x={}), SCALAR.format("is empty")),
    "an unknown type": (item(x={"Z": "1"}), SCALAR.format("is empty")),
    "two types": (
        item(x={"S": "1", "N": "1"}),
        SCALAR.format("has more than one datatypes set"),
    ),
    "an empty string set": (item(x={"SS": []}), INVALID + "An string set  may not be empty"),
    "an empty number set": (item(x={"NS": []}), INVALID + "An number set  may not be empty"),
    "an empty binary set": (item(x={"BS": []}), INVALID + "Binary sets should not be empty"),
    "a string twice": (
        item(x={"SS": ["a", "b", "a"]}),
        INVALID + "Input collection [a, b, a] contains duplicates.",
    ),
    "a number twice": (
        item(x={"NS": ["1", "1.0"]}),
        "Input collection contains duplicates",
    ),
    "a binary twice": (
        item(x={"BS": ["Yg==", "Yg=="]}),
        INVALID + "Input collection [Yg==, Yg==]of type BS contains duplicates.",
    ),
    "no number": (item(x={"N": ""}), "The parameter cannot be converted to a numeric value"),
    "a word for a number": (
        item(x={"N": "b"}),
        "The parameter cannot be converted to a numeric value: b",
    ),
    "a word in a number set": (
        item(x={"NS": ["1", "b", "a"]}),
        "The parameter cannot be converted to a numeric value: b",
    ),
    "39 digits": (
        item(x={"N": "123456789012345678901234567890123456789"}),
        "Attempting to store more than 38 significant digits in a Number",
    ),
    "39 digits around the point": (
        item(x={"N": "-1.23456789012345678901234567890123456789"}),
        "Attempting to store more than 38 significant digits in a Number",
    ),
    "too large": (
        item(x={"N": "1e126"}),
        "Number overflow. Attempting to store a number with magnitude larger than supported range",
    ),
    "too negative": (
        item(x={"N": "-1e126"}),
        "Number overflow. Attempting to store a number with magnitude larger than supported range",
    ),
    "too small": (
        item(x={"N": "1e-131"}),
        (
            "Number underflow. Attempting to store a number with magnitude smaller than supported"
            " range"
        ),
    ),
    "a bad value deep inside": (
        item(x={"M": {"y": {"L": [{"N": "nan"}]}}}),
        "The parameter cannot be converted to a numeric value: nan",
    ),
    "no key": (into("simple", b={"S": "x"}), INVALID + "Missing the key a in the item"),
    "no sort key": (into("composite", a={"S": "x"}), INVALID + "Missing the key b in the item"),
    "a key of another type": (
        into("simple", a={"N": "1"}),
        INVALID + "Type mismatch for key a expected: S actual: N",
    ),
    "a list for a key": (
        into("simple", a={"L": []}),
        INVALID + "Type mismatch for key a expected: S actual: L",
    ),
    "an empty key": (into("simple", a={"S": ""}), EMPTY_KEY.format("string", "a")),
    "an empty sort key": (
        into("composite", a={"S": "x"}, b={"S": ""}),
        EMPTY_KEY.format("string", "b"),
    ),
    "an empty binary key": (
        into("binary", h={"B": ""}, r={"B": "YQ=="}),
        EMPTY_KEY.format("binary", "h"),
    ),
    "a long key": (
        into("simple", a={"S": "x" * 2049}),
        INVALID + "Size of hashkey has exceeded the maximum size limit of2048 bytes",
    ),
    "a long sort key": (
        into("composite", a={"S": "x"}, b={"S": "x" * 1025}),
        INVALID + "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
    ),
    "a long key of letters of two bytes": (
        into("simple", a={"S": "é" * 1025}),
        INVALID + "Size of hashkey has exceeded the maximum size limit of2048 bytes",
    ),
    "an index key of another type": (
        into("composite", a={"S": "x"}, b={"S": "x"}, c={"N": "1"}),
        INVALID + "Type mismatch for Index Key c Expected: S Actual: N IndexName: global_all",
    ),
    "a list for an index key": (
        into("composite", a={"S": "x"}, b={"S": "x"}, d={"L": []}),
        INVALID + "Type mismatch for Index Key d Expected: S Actual: L IndexName: global_some",
    ),
    "an empty index key": (
        into("composite", a={"S": "x"}, b={"S": "x"}, c={"S": ""}),
        EMPTY_INDEX_KEY.format("string", "global_all", "c"),
    ),
    "an empty binary index key": (
        into("binary", h={"B": "YQ=="}, r={"B": "YQ=="}, g={"B": ""}),
        EMPTY_INDEX_KEY.format("binary", "by_g", "g"),
    ),
    "values without expression": (
        with_(**A),
        (
            "ExpressionAttributeValues can only be specified when using expressions:"
            " ConditionExpression is null"
        ),
    ),
    "names without expression": (
        with_(ExpressionAttributeNames={"#a": "a"}),
        "ExpressionAttributeNames can only be specified when using expressions",
    ),
    "an empty expression": (
        with_(ConditionExpression=""),
        "Invalid ConditionExpression: The expression can not be empty;",
    ),
    "no values at all": (
        with_(**EQUALS, ExpressionAttributeValues={}),
        "ExpressionAttributeValues must not be empty",
    ),
    "no names at all": (
        with_(**EQUALS, **A, ExpressionAttributeNames={}),
        "ExpressionAttributeNames must not be empty",
    ),
    "a value's name without colon": (
        with_(**EQUALS, ExpressionAttributeValues={"a": {"S": "x"}}),
        ('ExpressionAttributeValues contains invalid key: Syntax error; key: "a"'),
    ),
    "a name without hash": (
        with_(**EQUALS, ExpressionAttributeNames={"a": "a"}),
        ('ExpressionAttributeNames contains invalid key: Syntax error; key: "a"'),
    ),
    "an undefined value": (
        with_(ConditionExpression="b = :b"),
        (
            "Invalid ConditionExpression: An expression attribute value used in expression is not"
            " defined; attribute value: :b"
        ),
    ),
    "an unused value": (
        with_(**EQUALS, ExpressionAttributeValues={":a": {"S": "x"}, ":b": {"S": "x"}}),
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:b}",
    ),
    "an unused name": (
        with_(**EQUALS, **A, ExpressionAttributeNames={"#b": "b"}),
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#b}",
    ),
    "old and new": (
        with_(ConditionExpression="attribute_not_exists(a)", Expected={"a": {"Exists": False}}),
        EXCLUSIVE.format("Expected", "ConditionExpression"),
    ),
    "return values that a put has not": (
        with_(ReturnValues="ALL_NEW"),
        "ReturnValues can only be ALL_OLD or NONE",
    ),
    "return values of updates": (
        with_(ReturnValues="UPDATED_OLD"),
        "ReturnValues can only be ALL_OLD or NONE",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_it_refuses(refuses: Refuses, case: str) -> None:
    request, message = REFUSALS[case]
    refuses("PutItem", request, message)


VALUE_REFUSALS = [case for case, (_, text) in REFUSALS.items() if "key" not in case.split()]


@pytest.mark.parametrize("case", VALUE_REFUSALS)
def test_what_is_wrong_with_the_request_is_told_before_the_table_is_looked_for(
    refuses: Refuses, case: str
) -> None:
    request, message = REFUSALS[case]
    refuses("PutItem", {**request, "TableName": "no-such-table"}, message)


def test_tables_that_are_not_there(refuses: Refuses) -> None:
    refuses(
        "PutItem",
        {"TableName": "no-such-table", "Item": {"a": {"S": "x"}}},
        "Requested resource not found",
        "ResourceNotFoundException",
    )


def test_missing_members_are_told_together(refuses: Refuses) -> None:
    refuses(
        "PutItem",
        {},
        "2 validation errors detected: Value null at 'tableName' failed to satisfy constraint:"
        " Member must not be null; Value null at 'item' failed to satisfy constraint: Member must"
        " not be null",
    )


def test_wrong_members_are_told_together(refuses: Refuses) -> None:
    refuses(
        "PutItem",
        {
            **item(),
            "TableName": "",
            "ReturnValues": "INVALID",
            "ReturnConsumedCapacity": "INVALID",
            "ReturnItemCollectionMetrics": "INVALID",
        },
        "4 validation errors detected: Value 'INVALID' at 'returnValues' failed to satisfy"
        " constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE,"
        " UPDATED_NEW]; Value 'INVALID' at 'returnConsumedCapacity' failed to satisfy constraint:"
        " Member must satisfy enum value set: [INDEXES, TOTAL, NONE]; Value '' at 'tableName'"
        " failed to satisfy constraint: Member must have length greater than or equal to 1; Value"
        " 'INVALID' at 'returnItemCollectionMetrics' failed to satisfy constraint: Member must"
        " satisfy enum value set: [SIZE, NONE]",
    )


# What it does ------------------------------------------------------------------------------------


def test_it_adds_and_replaces_whole(db: Client, simple: str) -> None:
    key = {"a": {"S": "put-1"}}
    first = {**key, "x": {"S": "1"}, "y": {"N": "2"}}
    assert db.call("PutItem", {"TableName": simple, "Item": first}) == {}
    assert db.get(simple, key) == first
    second = {**key, "z": {"BOOL": False}}
    db.put(simple, second)
    assert db.get(simple, key) == second


def test_the_old_item_is_returned_where_there_was_one(db: Client, simple: str) -> None:
    key = {"a": {"S": "put-2"}}
    body = {"TableName": simple, "ReturnValues": "ALL_OLD"}
    assert db.call("PutItem", {**body, "Item": key}) == {}
    replaced = db.call("PutItem", {**body, "Item": {**key, "x": {"S": "1"}}})
    assert replaced == {"Attributes": key}
    replaced = db.call("PutItem", {**body, "Item": key, "ReturnValues": "NONE"})
    assert replaced == {}


def test_a_condition_decides(db: Client, simple: str) -> None:
    key = {"a": {"S": "put-3"}}
    new = {"TableName": simple, "Item": key, "ConditionExpression": "attribute_not_exists(a)"}
    db.call("PutItem", new)
    answer = db.send("PutItem", new)
    assert (answer.status, answer.code) == (400, "ConditionalCheckFailedException")
    assert answer.message == "The conditional request failed"
    assert "Item" not in answer.body
    assert answer.body["__type"] == (
        "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
    )


def test_a_failed_condition_can_show_the_item(db: Client, simple: str) -> None:
    stored = {"a": {"S": "put-4"}, "n": {"N": "5"}}
    db.put(simple, stored)
    body = {
        "TableName": simple,
        "Item": {"a": {"S": "put-4"}},
        "ConditionExpression": "n > :n",
        "ExpressionAttributeValues": {":n": {"N": "10"}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    answer = db.send("PutItem", body)
    assert answer.code == "ConditionalCheckFailedException"
    assert answer.body["Item"] == stored
    body["Item"] = {"a": {"S": "put-4-none"}}
    answer = db.send("PutItem", body)
    assert answer.code == "ConditionalCheckFailedException"
    assert "Item" not in answer.body


def test_keys_may_be_as_long_as_they_may(db: Client, composite: str, binary: str) -> None:
    key = {"a": {"S": "k" * 2048}, "b": {"S": "s" * 1024}}
    db.put(composite, key)
    assert db.get(composite, key) == key
    blob = {"h": {"B": "AAAA" * 682 + "AAA="}, "r": {"B": "//79"}}
    db.put(binary, blob)
    assert db.get(binary, blob) == blob
