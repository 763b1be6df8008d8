"""UpdateItem: what expressions do to items, and what comes back."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses

MISMATCH = "An operand in the update expression has an incorrect data type"
NO_PATH = "The document path provided in the update expression is invalid for update"
NO_ATTRIBUTE = "The provided expression refers to an attribute that does not exist in the item"
ONE = {":one": {"N": "1"}}
_names = itertools.count()


def update(expression: str | None = None, values: Json | None = None, **more: Any) -> Json:
    body: Json = {"TableName": "@simple", "Key": {"a": {"S": "refused"}}, **more}
    if expression is not None:
        body["UpdateExpression"] = expression
    if values is not None:
        body["ExpressionAttributeValues"] = values
    return body


# What it does ------------------------------------------------------------------------------------

START: Json = {
    "n": {"N": "5"},
    "s": {"S": "text"},
    "l": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}]},
    "m": {"M": {"x": {"N": "1"}, "y": {"M": {"z": {"S": "deep"}}}}},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["1", "2"]},
}
VALUES: Json = {
    ":one": {"N": "1"},
    ":half": {"N": "0.5"},
    ":s": {"S": "new"},
    ":l": {"L": [{"S": "end"}]},
    ":ss": {"SS": ["b", "c"]},
    ":ns": {"NS": ["2", "3"]},
    ":m": {"M": {}},
    ":both": {"SS": ["a", "b"]},
}


def used(expression: str) -> Json:
    words = expression.replace("(", " ").replace(")", " ").replace(",", " ").split()
    return {name: VALUES[name] for name in words if name in VALUES}


def changed(**wanted: Json | None) -> Json:
    return {name: value for name, value in {**START, **wanted}.items() if value is not None}


RESULTS: dict[str, Json] = {
    "SET n = :one": changed(n={"N": "1"}),
    "SET q = :s": changed(q={"S": "new"}),
    "SET n = n + :one": changed(n={"N": "6"}),
    "SET n = n - :half": changed(n={"N": "4.5"}),
    "SET n = :one - n": changed(n={"N": "-4"}),
    "SET n = n + n": changed(n={"N": "10"}),
    "SET n = s, s = n": changed(n={"S": "text"}, s={"N": "5"}),
    "SET n = if_not_exists(n, :one)": START,
    "SET q = if_not_exists(q, :one)": changed(q={"N": "1"}),
    "SET q = if_not_exists(q, :one) + :one": changed(q={"N": "2"}),
    "SET q = if_not_exists(m.y.zz, m.y.z)": changed(q={"S": "deep"}),
    "SET l = list_append(l, :l)": changed(l={"L": [*START["l"]["L"], {"S": "end"}]}),
    "SET l = list_append(:l, l)": changed(l={"L": [{"S": "end"}, *START["l"]["L"]]}),
    "SET l[1] = :s": changed(l={"L": [{"N": "0"}, {"S": "new"}, {"N": "2"}]}),
    "SET l[9] = :s": changed(l={"L": [*START["l"]["L"], {"S": "new"}]}),
    "SET l[9] = :s, l[4] = :one": changed(l={"L": [*START["l"]["L"], {"N": "1"}, {"S": "new"}]}),
    "SET m.x = :s": changed(m={"M": {**START["m"]["M"], "x": {"S": "new"}}}),
    "SET m.w = :m": changed(m={"M": {**START["m"]["M"], "w": {"M": {}}}}),
    "SET m.y.z = m.x": changed(m={"M": {"x": {"N": "1"}, "y": {"M": {"z": {"N": "1"}}}}}),
    "REMOVE n, s": changed(n=None, s=None),
    "REMOVE zz": START,
    "REMOVE l[0]": changed(l={"L": [{"N": "1"}, {"N": "2"}]}),
    "REMOVE l[0], l[2]": changed(l={"L": [{"N": "1"}]}),
    "REMOVE l[7]": START,
    "REMOVE m.y.z": changed(m={"M": {"x": {"N": "1"}, "y": {"M": {}}}}),
    "REMOVE l[0] SET l[2] = :s": changed(l={"L": [{"N": "1"}, {"S": "new"}]}),
    "ADD n :one": changed(n={"N": "6"}),
    "ADD q :one": changed(q={"N": "1"}),
    "ADD m.x :half": changed(m={"M": {**START["m"]["M"], "x": {"N": "1.5"}}}),
    "ADD ss :ss": changed(ss={"SS": ["a", "b", "c"]}),
    "ADD ns :ns": changed(ns={"NS": ["1", "2", "3"]}),
    "ADD q :ss": changed(q={"SS": ["b", "c"]}),
    "DELETE ss :ss": changed(ss={"SS": ["a"]}),
    "DELETE ss :both": changed(ss=None),
    "DELETE zz :ss": START,
    "SET n = :one REMOVE s ADD ns :ns DELETE ss :ss": changed(
        n={"N": "1"}, s=None, ns={"NS": ["1", "2", "3"]}, ss={"SS": ["a"]}
    ),
}


def sorted_sets(item: Json | None) -> Json:
    return {
        name: {kind: sorted(content) if kind in ("SS", "NS") else content}
        for name, value in (item or {}).items()
        for kind, content in value.items()
    }


@pytest.mark.parametrize("expression", RESULTS)
def test_expressions_do_what_they_say(db: Client, simple: str, expression: str) -> None:
    key = {"a": {"S": f"update-{next(_names)}"}}
    db.put(simple, {**key, **START})
    body = {"TableName": simple, "Key": key, "UpdateExpression": expression}
    values = used(expression)
    if values:
        body["ExpressionAttributeValues"] = values
    assert db.call("UpdateItem", body) == {}
    assert sorted_sets(db.get(simple, key)) == {**key, **RESULTS[expression]}


IMPOSSIBLE = {
    "SET n = s + :one": MISMATCH,
    "SET q = zz + :one": NO_ATTRIBUTE,
    "SET q = zz": NO_ATTRIBUTE,
    "SET q = list_append(n, :l)": MISMATCH,
    "SET q = list_append(zz, :l)": NO_ATTRIBUTE,
    "SET s.x = :one": NO_PATH,
    "SET zz.x = :one": NO_PATH,
    "SET m.zz.x = :one": NO_PATH,
    "SET n[0] = :one": NO_PATH,
    "SET m[0] = :one": NO_PATH,
    "SET l.x = :one": NO_PATH,
    "REMOVE s.x": NO_PATH,
    "REMOVE zz.x": NO_PATH,
    "ADD s :one": MISMATCH,
    "ADD ss :ns": MISMATCH,
    "ADD n :ss": MISMATCH,
    "DELETE n :ss": MISMATCH,
    "DELETE ns :ss": MISMATCH,
}


@pytest.mark.parametrize("expression", IMPOSSIBLE)
def test_an_impossible_update_changes_nothing(
    db: Client, simple: str, refuses: Refuses, expression: str
) -> None:
    item = {"a": {"S": "impossible"}, **START}
    db.put(simple, item)
    body = update(expression, used(expression) or None, Key={"a": item["a"]})
    refuses("UpdateItem", body, IMPOSSIBLE[expression])
    assert sorted_sets(db.get(simple, {"a": item["a"]})) == item


def test_a_number_that_can_not_be_stored_is_refused(
    db: Client, simple: str, refuses: Refuses
) -> None:
    db.put(simple, {"a": {"S": "sum"}, "n": {"N": "9E125"}})
    refuses(
        "UpdateItem",
        update("SET n = n + :x", {":x": {"N": "9E125"}}, Key={"a": {"S": "sum"}}),
        "Number overflow. Attempting to store a number with magnitude larger than supported range",
    )
    db.put(simple, {"a": {"S": "sum"}, "n": {"N": "1E20"}})
    refuses(
        "UpdateItem",
        update("ADD n :x", {":x": {"N": "1E-20"}}, Key={"a": {"S": "sum"}}),
        "Attempting to store more than 38 significant digits in a Number",
    )


@pytest.mark.parametrize(
    ("expression", "made"),
    [
        ("SET n = :one", {"n": {"N": "1"}}),
        ("ADD n :one", {"n": {"N": "1"}}),
        (None, {}),
        ("REMOVE n", None),
        ("DELETE n :ss", None),
    ],
)
def test_an_item_is_made_by_what_gives_it_something(
    db: Client, simple: str, expression: str | None, made: Json | None
) -> None:
    key = {"a": {"S": f"make-{next(_names)}"}}
    body: Json = {"TableName": simple, "Key": key}
    if expression is not None:
        body["UpdateExpression"] = expression
        values = used(expression)
        if values:
            body["ExpressionAttributeValues"] = values
    db.call("UpdateItem", body)
    assert db.get(simple, key) == (None if made is None else {**key, **made})


# What comes back ---------------------------------------------------------------------------------

RETURNED: dict[str, Json | None] = {
    "NONE": None,
    "ALL_OLD": {"n": {"N": "5"}, "m": {"M": {"x": {"N": "1"}, "y": {"S": "y"}}}},
    "ALL_NEW": {"n": {"N": "6"}, "m": {"M": {"x": {"N": "2"}, "y": {"S": "y"}}}},
    "UPDATED_OLD": {"n": {"N": "5"}, "m": {"M": {"x": {"N": "1"}}}},
    "UPDATED_NEW": {"n": {"N": "6"}, "m": {"M": {"x": {"N": "2"}}}},
}


@pytest.mark.parametrize("wanted", RETURNED)
def test_return_values(db: Client, simple: str, wanted: str) -> None:
    key = {"a": {"S": f"return-{wanted}"}}
    db.put(simple, {**key, **(RETURNED["ALL_OLD"] or {})})
    answer = db.call(
        "UpdateItem",
        {
            "TableName": simple,
            "Key": key,
            "UpdateExpression": "SET n = n + :one, m.x = m.x + :one",
            "ExpressionAttributeValues": ONE,
            "ReturnValues": wanted,
        },
    )
    expected = RETURNED[wanted]
    whole = key if wanted.startswith("ALL") else {}
    assert answer == ({} if expected is None else {"Attributes": {**whole, **expected}})


@pytest.mark.parametrize(
    ("wanted", "attributes"),
    [
        ("ALL_OLD", None),
        ("UPDATED_OLD", None),
        ("ALL_NEW", {"a": {"S": "fresh"}, "n": {"N": "1"}}),
        ("UPDATED_NEW", {"n": {"N": "1"}}),
    ],
)
def test_return_values_of_an_item_that_was_not_there(
    db: Client, simple: str, wanted: str, attributes: Json | None
) -> None:
    key = {"a": {"S": "fresh"}}
    db.call("DeleteItem", {"TableName": simple, "Key": key})
    answer = db.call(
        "UpdateItem", update("SET n = :one", ONE, Key=key, ReturnValues=wanted, TableName=simple)
    )
    assert answer == ({} if attributes is None else {"Attributes": attributes})


def test_removed_attributes_are_old_but_not_new(db: Client, simple: str) -> None:
    key = {"a": {"S": "removed"}}
    for wanted, attributes in (("UPDATED_OLD", {"n": {"N": "1"}}), ("UPDATED_NEW", None)):
        db.put(simple, {**key, "n": {"N": "1"}})
        answer = db.call(
            "UpdateItem",
            {
                "TableName": simple,
                "Key": key,
                "UpdateExpression": "REMOVE n",
                "ReturnValues": wanted,
            },
        )
        assert answer == ({} if attributes is None else {"Attributes": attributes})


def test_a_condition_decides_and_can_show_the_item(db: Client, simple: str) -> None:
    stored = {"a": {"S": "condition"}, "n": {"N": "1"}}
    db.put(simple, stored)
    body = {
        "TableName": simple,
        "Key": {"a": {"S": "condition"}},
        "UpdateExpression": "SET n = :two",
        "ConditionExpression": "n = :two",
        "ExpressionAttributeValues": {":two": {"N": "2"}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    answer = db.send("UpdateItem", body)
    assert answer.code == "ConditionalCheckFailedException"
    assert answer.body["Item"] == stored
    body["ConditionExpression"] = "n < :two"
    db.call("UpdateItem", body)
    assert db.get(simple, {"a": {"S": "condition"}}) == {**stored, "n": {"N": "2"}}
