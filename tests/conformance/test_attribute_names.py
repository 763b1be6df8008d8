"""What an attribute can be called: anything of 1 to 65,535 bytes, wherever a name can stand."""

from __future__ import annotations

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import number, text
from tests.conformance.transactions import put, transact

KEY: Json = {"a": text("names")}
EMPTY = "Empty attribute name"
LARGE = "Attribute name is too large, must be less than 65536 bytes"
LONGEST = "\u00e9" * 32_767 + "x"

PLACES: dict[str, Json] = {
    "an attribute": {"": text("x")},
    "an entry of a map": {"m": {"M": {"": text("x")}}},
    "an entry of a map in a list": {"l": {"L": [{"M": {"": {"NULL": True}}}]}},
}


@pytest.mark.parametrize("case", PLACES)
def test_names_are_not_empty(refuses: Refuses, case: str) -> None:
    item = {**KEY, **PLACES[case]}
    refuses("PutItem", {"TableName": "@simple", "Item": item}, EMPTY)
    batch = {"RequestItems": {"@simple": [{"PutRequest": {"Item": item}}]}}
    refuses("BatchWriteItem", batch, EMPTY)
    refuses("TransactWriteItems", transact(put(item)), EMPTY)


def test_names_of_bound_values_are_not_empty(refuses: Refuses) -> None:
    refuses(
        "UpdateItem",
        {
            "TableName": "@simple",
            "Key": KEY,
            "UpdateExpression": "SET m = :m",
            "ExpressionAttributeValues": {":m": {"M": {"": number(1)}}},
        },
        f"ExpressionAttributeValues contains invalid value: {EMPTY} for key :m",
    )


def test_names_of_the_legacy_parameters_are_not_empty(refuses: Refuses) -> None:
    updates = {"": {"Value": text("x")}}
    body = {"TableName": "@simple", "Key": KEY, "AttributeUpdates": updates}
    refuses("UpdateItem", body, EMPTY)
    expected = {"TableName": "@simple", "Item": KEY, "Expected": {"": {"Exists": False}}}
    refuses("PutItem", expected, EMPTY)


def test_names_in_statements_are_not_empty(refuses: Refuses) -> None:
    for value in ("{'a': 'x', '': 1}", "{'a': 'x', 'm': {'': 1}}"):
        statement = {"Statement": f'INSERT INTO "@simple" VALUE {value}'}
        refuses("ExecuteStatement", statement, "Path component cannot be an empty string")


def test_names_have_65535_bytes_at_most(db: Client, simple: str, refuses: Refuses) -> None:
    item = {"a": text("long-name"), LONGEST: number(1), "m": {"M": {LONGEST: number(2)}}}
    db.put(simple, item)
    assert db.get(simple, {"a": text("long-name")}) == item
    for more in ({f"{LONGEST}x": number(1)}, {"m": {"M": {f"{LONGEST}x": number(1)}}}):
        refuses("PutItem", {"TableName": "@simple", "Item": {**KEY, **more}}, LARGE)
