"""UpdateItem: the words of the refusals."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.client import Json
from tests.conformance.conftest import Refuses

INVALID = "One or more parameter values were invalid: "
SYNTAX = "Invalid UpdateExpression: "
ONE = {":one": {"N": "1"}}
INDEX_EMPTY = (
    "One or more parameter values are not valid. The update expression attempted to update a"
    " secondary index key to a value that is not supported. The AttributeValue for a key attribute"
    " cannot contain an empty"
)


def update(expression: str | None = None, values: Json | None = None, **more: Any) -> Json:
    body: Json = {"TableName": "@simple", "Key": {"a": {"S": "refused"}}, **more}
    if expression is not None:
        body["UpdateExpression"] = expression
    if values is not None:
        body["ExpressionAttributeValues"] = values
    return body


REFUSALS: dict[str, tuple[Json, str]] = {
    "an empty expression": (update(""), SYNTAX + "The expression can not be empty;"),
    "no section": (
        update("INVALID SYNTAX HERE"),
        SYNTAX + 'Syntax error; token: "INVALID", near: "INVALID SYNTAX"',
    ),
    "an end too soon": (
        update("SET b ="),
        SYNTAX + 'Syntax error; token: "<EOF>", near: "="',
    ),
    "a reserved word": (
        update("SET size = :one", ONE),
        SYNTAX + "Attribute name is a reserved keyword; reserved keyword: size",
    ),
    "an undefined name": (
        update("SET #b = :one", ONE),
        SYNTAX + "An expression attribute name used in the document path is not defined;"
        " attribute name: #b",
    ),
    "an undefined value": (
        update("SET b = :b"),
        SYNTAX + "An expression attribute value used in expression is not defined;"
        " attribute value: :b",
    ),
    "a section twice": (
        update("SET b = :one SET c = :one", ONE),
        SYNTAX + 'The "SET" section can only be used once in an update expression;',
    ),
    "a path twice": (
        update("SET b = :one, b = :one", ONE),
        SYNTAX + "Two document paths overlap with each other; must remove or rewrite one of these"
        " paths; path one: [b], path two: [b]",
    ),
    "a path inside another": (
        update("SET b = :one REMOVE b.c[1]", ONE),
        SYNTAX + "Two document paths overlap with each other; must remove or rewrite one of these"
        " paths; path one: [b], path two: [b, c, [1]]",
    ),
    "a map and a list at once": (
        update("SET b.c = :one, b[0] = :one", ONE),
        SYNTAX + "Two document paths conflict with each other; must remove or rewrite one of these"
        " paths; path one: [b, c], path two: [b, [0]]",
    ),
    "an unknown function": (
        update("SET b = nonsense(c)"),
        SYNTAX + "Invalid function name; function: nonsense",
    ),
    "a function of conditions": (
        update("SET b = attribute_exists(c)"),
        SYNTAX + "The function is not allowed in an update expression; function: attribute_exists",
    ),
    "too few operands": (
        update("SET b = list_append(c)"),
        SYNTAX + "Incorrect number of operands for operator or function; operator or function:"
        " list_append, number of operands: 1",
    ),
    "a sum of strings": (
        update("SET b = c + :s", {":s": {"S": "x"}}),
        SYNTAX + "Incorrect operand type for operator or function; operator or function: +,"
        " operand type: S",
    ),
    "a list appended to a number": (
        update("SET b = list_append(c, :one)", ONE),
        SYNTAX + "Incorrect operand type for operator or function; operator or function:"
        " list_append, operand type: N",
    ),
    "a string added": (
        update("ADD b :s", {":s": {"S": "x"}}),
        SYNTAX + "Incorrect operand type for operator or function; operator: ADD, operand type:"
        " STRING, typeSet: ALLOWED_FOR_ADD_OPERAND",
    ),
    "a number deleted": (
        update("DELETE b :one", ONE),
        SYNTAX + "Incorrect operand type for operator or function; operator: DELETE, operand type:"
        " NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND",
    ),
    "the partition key": (
        update("SET a = :one", ONE),
        INVALID + "Cannot update attribute a. This attribute is part of the key",
    ),
    "the partition key removed": (
        update("REMOVE a"),
        INVALID + "Cannot update attribute a. This attribute is part of the key",
    ),
    "a key with too much in it": (
        update("SET b = :one", ONE, Key={"a": {"S": "x"}, "b": {"S": "x"}}),
        "The number of conditions on the keys is invalid",
    ),
    "a key of another name": (
        update("SET b = :one", ONE, Key={"z": {"S": "x"}}),
        "The provided key element does not match the schema",
    ),
    "a key of another type": (
        update("SET b = :one", ONE, Key={"a": {"N": "1"}}),
        "The provided key element does not match the schema",
    ),
    "an empty key": (
        update("SET b = :one", ONE, Key={"a": {"S": ""}}),
        (
            "One or more parameter values are not valid. The AttributeValue for a key attribute"
            " cannot contain an empty string value. Key: a"
        ),
    ),
    "an empty index key": (
        update(
            "SET c = :e",
            {":e": {"S": ""}},
            TableName="@composite",
            Key={"a": {"S": "refused"}, "b": {"S": "1"}},
        ),
        f"{INDEX_EMPTY} string value.",
    ),
    "an empty binary index key": (
        update(
            "SET g = :e",
            {":e": {"B": ""}},
            TableName="@binary",
            Key={"h": {"B": "aA=="}, "r": {"B": "cg=="}},
        ),
        f"{INDEX_EMPTY} binary value.",
    ),
    "old and new": (
        update("SET b = :one", ONE, AttributeUpdates={"b": {"Value": {"N": "1"}}}),
        (
            "Can not use both expression and non-expression parameters in the same request:"
            " Non-expression parameters: {AttributeUpdates} Expression parameters:"
            " {UpdateExpression}"
        ),
    ),
    "values without expression": (
        update(None, ONE),
        (
            "ExpressionAttributeValues can only be specified when using expressions:"
            " UpdateExpression and ConditionExpression are null"
        ),
    ),
    "an unused name": (
        update("SET b = :one", ONE, ExpressionAttributeNames={"#z": "z"}),
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#z}",
    ),
    "an unused value": (
        update("SET b = :one", {**ONE, ":two": {"N": "2"}}),
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:two}",
    ),
    "an enormous expression": (
        update("SET " + "b" * 4096 + " = :one", ONE),
        SYNTAX + "Expression size has exceeded the maximum allowed size; expression size: 4107",
    ),
    "an index key of another type": (
        update("SET c = :one", ONE, TableName="@composite", Key={"a": {"S": "x"}, "b": {"S": "x"}}),
        INVALID + "Type mismatch for Index Key c Expected: S Actual: N IndexName: global_all",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_it_refuses(refuses: Refuses, case: str) -> None:
    request, message = REFUSALS[case]
    refuses("UpdateItem", request, message)


def test_tables_that_are_not_there(refuses: Refuses) -> None:
    refuses(
        "UpdateItem",
        update("SET b = :one", ONE, TableName="no-such-table"),
        "Requested resource not found",
        "ResourceNotFoundException",
    )
