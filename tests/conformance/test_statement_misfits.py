"""Statements that do not fit their table, in the service's words: its keys, its indexes, the order
of its items, and what is stored."""

from __future__ import annotations

import pytest

from tests.conformance.shapes import text
from tests.conformance.statements import Statements

INVALID = "One or more parameter values were invalid: "
OPERAND = "Incorrect operand type for operator or function; operator or function: "
EMPTY_KEY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot"
    " contain an empty string value."
)
UPDATE = 'UPDATE "@composite" SET q = 1'
DELETE = 'DELETE FROM "@composite"'
SELECT = 'SELECT * FROM "@composite"'
ONE = "WHERE a = 'x' AND b = '1'"
NO_KEY = "Where clause does not contain a mandatory equality on all key attributes"
SEVERAL = "Multiple conditions on same key a. Only single item Update/Insert/Delete are supported"
WRITTEN = {
    "": NO_KEY,
    "WHERE n = 1": NO_KEY,
    "WHERE a = 'x'": NO_KEY,
    "WHERE a = 'x' AND b > '0'": NO_KEY,
    "WHERE a IN ['x'] AND b = '1'": NO_KEY,
    "WHERE a = 'x' AND b = '1' OR n = 1": NO_KEY,
    "WHERE NOT (a = 'x' AND b = '1')": NO_KEY,
    "WHERE a = 'x' AND b = '1' AND a = 'y'": SEVERAL,
    "WHERE a = 1 AND b = '1'": "The provided key element does not match the schema",
    "WHERE a = '' AND b = '1'": f"{EMPTY_KEY} Key: a",
}


@pytest.mark.parametrize("where", WRITTEN)
def test_writes_are_to_one_item(sql: Statements, where: str) -> None:
    sql.refuses(f"{UPDATE} {where}", WRITTEN[where])
    sql.refuses(f"{DELETE} {where}", WRITTEN[where])


TYPE = "Key attribute's data type should match its data type in table's schema: Key "
OVERLAP = "Overlapping conditions with range keys are not supported in where clause"
READS = "Too many decomposed read operations for a given query."


def values(count: int) -> str:
    return ", ".join(f"'v{place}'" for place in range(count))


READ = {
    "a = 1": f"{TYPE}a",
    "a = null": f"{TYPE}a",
    "a = 'x' AND b = 1": f"{TYPE}b",
    "a = 'x' AND b IN ['1', 2]": f"{TYPE}b",
    "a = ''": f"{EMPTY_KEY} Key: a",
    "a = 'x' AND b = ''": f"{EMPTY_KEY} Key: b",
    "a IN ['x', 'x']": OVERLAP,
    "a = 'x' OR a = 'x'": OVERLAP,
    "a = 'x' AND (b > '0' OR b < '5')": OVERLAP,
    "(a = 'x' AND n = 1) OR (a = 'x' AND n = 2)": OVERLAP,
    f"a IN [{values(51)}]": READS,
    f"a IN [{values(26)}] AND b IN ['1', '2']": READS,
    "a = 'x' ORDER BY n": "Attribute n in ORDER BY clause must be part of the primary key",
    "a = 'x' ORDER BY 'b'": (
        "Argument to ORDER BY must be of type VariableReference. Type: Literal"
    ),
    "a > 'x' ORDER BY b": (
        "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY"
        " clause."
    ),
    "a IN ['x', 'y'] ORDER BY b": (
        "Must have hash key in ORDER BY clause when more than one hash key condition specified in"
        " WHERE clause."
    ),
}


@pytest.mark.parametrize("where", READ)
def test_keys_and_orders_that_cannot_be_read(sql: Statements, where: str) -> None:
    sql.refuses(f"{SELECT} WHERE {where}", READ[where])


def test_an_order_needs_a_where_clause(sql: Statements) -> None:
    message = "Must have WHERE clause in the statement when using ORDER BY clause."
    sql.refuses(f"{SELECT} ORDER BY b", message)


INDEXED = {
    "SELECT * FROM \"@composite\".nope WHERE a = 'x'": (
        "The table does not have the specified index"
    ),
    'SELECT n, c FROM "@composite".global_some': (
        f"{INVALID}Global secondary index global_some does not project [n]"
    ),
    "SELECT a FROM \"@composite\".global_some WHERE c = 'x' AND n = 1": (
        f"{INVALID}Secondary index global_some does not project one or more filter attributes: [n]"
    ),
    "SELECT a FROM \"@composite\".local_some WHERE a = 'x' AND n = 1": (
        f"{INVALID}Secondary index local_some does not project one or more filter attributes: [n]"
    ),
}


