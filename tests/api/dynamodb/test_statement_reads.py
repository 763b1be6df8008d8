"""Proves that a SELECT finds what a filtered scan finds, by key where it can, in the order asked
for, and is refused in the service's words, observed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.testing.calling import Caller, CallRefused
from tests.api.dynamodb.statements import Json, refused, run


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("pk = 'a' AND sk = '2'", ["a2"]),
        ("sk = '2' AND (pk = 'a')", ["a2"]),
        ("pk = 'a' AND sk > '1'", ["a2", "a3"]),
        ("pk = 'a' AND '2' >= sk", ["a1", "a2"]),
        ("pk = 'a' AND sk BETWEEN '2' AND '3' AND n <> 3", ["a2"]),
        ("pk = 'a' AND begins_with(sk, '3')", ["a3"]),
        ("pk IN ['a', 'b'] AND sk = '1'", ["a1", "b1"]),
        ("pk = 'a' AND sk IN ['1', '3']", ["a1", "a3"]),
        ("pk = 'a' AND sk = '1' AND sk > '0'", ["a1"]),
        ("pk = 'a' AND (sk < '2' OR sk > '2' OR sk = '2')", ["a1", "a2", "a3"]),
        ("pk = 'a' AND sk > '3' AND sk < '2'", []),
        ("pk = 'a' AND pk = 'b'", []),
        ("pk = 'a' AND attribute_exists(pk) AND n = 1", ["a1"]),
        ("pk = 'a' OR n = 1", ["a1", "a2", "a3", "b1"]),
        ("pk > 'a'", ["b1", "b2", "b3"]),
        ("pk > 1", []),
        ("n = 3", ["a3", "b3"]),
        ("pk = 'a' AND NOT sk = '1' OR pk = 'a' AND sk = '2'", ["a2", "a3"]),
        ("pk = 'a' AND sk <> '1' OR pk = 'a' AND sk = '2'", ["a2", "a3"]),
        ("pk = 'a' AND NOT sk IN ['1', '3'] OR pk = 'a' AND sk = '2'", ["a2"]),
        ("pk = 'a' OR pk = 'a' AND NOT sk = '1'", ["a1", "a2", "a3"]),
        ("pk = 'a' AND (n = 1 OR n = 2)", ["a1", "a2"]),
    ],
)
def test_where_clauses_find_their_items(things: Caller, where: str, found: list[str]):
    items = run(things, f"SELECT * FROM things WHERE {where}")["Items"]
    assert sorted(item["pk"]["S"] + item["sk"]["S"] for item in items) == found


OVERLAP = "Overlapping conditions with range keys are not supported in where clause"
READS = "Too many decomposed read operations for a given query."
TYPE = "Key attribute's data type should match its data type in table's schema: Key "


def values(count: int) -> str:
    return ", ".join(f"'v{number}'" for number in range(count))


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("pk IN ['a', 'a']", OVERLAP),
        ("pk = 'a' OR pk = 'a'", OVERLAP),
        ("pk = 'a' AND (sk > '0' OR sk < '5')", OVERLAP),
        ("pk = 'a' AND (sk = '1' OR n = 2)", OVERLAP),
        ("(pk = 'a' AND n = 1) OR (pk = 'a' AND n = 2)", OVERLAP),
        ("pk = 'a' AND x <> '1' OR pk = 'a' AND sk = '2'", OVERLAP),
        (f"pk IN [{values(51)}]", READS),
        (f"pk = 'a' AND sk IN [{values(51)}]", READS),
        (f"pk IN [{values(26)}] AND sk IN ['1', '2']", READS),
        ("pk = 1 OR pk = 'a'", TYPE + "pk"),
        ("pk = 'a' AND sk IN ['1', 2]", TYPE + "sk"),
    ],
)
def test_keys_that_cannot_be_read(things: Caller, where: str, message: str):
    refusal = refused(things, f"SELECT * FROM things WHERE {where}")
    assert (refusal.code, refusal.message) == ("ValidationException", message)


@pytest.mark.parametrize(
    "where",
    [f"pk IN [{values(50)}] AND n IN [{values(100)}]", f"pk IN [{values(51)}] OR n = 9"],
)
def test_many_values_are_fine_where_they_are_no_reads(things: Caller, where: str):
    assert run(things, f"SELECT * FROM things WHERE {where}")["Items"] == []


@pytest.mark.parametrize(
    ("clauses", "found"),
    [
        ("pk = 'a' ORDER BY sk DESC", "a3 a2 a1"),
        ("pk = 'a' ORDER BY sk", "a1 a2 a3"),
        ("pk = 'a' AND sk IN ['1', '3'] ORDER BY sk DESC", "a3 a1"),
        ("pk = 'a' ORDER BY pk ASC", "a3 a2 a1"),
        ("pk IN ['a', 'b'] ORDER BY pk DESC, sk ASC", "b1 b2 b3 a1 a2 a3"),
        ("pk IN ['b', 'a'] ORDER BY pk, sk", "a1 a2 a3 b1 b2 b3"),
    ],
)
def test_items_come_in_the_order_asked_for(things: Caller, clauses: str, found: str):
    statement = f"SELECT pk, sk FROM things WHERE {clauses}"
    whole = run(things, statement)["Items"]
    paged: list[Json] = []
    token: Json = {}
    while True:
        page = run(things, statement, Limit=2, **token)
        paged += page["Items"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert " ".join(item["pk"]["S"] + item["sk"]["S"] for item in whole) == found
    assert paged == whole


@pytest.mark.parametrize(
    ("clauses", "message"),
    [
        (
            "pk = 'a' ORDER BY n DESC",
            "Attribute n in ORDER BY clause must be part of the primary key",
        ),
        (
            "pk > 'a' ORDER BY sk",
            (
                "Must have at least one non-optional hash key condition in WHERE clause when using"
                " ORDER BY clause."
            ),
        ),
        (
            "pk IN ['a', 'b'] ORDER BY sk DESC",
            (
                "Must have hash key in ORDER BY clause when more than one hash key condition"
                " specified in WHERE clause."
            ),
        ),
    ],
)
def test_orders_there_are_none_of(things: Caller, clauses: str, message: str):
    assert refused(things, f"SELECT sk FROM things WHERE {clauses}").message == message


def test_columns_and_parameters(things: Caller):
    statement = "SELECT n, nope FROM things WHERE pk = ? AND sk = ?"
    assert run(things, statement, {"S": "a"}, {"S": "2"})["Items"] == [{"n": {"N": "2"}}]


_LEAVES = st.one_of(
    st.tuples(
        st.sampled_from(["pk", "sk", "n"]),
        st.sampled_from(["=", "<>", "<", "<=", ">", ">="]),
        st.sampled_from(["a", "b", "1", "2"]),
    ).map(lambda leaf: (f"{leaf[0]} {leaf[1]} %s", [leaf[2]])),
    st.tuples(st.sampled_from(["pk", "sk"]), st.lists(st.sampled_from("ab12"), min_size=1)).map(
        lambda leaf: (f"{leaf[0]} IN ({', '.join(['%s'] * len(leaf[1]))})", list(leaf[1]))
    ),
    st.tuples(st.sampled_from(["sk", "n"]), st.sampled_from(["1", "2"])).map(
        lambda leaf: (f"begins_with({leaf[0]}, %s)", [leaf[1]])
    ),
    st.sampled_from([("attribute_exists(x)", []), ("attribute_not_exists(x)", [])]),
)


def _combined(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    joined = st.tuples(st.sampled_from(["AND", "OR"]), parts, parts).map(
        lambda made: (f"({made[1][0]}) {made[0]} ({made[2][0]})", made[1][1] + made[2][1])
    )
    return joined | parts.map(lambda made: (f"NOT ({made[0]})", made[1]))


CONDITIONS = st.recursive(_LEAVES, _combined, max_leaves=6)
REFUSALS = (OVERLAP, READS, TYPE)


@pytest.fixture(scope="module")
def shared() -> Caller:
    caller = Caller()
    caller.create(sort=True)
    for pk in "ab1":
        for sk in ("1", "2", "12", "a"):
            extra = ", 'x': 1" if sk == "2" else ""
            item = f"{{'pk': '{pk}', 'sk': '{sk}', 'n': '{sk}'{extra}}}"
            run(caller, f"INSERT INTO things VALUE {item}")
    return caller


def run_or_refuse(caller: Caller, statement: str, *parameters: Json, **more: Any) -> Json | None:
    """A page, or None for a statement that the service has no reads for."""
    try:
        return run(caller, statement, *parameters, **more)
    except CallRefused as refusal:
        if refusal.message.startswith(REFUSALS):
            return None
        raise


def _key(item: Json) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


@settings(max_examples=150)
@given(CONDITIONS, st.integers(1, 5))
def test_a_select_finds_what_a_filtered_scan_finds(
    shared: Caller, condition: tuple[str, list[str]], limit: int
):
    text, operands = condition
    names = [f":v{number}" for number in range(len(operands))]
    scan: Json = {"TableName": "things"}
    scan["FilterExpression"] = text % tuple(names)
    if names:
        typed = [{"S": operand} for operand in operands]
        scan["ExpressionAttributeValues"] = dict(zip(names, typed, strict=True))
    expected = sorted(map(_key, shared.call("Scan", **scan)["Items"]))
    statement = f"SELECT * FROM things WHERE {text % tuple('?' * len(operands))}"
    parameters = [{"S": operand} for operand in operands]
    found: list[Json] = []
    token: Json = {}
    while True:
        page = run_or_refuse(shared, statement, *parameters, Limit=limit, **token)
        if page is None:
            return
        found += page["Items"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert sorted(map(_key, found)) == expected
