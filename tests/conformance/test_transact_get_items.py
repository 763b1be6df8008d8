"""TransactGetItems: items of any tables as of one moment, and every refusal."""

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
    get,
    key,
    put,
    reasons,
    transact,
    wrong,
)

CONDITIONS = "The number of conditions on the keys is invalid"
SCALARS = (
    "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed:"
)
NAMES: Json = {"ExpressionAttributeNames": {"#n": "n"}}


def test_items_come_in_their_places(db: Client, simple: str, composite: str) -> None:
    item = {**key("tg"), "n": number(1), "m": {"M": {"x": {"L": [text("y"), number(2)]}}}}
    other = {**key("tg"), "b": text("1"), "x": {"NULL": True}}
    db.put(simple, item)
    db.put(composite, other)
    body = transact(
        get({**key("tg"), "b": text("1")}, composite),
        get(key("tg-absent"), simple),
        get(key("tg"), simple, ProjectionExpression="m.x[1], #n, zip", **NAMES),
        get({**key("tg"), "b": text("2")}, composite),
    )
    found = {"n": number(1), "m": {"M": {"x": {"L": [number(2)]}}}}
    assert db.call("TransactGetItems", body) == {
        "Responses": [{"Item": other}, {}, {"Item": found}, {}]
    }


def test_nothing_of_an_item_is_an_empty_item(db: Client, simple: str) -> None:
    db.put(simple, key("tg-none"))
    body = transact(get(key("tg-none"), simple, ProjectionExpression="zip"))
    assert db.call("TransactGetItems", body) == {"Responses": [{"Item": {}}]}


def test_reading_costs_twice_a_consistent_read(db: Client, simple: str, composite: str) -> None:
    db.put(simple, {**key("tg-large"), "x": text("x" * 5000)})
    body = transact(
        get(key("tg-large"), simple),
        get(key("tg-absent"), simple),
        get({**key("tg"), "b": text("9")}, composite),
    )
    answer = db.call("TransactGetItems", {**body, "ReturnConsumedCapacity": "TOTAL"})
    assert answer["ConsumedCapacity"] == [
        {"TableName": simple, "CapacityUnits": 6.0, "ReadCapacityUnits": 6.0},
        {"TableName": composite, "CapacityUnits": 2.0, "ReadCapacityUnits": 2.0},
    ]
    answer = db.call("TransactGetItems", {**body, "ReturnConsumedCapacity": "INDEXES"})
    assert answer["ConsumedCapacity"][1] == {
        "TableName": composite,
        "CapacityUnits": 2.0,
        "ReadCapacityUnits": 2.0,
        "Table": {"CapacityUnits": 2.0, "ReadCapacityUnits": 2.0},
    }
    assert "ConsumedCapacity" not in db.call("TransactGetItems", body)


KEYS: dict[str, tuple[Json, str]] = {
    "half a key": (get(key("x"), "@composite"), CONDITIONS),
    "too much of a key": (get({**key("x"), "z": text("y")}), CONDITIONS),
    "a key of another name": (get({"z": text("x")}), MISMATCH),
    "a key of another type": (get({"a": number(1)}), MISMATCH),
}


@pytest.mark.parametrize("case", KEYS)
def test_a_key_that_does_not_fit_its_table_cancels(
    db: Client, fill: Callable[[Any], Any], case: str
) -> None:
    action, message = KEYS[case]
    body = fill(transact(get(key("x")), action, get(key("y"))))
    assert reasons(db.send("TransactGetItems", body)) == [NONE, wrong(message), NONE]


def test_only_the_first_key_has_a_reason(db: Client, fill: Callable[[Any], Any]) -> None:
    bad = get({"a": number(1)})
    one = get(key("x"))
    body = fill(transact(one, bad, get({"z": text("x")}), one))
    found = reasons(db.send("TransactGetItems", body))
    assert found == [NONE, wrong(MISMATCH), NONE, NONE]


def detected(value: str, place: str, constraint: str) -> str:
    return (
        f"1 validation error detected: Value {value} at '{place}' failed to satisfy constraint:"
        f" Member must {constraint}"
    )


