"""Proves that transactions of statements happen as a whole, and are refused or cancelled in the
service's words, observed."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.testing.calling import Caller, CallRefused

Json = dict[str, Any]

CANCELLED = "Transaction cancelled, please refer cancellation reasons for specific reasons "
MISMATCH = "The provided key element does not match the schema"
KEYED = (
    "Select statements within ExecuteTransaction must specify the primary key in the where clause."
)
SINGLE = "EXISTS() must contain a single item read with additional condition"
UPDATE = "UPDATE things SET x = 1 WHERE "
SELECT = "SELECT * FROM things WHERE "


def members(*statements: str | Json) -> list[Json]:
    return [each if isinstance(each, dict) else {"Statement": each} for each in statements]


def transact(caller: Caller, *statements: str | Json, **more: Any) -> Json:
    return caller.call("ExecuteTransaction", TransactStatements=members(*statements), **more)


def refused(caller: Caller, *statements: str | Json, **more: Any) -> CallRefused:
    return caller.refused("ExecuteTransaction", TransactStatements=members(*statements), **more)


def reasons(refusal: CallRefused) -> list[str]:
    assert refusal.code == "TransactionCanceledException"
    codes = [reason["Code"] for reason in refusal.body["CancellationReasons"]]
    assert refusal.message == f"{CANCELLED}[{', '.join(codes)}]"
    return codes


@pytest.fixture
def things(caller: Caller) -> Caller:
    caller.create(sort=True)
    for pk in "ab":
        statement = f"INSERT INTO things VALUE {{'pk': '{pk}', 'sk': '1', 'n': 1}}"
        caller.call("ExecuteStatement", Statement=statement)
    return caller


def stored(caller: Caller, pk: str) -> Json | None:
    key = {"pk": {"S": pk}, "sk": {"S": "1"}}
    return caller.call("GetItem", TableName="things", Key=key).get("Item")


def test_writes_happen_together(things: Caller):
    answer = transact(
        things,
        "INSERT INTO things VALUE {'pk': 'c', 'sk': '1'}",
        UPDATE + "pk = 'a' AND sk = '1' AND attribute_exists(n)",
        "DELETE FROM things WHERE pk = 'b' AND sk = '1'",
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["Responses"] == []
    (used,) = answer["ConsumedCapacity"]
    assert (used["TableName"], used["WriteCapacityUnits"]) == ("things", 6.0)
    assert stored(things, "c") is not None
    assert (stored(things, "a") or {})["x"] == {"N": "1"}
    assert stored(things, "b") is None


def test_one_that_fails_cancels_all(things: Caller):
    refusal = refused(
        things,
        "INSERT INTO things VALUE {'pk': 'c', 'sk': '1'}",
        "INSERT INTO things VALUE {'pk': 'a', 'sk': '1'}",
        {
            "Statement": UPDATE + "pk = 'b' AND sk = '1' AND n = 2",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        },
    )
    assert reasons(refusal) == ["None", "DuplicateItem", "ConditionalCheckFailed"]
    _, duplicate, failed = refusal.body["CancellationReasons"]
    assert duplicate["Message"] == "Duplicate primary key exists in table"
    assert failed["Message"] == "The conditional request failed"
    assert failed["Item"]["n"] == {"N": "1"}
    assert stored(things, "c") is None


def test_checks_let_writes_through_or_not(things: Caller):
    exists = "EXISTS(SELECT * FROM things WHERE (pk = 'a' AND sk = '1') AND {})"
    transact(things, exists.format("nope IS MISSING"), UPDATE + "pk = 'b' AND sk = '1'")
    assert (stored(things, "b") or {})["x"] == {"N": "1"}
    absent = "EXISTS(SELECT * FROM things WHERE pk = 'z' AND sk = '1' AND nope IS MISSING)"
    transact(things, absent, UPDATE + "pk = 'b' AND sk = '1'")
    for condition in ("n IS MISSING", "pk = 'b'"):
        refusal = refused(things, exists.format(condition), UPDATE + "pk = 'b' AND sk = '1'")
        assert reasons(refusal) == ["ConditionalCheckFailed", "None"]


@pytest.mark.parametrize(
    "where",
    ["pk = 'a' AND sk = '1'", "pk = 'a' AND n = 1", "pk IN ['a'] AND sk = '1' AND n = 1"],
)
def test_checks_there_are_none_of(things: Caller, where: str):
    refusal = refused(
        things, f"EXISTS(SELECT * FROM things WHERE {where})", UPDATE + "pk = 'b' AND sk = '1'"
    )
    assert refusal.message == f"Validation failed in TransactStatements[0]: {SINGLE}"


def test_reads_see_one_moment(things: Caller):
    answer = transact(
        things,
        SELECT + "pk = 'a' AND sk = '1'",
        "SELECT n FROM things WHERE (sk = '1') AND pk = 'b' AND pk = 'b'",
        SELECT + "pk IN ['c'] AND sk IN ['1']",
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["Responses"] == [
        {"Item": {"pk": {"S": "a"}, "sk": {"S": "1"}, "n": {"N": "1"}}},
        {"Item": {"n": {"N": "1"}}},
        {},
    ]
    assert answer["ConsumedCapacity"][0]["ReadCapacityUnits"] == 6.0


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (SELECT, "Statement wasn't well formed, can't be processed: Unexpected term"),
        (SELECT + "pk = 'a' AND sk = '1' AND n = 1", KEYED),
        (SELECT + "pk = 'a' AND sk = '1' AND pk = 'b'", KEYED),
        (SELECT + "pk = 'a'", KEYED),
        (SELECT + "pk IN ['a', 'b'] AND sk = '1'", KEYED),
        (
            SELECT + "pk IN ['a', 'a'] AND sk = '1'",
            "Overlapping conditions with range keys are not supported in where clause",
        ),
        (
            "SELECT * FROM things.idx WHERE pk = 'a' AND sk = '1'",
            "Reads on indices are not supported within transactions.",
        ),
        (
            UPDATE + "pk = 'a' AND sk = '1' RETURNING ALL NEW *",
            "RETURNING clause is not supported in ExecuteTransaction.",
        ),
        (
            "UPDATE things SET n = n + [1] WHERE pk = 'a' AND sk = '1'",
            (
                "Incorrect operand type for operator or function; operator or function: +,"
                " operand type: L"
            ),
        ),
    ],
)
def test_statements_that_no_transaction_takes(things: Caller, statement: str, message: str):
    refusal = refused(things, statement)
    assert refusal.code == "ValidationException"
    assert refusal.message == f"Validation failed in TransactStatements[0]: {message}"


def test_reads_and_writes_do_not_mix(things: Caller):
    refusal = refused(things, SELECT + "pk = 'a' AND sk = '1'", UPDATE + "pk = 'b' AND sk = '1'")
    assert refusal.message == (
        "ExecuteTransaction API does not support both read and write operations in the same"
        " request."
    )


def test_parameters_come_before_all_statements(things: Caller):
    bad = {"Statement": "SELECT", "Parameters": [{"N": "abc"}]}
    refusal = refused(things, "nonsense (", bad)
    assert refusal.message == "The parameter cannot be converted to a numeric value: abc"


def test_writes_that_name_no_item_cancel(things: Caller):
    refusal = refused(
        things,
        UPDATE + "pk = 'a'",
        UPDATE + "pk IN ['a'] AND sk = '1'",
        UPDATE + "pk = 'a' AND sk = 1",
        "INSERT INTO things VALUE {'pk': 'z'}",
        UPDATE + "pk = 'b' AND sk = '1'",
    )
    assert reasons(refusal) == ["ValidationError"] * 4 + ["None"]
    found = [reason.get("Message") for reason in refusal.body["CancellationReasons"]]
    assert found == [
        MISMATCH,
        MISMATCH,
        MISMATCH,
        "One or more parameter values were invalid: Missing the key sk in the item",
        None,
    ]


def test_a_key_of_a_wrong_type_cancels_before_items_named_twice_refuse(things: Caller):
    one = SELECT + "pk = 'a' AND sk = '1'"
    refusal = refused(things, one, one, SELECT + "pk = 1 AND sk = '1'")
    assert reasons(refusal) == ["None", "None", "ValidationError"]
    assert refused(things, one, one).message == (
        "Transaction request cannot include multiple operations on one item"
    )
    assert refused(things, UPDATE + one[len(SELECT) :], UPDATE + one[len(SELECT) :]).code == (
        "ValidationException"
    )


def test_tables_that_are_not_there_cancel(things: Caller):
    missing = "UPDATE absent SET x = 1 WHERE pk = 'x' AND sk = '1'"
    refusal = refused(things, missing + " RETURNING ALL NEW *", UPDATE + "pk = 'a' AND sk = '1'")
    assert reasons(refusal) == ["ResourceNotFound", "None"]
    assert refusal.body["CancellationReasons"][0]["Message"] == "Requested resource not found"
    refusal = refused(things, missing, UPDATE + "pk = 'a' AND sk = '1' RETURNING ALL NEW *")
    assert refusal.message.startswith("Validation failed in TransactStatements[1]: RETURNING")


def test_a_token_makes_a_transaction_happen_once(things: Caller):
    add = "UPDATE things SET n = n + 1 WHERE pk = 'a' AND sk = '1'"
    more: Json = {"ClientRequestToken": "once", "ReturnConsumedCapacity": "TOTAL"}
    first = transact(things, add, **more)["ConsumedCapacity"][0]
    again = transact(things, add, **more)["ConsumedCapacity"][0]
    assert (first["WriteCapacityUnits"], again["ReadCapacityUnits"]) == (2.0, 2.0)
    assert (stored(things, "a") or {})["n"] == {"N": "2"}
    refusal = refused(things, add.replace("+ 1", "+ 2"), **more)
    assert refusal.code == "IdempotentParameterMismatchException"
    assert (stored(things, "a") or {})["n"] == {"N": "2"}


def test_there_are_1_to_100_statements(things: Caller):
    assert "greater than or equal to 1" in refused(things).message
    many = [UPDATE + f"pk = 'k{number}' AND sk = '1'" for number in range(101)]
    assert "less than or equal to 100" in refused(things, *many).message
