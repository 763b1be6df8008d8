"""Scan: everything once, in pages, in segments, through indexes; and what filters mean."""

from __future__ import annotations

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.shapes import definitions, index, keys, number, text

COUNT = 60


@pytest.fixture(scope="module")
def table(db: Client) -> str:
    name = db.new_table(
        AttributeDefinitions=definitions(("a", "S"), ("b", "N"), ("g", "S")),
        KeySchema=keys("a", "b"),
        GlobalSecondaryIndexes=[
            index("all", "g"),
            index("only-keys", "g", "b", kind="KEYS_ONLY"),
        ],
    )
    db.put_many(
        name,
        [
            {
                "a": text(f"item-{n % 20}"),
                "b": number(n // 20),
                "n": number(n),
                **({"g": text("even")} if n % 2 == 0 else {}),
            }
            for n in range(COUNT)
        ],
    )
    return name


def places(items: list[Json]) -> list[int]:
    return sorted(int(item["n"]["N"]) for item in items)


def test_a_scan_finds_everything_once(db: Client, table: str) -> None:
    page = db.call("Scan", {"TableName": table})
    assert places(page["Items"]) == list(range(COUNT))
    assert page["Count"] == page["ScannedCount"] == COUNT
    assert "LastEvaluatedKey" not in page


def test_items_of_one_partition_key_are_together_and_in_order(db: Client, table: str) -> None:
    found = [
        (item["a"]["S"], int(item["b"]["N"])) for item in db.items("Scan", {"TableName": table})
    ]
    groups = list(dict.fromkeys(name for name, _ in found))
    assert found == [(name, number) for name in groups for number in range(3)]


@pytest.mark.parametrize("limit", [1, 7, 60, 61])
def test_pages_join_without_gap(db: Client, table: str, limit: int) -> None:
    pages = db.pages("Scan", {"TableName": table, "Limit": limit})
    assert places([item for page in pages for item in page["Items"]]) == list(range(COUNT))
    assert all(page["Count"] == limit for page in pages[:-1])
    assert len(pages) == COUNT // limit + 1
    for page in pages[:-1]:
        assert set(page["LastEvaluatedKey"]) == {"a", "b"}


@pytest.mark.parametrize("total", [1, 2, 3, 7, 1000])
def test_segments_share_the_table(db: Client, table: str, total: int) -> None:
    segments = range(total)
    found: list[Json] = []
    for segment in segments:
        body = {"TableName": table, "Segment": segment, "TotalSegments": total, "Limit": 4}
        found += db.items("Scan", body)
    assert places(found) == list(range(COUNT))


def test_indexes_are_scanned(db: Client, table: str) -> None:
    found = db.items("Scan", {"TableName": table, "IndexName": "all", "Limit": 7})
    assert places(found) == list(range(0, COUNT, 2))
    found = db.items("Scan", {"TableName": table, "IndexName": "only-keys"})
    assert len(found) == COUNT // 2
    assert all(set(item) == {"a", "b", "g"} for item in found)
    found = []
    for segment in range(3):
        body = {
            "TableName": table,
            "IndexName": "all",
            "Segment": segment,
            "TotalSegments": 3,
            "Limit": 5,
        }
        found += db.items("Scan", body)
    assert places(found) == list(range(0, COUNT, 2))


def test_counting_shows_no_items(db: Client, table: str) -> None:
    body = {
        "TableName": table,
        "Select": "COUNT",
        "FilterExpression": "n < :n",
        "ExpressionAttributeValues": {":n": number(10)},
    }
    assert db.call("Scan", body) == {"Count": 10, "ScannedCount": COUNT}


# Filters -----------------------------------------------------------------------------------------

ITEMS: dict[str, Json] = {
    "text": {"v": text("abc"), "l": {"L": [text("x"), number(1)]}},
    "number": {"v": number("2.50"), "m": {"M": {"k": {"M": {"deep": number(7)}}}}},
    "binary": {"v": {"B": "AAEC"}},
    "true": {"v": {"BOOL": True}},
    "null": {"v": {"NULL": True}},
    "strings": {"v": {"SS": ["abc", "d"]}},
    "numbers": {"v": {"NS": ["1", "2.5"]}},
    "list": {"v": {"L": [text("abc"), {"M": {"x": number(1)}}]}},
    "map": {"v": {"M": {"x": number(1), "y": text("abc")}}},
    "none": {"w": text("abc")},
}

VALUES: Json = {
    ":abc": text("abc"),
    ":a": text("a"),
    ":d": text("d"),
    ":n": number("2.5"),
    ":one": number(1),
    ":three": number(3),
    ":true": {"BOOL": True},
    ":null": {"NULL": True},
    ":ss": {"SS": ["d", "abc"]},
    ":map": {"M": {"y": text("abc"), "x": number("1.0")}},
    ":S": text("S"),
    ":L": text("L"),
    ":bytes": {"B": "AAE="},
}

FILTERS: dict[str, set[str]] = {
    "v = :abc": {"text"},
    "v <> :abc": set(ITEMS) - {"text"},
    "NOT v = :abc": set(ITEMS) - {"text"},
    "v = :n": {"number"},
    "v = :true": {"true"},
    "v = :null": {"null"},
    "v = :ss": {"strings"},
    "v = :map": {"map"},
    "v < :three": {"number"},
    "v > :three": set(),
    "v >= :n": {"number"},
    "v > :a": {"text"},
    "v BETWEEN :a AND :d": {"text"},
    "v BETWEEN :one AND :three": {"number"},
    "NOT v BETWEEN :one AND :three": set(ITEMS) - {"number"},
    ":n BETWEEN :one AND v": {"number"},
    "v IN (:n, :abc, :ss)": {"text", "number", "strings"},
    "attribute_exists(v)": set(ITEMS) - {"none"},
    "attribute_not_exists(v)": {"none"},
    "attribute_exists(m.k.deep)": {"number"},
    "attribute_exists(l[1])": {"text"},
    "attribute_exists(l[2])": set(),
    "attribute_type(v, :S)": {"text"},
    "attribute_type(v, :L)": {"list"},
    "begins_with(v, :a)": {"text"},
    "begins_with(v, :bytes)": {"binary"},
    "contains(v, :abc)": {"text", "strings", "list"},
    "contains(v, :a)": {"text"},
    "contains(v, :n)": {"numbers"},
    "contains(v, :bytes)": {"binary"},
    "size(v) = :three": {"text", "binary"},
    "size(v) < :three": {"strings", "numbers", "list", "map"},
    "m.k.deep > :three": {"number"},
    "l[0] <> :abc AND l[1] = :one": {"text"},
    "v = :abc OR w = :abc": {"text", "none"},
    "v = :abc AND w = :abc": set(),
    "NOT (v = :abc OR w = :abc)": set(ITEMS) - {"text", "none"},
    "v = :n OR v = :abc AND w = :abc": {"number"},
    "v[1].x = :one": {"list"},
    "w = v": set(),
}


@pytest.fixture(scope="module")
def kinds(db: Client) -> str:
    name = db.new_table(AttributeDefinitions=definitions(("a", "S")), KeySchema=keys("a"))
    db.put_many(name, [{"a": text(kind), **item} for kind, item in ITEMS.items()])
    return name


@pytest.mark.parametrize("expression", FILTERS)
def test_filters_mean_what_they_say(db: Client, kinds: str, expression: str) -> None:
    words = expression.replace("(", " ").replace(")", " ").replace(",", " ").split()
    values = {name: VALUES[name] for name in words if name in VALUES}
    body: Json = {"TableName": kinds, "FilterExpression": expression}
    if values:
        body["ExpressionAttributeValues"] = values
    page = db.call("Scan", body)
    assert {item["a"]["S"] for item in page["Items"]} == FILTERS[expression]
    assert page["ScannedCount"] == len(ITEMS)