@pytest.mark.parametrize("statement", INDEXED)
def test_what_an_index_cannot_give(sql: Statements, statement: str) -> None:
    sql.refuses(statement, INDEXED[statement])


def test_global_indexes_are_read_eventually(sql: Statements) -> None:
    message = "Strongly consistent read is not supported on Global Secondary Indexes"
    sql.refuses('SELECT * FROM "@composite".global_all', message, ConsistentRead=True)


SET_FUNCTIONS = {
    "t = set_add(ss, <<'x'>>)": "The first argument to SET_ADD must equal the assignment value",
    "ss = set_add(ss, 'x')": "The second argument to SET_ADD must be a value with type SET",
    "ss = set_delete(ss, [1])": "The second argument to SET_DELETE must be a value with type SET",
    "ss = set_add(ss)": "SET_ADD must have exactly two arguments",
    "n = if_not_exists(n, 1)": "Unrecognized function: if_not_exists",
    "n = n * 2": "Unsupported data type: NAry under key root",
}


@pytest.mark.parametrize("clause", SET_FUNCTIONS)
def test_values_there_are_none_of(sql: Statements, clause: str) -> None:
    answer = sql.send(f'UPDATE "@composite" SET {clause} {ONE}')
    assert (answer.status, answer.code) == (400, "ValidationException")
    message, _, place = answer.message.rpartition(" at ")
    assert message == SET_FUNCTIONS[clause]
    assert [part.isdigit() for part in place.split(":")] == [True] * 3


UPDATED = {
    "SET a = 'y'": f"{INVALID}Cannot update attribute a. This attribute is part of the key",
    "REMOVE b": f"{INVALID}Cannot update attribute b. This attribute is part of the key",
    "SET q = 'x' + 1": f"{OPERAND}+, operand type: S",
    "SET q = 1, q.r = 2": (
        "Two document paths overlap with each other; must remove or rewrite one of these paths;"
        " path one: [q], path two: [q, r]"
    ),
    "SET q = 1, q = 2": (
        "Two document paths overlap with each other; must remove or rewrite one of these paths;"
        " path one: [q], path two: [q]"
    ),
    "SET n = s + 1": "An operand in the update expression has an incorrect data type",
    "SET n = nope + 1": (
        "The provided expression refers to an attribute that does not exist in the item"
    ),
    "SET n = list_append(nope, [1])": (
        "The provided expression refers to an attribute that does not exist in the item"
    ),
    "SET s = set_add(s, <<'x'>>)": "An operand in the update expression has an incorrect data type",
    "SET s.x = 1": "The document path provided in the update expression is invalid for update",
    "SET nope.x = 1": "The document path provided in the update expression is invalid for update",
    "SET c = 1": (
        f"{INVALID}Type mismatch for Index Key c Expected: S Actual: N IndexName: global_all"
    ),
}


@pytest.mark.parametrize("clauses", UPDATED)
def test_updates_that_do_not_fit(sql: Statements, clauses: str) -> None:
    item = "{'a': 'sx', 'b': '1', 's': 'word'}"
    where = "WHERE a = 'sx' AND b = '1'"
    sql.run(f"{DELETE} {where}")
    sql.run(f'INSERT INTO "@composite" VALUE {item}')
    sql.refuses(f'UPDATE "@composite" {clauses} {where}', UPDATED[clauses])
    kept = {"a": text("sx"), "b": text("1"), "s": text("word")}
    assert sql.items(f"{SELECT} {where}") == [kept]


INSERTED = {
    "{'a': 'x'}": f"{INVALID}Missing the key b in the item",
    "{}": f"{INVALID}Missing the key a in the item",
    "{'a': 1, 'b': '1'}": f"{INVALID}Type mismatch for key a expected: S actual: N",
    "{'a': '', 'b': '1'}": f"{EMPTY_KEY} Key: a",
    "{'a': 'x', 'b': '1', 'c': 1, 'd': 'x'}": (
        f"{INVALID}Type mismatch for Index Key c Expected: S Actual: N IndexName: global_all"
    ),
}


@pytest.mark.parametrize("item", INSERTED)
def test_items_that_do_not_fit(sql: Statements, item: str) -> None:
    sql.refuses(f'INSERT INTO "@composite" VALUE {item}', INSERTED[item])


ABSENT = "Requested resource not found"


@pytest.mark.parametrize(
    "statement",
    [
        'SELECT * FROM "no-such-table"',
        f'UPDATE "no-such-table" SET q = 1 {ONE}',
        'DELETE FROM "no-such-table"',
        'INSERT INTO "no-such-table" VALUE {}',
    ],
)
def test_tables_that_are_not_there(sql: Statements, statement: str) -> None:
    sql.refuses(statement, ABSENT, code="ResourceNotFoundException")
