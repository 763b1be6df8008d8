"""Proves that INSERT, UPDATE and DELETE leave the items, and the records of their changes, that the
operations on items leave."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.testing.calling import Caller, CallRefused

Json = dict[str, Any]

STREAM: Json = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
GUARDED = "attribute_exists(pk)"

VALUES = st.one_of(
    st.sampled_from(["", "x", "it's", "ü"]).map(lambda text: {"S": text}),
    st.integers(-5, 5).map(lambda number: {"N": str(number)}),
    st.booleans().map(lambda truth: {"BOOL": truth}),
    st.just({"NULL": True}),
    st.sets(st.sampled_from("abc"), min_size=1).map(lambda members: {"SS": sorted(members)}),
    st.lists(st.integers(0, 2).map(lambda number: {"N": str(number)}), max_size=2).map(
        lambda members: {"L": members}
    ),
)
KEYS = st.sampled_from(["k1", "k2"])
NAMES = st.sampled_from(["a", "b"])


def literal(value: Json) -> str:
    """A value as statements write it."""
    ((kind, content),) = value.items()
    if kind == "S":
        return "'" + content.replace("'", "''") + "'"
    if kind == "SS":
        return f"<<{', '.join(literal({'S': member}) for member in content)}>>"
    if kind == "L":
        return f"[{', '.join(map(literal, content))}]"
    return {"N": str(content), "BOOL": str(content).upper(), "NULL": "null"}[kind]


class Pair:
    """Two stores: one hears statements, the other operations on items."""

    def __init__(self) -> None:
        self.statements, self.items = Caller(), Caller()
        for caller in (self.statements, self.items):
            caller.create(StreamSpecification=STREAM)

    def both(self, statement: str, operation: str, **members: Any) -> None:
        stated = attempt(self.statements, "ExecuteStatement", Statement=statement)
        done = attempt(self.items, operation, TableName="things", **members)
        if stated == "DuplicateItemException":
            stated = "ConditionalCheckFailedException"
        assert stated == done

    def close(self) -> None:
        self.statements.close()
        self.items.close()


def attempt(caller: Caller, operation: str, **members: Any) -> str:
    """The code of a call's error; nothing for success."""
    try:
        caller.call(operation, **members)
    except CallRefused as refusal:
        return refusal.code
    return ""


def images(caller: Caller) -> list[Any]:
    """The changes in a table's stream, item by item."""
    records = [record["dynamodb"] for record in caller.records()]
    found = [
        (record["Keys"]["pk"]["S"], record.get("OldImage"), record.get("NewImage"))
        for record in records
    ]
    return sorted(found, key=lambda change: change[0])


def insert(pair: Pair, pk: str, name: str, value: Json, operand: str) -> None:
    del operand
    pair.both(
        f"INSERT INTO things VALUE {{'pk': '{pk}', '{name}': {literal(value)}}}",
        "PutItem",
        Item={"pk": {"S": pk}, name: value},
        ConditionExpression="attribute_not_exists(pk)",
    )


def assign(pair: Pair, pk: str, name: str, value: Json, operand: str) -> None:
    del operand
    pair.both(
        f"UPDATE things SET {name} = {literal(value)} WHERE pk = '{pk}'",
        "UpdateItem",
        Key={"pk": {"S": pk}},
        UpdateExpression=f"SET {name} = :v",
        ConditionExpression=GUARDED,
        ExpressionAttributeValues={":v": value},
    )


def add(pair: Pair, pk: str, name: str, value: Json, operand: str) -> None:
    del value
    pair.both(
        f"UPDATE things SET {name} = {name} + 1, c = {operand} REMOVE d WHERE pk = '{pk}'",
        "UpdateItem",
        Key={"pk": {"S": pk}},
        UpdateExpression=f"SET {name} = {name} + :one, c = {operand} REMOVE d",
        ConditionExpression=GUARDED,
        ExpressionAttributeValues={":one": {"N": "1"}},
    )


def add_members(pair: Pair, pk: str, name: str, value: Json, operand: str) -> None:
    del value, operand
    pair.both(
        f"UPDATE things SET {name} = set_add({name}, <<'b', 'z'>>) WHERE pk = '{pk}'",
        "UpdateItem",
        Key={"pk": {"S": pk}},
        UpdateExpression=f"ADD {name} :m",
        ConditionExpression=GUARDED,
        ExpressionAttributeValues={":m": {"SS": ["b", "z"]}},
    )


def delete_members(pair: Pair, pk: str, name: str, value: Json, operand: str) -> None:
    del value, operand
    pair.both(
        f"UPDATE things SET {name} = set_delete({name}, <<'a', 'b'>>) WHERE pk = '{pk}'",
        "UpdateItem",
        Key={"pk": {"S": pk}},
        UpdateExpression=f"DELETE {name} :m",
        ConditionExpression=GUARDED,
        ExpressionAttributeValues={":m": {"SS": ["a", "b"]}},
    )


def append(pair: Pair, pk: str, name: str, value: Json, operand: str) -> None:
    del operand
    pair.both(
        f"UPDATE things SET {name} = list_append({name}, [{literal(value)}]) WHERE pk = '{pk}'",
        "UpdateItem",
        Key={"pk": {"S": pk}},
        UpdateExpression=f"SET {name} = list_append({name}, :v)",
        ConditionExpression=GUARDED,
        ExpressionAttributeValues={":v": {"L": [value]}},
    )


def delete(pair: Pair, pk: str, name: str, value: Json, operand: str) -> None:
    del operand
    pair.both(
        f"DELETE FROM things WHERE pk = '{pk}' AND {name} = {literal(value)}",
        "DeleteItem",
        Key={"pk": {"S": pk}},
        ConditionExpression=f"attribute_not_exists(pk) OR {name} = :v",
        ExpressionAttributeValues={":v": value},
    )


STEPS = st.tuples(
    st.sampled_from([insert, assign, add, add_members, delete_members, append, delete]),
    KEYS,
    NAMES,
    VALUES,
    NAMES,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_statements_do_what_operations_on_items_do(steps: list[Any]):
    pair = Pair()
    try:
        for step, pk, name, value, operand in steps:
            step(pair, pk, name, value, operand)
        assert sorted(map(repr, pair.statements.scan())) == sorted(map(repr, pair.items.scan()))
        assert images(pair.statements) == images(pair.items)
    finally:
        pair.close()


@pytest.mark.parametrize("value", [{"S": "it's"}, {"N": "-1.5"}, {"L": [{"NULL": True}]}])
def test_literals_are_what_parameters_are(caller: Caller, value: Json):
    caller.create()
    literal_item = f"INSERT INTO things VALUE {{'pk': 'a', 'v': {literal(value)}}}"
    caller.call("ExecuteStatement", Statement=literal_item)
    caller.call(
        "ExecuteStatement",
        Statement="INSERT INTO things VALUE {'pk': 'b', 'v': ?}",
        Parameters=[value],
    )
    assert (caller.get("a") or {})["v"] == (caller.get("b") or {})["v"]
