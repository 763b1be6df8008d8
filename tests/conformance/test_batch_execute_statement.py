"""BatchExecuteStatement: up to 25 reads or 25 writes, each with its own answer or error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import number, text

KEYED = (
    "Select statements within BatchExecuteStatement must specify the primary key in the where"
    " clause."
)
OLD: Json = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}

Batch = Callable[..., Json]


def listed(*statements: str | Json) -> list[Json]:
    return [each if isinstance(each, dict) else {"Statement": each} for each in statements]


@pytest.fixture
def batch(db: Client, fill: Callable[[Any], Any]) -> Batch:
    """`batch(*statements, **more)`: the whole answer, with `@simple` for the table's name."""

    def run(*statements: str | Json, **more: Any) -> Json:
        body = fill({"Statements": listed(*statements), **more})
        return db.call("BatchExecuteStatement", body)

    return run


@pytest.fixture
def things(db: Client, simple: str) -> None:
    db.put(simple, *({"a": text(f"be-{place}"), "n": number(place)} for place in range(1, 5)))


def failed(code: str, message: str) -> Json:
    return {"Code": code, "Message": message}


@pytest.mark.usefixtures("things")
def test_reads_answer_in_their_places(batch: Batch, simple: str) -> None:
    answer = batch(
        "SELECT * FROM \"@simple\" WHERE a = 'be-2'",
        {"Statement": 'SELECT n FROM "@simple" WHERE a = ?', "Parameters": [text("be-1")]},
        "SELECT * FROM \"@simple\" WHERE a = 'be-absent'",
        {"Statement": "SELECT n FROM \"@simple\" WHERE a IN ['be-3']", "ConsistentRead": True},
        "SELECT nope FROM \"@simple\" WHERE a = 'be-4'",
    )
    assert answer == {
        "Responses": [
            {"TableName": simple, "Item": {"a": text("be-2"), "n": number(2)}},
            {"TableName": simple, "Item": {"n": number(1)}},
            {"TableName": simple},
            {"TableName": simple, "Item": {"n": number(3)}},
            {"TableName": simple, "Item": {}},
        ]
    }


@pytest.mark.usefixtures("things")
def test_writes_are_each_on_their_own(db: Client, batch: Batch, simple: str) -> None:
    db.call("DeleteItem", {"TableName": simple, "Key": {"a": text("be-new")}})
    answer = batch(
        "INSERT INTO \"@simple\" VALUE {'a': 'be-new'}",
        "INSERT INTO \"@simple\" VALUE {'a': 'be-1'}",
        "UPDATE \"@simple\" SET n = 9 WHERE a = 'be-3' AND n = 5",
        {"Statement": "UPDATE \"@simple\" SET n = 9 WHERE a = 'be-2' AND n = 5", **OLD},
        "DELETE FROM \"@simple\" WHERE a = 'be-absent'",
        "UPDATE \"@simple\" SET m.k = 1 WHERE a = 'be-4'",
    )["Responses"]
    path = "The document path provided in the update expression is invalid for update"
    condition = failed("ConditionalCheckFailed", "The conditional request failed")
    assert answer == [
        {"TableName": simple},
        {
            "TableName": simple,
            "Error": failed("DuplicateItem", "Duplicate primary key exists in table"),
        },
        {"TableName": simple, "Error": condition},
        {
            "TableName": simple,
            "Error": {**condition, "Item": {"a": text("be-2"), "n": number(2)}},
        },
        {"TableName": simple},
        {"TableName": simple, "Error": failed("ValidationError", path)},
    ]
    assert db.get(simple, {"a": text("be-new")}) == {"a": text("be-new")}
    assert db.get(simple, {"a": text("be-1")}) == {"a": text("be-1"), "n": number(1)}


@pytest.mark.usefixtures("things")
def test_writes_return_what_is_asked_for(batch: Batch, simple: str) -> None:
    answer = batch(
        "UPDATE \"@simple\" SET n = n + 1 WHERE a = 'be-1' RETURNING MODIFIED OLD *",
        "UPDATE \"@simple\" SET n = 5 WHERE a = 'be-2' RETURNING ALL NEW *",
        "DELETE FROM \"@simple\" WHERE a = 'be-absent' RETURNING ALL OLD *",
    )
    assert answer["Responses"] == [
        {"TableName": simple, "Item": {"n": number(1)}},
        {"TableName": simple, "Item": {"a": text("be-2"), "n": number(5)}},
        {"TableName": simple},
    ]


