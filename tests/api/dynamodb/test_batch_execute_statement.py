"""Proves that each statement of a batch stands for itself, with its own answer or error."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.testing.calling import Caller, CallRefused

Json = dict[str, Any]

KEYED = (
    "Select statements within BatchExecuteStatement must specify the primary key in the where"
    " clause."
)


def statements(*given: str | Json) -> list[Json]:
    return [each if isinstance(each, dict) else {"Statement": each} for each in given]


def run(caller: Caller, *given: str | Json, **more: Any) -> Json:
    return caller.call("BatchExecuteStatement", Statements=statements(*given), **more)


def responses(caller: Caller, *given: str | Json) -> list[Json]:
    return run(caller, *given)["Responses"]


def refused(caller: Caller, *given: str | Json) -> CallRefused:
    return caller.refused("BatchExecuteStatement", Statements=statements(*given))


def error(response: Json) -> tuple[str, str]:
    return response["Error"]["Code"], response["Error"]["Message"]


@pytest.fixture
def things(caller: Caller) -> Caller:
    caller.create()
    for pk in "ab":
        caller.put(pk, n={"N": "1"})
    return caller


def test_reads_answer_in_their_places(things: Caller):
    assert responses(
        things,
        "SELECT * FROM things WHERE pk = 'a'",
        {"Statement": "SELECT n FROM things WHERE pk IN [?]", "Parameters": [{"S": "b"}]},
        "SELECT * FROM things WHERE pk = 'z'",
    ) == [
        {"TableName": "things", "Item": {"pk": {"S": "a"}, "n": {"N": "1"}}},
        {"TableName": "things", "Item": {"n": {"N": "1"}}},
        {"TableName": "things"},
    ]


def test_writes_are_each_on_their_own(things: Caller):
    for pk in "def":
        things.put(pk, n={"N": "1"})
    found = responses(
        things,
        "INSERT INTO things VALUE {'pk': 'c'}",
        "INSERT INTO things VALUE {'pk': 'a'}",
        "UPDATE things SET n = 2 WHERE pk = 'd' AND n = 5",
        "UPDATE things SET n = 2 WHERE pk = 'e' RETURNING MODIFIED OLD *",
        "UPDATE things REMOVE n WHERE pk = 'f' RETURNING MODIFIED NEW *",
        "DELETE FROM things WHERE pk = 'b' RETURNING ALL OLD *",
    )
    assert found[0] == {"TableName": "things"}
    assert error(found[1]) == ("DuplicateItem", "Duplicate primary key exists in table")
    assert error(found[2]) == ("ConditionalCheckFailed", "The conditional request failed")
    assert found[1]["TableName"] == found[2]["TableName"] == "things"
    assert found[3] == {"TableName": "things", "Item": {"n": {"N": "1"}}}
    assert found[4] == {"TableName": "things"}
    assert found[5] == {"TableName": "things", "Item": {"pk": {"S": "b"}, "n": {"N": "1"}}}
    assert things.get("c") is not None
    assert things.get("b") is None


def test_the_item_of_a_failed_condition_is_shown_on_request(things: Caller):
    (found,) = responses(
        things,
        {
            "Statement": "UPDATE things SET n = 2 WHERE pk = 'a' AND n = 5",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        },
    )
    assert found["Error"]["Item"] == {"pk": {"S": "a"}, "n": {"N": "1"}}
    assert "Item" not in found


@pytest.mark.parametrize(
    ("statement", "code", "message"),
    [
        (
            "SLECT * FROM things WHERE pk = 'a'",
            "ValidationError",
            "Statement wasn't well formed, can't be processed: Expected data manipulation",
        ),
        ("SELECT * FROM absent WHERE pk = 'a'", "ResourceNotFound", "Requested resource not found"),
        ("SELECT * FROM things WHERE n = 1", "ValidationError", KEYED),
        ("SELECT * FROM things WHERE pk = 'a' AND n = 1", "ValidationError", KEYED),
        ("SELECT * FROM things", "ValidationError", KEYED),
        (
            "SELECT * FROM things.idx WHERE pk = 'a'",
            "ValidationError",
            "The table does not have the specified index",
        ),
        (
            "DELETE FROM things WHERE pk = 'a' RETURNING ALL NEW *",
            "ValidationError",
            (
                "Invalid returning clause: RETURNING ALL NEW *."
                " Only RETURNING ALL OLD * is allowed in DELETE statements."
            ),
        ),
        (
            "EXISTS(SELECT * FROM things WHERE pk = 'a' AND n = 1)",
            "ValidationError",
            "EXISTS can only be used in ExecuteTransaction write requests.",
        ),
        (
            f"SELECT * FROM things WHERE pk IN [{', '.join(map(str, range(51)))}]",
            "ValidationError",
            "Too many decomposed read operations for a given query.",
        ),
    ],
)
def test_what_is_refused_before_it_runs_has_no_table(
    things: Caller, statement: str, code: str, message: str
):
    (found,) = responses(things, statement)
    assert found == {"Error": {"Code": code, "Message": message}}


def test_a_statement_that_fails_leaves_the_others_alone(things: Caller):
    bad = {"Statement": "SELECT * FROM things WHERE pk = ?", "Parameters": [{"SS": []}]}
    found = responses(things, bad, "SELECT n FROM things WHERE pk = 'a'")
    assert error(found[0]) == (
        "ValidationError",
        "One or more parameter values were invalid: An string set  may not be empty",
    )
    assert found[1]["Item"] == {"n": {"N": "1"}}


def test_a_write_that_does_not_fit_the_item_names_its_table(things: Caller):
    (found,) = responses(things, "UPDATE things SET m.k = 1 WHERE pk = 'a'")
    assert found["TableName"] == "things"
    assert found["Error"]["Code"] == "ValidationError"


def test_capacity_is_told_for_each_statement(things: Caller):
    answer = run(
        things,
        {"Statement": "SELECT * FROM things WHERE pk = 'a'", "ConsistentRead": True},
        "SELECT * FROM things WHERE pk = 'b'",
        "SELECT * FROM things WHERE n = 1",
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["ConsumedCapacity"] == [
        {"TableName": "things", "CapacityUnits": 1.0},
        {"TableName": "things", "CapacityUnits": 0.5},
    ]


def test_reads_and_writes_do_not_mix(things: Caller):
    refusal = refused(
        things, "SELECT * FROM things WHERE pk = 'a'", "DELETE FROM things WHERE pk = 'b'"
    )
    assert refusal.code == "ValidationException"
    assert things.get("b") is not None


def test_there_are_1_to_25_statements(things: Caller):
    assert "greater than or equal to 1" in refused(things).message
    many = ["SELECT * FROM things WHERE pk = 'a'"] * 26
    assert "less than or equal to 25" in refused(things, *many).message
