"""SELECT by ExecuteStatement: what WHERE clauses find, columns show and indexes hold, in order and
page by page."""

from __future__ import annotations

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.shapes import number, text
from tests.conformance.statements import Statements

COUNT = 3


@pytest.fixture(scope="module", autouse=True)
def filled(db: Client, composite: str) -> None:
    """Items of the partitions `sr-p` and `sr-q`, with the sort keys 1 to 3; `c` is `sr-` and the
    sort key, `d` exists for odd ones."""
    for partition in ("sr-p", "sr-q"):
        for sort in range(1, COUNT + 1):
            db.put(composite, made(partition, sort))


def made(partition: str, sort: int) -> Json:
    item: Json = {
        "a": text(partition),
        "b": text(str(sort)),
        "c": text(f"sr-{sort}"),
        "n": number(sort),
        "s": text("word"),
        "e": text(f"e{sort}"),
        "yes": {"BOOL": True},
        "nul": {"NULL": True},
        "l": {"L": [text("zero"), number(sort)]},
        "m": {"M": {"k": {"M": {"z": number(sort)}}}},
        "ss": {"SS": ["one", "two"]},
    }
    return {**item, "d": text(f"d{sort}")} if sort % 2 else item


def sorts(items: list[Json]) -> str:
    """The sort keys in the order they came in."""
    return "".join(item["b"]["S"] for item in items)


def spots(items: list[Json]) -> list[str]:
    """Partition and sort key of all items, sorted."""
    return sorted(item["a"]["S"][-1] + item["b"]["S"] for item in items)


