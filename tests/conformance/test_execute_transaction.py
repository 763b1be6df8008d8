"""ExecuteTransaction: statements that happen together or not at all, and why not."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.client import Answer, Client, Json
from tests.conformance.shapes import number, text
from tests.conformance.transactions import FAILED, MISMATCH, NONE, reasons, wrong

KEYED = (
    "Select statements within ExecuteTransaction must specify the primary key in the where clause."
)
SINGLE = "EXISTS() must contain a single item read with additional condition"
SCALARS = (
    "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed:"
)
UPDATE = 'UPDATE "@composite" SET x = 1 WHERE '
SELECT = 'SELECT * FROM "@composite" WHERE '
P = "a = 'et-p' AND b = '1'"
Q = "a = 'et-q' AND b = '1'"

Send = Callable[..., Answer]
Run = Callable[..., Json]


@pytest.fixture
def send(db: Client, fill: Callable[[Any], Any]) -> Send:
    """`send(*statements, **more)`: the answer; statements are texts or members of the request."""

    def sent(*statements: str | Json, **more: Any) -> Answer:
        listed = [each if isinstance(each, dict) else {"Statement": each} for each in statements]
        return db.send("ExecuteTransaction", fill({"TransactStatements": listed, **more}))

    return sent


@pytest.fixture
def run(send: Send) -> Run:
    def done(*statements: str | Json, **more: Any) -> Json:
        answer = send(*statements, **more)
        assert answer.status == 200, answer.body
        return answer.body

    return done


@pytest.fixture(autouse=True)
def things(db: Client, composite: str) -> None:
    for pk in "pq":
        db.put(composite, {"a": text(f"et-{pk}"), "b": text("1"), "n": number(1)})
    for pk in ("et-new", "et-other"):
        db.call("DeleteItem", {"TableName": composite, "Key": {"a": text(pk), "b": text("1")}})


@pytest.fixture
def stored(db: Client, composite: str) -> Callable[[str], Json | None]:
    def found(name: str) -> Json | None:
        return db.get(composite, {"a": text(name), "b": text("1")})

    return found


Stored = Callable[[str], Json | None]


def test_writes_happen_together(run: Run, stored: Stored, composite: str) -> None:
    answer = run(
        "INSERT INTO \"@composite\" VALUE {'a': 'et-new', 'b': '1'}",
        f"{UPDATE}{P} AND attribute_exists(n)",
        f'DELETE FROM "@composite" WHERE {Q}',
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["Responses"] == []
    (used,) = answer["ConsumedCapacity"]
    assert used == {"TableName": composite, "CapacityUnits": 6.0, "WriteCapacityUnits": 6.0}
    assert stored("et-new") is not None
    assert (stored("et-p") or {})["x"] == number(1)
    assert stored("et-q") is None


def test_one_that_fails_cancels_all(send: Send, stored: Stored) -> None:
    shown = {
        "Statement": f"{UPDATE}{Q} AND n = 2",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    duplicate = {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}
    answer = send(
        "INSERT INTO \"@composite\" VALUE {'a': 'et-new', 'b': '1'}",
        "INSERT INTO \"@composite\" VALUE {'a': 'et-p', 'b': '1'}",
        shown,
        f"{UPDATE}a = 'et-other' AND b = '1'",
    )
    item = {"a": text("et-q"), "b": text("1"), "n": number(1)}
    assert reasons(answer) == [NONE, duplicate, {**FAILED, "Item": item}, FAILED]
    assert stored("et-new") is None


def test_checks_let_writes_through_or_not(run: Run, send: Send, stored: Stored) -> None:
    exists = f'EXISTS(SELECT * FROM "@composite" WHERE ({P}) AND {{}})'
    run(exists.format("nope IS MISSING"), UPDATE + Q)
    assert (stored("et-q") or {})["x"] == number(1)
    answer = send(exists.format("n IS MISSING"), UPDATE + Q)
    assert reasons(answer) == [FAILED, NONE]
    shown = {
        "Statement": exists.format("n = 7"),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    item = {"a": text("et-p"), "b": text("1"), "n": number(1)}
    assert reasons(send(shown, UPDATE + Q)) == [{**FAILED, "Item": item}, NONE]


def test_reads_see_one_moment(run: Run) -> None:
    answer = run(
        SELECT + P,
        {"Statement": 'SELECT n FROM "@composite" WHERE b = ? AND a = ?', "Parameters": QS},
        SELECT + "a = 'et-other' AND b = '1'",
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["Responses"] == [
        {"Item": {"a": text("et-p"), "b": text("1"), "n": number(1)}},
        {"Item": {"n": number(1)}},
        {},
    ]
    assert answer["ConsumedCapacity"][0]["ReadCapacityUnits"] == 6.0


QS = [text("1"), text("et-q")]

REFUSED = {
    SELECT: "Statement wasn't well formed, can't be processed: Unexpected term",
    f"{SELECT}{P} AND n = 1": KEYED,
    f"{SELECT}{P} AND a = 'z'": KEYED,
    f"{SELECT}a = 'et-p'": KEYED,
    'SELECT * FROM "@composite"': KEYED,
    f"{SELECT}a IN ['et-p', 'et-q'] AND b = '1'": KEYED,
    "SELECT * FROM \"@composite\".global_all WHERE c = 'x'": (
        "Reads on indices are not supported within transactions."
    ),
    f"{UPDATE}{P} RETURNING ALL NEW *": "RETURNING clause is not supported in ExecuteTransaction.",
    f'DELETE FROM "@composite" WHERE {P} RETURNING ALL OLD *': (
        "RETURNING clause is not supported in ExecuteTransaction."
    ),
    f'UPDATE "@composite" SET n = n + [1] WHERE {P}': (
        "Incorrect operand type for operator or function; operator or function: +, operand type: L"
    ),
    f"{UPDATE}{P} AND a.x = 1": f"{SCALARS} Key: a",
    f"EXISTS({SELECT}{P} AND b[0] = 1)": f"{SCALARS} Key: b",
    f"EXISTS({SELECT}{P})": SINGLE,
    f"EXISTS({SELECT}a = 'et-p' AND n = 1)": SINGLE,
}


@pytest.mark.parametrize("statement", REFUSED)
def test_statements_that_no_transaction_takes(send: Send, statement: str) -> None:
    answer = send(statement)
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert answer.message == f"Validation failed in TransactStatements[0]: {REFUSED[statement]}"


def test_reads_and_writes_do_not_mix(send: Send) -> None:
    answer = send(SELECT + P, UPDATE + Q)
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert answer.message == (
        "ExecuteTransaction API does not support both read and write operations in the same"
        " request."
    )


def test_parameters_come_before_all_statements(send: Send) -> None:
    answer = send("nonsense (", {"Statement": "SELECT", "Parameters": [number("abc")]})
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert answer.message == "The parameter cannot be converted to a numeric value: abc"


def test_writes_that_name_no_item_cancel(send: Send) -> None:
    missing = "One or more parameter values were invalid: Missing the key b in the item"
    answer = send(
        f"{UPDATE}a = 'et-p'",
        f"{UPDATE}a IN ['et-p'] AND b = '1'",
        f"{UPDATE}a = 'et-p' AND b = 1",
        "INSERT INTO \"@composite\" VALUE {'a': 'et-new'}",
        UPDATE + Q,
    )
    assert reasons(answer) == [
        wrong(MISMATCH),
        wrong(MISMATCH),
        wrong(MISMATCH),
        wrong(missing),
        NONE,
    ]


def test_an_item_is_named_once(send: Send) -> None:
    twice = "Transaction request cannot include multiple operations on one item"
    for head in (SELECT, UPDATE):
        answer = send(head + P, head + P)
        assert (answer.code, answer.message) == ("ValidationException", twice)


def test_tables_that_are_not_there_cancel(send: Send) -> None:
    absent = f'UPDATE "no-such-table" SET x = 1 WHERE {P}'
    reason = {"Code": "ResourceNotFound", "Message": "Requested resource not found"}
    assert reasons(send(absent, UPDATE + P)) == [reason, NONE]


def test_a_token_makes_a_transaction_happen_once(run: Run, send: Send, stored: Stored) -> None:
    add = f'UPDATE "@composite" SET n = n + 1 WHERE {P}'
    more: Json = {"ClientRequestToken": uuid.uuid4().hex, "ReturnConsumedCapacity": "TOTAL"}
    first = run(add, **more)["ConsumedCapacity"][0]
    again = run(add, **more)["ConsumedCapacity"][0]
    assert (first["WriteCapacityUnits"], again["ReadCapacityUnits"]) == (2.0, 2.0)
    assert (stored("et-p") or {})["n"] == number(2)
    refused = send(add.replace("+ 1", "+ 2"), **more)
    assert (refused.status, refused.code) == (400, "IdempotentParameterMismatchException")
    assert (stored("et-p") or {})["n"] == number(2)


def test_there_are_1_to_100_statements(send: Send) -> None:
    problem = "failed to satisfy constraint: Member must have length"
    answer = send()
    assert (answer.status, answer.message) == (
        400,
        (
            f"1 validation error detected: Value '[]' at 'transactStatements' {problem} greater"
            " than or equal to 1"
        ),
    )
    many = send(*(f"{UPDATE}a = 'et-{place}' AND b = '1'" for place in range(101)))
    assert (many.status, many.code) == (400, "ValidationException")
    assert many.message.endswith(f" at 'transactStatements' {problem} less than or equal to 100")
