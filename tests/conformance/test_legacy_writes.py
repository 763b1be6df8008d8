"""Expected and AttributeUpdates: what they do and what they refuse."""

from __future__ import annotations

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import number, text

INVALID = "One or more parameter values were invalid: "
ITEM: Json = {
    "n": number(1),
    "s": text("x"),
    "ss": {"SS": ["a", "b"]},
    "l": {"L": [number(1)]},
    "m": {"M": {}},
}


def put(value: Json) -> Json:
    return {"Action": "PUT", "Value": value}


def add(value: Json) -> Json:
    return {"Action": "ADD", "Value": value}


def delete(value: Json | None = None) -> Json:
    return {"Action": "DELETE"} if value is None else {"Action": "DELETE", "Value": value}


UPDATES: list[tuple[Json, Json]] = [
    ({"n": put(text("y"))}, {"n": text("y")}),
    ({"new": {"Value": number(2)}}, {"new": number(2)}),
    ({"m.x": put(number(1))}, {"m.x": number(1)}),
    ({"n": add(number("0.5"))}, {"n": number("1.5")}),
    ({"new": add(number(2))}, {"new": number(2)}),
    ({"ss": add({"SS": ["c", "a"]})}, {"ss": {"SS": ["a", "b", "c"]}}),
    ({"new": add({"NS": ["1"]})}, {"new": {"NS": ["1"]}}),
    ({"l": add({"L": [text("x")]})}, {"l": {"L": [number(1), text("x")]}}),
    ({"new": add({"L": []})}, {"new": {"L": []}}),
    ({"ss": delete({"SS": ["a", "z"]})}, {"ss": {"SS": ["b"]}}),
    ({"ss": delete({"SS": ["a", "b"]})}, {"ss": None}),
    ({"new": delete({"SS": ["a"]})}, {}),
    ({"n": delete(), "new": delete()}, {"n": None}),
    ({"n": delete(), "s": put(number(1)), "ss": add({"SS": ["b"]})}, {"n": None, "s": number(1)}),
    ({}, {}),
]


@pytest.mark.parametrize("at", range(len(UPDATES)))
def test_what_updates_do(db: Client, simple: str, at: int) -> None:
    updates, changes = UPDATES[at]
    key = {"a": text(f"legacy-{at}")}
    db.put(simple, {**key, **ITEM})
    body = {"TableName": simple, "Key": key, "AttributeUpdates": updates}
    found = db.call("UpdateItem", {**body, "ReturnValues": "ALL_NEW"})["Attributes"]
    wanted = {name: value for name, value in {**ITEM, **changes}.items() if value is not None}
    for item in (found, wanted):
        for value in item.values():
            if "SS" in value:
                value["SS"] = sorted(value["SS"])
    assert found == {**key, **wanted}


@pytest.mark.parametrize(
    ("updates", "made"),
    [
        ({"n": put(number(1))}, {"n": number(1)}),
        ({"n": add(number(1))}, {"n": number(1)}),
        ({"n": delete()}, None),
        ({"ss": delete({"SS": ["a"]})}, None),
        ({}, {}),
    ],
)
def test_which_updates_make_items(
    db: Client, simple: str, updates: Json, made: Json | None
) -> None:
    key = {"a": text("legacy-not-there")}
    db.call("DeleteItem", {"TableName": simple, "Key": key})
    db.call("UpdateItem", {"TableName": simple, "Key": key, "AttributeUpdates": updates})
    expected = None if made is None else {**key, **made}
    assert db.get(simple, key) == expected


MISMATCH = "Type mismatch for attribute to update"


@pytest.mark.parametrize(
    ("updates", "message"),
    [
        ({"v": {"Action": "PUT"}}, "Only DELETE action is allowed when no attribute value is"),
        ({"v": {"Action": "ADD"}}, "Only DELETE action is allowed when no attribute value is"),
        ({"v": {}}, "Only DELETE action is allowed when no attribute value is"),
        *(
            ({"v": add(value)}, f"ADD action is not supported for the type {next(iter(value))}")
            for value in (text("x"), {"B": "AA=="}, {"BOOL": True}, {"NULL": True}, {"M": {}})
        ),
        *(
            (
                {"v": delete(value)},
                f"DELETE action with value is not supported for the type {next(iter(value))}",
            )
            for value in (text("x"), number(1), {"B": "AA=="}, {"L": []}, {"M": {}})
        ),
        ({"a": put(text("x"))}, "Cannot update attribute a. This attribute is part of the key"),
        ({"a": delete()}, "Cannot update attribute a. This attribute is part of the key"),
    ],
)
def test_updates_that_nothing_can_do(refuses: Refuses, updates: Json, message: str) -> None:
    if message.endswith("value is"):
        message += " specified"
    body = {"TableName": "@simple", "Key": {"a": text("x")}, "AttributeUpdates": updates}
    refuses("UpdateItem", body, INVALID + message)


