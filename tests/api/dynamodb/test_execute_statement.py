"""Proves that statements write what the operations on items write, return what is asked for, and
are refused in the service's words, observed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.testing.calling import Caller, CallRefused
from tests.api.dynamodb.statements import Json, refused, run


def test_a_table_that_is_not_there(things: Caller):
    refusal = refused(things, "SELECT * FROM absent WHERE pk = 'x'")
    assert refusal.code == "ResourceNotFoundException"
    assert refusal.message == "Requested resource not found"


def test_what_is_wrong_with_a_statement_comes_before_its_table(things: Caller):
    assert refused(things, "SELECT * FROM absent WHERE a < ?", {"BOOL": True}).message == (
        "Incorrect operand type for operator or function; operator or function: <,"
        " operand type: BOOL"
    )


def test_parameters_come_before_the_statement(things: Caller):
    refusal = refused(things, "UPDATE things SET WHERE", {"SS": ["a", "a"]})
    assert refusal.message == (
        "One or more parameter values were invalid: Input collection [a, a] contains duplicates."
    )


def test_the_model_is_checked_first(things: Caller):
    assert "less than or equal to 8192" in refused(things, "x" * 8193).message
    assert "greater than or equal to 1" in refused(things, "").message
    assert "greater than or equal to 1" in refused(things, "SELECT", Limit=0).message


def test_an_insert_replaces_nothing(things: Caller):
    refusal = refused(things, "INSERT INTO things VALUE {'pk': 'a', 'sk': '1', 'new': 1}")
    assert refusal.code == "DuplicateItemException"
    assert refusal.message == "Duplicate primary key exists in table"
    stored = run(things, "SELECT * FROM things WHERE pk = 'a' AND sk = '1'")["Items"]
    assert stored == [{"pk": {"S": "a"}, "sk": {"S": "1"}, "n": {"N": "1"}}]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "INSERT INTO things VALUE {'pk': 'a'}",
            "One or more parameter values were invalid: Missing the key sk in the item",
        ),
        (
            "INSERT INTO things VALUE {'pk': 1, 'sk': '1'}",
            (
                "One or more parameter values were invalid: Type mismatch for key pk expected: S"
                " actual: N"
            ),
        ),
        (
            "UPDATE things SET pk = 'b' WHERE pk = 'a' AND sk = '1'",
            (
                "One or more parameter values were invalid: Cannot update attribute pk. This"
                " attribute is part of the key"
            ),
        ),
        (
            "UPDATE things SET n = 1 WHERE pk = 'a' AND sk = 1",
            "The provided key element does not match the schema",
        ),
    ],
)
def test_writes_that_do_not_fit_the_table(things: Caller, statement: str, message: str):
    assert refused(things, statement).message == message


NO_KEY = "Where clause does not contain a mandatory equality on all key attributes"
SEVERAL = "Multiple conditions on same key pk. Only single item Update/Insert/Delete are supported"


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("", NO_KEY),
        ("WHERE n = 1", NO_KEY),
        ("WHERE pk = 'a'", NO_KEY),
        ("WHERE pk IN ['a'] AND sk = '1'", NO_KEY),
        ("WHERE pk = 'a' AND sk = '1' OR n = 1", NO_KEY),
        ("WHERE pk = 'a' AND sk = '1' AND pk = 'b'", SEVERAL),
    ],
)
def test_writes_are_to_one_item(things: Caller, where: str, message: str):
    assert refused(things, f"UPDATE things SET x = 1 {where}").message == message
    assert refused(things, f"DELETE FROM things {where}").message == message


def test_a_condition_beside_the_key_decides(things: Caller):
    key = "(pk = 'a' AND sk = '1') AND pk = 'a'"
    assert run(things, f"UPDATE things SET x = 1 WHERE {key} AND n = 1") == {"Items": []}
    for statement in (
        f"UPDATE things SET x = 2 WHERE {key} AND n = 2",
        f"DELETE FROM things WHERE {key} AND NOT begins_with(x, 'y') AND n > 1",
    ):
        refusal = refused(things, statement)
        assert refusal.code == "ConditionalCheckFailedException"
        assert refusal.message == "The conditional request failed"
        assert "Item" not in refusal.body
    refusal = refused(
        things,
        f"UPDATE things SET x = 2 WHERE {key} AND n = 2",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    assert refusal.body["Item"]["x"] == {"N": "1"}
    assert run(things, f"DELETE FROM things WHERE {key} AND n = 1") == {"Items": []}
    assert run(things, f"SELECT * FROM things WHERE {key}")["Items"] == []


def test_what_is_not_there_is_not_updated_but_deleted(things: Caller):
    for condition in ("", " AND n = 1", " AND attribute_not_exists(pk)"):
        refusal = refused(things, f"UPDATE things SET x = 1 WHERE pk = 'z' AND sk = 'z'{condition}")
        assert refusal.code == "ConditionalCheckFailedException"
        gone = run(things, f"DELETE FROM things WHERE pk = 'z' AND sk = 'z'{condition}")
        assert gone == {"Items": []}


@pytest.mark.parametrize(
    ("clauses", "returned"),
    [
        ("SET n = 9 | ALL OLD", {"n": {"N": "1"}, "l": {"L": [{"S": "a"}, {"S": "b"}]}}),
        ("SET n = 9 | MODIFIED OLD", {"n": {"N": "1"}}),
        ("SET n = 9 | ALL NEW", {"n": {"N": "9"}, "l": {"L": [{"S": "a"}, {"S": "b"}]}}),
        ("SET n = 9 | MODIFIED NEW", {"n": {"N": "9"}}),
        ("REMOVE n | MODIFIED OLD", {"n": {"N": "1"}}),
        ("REMOVE n | MODIFIED NEW", None),
        ("SET fresh = 1 | MODIFIED OLD", None),
        ("SET l[1] = 'x', l[0] = 'y' | MODIFIED OLD", {"l": {"L": [{"S": "a"}, {"S": "b"}]}}),
        ("SET l[5] = 'c' | MODIFIED NEW", None),
        ("SET l[2] = 'c' | MODIFIED NEW", {"l": {"L": [{"S": "c"}]}}),
        ("REMOVE l[0] | MODIFIED NEW", {"l": {"L": [{"S": "b"}]}}),
        ("REMOVE l[1] | MODIFIED NEW", None),
    ],
)
def test_updates_return_what_is_asked_for(caller: Caller, clauses: str, returned: Json | None):
    caller.create()
    run(caller, "INSERT INTO things VALUE {'pk': 'a', 'n': 1, 'l': ['a', 'b']}")
    change, _, mapping = clauses.partition(" | ")
    answer = run(caller, f"UPDATE things {change} WHERE pk = 'a' RETURNING {mapping} *")
    if returned is not None and mapping.startswith("ALL"):
        returned = {"pk": {"S": "a"}, **returned}
    assert answer["Items"] == ([] if returned is None else [returned])


def test_deletes_return_the_item_as_it_was(things: Caller):
    statement = "DELETE FROM things WHERE pk = 'a' AND sk = '1' RETURNING ALL OLD *"
    assert run(things, statement)["Items"] == [
        {"pk": {"S": "a"}, "sk": {"S": "1"}, "n": {"N": "1"}}
    ]
    assert run(things, statement)["Items"] == []


def test_writes_are_charged_as_those_of_items(things: Caller):
    for statement in (
        "INSERT INTO things VALUE {'pk': 'z', 'sk': 'z'}",
        "UPDATE things SET x = 1 WHERE pk = 'z' AND sk = 'z'",
        "DELETE FROM things WHERE pk = 'z' AND sk = 'z'",
    ):
        answer = run(things, statement, ReturnConsumedCapacity="TOTAL")
        assert answer["ConsumedCapacity"] == {"TableName": "things", "CapacityUnits": 1.0}


def test_writes_are_in_the_stream(caller: Caller):
    caller.create(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    run(caller, "INSERT INTO things VALUE {'pk': 'a'}")
    run(caller, "UPDATE things SET n = 1 WHERE pk = 'a'")
    run(caller, "UPDATE things SET n = 1 WHERE pk = 'a'")
    run(caller, "DELETE FROM things WHERE pk = 'a'")
    assert [record["eventName"] for record in caller.records()] == ["INSERT", "MODIFY", "REMOVE"]


def test_checks_are_for_transactions(things: Caller):
    statement = "EXISTS(SELECT * FROM things WHERE pk = 'a' AND sk = '1' AND n = 1)"
    assert refused(things, statement).message == (
        "EXISTS can only be used in ExecuteTransaction write requests."
    )


WORDS = """
pk sk n a.b a[0] = <> < >= AND AND OR NOT IN BETWEEN IS MISSING NULL ( ) [ ] , ? 1 'x' true << >>
contains( size( attribute_exists( begins_with( list_append( + - pk='x' sk='1' ORDER BY sk DESC
"""
HEADS = (
    "SELECT * FROM things WHERE ",
    "UPDATE things SET n = 1 WHERE pk='x' AND sk='1' AND ",
    "UPDATE things SET n = ",
    "INSERT INTO things VALUE {'pk':'x','sk':'1','n':",
)
KNOWN = {"", "ValidationException", "ConditionalCheckFailedException", "DuplicateItemException"}


@pytest.fixture(scope="module")
def shared() -> Caller:
    caller = Caller()
    caller.create(sort=True)
    return caller


def outcome(caller: Caller, statement: str, *parameters: Json) -> str:
    """The code of a statement's error; nothing for success."""
    try:
        run(caller, statement, *parameters)
    except CallRefused as refusal:
        return refusal.code
    return ""


@settings(max_examples=200)
@given(
    st.sampled_from(HEADS),
    st.lists(st.sampled_from(WORDS.split()), max_size=9).map(" ".join),
    st.sampled_from(["", "}", ")", " WHERE pk='x' AND sk='1'", " ORDER BY sk"]),
)
def test_nothing_that_is_said_fails_inside(shared: Caller, head: str, middle: str, tail: str):
    assert outcome(shared, head + middle + tail, {"S": "x"}, {"N": "1"}) in KNOWN
