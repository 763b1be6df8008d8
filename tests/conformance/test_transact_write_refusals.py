"""What TransactWriteItems refuses: as a whole, in its order, or by cancelling, with a reason for
each action. None of it changes anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import number, text
from tests.conformance.transactions import (
    MISMATCH,
    NONE,
    check,
    delete,
    key,
    put,
    reasons,
    transact,
    update,
    wrong,
)

INVALID = "One or more parameter values were invalid: "
NOT_VALID = "One or more parameter values are not valid. "
EMPTY_KEY = (
    f"{NOT_VALID}The AttributeValue for a key attribute cannot contain an empty string value."
)
CONDITIONS = "The number of conditions on the keys is invalid"
TWICE = "Transaction request cannot include multiple operations on one item"
TYPES = "An operand in the update expression has an incorrect data type"
ABSENT = "The provided expression refers to an attribute that does not exist in the item"
PATH = "The document path provided in the update expression is invalid for update"
ITEM: Json = {**key("twr-item"), "s": text("word"), "n": number(1)}
HERE: Json = key("twr-item")


@pytest.fixture
def cancelled(db: Client, fill: Callable[[Any], Any]) -> Callable[..., list[Json]]:
    """`cancelled(*actions)`: the reasons of a cancellation, after which nothing has changed."""

    def send(*actions: Json) -> list[Json]:
        body = fill(transact(put(key("twr-first")), *actions))
        found = reasons(db.send("TransactWriteItems", body))
        assert found[0] == NONE
        table = body["TransactItems"][0]["Put"]["TableName"]
        assert db.get(table, key("twr-first")) is None
        return found[1:]

    return send


def keyed(a: Any, b: Any = None) -> Json:
    """A key of the composite table; without `b` it lacks the sort key."""
    return {"a": a} if b is None else {"a": a, "b": b}


WRONG: dict[str, tuple[Json, str]] = {
    "a put without a key attribute": (
        put(key("x"), "@composite"),
        f"{INVALID}Missing the key b in the item",
    ),
    "a put with a key of another type": (
        put({"a": number(1)}),
        f"{INVALID}Type mismatch for key a expected: S actual: N",
    ),
    "a put with an index key of another type": (
        put({**keyed(text("x"), text("y")), "c": number(1), "d": text("x")}, "@composite"),
        f"{INVALID}Type mismatch for Index Key c Expected: S Actual: N IndexName: global_all",
    ),
    "a delete with half a key": (delete(keyed(text("x")), "@composite"), CONDITIONS),
    "a delete with too much of a key": (delete({**key("x"), "z": text("y")}), CONDITIONS),
    "a delete with a key of another type": (delete({"a": number(1)}), MISMATCH),
    "a delete with another key": (delete({"z": text("x")}), MISMATCH),
    "a check with half a key": (check(keyed(text("x")), table="@composite"), CONDITIONS),
    "a check with a key of another type": (check({"a": {"L": []}}), MISMATCH),
    "an update with half a key": (update(keyed(text("x")), "REMOVE z", "@composite"), CONDITIONS),
    "an update with a key of another type": (update({"a": {"BOOL": True}}, "REMOVE z"), MISMATCH),
    "an update of a key": (
        update(HERE, "SET a = :v", v=text("x")),
        f"{INVALID}Cannot update attribute a. This attribute is part of the key",
    ),
    "an update that adds to a string": (update(HERE, "ADD s :v", v=number(1)), TYPES),
    "an update that reckons with a string": (update(HERE, "SET n = s + :v", v=number(1)), TYPES),
    "an update that appends to a number": (
        update(HERE, "SET n = list_append(n, :v)", v={"L": []}),
        TYPES,
    ),
    "an update that deletes from a number": (update(HERE, "DELETE n :v", v={"SS": ["x"]}), TYPES),
    "an update that reads what is not there": (
        update(HERE, "SET n = zip + :v", v=number(1)),
        ABSENT,
    ),
    "an update of a part of a scalar": (update(HERE, "SET n.x = :v", v=number(1)), PATH),
    "an update that makes the item too large": (
        update(HERE, "SET x = :v", v=text("x" * 409_600)),
        "Item size to update has exceeded the maximum allowed size",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_the_table_or_the_item_cancels(
    db: Client, simple: str, cancelled: Callable[..., list[Json]], case: str
) -> None:
    db.put(simple, ITEM)
    action, message = WRONG[case]
    assert cancelled(action) == [wrong(message)]
    assert db.get(simple, HERE) == ITEM


def test_only_the_first_action_that_does_not_fit_its_table_has_a_reason(
    cancelled: Callable[..., list[Json]],
) -> None:
    bad = delete({"a": number(1)})
    found = cancelled(check(key("twr-absent")), bad, bad, put({"z": text("x")}))
    assert found == [NONE, wrong(MISMATCH), NONE, NONE]


INDEX_EMPTY = (
    f"{NOT_VALID}A value specified for a secondary index key is not supported. The AttributeValue"
    " for a key attribute cannot contain an empty string value."
)
MALFORMED: dict[str, tuple[tuple[Json, ...], str]] = {
    "an empty key": ((put({"a": text("")}),), f"{EMPTY_KEY} Key: a"),
    "an empty key to delete": ((delete({"a": text("")}),), f"{EMPTY_KEY} Key: a"),
    "a large hash key": (
        (delete({"a": text("x" * 2049)}),),
        f"{INVALID}Size of hashkey has exceeded the maximum size limit of2048 bytes",
    ),
    "a large range key": (
        (put(keyed(text("x"), text("x" * 1025)), "@composite"),),
        (f"{INVALID}Aggregated size of all range keys has exceeded the size limit of 1024 bytes"),
    ),
    "a large item": (
        (put({**key("x"), "v": text("x" * 409_600)}),),
        "Item size has exceeded the maximum allowed size",
    ),
    "an empty index key": (
        (put({**keyed(text("x"), text("y")), "c": text(""), "d": text("x")}, "@composite"),),
        f"{INDEX_EMPTY} IndexName: global_all, IndexKey: c",
    ),
    "an empty index key to update": (
        (update(keyed(text("x"), text("y")), "SET c = :v", "@composite", v=text("")),),
        (
            f"{NOT_VALID}The update expression attempted to update a secondary index key to a value"
            " that is not supported. The AttributeValue for a key attribute cannot contain an empty"
            " string value."
        ),
    ),
    "no action": (
        ({},),
        "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request",
    ),
    "two actions in one": (
        ({**put(key("x")), **delete(key("y"))},),
        "TransactItems can only contain one of Check, Put, Update or Delete",
    ),
    "two actions on one item": ((put(key("x")), delete(key("x"))), TWICE),
    "two checks of one item": ((check(key("x")), check(key("x"))), TWICE),
    "a number that is none": (
        (put({**key("x"), "n": number("x")}),),
        "The parameter cannot be converted to a numeric value: x",
    ),
    "an empty set": (
        (put({**key("x"), "n": {"SS": []}}),),
        f"{INVALID}An string set  may not be empty",
    ),
    "a set with duplicates": (
        (put({**key("x"), "n": {"SS": ["a", "a"]}}),),
        f"{INVALID}Input collection [a, a] contains duplicates.",
    ),
    "a value without a type": (
        (put({**key("x"), "n": {}}),),
        ("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
    ),
    "a value of two types": (
        (put({**key("x"), "n": {"S": "x", "N": "1"}}),),
        (
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of"
            " the supported datatypes"
        ),
    ),
    "a value bound to nothing": (
        (
            put(
                key("x"),
                ConditionExpression="attribute_exists(a)",
                ExpressionAttributeValues={":v": number(1)},
            ),
        ),
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}",
    ),
    "a name bound to nothing": (
        (check(key("x"), ExpressionAttributeNames={"#n": "n"}),),
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#n}",
    ),
    "a name that is not defined": (
        (check(key("x"), "attribute_exists(#n)"),),
        (
            "Invalid ConditionExpression: An expression attribute name used in the document path is"
            " not defined; attribute name: #n"
        ),
    ),
    "a value that is not defined": (
        (update(key("x"), "SET n = :v"),),
        (
            "Invalid UpdateExpression: An expression attribute value used in expression is not"
            " defined; attribute value: :v"
        ),
    ),
    "a condition on a part of a key": (
        (
            put(
                key("x"),
                ConditionExpression="a.x = :v",
                ExpressionAttributeValues={":v": number(1)},
            ),
        ),
        (
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not"
            " allowed: Key: a"
        ),
    ),
    "an empty update": (
        (update(key("x"), ""),),
        "Invalid UpdateExpression: The expression can not be empty;",
    ),
    "an empty condition": (
        (check(key("x"), ""),),
        "Invalid ConditionExpression: The expression can not be empty;",
    ),
    "an unknown function": (
        (check(key("x"), "foo(a)"),),
        "Invalid ConditionExpression: Invalid function name; function: foo",
    ),
    "a reserved word": (
        (update(key("x"), "SET size = :v", v=number(1)),),
        ("Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: size"),
    ),
    "an invalid bound value": (
        (update(key("x"), "SET n = :v", v=number("x")),),
        (
            "ExpressionAttributeValues contains invalid value: The parameter cannot be converted to"
            " a numeric value: x for key :v"
        ),
    ),
    "operands of a wrong type": (
        (update(key("x"), "ADD n :v", v=text("x")),),
        (
            "Invalid UpdateExpression: Incorrect operand type for operator or function; operator:"
            " ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND"
        ),
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_wrong_with_a_request_refuses_it_as_a_whole(
    db: Client, simple: str, refuses: Refuses, case: str
) -> None:
    actions, message = MALFORMED[case]
    refuses("TransactWriteItems", transact(put(key("twr-whole")), *actions), message)
    assert db.get(simple, key("twr-whole")) is None


def test_tables_are_looked_for_before_keys_are_compared(refuses: Refuses) -> None:
    body = transact(put(key("x"), "no-such-table"), put(key("x"), "no-such-table"))
    refuses("TransactWriteItems", body, "Requested resource not found", "ResourceNotFoundException")


def test_a_table_that_is_not_there_refuses_what_conditions_would_cancel(refuses: Refuses) -> None:
    body = transact(check(key("twr-absent")), put(key("x"), "no-such-table"))
    refuses("TransactWriteItems", body, "Requested resource not found", "ResourceNotFoundException")


def detected(value: str, place: str, constraint: str) -> str:
    return (
        f"1 validation error detected: Value {value} at '{place}' failed to satisfy constraint:"
        f" Member must {constraint}"
    )


SHAPES: dict[str, tuple[Json, str]] = {
    "no actions": (
        transact(),
        detected("'[]'", "transactItems", "have length greater than or equal to 1"),
    ),
    "nothing at all": ({}, detected("null", "transactItems", "not be null")),
    "an unknown detail of capacity": (
        transact(put(key("x")), ReturnConsumedCapacity="SOME"),
        detected(
            "'SOME'", "returnConsumedCapacity", "satisfy enum value set: [INDEXES, TOTAL, NONE]"
        ),
    ),
    "an unknown detail of collections": (
        transact(put(key("x")), ReturnItemCollectionMetrics="SOME"),
        detected("'SOME'", "returnItemCollectionMetrics", "satisfy enum value set: [SIZE, NONE]"),
    ),
    "an unknown return value": (
        transact(put(key("x"), ReturnValuesOnConditionCheckFailure="ALL_NEW")),
        detected(
            "'ALL_NEW'",
            "transactItems.1.member.put.returnValuesOnConditionCheckFailure",
            "satisfy enum value set: [ALL_OLD, NONE]",
        ),
    ),
    "an empty token": (
        transact(put(key("x")), ClientRequestToken=""),
        detected("''", "clientRequestToken", "have length greater than or equal to 1"),
    ),
    "a long token": (
        transact(put(key("x")), ClientRequestToken="t" * 37),
        detected(f"'{'t' * 37}'", "clientRequestToken", "have length less than or equal to 36"),
    ),
    "an update without its expression": (
        transact({"Update": {"TableName": "@simple", "Key": key("x")}}),
        detected("null", "transactItems.1.member.update.updateExpression", "not be null"),
    ),
    "a check without its condition": (
        transact({"ConditionCheck": {"TableName": "@simple", "Key": key("x")}}),
        detected(
            "null", "transactItems.1.member.conditionCheck.conditionExpression", "not be null"
        ),
    ),
    "a put without its item": (
        transact(put(key("x")), {"Put": {"TableName": "@simple"}}),
        detected("null", "transactItems.2.member.put.item", "not be null"),
    ),
    "a delete without its key": (
        transact({"Delete": {"TableName": "@simple"}}),
        detected("null", "transactItems.1.member.delete.key", "not be null"),
    ),
    "a name that is none": (
        transact(put(key("x"), "no!")),
        detected(
            "'no!'",
            "transactItems.1.member.put.tableName",
            "satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
        ),
    ),
}


@pytest.mark.parametrize("case", SHAPES)
def test_the_shape_comes_first(refuses: Refuses, case: str) -> None:
    body, message = SHAPES[case]
    refuses("TransactWriteItems", body, message)


def test_101_actions_break_the_constraint(db: Client, simple: str) -> None:
    actions = [put(key(f"twr-{place}"), simple) for place in range(101)]
    answer = db.send("TransactWriteItems", transact(*actions))
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert answer.message.endswith(
        " at 'transactItems' failed to satisfy constraint: Member must have length less than or"
        " equal to 100"
    )
    assert db.get(simple, key("twr-0")) is None