REFUSED: dict[str, tuple[Json, str]] = {
    "no items": (
        transact(),
        detected("'[]'", "transactItems", "have length greater than or equal to 1"),
    ),
    "nothing at all": ({}, detected("null", "transactItems", "not be null")),
    "an item of nothing": (
        transact({}),
        detected("null", "transactItems.1.member.get", "not be null"),
    ),
    "no key": (
        transact({"Get": {"TableName": "@simple"}}),
        detected("null", "transactItems.1.member.get.key", "not be null"),
    ),
    "no table": (
        transact({"Get": {"Key": key("x")}}),
        detected("null", "transactItems.1.member.get.tableName", "not be null"),
    ),
    "a write": (
        transact(put(key("x"))),
        detected("null", "transactItems.1.member.get", "not be null"),
    ),
    "an unknown detail of capacity": (
        transact(get(key("x")), ReturnConsumedCapacity="SOME"),
        detected(
            "'SOME'", "returnConsumedCapacity", "satisfy enum value set: [INDEXES, TOTAL, NONE]"
        ),
    ),
    "one item twice": (
        transact(get(key("x")), get(key("y")), get(key("x"))),
        "Transaction request cannot include multiple operations on one item",
    ),
    "an empty key": (
        transact(get({"a": text("")})),
        (
            "One or more parameter values are not valid. The AttributeValue for a key attribute"
            " cannot contain an empty string value. Key: a"
        ),
    ),
    "a number that is none": (
        transact(get({"a": number("x")})),
        "The parameter cannot be converted to a numeric value: x",
    ),
    "an empty projection": (
        transact(get(key("x"), ProjectionExpression="")),
        "Invalid ProjectionExpression: The expression can not be empty;",
    ),
    "a path twice": (
        transact(get(key("x"), ProjectionExpression="n, n")),
        (
            "Invalid ProjectionExpression: Two document paths overlap with each other; must remove"
            " or rewrite one of these paths; path one: [n], path two: [n]"
        ),
    ),
    "a name that is not defined": (
        transact(get(key("x"), ProjectionExpression="#n")),
        (
            "Invalid ProjectionExpression: An expression attribute name used in the document path"
            " is not defined; attribute name: #n"
        ),
    ),
    "a name that is not used": (
        transact(get(key("x"), ProjectionExpression="n", **NAMES)),
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#n}",
    ),
    "parts of a key": (
        transact(get(key("x"), ProjectionExpression="n, a.x")),
        f"{SCALARS} Key: a",
    ),
    "parts of an index's key": (
        transact(get({**key("x"), "b": text("y")}, "@composite", ProjectionExpression="c[0]")),
        f"{SCALARS} IndexKey: c",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(refuses: Refuses, case: str) -> None:
    body, message = REFUSED[case]
    refuses("TransactGetItems", body, message)


@pytest.mark.parametrize("first", [get(key("x")), get({"a": number(1)})])
def test_a_table_that_is_not_there(refuses: Refuses, first: Json) -> None:
    body = transact(first, get(key("x"), "no-such-table"))
    refuses("TransactGetItems", body, "Requested resource not found", "ResourceNotFoundException")


def test_101_items_break_the_constraint(db: Client, simple: str) -> None:
    body = transact(*(get(key(f"tg-{place}"), simple) for place in range(101)))
    answer = db.send("TransactGetItems", body)
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert answer.message.endswith(
        " at 'transactItems' failed to satisfy constraint: Member must have length less than or"
        " equal to 100"
    )


def test_more_than_four_megabytes_are_refused(db: Client, simple: str) -> None:
    large = text("x" * 400_000)
    db.put(simple, *({**key(f"tg-large-{place}"), "x": large} for place in range(11)))
    gets = [get(key(f"tg-large-{place}"), simple) for place in range(11)]
    assert len(db.call("TransactGetItems", transact(*gets[:10]))["Responses"]) == 10
    answer = db.send("TransactGetItems", transact(*gets))
    assert (answer.status, answer.code) == (400, "ValidationException")