ERRORS = {
    "SLECT * FROM \"@simple\" WHERE a = 'x'": (
        "ValidationError",
        "Statement wasn't well formed, can't be processed: Expected data manipulation",
    ),
    "SELECT * FROM \"no-such-table\" WHERE a = 'x'": (
        "ResourceNotFound",
        "Requested resource not found",
    ),
    'SELECT * FROM "@simple"': ("ValidationError", KEYED),
    'SELECT * FROM "@simple" WHERE n = 1': ("ValidationError", KEYED),
    "SELECT * FROM \"@simple\" WHERE a = 'x' AND n = 1": ("ValidationError", KEYED),
    "SELECT * FROM \"@simple\" WHERE a IN ['x', 'y']": ("ValidationError", KEYED),
    "EXISTS(SELECT * FROM \"@simple\" WHERE a = 'x' AND n = 1)": (
        "ValidationError",
        "EXISTS can only be used in ExecuteTransaction write requests.",
    ),
    "DELETE FROM \"@simple\" WHERE a = 'x' RETURNING ALL NEW *": (
        "ValidationError",
        (
            "Invalid returning clause: RETURNING ALL NEW *. Only RETURNING ALL OLD * is allowed in"
            " DELETE statements."
        ),
    ),
    'DELETE FROM "@simple"': (
        "ValidationError",
        "Where clause does not contain a mandatory equality on all key attributes",
    ),
    'SELECT * FROM "@simple" WHERE a = ?': (
        "ValidationError",
        "Number of parameters in request and statement don't match.",
    ),
}


@pytest.mark.parametrize("statement", ERRORS)
def test_what_is_refused_before_it_runs_has_no_table(batch: Batch, statement: str) -> None:
    code, message = ERRORS[statement]
    assert batch(statement)["Responses"] == [{"Error": failed(code, message)}]


@pytest.mark.usefixtures("things")
def test_a_statement_that_fails_leaves_the_others_alone(batch: Batch, simple: str) -> None:
    bad = {"Statement": 'SELECT * FROM "@simple" WHERE a = ?', "Parameters": [{"SS": []}]}
    message = "One or more parameter values were invalid: An string set  may not be empty"
    assert batch(bad, "SELECT n FROM \"@simple\" WHERE a = 'be-1'")["Responses"] == [
        {"Error": failed("ValidationError", message)},
        {"TableName": simple, "Item": {"n": number(1)}},
    ]


@pytest.mark.usefixtures("things")
def test_capacity_is_told_for_each_statement(batch: Batch, simple: str) -> None:
    answer = batch(
        {"Statement": "SELECT * FROM \"@simple\" WHERE a = 'be-1'", "ConsistentRead": True},
        "SELECT * FROM \"@simple\" WHERE a = 'be-2'",
        'SELECT * FROM "@simple" WHERE n = 1',
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["ConsumedCapacity"] == [
        {"TableName": simple, "CapacityUnits": 1.0},
        {"TableName": simple, "CapacityUnits": 0.5},
    ]
    written = batch(
        "UPDATE \"@simple\" SET n = 5 WHERE a = 'be-1'",
        "UPDATE \"@simple\" SET n = 5 WHERE a = 'be-2' AND n = 7",
        ReturnConsumedCapacity="TOTAL",
    )
    assert written["ConsumedCapacity"][0] == {"TableName": simple, "CapacityUnits": 1.0}


def test_reads_and_writes_do_not_mix(db: Client, fill: Callable[[Any], Any]) -> None:
    read, write = (
        "SELECT * FROM \"@simple\" WHERE a = 'x'",
        "DELETE FROM \"@simple\" WHERE a = 'y'",
    )
    answer = db.send("BatchExecuteStatement", fill({"Statements": listed(read, write)}))
    assert (answer.status, answer.code) == (400, "ValidationException")


@pytest.mark.usefixtures("things")
@pytest.mark.parametrize(
    "pair",
    [
        (
            "SELECT * FROM \"@simple\" WHERE a = 'be-1'",
            "SELECT n FROM \"@simple\" WHERE a = 'be-1'",
        ),
        (
            "UPDATE \"@simple\" SET n = 9 WHERE a = 'be-1'",
            "DELETE FROM \"@simple\" WHERE a = 'be-1' AND n = 5",
        ),
        (
            "INSERT INTO \"@simple\" VALUE {'a': 'be-twice'}",
            "INSERT INTO \"@simple\" VALUE {'a': 'be-twice'}",
        ),
    ],
)
def test_an_item_is_named_once(
    db: Client, simple: str, refuses: Refuses, pair: tuple[str, str]
) -> None:
    body = {"Statements": listed(*pair)}
    refuses("BatchExecuteStatement", body, "Provided list of item keys contains duplicates")
    assert db.get(simple, {"a": text("be-1")}) == {"a": text("be-1"), "n": number(1)}
    assert db.get(simple, {"a": text("be-twice")}) is None


def test_there_are_1_to_25_statements(db: Client, refuses: Refuses) -> None:
    problem = "failed to satisfy constraint: Member must have length"
    refuses(
        "BatchExecuteStatement",
        {"Statements": []},
        (
            f"1 validation error detected: Value '[]' at 'statements' {problem} greater than or"
            " equal to 1"
        ),
    )
    answer = db.send("BatchExecuteStatement", {"Statements": [{"Statement": "x"}] * 26})
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert answer.message.endswith(f" at 'statements' {problem} less than or equal to 25")