CONDITIONS = {
    "n = 1": "1",
    "n = 1.00": "1",
    "1 = n": "1",
    "n <> 1": "23",
    "n != 1": "23",
    "n < 3 AND n >= 2": "2",
    "2 < n": "3",
    "n BETWEEN 2 AND 3": "23",
    "n NOT BETWEEN 2 AND 3": "1",
    "n IN (1, 3)": "13",
    "n IN [1, 3, 9]": "13",
    "n NOT IN (1, 3)": "2",
    "NOT n = 1": "23",
    "NOT (n = 1 OR n = 2)": "3",
    "(n = 1 OR n = 3)": "13",
    "n = 1 AND s = 'word' OR n = 3": None,
    "s = 'it''s'": "",
    "begins_with(s, 'wo')": "123",
    "begins_with(b, '2')": "2",
    "contains(ss, 'two')": "123",
    "contains(s, 'or')": "123",
    "contains(l, 2)": "2",
    "size(l) = 2": "123",
    "size(s) > 4": "",
    "attribute_exists(d)": "13",
    "attribute_not_exists(d)": "2",
    "attribute_type(ss, 'SS')": "123",
    "ATTRIBUTE_TYPE(n, 'S')": "",
    "d IS MISSING": "2",
    "d IS NOT MISSING": "13",
    "nul IS NULL": "123",
    "nul IS MISSING": "",
    "d IS NULL": "",
    "d IS NOT NULL": "123",
    "yes IS BOOLEAN": "123",
    "s IS STRING": "123",
    "n IS STRING": "",
    "m IS STRUCT": "123",
    "l IS LIST": "123",
    "l IS NOT LIST": "",
    "yes = true": "123",
    "yes = FALSE": "",
    "nul = null": "123",
    "l = ['zero', 3]": "3",
    "l[1] = 2": "2",
    "l[0] = 'zero' AND l[9] IS MISSING": "123",
    "m.k.z = 3": "3",
    "m['k'].z = 3": "3",
    "m.k = {'z': 2}": "2",
    "m.k.nope = 1": "",
    "ss = <<'two', 'one'>>": "123",
    "n < 'x'": "",
    "nope <> 1": "123",
    "b = c": "",
    "n < l[1]": "",
    '"n" = 1 AND "s" = \'word\'': "1",
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions(sql: Statements, condition: str) -> None:
    expected = CONDITIONS[condition]
    if expected is None:
        items = sql.items(f"SELECT a, b FROM \"@composite\" WHERE a = 'sr-p' AND ({condition})")
        assert sorts(items) == "13"
        return
    items = sql.items(f"SELECT b FROM \"@composite\" WHERE a = 'sr-p' AND {condition}")
    assert sorts(items) == expected


KEYS = {
    "a = 'sr-p' AND b = '2'": "p2",
    "b = '2' AND (a = 'sr-p')": "p2",
    "a = 'sr-p' AND b > '1'": "p2 p3",
    "a = 'sr-p' AND '2' >= b": "p1 p2",
    "a = 'sr-p' AND b BETWEEN '2' AND '3'": "p2 p3",
    "a = 'sr-p' AND begins_with(b, '3')": "p3",
    "a = 'sr-p' AND b IN ['1', '3']": "p1 p3",
    "a = 'sr-p' AND b > '1' AND b < '3'": "p2",
    "a = 'sr-p' AND b > '3' AND b < '2'": "",
    "a IN ['sr-p', 'sr-q'] AND b = '1'": "p1 q1",
    "a IN ('sr-p', 'sr-q')": "p1 p2 p3 q1 q2 q3",
    "a = 'sr-p' OR a = 'sr-q'": "p1 p2 p3 q1 q2 q3",
    "(a = 'sr-p' AND b = '1') OR (a = 'sr-q' AND b = '3')": "p1 q3",
    "a = 'sr-p' AND a = 'sr-q'": "",
    "a = 'sr-absent'": "",
    "begins_with(a, 'sr-') AND n = 3": "p3 q3",
    "c = 'sr-2'": "p2 q2",
    "a > 'sr-p' AND begins_with(c, 'sr-')": "q1 q2 q3",
    "a = 'sr-p' OR (begins_with(c, 'sr-') AND n = 1)": "p1 p2 p3 q1",
}


@pytest.mark.parametrize("where", KEYS)
def test_keys(sql: Statements, where: str) -> None:
    items = sql.items(f'SELECT a, b FROM "@composite" WHERE {where}')
    assert spots(items) == KEYS[where].split()


COLUMNS: dict[str, Json] = {
    "*": made("sr-p", 1),
    "b, n": {"b": text("1"), "n": number(1)},
    "m.k.z": {"z": number(1)},
    "m.k": {"k": {"M": {"z": number(1)}}},
    "m['k']": {"k": {"M": {"z": number(1)}}},
    "l[0], l[1]": {"l[0]": text("zero"), "l[1]": number(1)},
    "l[7], nope, n": {"n": number(1)},
    "nope": {},
    '"n", "s"': {"n": number(1), "s": text("word")},
}


@pytest.mark.parametrize("columns", COLUMNS)
def test_columns(sql: Statements, columns: str) -> None:
    statement = f"SELECT {columns} FROM \"@composite\" WHERE a = 'sr-p' AND b = '1'"
    assert sql.items(statement) == [COLUMNS[columns]]


FORMS = (
    "select * from \"@composite\" where a = 'sr-p' and b = '1'",
    "SELECT ALL * FROM \"@composite\" WHERE a = 'sr-p' AND b = '1'",
    "SELECT * FROM \"@composite\" WHERE a = 'sr-p' AND b = '1';",
    "SELECT *\nFROM \"@composite\" -- the table\nWHERE a = 'sr-p' /* and */ AND b = '1'",
    "SELECT * FROM \"@composite\" WHERE ((a = 'sr-p') AND (b) = '1')",
)


@pytest.mark.parametrize("statement", FORMS)
def test_forms(sql: Statements, statement: str) -> None:
    assert sql.items(statement) == [made("sr-p", 1)]


def test_parameters_take_the_places_of_question_marks(sql: Statements) -> None:
    statement = 'SELECT b FROM "@composite" WHERE a = ? AND b IN [?, ?] AND n < ?'
    given = (text("sr-p"), text("1"), text("3"), number(3))
    assert sorts(sql.items(statement, *given)) == "1"
    everything = 'SELECT b FROM "@composite" WHERE a = ? AND m = ? AND ss = ?'
    m, ss = made("sr-p", 2)["m"], {"SS": ["two", "one"]}
    assert sorts(sql.items(everything, text("sr-p"), m, ss)) == "2"


def test_parameters_that_nothing_asks_for_are_left_alone(sql: Statements) -> None:
    statement = "SELECT b FROM \"@composite\" WHERE a = ? AND b = '1'"
    assert sorts(sql.items(statement, text("sr-p"), text("more"))) == "1"


# Order -------------------------------------------------------------------------------------------

ORDERS = {
    "a = 'sr-p' ORDER BY b": "p1 p2 p3",
    "a = 'sr-p' ORDER BY b ASC": "p1 p2 p3",
    "a = 'sr-p' ORDER BY b DESC": "p3 p2 p1",
    "a = 'sr-p' AND b IN ['1', '3'] ORDER BY b DESC": "p3 p1",
    "a IN ['sr-p', 'sr-q'] ORDER BY a DESC, b ASC": "q1 q2 q3 p1 p2 p3",
    "a IN ['sr-q', 'sr-p'] ORDER BY a, b": "p1 p2 p3 q1 q2 q3",
}


@pytest.mark.parametrize("where", ORDERS)
def test_items_come_in_the_order_asked_for(sql: Statements, where: str) -> None:
    items = sql.items(f'SELECT a, b FROM "@composite" WHERE {where}')
    assert [item["a"]["S"][-1] + item["b"]["S"] for item in items] == ORDERS[where].split()


# Indexes -----------------------------------------------------------------------------------------


def test_an_index_is_named_behind_its_table(sql: Statements) -> None:
    by_c = "SELECT a, b FROM \"@composite\".global_all WHERE c = 'sr-1'"
    assert spots(sql.items(by_c)) == ["p1", "q1"]
    quoted = "SELECT a, b FROM \"@composite\".\"global_some\" WHERE c = 'sr-1' AND d > 'd'"
    assert spots(sql.items(quoted)) == ["p1", "q1"]
    local = "SELECT a, b FROM \"@composite\".local_some WHERE a = 'sr-p' ORDER BY d DESC"
    assert sorts(sql.items(local)) == "31"


def test_all_columns_of_an_index_are_those_it_holds(sql: Statements) -> None:
    some = "SELECT * FROM \"@composite\".global_some WHERE c = 'sr-1'"
    assert [sorted(item) for item in sql.items(some)] == [["a", "b", "c", "d", "e"]] * 2
    local = "SELECT * FROM \"@composite\".local_some WHERE a = 'sr-p' AND d = 'd1'"
    assert [sorted(item) for item in sql.items(local)] == [["a", "b", "c", "d"]]


def test_a_local_index_fetches_what_it_does_not_hold(sql: Statements) -> None:
    statement = "SELECT n, c FROM \"@composite\".local_some WHERE a = 'sr-p'"
    found = [{"n": number(sort), "c": text(f"sr-{sort}")} for sort in (1, 3)]
    assert sql.items(statement, ConsistentRead=True) == found


def test_an_index_without_its_key_is_scanned(sql: Statements) -> None:
    statement = "SELECT a, b FROM \"@composite\".global_some WHERE begins_with(a, 'sr-')"
    assert spots(sql.items(statement)) == ["p1", "p3", "q1", "q3"]


# Pages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 4])
@pytest.mark.parametrize(
    "clauses",
    [
        "a = 'sr-p'",
        "a = 'sr-p' ORDER BY b DESC",
        "a IN ['sr-p', 'sr-q'] ORDER BY a, b",
        "a IN ['sr-p', 'sr-q'] AND n <> 2",
        "begins_with(a, 'sr-')",
    ],
)
def test_pages_follow_one_another(sql: Statements, clauses: str, limit: int) -> None:
    statement = f'SELECT a, b FROM "@composite" WHERE {clauses}'
    whole = sql.items(statement)
    paged: list[Json] = []
    token: Json = {}
    while True:
        page = sql.run(statement, Limit=limit, **token)
        assert len(page["Items"]) <= limit
        paged += page["Items"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert paged == whole


def test_the_limit_counts_before_the_filter(sql: Statements) -> None:
    statement = "SELECT b FROM \"@composite\" WHERE a = 'sr-p' AND n = 3"
    page = sql.run(statement, Limit=2)
    assert page["Items"] == []
    assert page["LastEvaluatedKey"] == {"a": text("sr-p"), "b": text("2")}
    assert sorts(sql.items(statement, NextToken=page["NextToken"])) == "3"


def test_a_token_belongs_to_its_statement_and_its_parameters(sql: Statements) -> None:
    statement = 'SELECT b FROM "@composite" WHERE a = ?'
    token = sql.run(statement, text("sr-p"), Limit=1)["NextToken"]
    mismatch = "NextToken does not match request"
    sql.refuses(statement, mismatch, text("sr-q"), NextToken=token)
    sql.refuses(statement.replace("b", "n", 1), mismatch, text("sr-p"), NextToken=token)
    assert sorts(sql.items(statement, text("sr-p"), NextToken=token, Limit=5)) == "23"


# Capacity ----------------------------------------------------------------------------------------


def test_reading_is_charged_as_a_query(sql: Statements, composite: str) -> None:
    statement = "SELECT * FROM \"@composite\" WHERE a = 'sr-p'"
    half = {"TableName": composite, "CapacityUnits": 0.5}
    assert sql.run(statement, ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"] == half
    used = sql.run(statement, ReturnConsumedCapacity="TOTAL", ConsistentRead=True)
    assert used["ConsumedCapacity"] == {**half, "CapacityUnits": 1.0}
    assert "ConsumedCapacity" not in sql.run(statement, ReturnConsumedCapacity="NONE")
    indexed = "SELECT * FROM \"@composite\".global_some WHERE c = 'sr-1'"
    used = sql.run(indexed, ReturnConsumedCapacity="INDEXES")
    assert used["ConsumedCapacity"] == {
        **half,
        "Table": {"CapacityUnits": 0.0},
        "GlobalSecondaryIndexes": {"global_some": {"CapacityUnits": 0.5}},
    }
