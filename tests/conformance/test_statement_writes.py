"""INSERT, UPDATE and DELETE by ExecuteStatement: what they write, what RETURNING answers, and what
they cost."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.shapes import number, text
from tests.conformance.statements import Statements

FAILED = "The conditional request failed"
CONDITIONAL = "ConditionalCheckFailedException"
_places = itertools.count()

Item = Callable[..., str]


@pytest.fixture
def item(db: Client, simple: str) -> Item:
    """`item(**attributes)`: puts an item and gives its key."""

    def made(**attributes: Json) -> str:
        name = f"sw-{next(_places)}"
        db.put(simple, {"a": text(name), **attributes})
        return name

    return made


@pytest.fixture
def stored(db: Client, simple: str) -> Callable[[str], Json | None]:
    """`stored(name)`: the item without its key."""

    def found(name: str) -> Json | None:
        value = db.get(simple, {"a": text(name)})
        if value is not None:
            del value["a"]
        return value

    return found


Stored = Callable[[str], Json | None]


# INSERT ------------------------------------------------------------------------------------------

LITERALS: dict[str, Json] = {
    "'it''s'": text("it's"),
    "''": text(""),
    "-1.50": number("-1.5"),
    "1E3": number(1000),
    "+5": number(5),
    "true": {"BOOL": True},
    "FALSE": {"BOOL": False},
    "null": {"NULL": True},
    "[1, 'a', [], null]": {"L": [number(1), text("a"), {"L": []}, {"NULL": True}]},
    "(1, 2)": {"L": [number(1), number(2)]},
    "{'x': {'y': 1}, 'z': {}}": {"M": {"x": {"M": {"y": number(1)}}, "z": {"M": {}}}},
    "<<3, 1, 2.0>>": {"NS": ["1", "2", "3"]},
    "<<'b', 'a'>>": {"SS": ["a", "b"]},
}


@pytest.mark.parametrize("literal", LITERALS)
def test_literals_of_all_types(sql: Statements, stored: Stored, literal: str) -> None:
    name = f"sw-{next(_places)}"
    assert sql.items(f"INSERT INTO \"@simple\" VALUE {{'a': '{name}', 'v': {literal}}}") == []
    found = (stored(name) or {})["v"]
    for kind in ("SS", "NS"):
        if kind in found:
            found[kind].sort()
    assert found == LITERALS[literal]


def test_parameters_of_all_types(sql: Statements, stored: Stored) -> None:
    values: dict[str, Json] = {
        "s": text("ü"),
        "b": {"B": "AAH/"},
        "bs": {"BS": ["AA=="]},
        "l": {"L": [{"M": {"x": number(1)}}]},
        "nul": {"NULL": True},
    }
    name = f"sw-{next(_places)}"
    attributes = ", ".join(f"'{attribute}': ?" for attribute in values)
    sql.run(f"INSERT INTO \"@simple\" VALUE {{'a': ?, {attributes}}}", text(name), *values.values())
    assert stored(name) == values


def test_an_insert_replaces_nothing(sql: Statements, item: Item, stored: Stored) -> None:
    name = item(n=number(1))
    sql.refuses(
        f"INSERT INTO \"@simple\" VALUE {{'a': '{name}', 'n': 2}}",
        "Duplicate primary key exists in table",
        code="DuplicateItemException",
    )
    assert stored(name) == {"n": number(1)}


# UPDATE ------------------------------------------------------------------------------------------

UPDATES: dict[str, Json] = {
    "SET n = 9": {"n": number(9)},
    "SET n = n + 1": {"n": number(2)},
    "SET n = n - - 2": {"n": number(3)},
    "SET n = 10 - n": {"n": number(9)},
    "SET x = n": {"x": number(1)},
    "SET x = 1, y = 'two'": {"x": number(1), "y": text("two")},
    "SET x = 1 SET y = 2 REMOVE n": {"x": number(1), "y": number(2), "n": None},
    "REMOVE n REMOVE s": {"n": None, "s": None},
    "REMOVE nope": {},
    "SET l[0] = 'new'": {"l": {"L": [text("new"), text("two")]}},
    "SET l[9] = 'end'": {"l": {"L": [text("one"), text("two"), text("end")]}},
    "REMOVE l[0]": {"l": {"L": [text("two")]}},
    "SET m.k.y = [1]": {"m": {"M": {"k": {"M": {"z": number(1), "y": {"L": [number(1)]}}}}}},
    "REMOVE m.k.z": {"m": {"M": {"k": {"M": {}}}}},
    "SET l = list_append(l, ['three'])": {"l": {"L": [text("one"), text("two"), text("three")]}},
    "SET l = list_append([0], l)": {"l": {"L": [number(0), text("one"), text("two")]}},
    "SET ss = set_add(ss, <<'c'>>)": {"ss": {"SS": ["a", "b", "c"]}},
    "SET ss = SET_DELETE(ss, <<'a', 'z'>>)": {"ss": {"SS": ["b"]}},
    "SET ss = set_delete(ss, <<'a', 'b'>>)": {"ss": None},
    "SET fresh = set_add(fresh, <<1, 2>>)": {"fresh": {"NS": ["1", "2"]}},
    "SET x = null": {"x": {"NULL": True}},
}


@pytest.mark.parametrize("clauses", UPDATES)
def test_updates(sql: Statements, item: Item, stored: Stored, clauses: str) -> None:
    before: Json = {
        "n": number(1),
        "s": text("word"),
        "l": {"L": [text("one"), text("two")]},
        "m": {"M": {"k": {"M": {"z": number(1)}}}},
        "ss": {"SS": ["a", "b"]},
    }
    name = item(**before)
    assert sql.items(f"UPDATE \"@simple\" {clauses} WHERE a = '{name}'") == []
    after = {**before, **UPDATES[clauses]}
    found = stored(name) or {}
    for value in found.values():
        for kind in ("SS", "NS"):
            if kind in value:
                value[kind].sort()
    assert found == {key: value for key, value in after.items() if value is not None}


RETURNED: dict[str, Json | None] = {
    "SET n = 9 | ALL OLD": {"n": number(1), "s": text("word")},
    "SET n = 9 | ALL NEW": {"n": number(9), "s": text("word")},
    "SET n = 9 | MODIFIED OLD": {"n": number(1)},
    "SET n = 9 | MODIFIED NEW": {"n": number(9)},
    "SET x = 9 | MODIFIED OLD": None,
    "REMOVE n | MODIFIED OLD": {"n": number(1)},
    "REMOVE n | MODIFIED NEW": None,
}


@pytest.mark.parametrize("case", RETURNED)
def test_updates_return_what_is_asked_for(sql: Statements, item: Item, case: str) -> None:
    name = item(n=number(1), s=text("word"))
    clauses, _, mapping = case.partition(" | ")
    statement = f"UPDATE \"@simple\" {clauses} WHERE a = '{name}' RETURNING {mapping} *"
    expected = RETURNED[case]
    if expected is not None and mapping.startswith("ALL"):
        expected = {"a": text(name), **expected}
    assert sql.items(statement) == ([] if expected is None else [expected])


def test_the_table_may_stand_first(sql: Statements, item: Item, stored: Stored) -> None:
    name = item()
    sql.run(f"FROM \"@simple\" WHERE a = '{name}' SET n = 1")
    assert stored(name) == {"n": number(1)}


def test_what_is_not_there_is_not_updated(sql: Statements, stored: Stored) -> None:
    for condition in ("", " AND n = 1", " AND nope IS MISSING"):
        statement = f"UPDATE \"@simple\" SET n = 1 WHERE a = 'sw-absent'{condition}"
        sql.refuses(statement, FAILED, code=CONDITIONAL)
    assert stored("sw-absent") is None


# Conditions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", ['UPDATE "@simple" SET x = 1', 'DELETE FROM "@simple"'])
def test_conditions_beside_the_key_decide(
    sql: Statements, item: Item, stored: Stored, head: str
) -> None:
    name = item(n=number(1))
    statement = f"{head} WHERE a = '{name}' AND n = 2"
    sql.refuses(statement, FAILED, code=CONDITIONAL)
    shown = sql.send(statement, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert shown.code == CONDITIONAL
    assert shown.body["Item"] == {"a": text(name), "n": number(1)}
    hidden = sql.send(statement, ReturnValuesOnConditionCheckFailure="NONE")
    assert "Item" not in hidden.body
    assert stored(name) == {"n": number(1)}
    sql.run(f"{head} WHERE (a = '{name}') AND n BETWEEN 1 AND 2 AND NOT begins_with(a, 'zz')")
    assert stored(name) != {"n": number(1)}


# DELETE ------------------------------------------------------------------------------------------


def test_deletes_return_the_item_as_it_was(sql: Statements, item: Item, stored: Stored) -> None:
    name = item(n=number(1))
    statement = f"DELETE FROM \"@simple\" WHERE a = '{name}' RETURNING ALL OLD *"
    assert sql.items(statement) == [{"a": text(name), "n": number(1)}]
    assert stored(name) is None
    assert sql.items(statement) == []


def test_what_is_not_there_is_deleted_whatever_the_condition(sql: Statements) -> None:
    for condition in ("", " AND n = 1", " AND nope IS MISSING"):
        assert sql.items(f"DELETE FROM \"@simple\" WHERE a = 'sw-absent'{condition}") == []


# Capacity ----------------------------------------------------------------------------------------


def test_writes_are_charged_as_those_of_items(sql: Statements, simple: str) -> None:
    name = f"sw-{next(_places)}"
    for statement in (
        f"INSERT INTO \"@simple\" VALUE {{'a': '{name}'}}",
        f"UPDATE \"@simple\" SET x = 1 WHERE a = '{name}'",
        f"DELETE FROM \"@simple\" WHERE a = '{name}'",
    ):
        answer = sql.run(statement, ReturnConsumedCapacity="TOTAL")
        assert answer["ConsumedCapacity"] == {"TableName": simple, "CapacityUnits": 1.0}
    indexed = "INSERT INTO \"@composite\" VALUE {'a': 'sw', 'b': '1', 'c': 'x'}"
    used = sql.run(indexed, ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
    assert used["CapacityUnits"] == 3.0
    assert used["Table"] == {"CapacityUnits": 1.0}
    assert used["GlobalSecondaryIndexes"] == {"global_all": {"CapacityUnits": 1.0}}
    assert used["LocalSecondaryIndexes"] == {"local_all": {"CapacityUnits": 1.0}}


def test_writes_are_in_the_stream(db: Client) -> None:
    from tests.conformance.test_stream_records import Watched

    table = Watched(db, "NEW_IMAGE")
    for statement in (
        "INSERT INTO \"{}\" VALUE {{'a': 'k'}}",
        "UPDATE \"{}\" SET n = 1 WHERE a = 'k'",
        "UPDATE \"{}\" SET n = 1 WHERE a = 'k'",
        "DELETE FROM \"{}\" WHERE a = 'k'",
        "DELETE FROM \"{}\" WHERE a = 'k'",
    ):
        db.call("ExecuteStatement", {"Statement": statement.format(table.table)})
    kinds = [record["eventName"] for record in table.records(3)]
    assert kinds == ["INSERT", "MODIFY", "REMOVE"]
