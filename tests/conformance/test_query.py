"""Query: ranges, order, pages, filters, indexes with their projections, and keys of several
attributes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.shapes import definitions, index, keys, number, text

WORDS = ["", "A", "a", "aa", "ab", "b", "ba", "é", "z"]
NUMBERS = ["-1E20", "-10", "-9.5", "-1E-100", "0", "1E-130", "0.5", "1", "1.5", "10", "9E125"]
BLOBS = ["AA==", "AAA=", "AAE=", "AQ==", "fw==", "gA==", "/w=="]


def ask(table: str, condition: str, values: Json, **more: Any) -> Json:
    return {
        "TableName": table,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
        **more,
    }


@pytest.fixture(scope="module")
def strings(db: Client, composite: str) -> str:
    db.put_many(composite, [{"a": text("words"), "b": text(word)} for word in WORDS if word])
    db.put(composite, {"a": text("word"), "b": text("a")}, {"a": text("wordss"), "b": text("a")})
    return composite


@pytest.fixture(scope="module")
def numbers(db: Client, numeric: str) -> str:
    db.put_many(numeric, [{"a": text("numbers"), "n": number(value)} for value in NUMBERS])
    return numeric


@pytest.mark.parametrize(
    ("condition", "values", "found"),
    [
        ("a = :a", {}, ["A", "a", "aa", "ab", "b", "ba", "z", "é"]),
        ("a = :a AND b = :x", {":x": text("a")}, ["a"]),
        ("a = :a AND b < :x", {":x": text("aa")}, ["A", "a"]),
        ("a = :a AND b <= :x", {":x": text("aa")}, ["A", "a", "aa"]),
        ("a = :a AND b > :x", {":x": text("aa")}, ["ab", "b", "ba", "z", "é"]),
        ("a = :a AND b >= :x", {":x": text("aa")}, ["aa", "ab", "b", "ba", "z", "é"]),
        ("a = :a AND :x <= b", {":x": text("ba")}, ["ba", "z", "é"]),
        ("a = :a AND b BETWEEN :x AND :y", {":x": text("aa"), ":y": text("b")}, ["aa", "ab", "b"]),
        ("a = :a AND begins_with(b, :x)", {":x": text("a")}, ["a", "aa", "ab"]),
        ("begins_with(b, :x) AND a = :a", {":x": text("b")}, ["b", "ba"]),
        ("(a = :a) AND (b = :x)", {":x": text("zz")}, []),
        ("a = :a AND b > :x", {":x": text("é")}, []),
    ],
)
def test_strings_are_ordered_by_their_bytes(
    db: Client, strings: str, condition: str, values: Json, found: list[str]
) -> None:
    body = ask(strings, condition, {":a": text("words"), **values})
    page = db.call("Query", body)
    assert [item["b"]["S"] for item in page["Items"]] == found
    assert page["Count"] == page["ScannedCount"] == len(found)
    assert "LastEvaluatedKey" not in page
    page = db.call("Query", {**body, "ScanIndexForward": False})
    assert [item["b"]["S"] for item in page["Items"]] == found[::-1]


@pytest.mark.parametrize(
    ("condition", "values", "first", "last"),
    [
        ("a = :a", {}, 0, 11),
        ("a = :a AND n > :x", {":x": number("-1")}, 3, 11),
        ("a = :a AND n >= :x", {":x": number("0.50")}, 6, 11),
        ("a = :a AND n < :x", {":x": number("-9.5")}, 0, 2),
        ("a = :a AND n BETWEEN :x AND :y", {":x": number("-10"), ":y": number("1e0")}, 1, 8),
        ("a = :a AND n = :x", {":x": number("00.0")}, 4, 5),
    ],
)
def test_numbers_are_ordered_by_their_value(
    db: Client, numbers: str, condition: str, values: Json, first: int, last: int
) -> None:
    found = db.items("Query", ask(numbers, condition, {":a": text("numbers"), **values}))
    ordered = sorted(NUMBERS, key=float)[first:last]
    assert [float(item["n"]["N"]) for item in found] == [float(value) for value in ordered]


def test_binaries_are_ordered_by_unsigned_bytes(db: Client, binary: str) -> None:
    db.put_many(binary, [{"h": {"B": "AA=="}, "r": {"B": blob}} for blob in BLOBS])
    body = ask(binary, "h = :h", {":h": {"B": "AA=="}})
    assert [item["r"]["B"] for item in db.items("Query", body)] == BLOBS
    body = ask(binary, "h = :h AND begins_with(r, :r)", {":h": {"B": "AA=="}, ":r": {"B": "AA=="}})
    assert [item["r"]["B"] for item in db.items("Query", body)] == BLOBS[:3]


# Pages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("limit", [1, 3, 8, 9])
def test_pages_by_limit_join_without_gap(
    db: Client, strings: str, forward: bool, limit: int
) -> None:
    body = ask(strings, "a = :a", {":a": text("words")}, Limit=limit, ScanIndexForward=forward)
    pages = db.pages("Query", body)
    assert [len(page["Items"]) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    found = [item["b"]["S"] for page in pages for item in page["Items"]]
    whole = ["A", "a", "aa", "ab", "b", "ba", "z", "é"]
    assert found == (whole if forward else whole[::-1])
    # A page that is full says that there may be more, also at the very end.
    assert len(pages) == 8 // limit + 1
    for page in pages[:-1]:
        last = page["Items"][-1]
        assert page["LastEvaluatedKey"] == {"a": last["a"], "b": last["b"]}


def test_the_limit_counts_before_the_filter(db: Client, strings: str) -> None:
    body = ask(
        strings,
        "a = :a",
        {":a": text("words"), ":x": text("x")},
        Limit=3,
        FilterExpression="NOT attribute_exists(zz) AND c = :x",
    )
    page = db.call("Query", body)
    assert (page["Count"], page["ScannedCount"], page["Items"]) == (0, 3, [])
    assert page["LastEvaluatedKey"] == {"a": text("words"), "b": text("aa")}


@pytest.mark.parametrize("forward", [True, False])
def test_a_page_ends_at_1_mb(db: Client, numeric: str, forward: bool) -> None:
    items = [{"a": text("large"), "n": number(n), "p": text("x" * 60_000)} for n in range(40)]
    db.put_many(numeric, items)
    body = ask(numeric, "a = :a", {":a": text("large")}, ScanIndexForward=forward)
    pages = db.pages("Query", body)
    counts = [page["Count"] for page in pages]
    # 17 such items are below 1 MB, and the one that passes it is the page's last.
    assert counts == [18, 18, 4]
    numbers = [int(item["n"]["N"]) for page in pages for item in page["Items"]]
    assert numbers == sorted(numbers, reverse=not forward)
    counted = db.pages("Query", {**body, "Select": "COUNT"})
    assert [page["Count"] for page in counted] == counts
    assert all("Items" not in page for page in counted)


def test_a_page_can_begin_at_a_key_that_is_not_there(db: Client, strings: str) -> None:
    body = ask(
        strings,
        "a = :a",
        {":a": text("words")},
        ExclusiveStartKey={"a": text("words"), "b": text("aazz")},
    )
    assert db.call("Query", body)["Items"][0]["b"] == text("ab")
    body["ScanIndexForward"] = False
    assert db.call("Query", body)["Items"][0]["b"] == text("aa")


# Indexes -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def indexed(db: Client, composite: str) -> str:
    db.put_many(
        composite,
        [
            {
                "a": text("index"),
                "b": text(str(n)),
                "c": text("group"),
                "d": text(f"{9 - n}"),
                "e": number(n),
                "f": text("not projected"),
            }
            for n in range(6)
        ]
        # Without c it is in no index but local_some, without d not in global_some.
        + [
            {"a": text("index"), "b": text("no c"), "d": text("5")},
            {"a": text("index"), "b": text("no d"), "c": text("group")},
            {"a": text("index"), "b": text("none")},
        ],
    )
    return composite


def found_in(db: Client, table: str, name: str, condition: str, values: Json, **more: Any) -> Any:
    return db.items("Query", ask(table, condition, values, IndexName=name, **more))


def test_indexes_hold_only_items_with_their_keys(db: Client, indexed: str) -> None:
    group, item = {":x": text("group")}, {":x": text("index")}
    assert len(found_in(db, indexed, "global_all", "c = :x", group)) == 7
    assert len(found_in(db, indexed, "global_some", "c = :x", group)) == 6
    assert len(found_in(db, indexed, "local_all", "a = :x", item)) == 7
    assert len(found_in(db, indexed, "local_some", "a = :x", item)) == 7


def test_indexes_are_in_the_order_of_their_own_sort_key(db: Client, indexed: str) -> None:
    found = found_in(
        db, indexed, "global_some", "c = :x AND d > :d", {":x": text("group"), ":d": text("5")}
    )
    assert [item["d"]["S"] for item in found] == ["6", "7", "8", "9"]


def test_indexes_show_what_they_project(db: Client, indexed: str) -> None:
    (item,) = found_in(
        db, indexed, "global_some", "c = :x AND d = :d", {":x": text("group"), ":d": text("9")}
    )
    assert item == {
        "a": text("index"),
        "b": text("0"),
        "c": text("group"),
        "d": text("9"),
        "e": number(0),
    }
    values = {":x": text("index"), ":d": text("9")}
    (item,) = found_in(db, indexed, "local_some", "a = :x AND d = :d", values)
    assert set(item) == {"a", "b", "c", "d"}
    (item,) = found_in(
        db, indexed, "local_some", "a = :x AND d = :d", values, Select="ALL_ATTRIBUTES"
    )
    assert set(item) == {"a", "b", "c", "d", "e", "f"}
    (item,) = found_in(
        db, indexed, "local_some", "a = :x AND d = :d", values, ProjectionExpression="f, d"
    )
    assert item == {"f": text("not projected"), "d": text("9")}
    (item,) = found_in(
        db, indexed, "local_some", "a = :x AND d = :d", values, Select="ALL_PROJECTED_ATTRIBUTES"
    )
    assert set(item) == {"a", "b", "c", "d"}


def test_an_index_can_be_filtered_by_what_it_projects_only(db: Client, indexed: str) -> None:
    values = {":x": text("group"), ":e": number(3)}
    found = found_in(db, indexed, "global_some", "c = :x", values, FilterExpression="e >= :e")
    assert sorted(item["e"]["N"] for item in found) == ["3", "4", "5"]


@pytest.mark.parametrize(
    ("name", "condition", "condition_value", "filter_", "missing"),
    [
        ("global_some", "c = :x", "group", "attribute_exists(f)", "f"),
        ("global_some", "c = :x", "group", "q = :x OR f.e[1] = :x OR e = :x", "f, q"),
        ("local_some", "a = :x", "index", "attribute_not_exists(f)", "f"),
    ],
)
def test_a_query_cannot_filter_by_what_its_index_does_not_project(
    db: Client,
    indexed: str,
    name: str,
    condition: str,
    condition_value: str,
    filter_: str,
    missing: str,
) -> None:
    values = {":x": text(condition_value)}
    body = ask(indexed, condition, values, IndexName=name, FilterExpression=filter_)
    answer = db.send("Query", body)
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert answer.message == (
        f"One or more parameter values were invalid: Secondary index {name} does not project one or"
        f" more filter attributes: [{missing}]"
    )


@pytest.mark.parametrize("name", ["global_some", "local_some"])
def test_a_scan_finds_nothing_by_what_its_index_does_not_project(
    db: Client, indexed: str, name: str
) -> None:
    body = {"TableName": indexed, "IndexName": name, "FilterExpression": "attribute_exists(f)"}
    assert db.call("Scan", body)["Count"] == 0


@pytest.mark.parametrize("name", ["global_all", "global_some", "local_all", "local_some"])
@pytest.mark.parametrize("forward", [True, False])
def test_pages_of_indexes_join_without_gap(
    db: Client, indexed: str, name: str, forward: bool
) -> None:
    condition = "c = :x" if name.startswith("global") else "a = :x"
    value = text("group" if name.startswith("global") else "index")
    whole = found_in(db, indexed, name, condition, {":x": value}, ScanIndexForward=forward)
    body = ask(indexed, condition, {":x": value}, IndexName=name, Limit=2, ScanIndexForward=forward)
    pages = db.pages("Query", body)
    assert [item for page in pages for item in page["Items"]] == whole
    expected = {
        "a",
        "b",
        *("cd" if name == "global_some" else "c" if name.endswith("all") else "d"),
    }
    assert {frozenset(page["LastEvaluatedKey"]) for page in pages[:-1]} == {frozenset(expected)}


def test_an_index_follows_its_items(db: Client, composite: str) -> None:
    key = {"a": text("moving"), "b": text("1")}

    def places() -> list[str]:
        groups = ("one", "two")
        found = {
            name: found_in(db, composite, "global_all", "c = :x", {":x": text(name)})
            for name in groups
        }
        return [name for name in groups if any(item["a"] == key["a"] for item in found[name])]

    db.put(composite, {**key, "c": text("one")})
    assert places() == ["one"]
    db.put(composite, {**key, "c": text("two")})
    assert places() == ["two"]
    db.call("UpdateItem", {"TableName": composite, "Key": key, "UpdateExpression": "REMOVE c"})
    assert places() == []
    db.put(composite, {**key, "c": text("one")})
    db.call("DeleteItem", {"TableName": composite, "Key": key})
    assert places() == []


def test_keys_of_several_attributes(db: Client) -> None:
    schema = [
        *({"AttributeName": name, "KeyType": "HASH"} for name in ("h1", "h2")),
        *({"AttributeName": name, "KeyType": "RANGE"} for name in ("r1", "r2")),
    ]
    table = db.new_table(
        AttributeDefinitions=definitions(
            ("a", "S"), ("h1", "S"), ("h2", "N"), ("r1", "S"), ("r2", "N")
        ),
        KeySchema=keys("a"),
        GlobalSecondaryIndexes=[{**index("by-four", "a"), "KeySchema": schema}],
    )
    rows = [(h1, h2, r1, r2) for h1 in "xy" for h2 in (1, 2) for r1 in "ab" for r2 in (10, 9)]
    db.put_many(
        table,
        [
            {
                "a": text(str(place)),
                "h1": text(h1),
                "h2": number(h2),
                "r1": text(r1),
                "r2": number(r2),
            }
            for place, (h1, h2, r1, r2) in enumerate(rows)
        ],
    )
    values = {":x": text("x"), ":one": number(1)}
    both = "h1 = :x AND h2 = :one"
    found = found_in(db, table, "by-four", both, values)
    assert [(item["r1"]["S"], item["r2"]["N"]) for item in found] == [
        ("a", "9"),
        ("a", "10"),
        ("b", "9"),
        ("b", "10"),
    ]
    values[":b"] = text("b")
    assert len(found_in(db, table, "by-four", f"{both} AND r1 = :b", values)) == 2
    values[":nine"] = number(9)
    found = found_in(db, table, "by-four", f"{both} AND r1 = :b AND r2 > :nine", values)
    assert [item["r2"]["N"] for item in found] == ["10"]
    answer = db.send("Query", ask(table, "h1 = :x", {":x": text("x")}, IndexName="by-four"))
    assert (answer.code, answer.message) == (
        "ValidationException",
        "Query condition missed key schema element: h2",
    )
