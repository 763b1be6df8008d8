"""Proves that statements read indexes as they are: what they hold, by their keys or as a whole."""

from __future__ import annotations

import pytest

from tailrace.testing.calling import Caller
from tests.api.dynamodb.statements import Json, refused, run

INDEXED: Json = {
    "sort": True,
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "g", "h", "l")
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-g",
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["held"]},
        },
        {
            "IndexName": "by-both",
            "KeySchema": [
                {"AttributeName": "g", "KeyType": "HASH"},
                {"AttributeName": "h", "KeyType": "HASH"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        },
    ],
    "LocalSecondaryIndexes": [
        {
            "IndexName": "by-l",
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "l", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
}


def sort_keys(answer: Json) -> list[str]:
    return [item["sk"]["S"] for item in answer["Items"]]


@pytest.fixture
def indexed(caller: Caller) -> Caller:
    caller.create(**INDEXED)
    for sk, g, extra in (("1", "x", "'l': 'l1',"), ("2", "x", ""), ("3", "y", "'l': 'l3',")):
        run(
            caller,
            f"INSERT INTO things VALUE {{'pk': 'p', 'sk': '{sk}', 'g': '{g}', {extra}"
            f" 'held': 'held{sk}', 'other': 'other{sk}'}}",
        )
    run(caller, "INSERT INTO things VALUE {'pk': 'p', 'sk': '4', 'other': 'other4'}")
    return caller


def test_an_index_shows_what_it_holds(indexed: Caller):
    items = run(indexed, "SELECT * FROM things.\"by-g\" WHERE g = 'x'")["Items"]
    assert [sorted(item) for item in items] == [["g", "held", "pk", "sk"]] * 2
    local = run(indexed, "SELECT * FROM things.\"by-l\" WHERE pk = 'p'")["Items"]
    assert [sorted(item) for item in local] == [["l", "pk", "sk"]] * 2


def test_an_index_without_its_key_is_scanned(indexed: Caller):
    found = run(indexed, "SELECT sk FROM things.\"by-g\" WHERE NOT other = 'other1'")
    assert sorted(sort_keys(found)) == ["1", "2", "3"]
    assert run(indexed, "SELECT sk FROM things.\"by-l\" WHERE other = 'other1'")["Items"] == []


def test_a_local_index_fetches_what_it_does_not_hold(indexed: Caller):
    statement = "SELECT other FROM things.\"by-l\" WHERE pk = 'p'"
    found = run(indexed, statement, ConsistentRead=True, ReturnConsumedCapacity="INDEXES")
    assert [item["other"]["S"] for item in found["Items"]] == ["other1", "other3"]
    assert found["ConsumedCapacity"]["Table"]["CapacityUnits"] == 2.0
    assert found["ConsumedCapacity"]["LocalSecondaryIndexes"]["by-l"]["CapacityUnits"] == 1.0


UNHELD = (
    "One or more parameter values were invalid: Secondary index {} does not project one or more"
    " filter attributes: [{}]"
)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            'SELECT other, g, zip FROM things."by-g"',
            (
                "One or more parameter values were invalid: Global secondary index by-g does not"
                " project [other, zip]"
            ),
        ),
        ("SELECT * FROM things.nope WHERE pk = 'p'", "The table does not have the specified index"),
        (
            'SELECT * FROM things."by-both" WHERE g = 5',
            (
                "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or"
                " multi-attribute RANGE keys."
            ),
        ),
        ("SELECT pk FROM things.\"by-g\" WHERE g = 'x' AND o = 1", UNHELD.format("by-g", "o")),
        (
            "SELECT pk FROM things.\"by-l\" WHERE pk = 'p' AND l > 'a' AND o IS MISSING",
            UNHELD.format("by-l", "o"),
        ),
        (
            "SELECT pk FROM things.\"by-g\" WHERE g IN ['x', 'y'] AND NOT (o = 1 OR held = 'x')",
            UNHELD.format("by-g", "o"),
        ),
        (
            "SELECT pk FROM things.\"by-g\" WHERE g = 'x' AND b = '1' AND (a = '2' OR held = '3')",
            UNHELD.format("by-g", "a, b"),
        ),
        (
            "SELECT pk FROM things.\"by-g\" WHERE (g = 'b' AND u1 = '1') OR (g = 'q' AND u2 = '1')",
            UNHELD.format("by-g", "u2"),
        ),
        (
            "SELECT pk FROM things.\"by-g\" WHERE (g = 'q' AND u1 = '1') OR (g = 'b' AND u2 = '1')",
            UNHELD.format("by-g", "u1"),
        ),
    ],
)
def test_what_an_index_cannot_give(indexed: Caller, statement: str, message: str):
    assert refused(indexed, statement).message == message


@pytest.mark.parametrize(
    "where",
    [
        "(g = 'y' AND held = '1') OR (g = 'z' AND aa = '1')",
        "(g = 'y' AND other = '1') OR (g = 'y2')",
        "g > 'a' AND zz = '1'",
        "g = 'y' AND (g = 'z' OR zz = '1')",
        "(g = 'y' AND zz = '1') OR aa = '1'",
    ],
)
def test_filters_that_an_index_takes(indexed: Caller, where: str):
    assert run(indexed, f'SELECT pk FROM things."by-g" WHERE {where}')["Items"] == []


def test_global_indexes_are_read_eventually(indexed: Caller):
    statement = 'SELECT * FROM things."by-g"'
    assert refused(indexed, statement, ConsistentRead=True).message == (
        "Strongly consistent read is not supported on Global Secondary Indexes"
    )
    used = run(indexed, statement, ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
    assert used["CapacityUnits"] == 0.5
    assert used["GlobalSecondaryIndexes"]["by-g"]["CapacityUnits"] == 0.5
    assert used["Table"]["CapacityUnits"] == 0.0
