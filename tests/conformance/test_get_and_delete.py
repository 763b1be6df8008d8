"""GetItem and DeleteItem: what comes back, projections, and the words of the refusals."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses

INVALID = "One or more parameter values were invalid: "
SCHEMA = "The provided key element does not match the schema"
NUMBER = "The number of conditions on the keys is invalid"
KEY = {"a": {"S": "x"}}


def with_key(table: str = "simple", **key: Any) -> Json:
    return {"TableName": f"@{table}", "Key": key}


KEYS: dict[str, tuple[Json, str]] = {
    "no key at all": (with_key(), NUMBER),
    "too much": (with_key(a={"S": "x"}, b={"S": "x"}), NUMBER),
    "too little": (with_key("composite", a={"S": "x"}), NUMBER),
    "another name": (with_key(z={"S": "x"}), SCHEMA),
    "another type": (with_key(a={"N": "1"}), SCHEMA),
    "a list": (with_key(a={"L": []}), SCHEMA),
    "an empty string": (
        with_key(a={"S": ""}),
        (
            "One or more parameter values are not valid. The AttributeValue for a key attribute"
            " cannot contain an empty string value. Key: a"
        ),
    ),
    "an empty binary": (
        with_key("binary", h={"B": "YQ=="}, r={"B": ""}),
        (
            "One or more parameter values are not valid. The AttributeValue for a key attribute"
            " cannot contain an empty binary value. Key: r"
        ),
    ),
    "too long": (
        with_key(a={"S": "x" * 2049}),
        INVALID + "Size of hashkey has exceeded the maximum size limit of2048 bytes",
    ),
    "a sort key too long": (
        with_key("composite", a={"S": "x"}, b={"S": "x" * 1025}),
        INVALID + "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
    ),
    "no number": (
        with_key("numeric", a={"S": "x"}, n={"N": "x"}),
        "The parameter cannot be converted to a numeric value: x",
    ),
}


@pytest.mark.parametrize("operation", ["GetItem", "DeleteItem"])
@pytest.mark.parametrize("case", KEYS)
def test_keys_that_no_item_has(refuses: Refuses, operation: str, case: str) -> None:
    request, message = KEYS[case]
    refuses(operation, request, message)


@pytest.mark.parametrize("operation", ["GetItem", "DeleteItem"])
def test_tables_that_are_not_there(refuses: Refuses, operation: str) -> None:
    refuses(
        operation,
        {"TableName": "no-such-table", "Key": KEY},
        "Requested resource not found",
        "ResourceNotFoundException",
    )


@pytest.mark.parametrize("operation", ["GetItem", "DeleteItem"])
def test_missing_members_are_told_together(refuses: Refuses, operation: str) -> None:
    refuses(
        operation,
        {},
        "2 validation errors detected: Value null at 'tableName' failed to satisfy constraint:"
        " Member must not be null; Value null at 'key' failed to satisfy constraint: Member must"
        " not be null",
    )


GETS: dict[str, tuple[Json, str]] = {
    "old and new": (
        {"AttributesToGet": ["a"], "ProjectionExpression": "a"},
        (
            "Can not use both expression and non-expression parameters in the same request:"
            " Non-expression parameters: {AttributesToGet} Expression parameters:"
            " {ProjectionExpression}"
        ),
    ),
    "an attribute twice": (
        {"AttributesToGet": ["a", "b", "a"]},
        INVALID + "Duplicate value in attribute name: a",
    ),
    "names without projection": (
        {"ExpressionAttributeNames": {"#a": "a"}},
        "ExpressionAttributeNames can only be specified when using expressions",
    ),
    "an empty projection": (
        {"ProjectionExpression": ""},
        "Invalid ProjectionExpression: The expression can not be empty;",
    ),
    "half a projection": (
        {"ProjectionExpression": "a,"},
        'Invalid ProjectionExpression: Syntax error; token: "<EOF>", near: ","',
    ),
    "a reserved word": (
        {"ProjectionExpression": "b, Users"},
        (
            "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword:"
            " Users"
        ),
    ),
    "a path twice": (
        {"ProjectionExpression": "b.c, b.c"},
        (
            "Invalid ProjectionExpression: Two document paths overlap with each other; must remove"
            " or rewrite one of these paths; path one: [b, c], path two: [b, c]"
        ),
    ),
    "two names of one path": (
        {"ProjectionExpression": "#x, #y", "ExpressionAttributeNames": {"#x": "b", "#y": "b"}},
        (
            "Invalid ProjectionExpression: Two document paths overlap with each other; must remove"
            " or rewrite one of these paths; path one: [b], path two: [b]"
        ),
    ),
    "a map and a list": (
        {"ProjectionExpression": "b[1], b.c"},
        (
            "Invalid ProjectionExpression: Two document paths conflict with each other; must"
            " remove or rewrite one of these paths; path one: [b, [1]], path two: [b, c]"
        ),
    ),
    "an undefined name": (
        {"ProjectionExpression": "#b"},
        (
            "Invalid ProjectionExpression: An expression attribute name used in the document path"
            " is not defined; attribute name: #b"
        ),
    ),
    "an unused name": (
        {"ProjectionExpression": "b", "ExpressionAttributeNames": {"#b": "b"}},
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#b}",
    ),
}


@pytest.mark.parametrize("case", GETS)
def test_get_refuses(refuses: Refuses, case: str) -> None:
    request, message = GETS[case]
    refuses("GetItem", {"TableName": "@simple", "Key": KEY, **request}, message)
    refuses("GetItem", {"TableName": "no-such-table", "Key": KEY, **request}, message)


def test_no_item_is_no_member(db: Client, simple: str) -> None:
    assert db.call("GetItem", {"TableName": simple, "Key": {"a": {"S": "missing"}}}) == {}


ITEM: Json = {
    "a": {"S": "projected"},
    "n": {"N": "1"},
    "dots.in": {"S": "name"},
    "l": {"L": [{"N": "0"}, {"M": {"x": {"S": "in list"}}}, {"N": "2"}]},
    "m": {"M": {"x": {"N": "1"}, "y": {"M": {"z": {"S": "deep"}}}}},
    "s": {"SS": ["one"]},
}

PROJECTIONS: dict[str, tuple[Json, Json]] = {
    "n": ({}, {"n": ITEM["n"]}),
    "n, zz, a": ({}, {"n": ITEM["n"], "a": ITEM["a"]}),
    "zz": ({}, {}),
    "m.x": ({}, {"m": {"M": {"x": {"N": "1"}}}}),
    "m.y.z, m.x": ({}, {"m": ITEM["m"]}),
    "m.y.z.zz": ({}, {}),
    "m.zz": ({}, {}),
    "l[1].x": ({}, {"l": {"L": [{"M": {"x": {"S": "in list"}}}]}}),
    "l[2], l[0]": ({}, {"l": {"L": [{"N": "0"}, {"N": "2"}]}}),
    "l[9]": ({}, {}),
    "n[0]": ({}, {}),
    "s[0]": ({}, {}),
    "#d": ({"#d": "dots.in"}, {"dots.in": ITEM["dots.in"]}),
    "dots.in": ({}, {}),
    "m.#y.z": ({"#y": "y"}, {"m": {"M": {"y": ITEM["m"]["M"]["y"]}}}),
}


@pytest.mark.parametrize("expression", PROJECTIONS)
def test_projections_leave_what_they_name(db: Client, simple: str, expression: str) -> None:
    names, left = PROJECTIONS[expression]
    if expression == "dots.in":
        # "in" is reserved, so the path needs a placeholder.
        expression, names = "dots.#in", {"#in": "in"}
    db.put(simple, ITEM)
    body: Json = {
        "TableName": simple,
        "Key": {"a": ITEM["a"]},
        "ProjectionExpression": expression,
        "ConsistentRead": True,
    }
    if names:
        body["ExpressionAttributeNames"] = names
    assert db.call("GetItem", body) == {"Item": left}


def test_attributes_to_get_are_names_not_paths(db: Client, simple: str) -> None:
    db.put(simple, ITEM)
    body = {"TableName": simple, "Key": {"a": ITEM["a"]}, "AttributesToGet": ["dots.in", "m.x"]}
    assert db.call("GetItem", body) == {"Item": {"dots.in": ITEM["dots.in"]}}


# DeleteItem --------------------------------------------------------------------------------------


def test_delete_takes_the_item_away(db: Client, simple: str) -> None:
    item = {"a": {"S": "delete-1"}, "x": {"N": "1"}}
    body = {"TableName": simple, "Key": {"a": item["a"]}}
    db.put(simple, item)
    assert db.call("DeleteItem", body) == {}
    assert db.get(simple, body["Key"]) is None
    assert db.call("DeleteItem", {**body, "ReturnValues": "ALL_OLD"}) == {}
    db.put(simple, item)
    assert db.call("DeleteItem", {**body, "ReturnValues": "ALL_OLD"}) == {"Attributes": item}


@pytest.mark.parametrize("wanted", ["ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"])
def test_delete_returns_old_values_at_most(refuses: Refuses, wanted: str) -> None:
    refuses(
        "DeleteItem",
        {"TableName": "@simple", "Key": KEY, "ReturnValues": wanted},
        "ReturnValues can only be ALL_OLD or NONE",
    )


def test_a_condition_decides_on_deletion(db: Client, simple: str) -> None:
    item = {"a": {"S": "delete-2"}, "x": {"N": "1"}}
    body: Json = {
        "TableName": simple,
        "Key": {"a": item["a"]},
        "ConditionExpression": "x = :x",
        "ExpressionAttributeValues": {":x": {"N": "2"}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    answer = db.send("DeleteItem", body)
    assert answer.code == "ConditionalCheckFailedException"
    assert "Item" not in answer.body
    db.put(simple, item)
    answer = db.send("DeleteItem", body)
    assert (answer.code, answer.body["Item"]) == ("ConditionalCheckFailedException", item)
    body["ExpressionAttributeValues"] = {":x": {"N": "1.00"}}
    assert db.call("DeleteItem", body) == {}