@pytest.mark.parametrize(
    "updates",
    [
        {"s": add(number(1))},
        {"n": add({"NS": ["1"]})},
        {"ss": add({"NS": ["1"]})},
        {"ss": add({"L": []})},
        {"ss": delete({"NS": ["1"]})},
        {"n": delete({"SS": ["x"]})},
    ],
)
def test_updates_that_the_item_refuses(
    db: Client, simple: str, refuses: Refuses, updates: Json
) -> None:
    key = {"a": text("legacy-types")}
    db.put(simple, {**key, **ITEM})
    body = {"TableName": simple, "Key": key, "AttributeUpdates": updates}
    refuses("UpdateItem", body, MISMATCH)


def test_an_unknown_action(refuses: Refuses) -> None:
    body = {
        "TableName": "@simple",
        "Key": {"a": text("x")},
        "AttributeUpdates": {"v": {"Action": "TRY", "Value": number(1)}},
    }
    refuses(
        "UpdateItem",
        body,
        "1 validation error detected: Value 'TRY' at 'attributeUpdates.v.member.action' failed to"
        " satisfy constraint: Member must satisfy enum value set: [ADD, PUT, DELETE]",
    )


EXPECTATIONS: list[tuple[Json, str | None, bool]] = [
    ({"n": {"Value": number("1.0")}}, None, True),
    ({"n": {"Value": number(2)}}, None, False),
    ({"n": {"Exists": True, "Value": number(1)}}, None, True),
    ({"n": {"Exists": False}}, None, False),
    ({"z": {"Exists": False}}, None, True),
    ({"z": {"Value": number(1)}}, None, False),
    ({"n": {"ComparisonOperator": "GT", "Value": number(0)}}, None, True),
    ({"n": {"ComparisonOperator": "GT", "AttributeValueList": [number(1)]}}, None, False),
    ({"n": {"ComparisonOperator": "IN", "AttributeValueList": [number(0), number(1)]}}, None, True),
    ({"z": {"ComparisonOperator": "NULL"}}, None, True),
    ({"n": {"ComparisonOperator": "NOT_NULL"}}, None, True),
    ({"ss": {"ComparisonOperator": "CONTAINS", "Value": text("a")}}, None, True),
    ({"l": {"ComparisonOperator": "NOT_CONTAINS", "Value": number(1)}}, None, False),
    ({"n": {"Value": number(1)}, "z": {"Value": number(1)}}, None, False),
    ({"n": {"Value": number(1)}, "z": {"Value": number(1)}}, "AND", False),
    ({"n": {"Value": number(1)}, "z": {"Value": number(1)}}, "OR", True),
]


@pytest.mark.parametrize("at", range(len(EXPECTATIONS)))
@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem", "DeleteItem"])
def test_what_is_expected(db: Client, simple: str, operation: str, at: int) -> None:
    expected, operator, met = EXPECTATIONS[at]
    item = {"a": text(f"expected-{operation}-{at}"), **ITEM}
    db.put(simple, item)
    body: Json = {"TableName": simple, "Expected": expected}
    if operator is not None:
        body["ConditionalOperator"] = operator
    if operation == "PutItem":
        body["Item"] = {"a": item["a"]}
    else:
        body["Key"] = {"a": item["a"]}
    answer = db.send(operation, body)
    if met:
        assert answer.status == 200
        return
    assert (answer.status, answer.code, answer.message) == (
        400,
        "ConditionalCheckFailedException",
        "The conditional request failed",
    )
    assert db.get(simple, {"a": item["a"]}) == item


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, "Value must be provided when Exists is null"),
        ({"Exists": True}, "Value must be provided when Exists is true"),
        ({"Exists": False, "Value": text("x")}, "Value cannot be used when Exists is false"),
        (
            {"Value": text("x"), "AttributeValueList": [text("x")]},
            "Value and AttributeValueList cannot be used together",
        ),
        (
            {"Exists": True, "ComparisonOperator": "EQ", "Value": text("x")},
            "Exists and ComparisonOperator cannot be used together",
        ),
        (
            {"AttributeValueList": [text("x")]},
            "AttributeValueList can only be used with a ComparisonOperator",
        ),
        (
            {"ComparisonOperator": "LT"},
            "Value or AttributeValueList must be used with ComparisonOperator: LT",
        ),
    ],
)
@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem", "DeleteItem"])
def test_expectations_that_mean_nothing(
    refuses: Refuses, operation: str, entry: Json, message: str
) -> None:
    """Told before the table is looked for."""
    place = {"Item" if operation == "PutItem" else "Key": {}}
    body = {"TableName": "no-such-table", **place, "Expected": {"v": entry}}
    refuses(operation, body, f"{INVALID}{message} for Attribute: v")


def test_a_conditional_operator_needs_two_conditions(refuses: Refuses) -> None:
    body: Json = {"TableName": "@simple", "Item": {"a": text("x")}, "ConditionalOperator": "OR"}
    message = "ConditionalOperator cannot be used without Filter or Expected"
    refuses("PutItem", body, message)
    refuses("PutItem", {**body, "Expected": {}}, message)
    refuses(
        "PutItem",
        {**body, "Expected": {"v": {"Exists": False}}},
        "ConditionalOperator can only be used when Filter or Expected has two or more elements",
    )
