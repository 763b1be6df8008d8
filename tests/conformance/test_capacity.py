"""ConsumedCapacity and ItemCollectionMetrics: units by size, by table and by index."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.shapes import definitions, index, keys, text

_names = itertools.count()


@pytest.fixture(scope="module")
def table(db: Client) -> str:
    """Keys a and b; the global index `by-g` over gk includes `in`, the local index `by-l` over lk
    has all."""
    return db.new_table(
        AttributeDefinitions=definitions(("a", "S"), ("b", "S"), ("gk", "S"), ("lk", "S")),
        KeySchema=keys("a", "b"),
        GlobalSecondaryIndexes=[index("by-g", "gk", included=["in"])],
        LocalSecondaryIndexes=[index("by-l", "a", "lk")],
    )


def fresh(**attributes: str) -> Json:
    """An item with a key of its own."""
    item = {"a": f"item-{next(_names)}", "b": "1", **attributes}
    return {name: text(value) for name, value in item.items()}


def shown(answer: Json) -> tuple[float, float, float | None, float | None]:
    """Units in all, of the table, of `by-g` and of `by-l`."""
    capacity = answer["ConsumedCapacity"]
    if isinstance(capacity, list):
        (capacity,) = capacity
    indexes = [
        capacity.get(member, {}).get(name, {}).get("CapacityUnits")
        for member, name in (("GlobalSecondaryIndexes", "by-g"), ("LocalSecondaryIndexes", "by-l"))
    ]
    return capacity["CapacityUnits"], capacity["Table"]["CapacityUnits"], *indexes


def put(db: Client, table: str, item: Json) -> tuple[float | None, ...]:
    body = {"TableName": table, "Item": item, "ReturnConsumedCapacity": "INDEXES"}
    return shown(db.call("PutItem", body))


def test_puts_cost_each_index_that_they_reach(db: Client, table: str) -> None:
    assert put(db, table, fresh(aside="o")) == (1, 1, None, None)
    assert put(db, table, fresh(gk="1")) == (2, 1, 1, None)
    assert put(db, table, fresh(lk="1")) == (2, 1, None, 1)
    both = fresh(gk="1", lk="1")
    assert put(db, table, both) == (3, 1, 1, 1)
    assert put(db, table, both) == (1, 1, None, None)


def test_the_total_has_no_parts(db: Client, table: str) -> None:
    body = {"TableName": table, "Item": fresh(gk="1"), "ReturnConsumedCapacity": "TOTAL"}
    assert db.call("PutItem", body) == {
        "ConsumedCapacity": {"TableName": table, "CapacityUnits": 2.0}
    }
    assert db.call("PutItem", {**body, "ReturnConsumedCapacity": "NONE"}) == {}


@pytest.mark.parametrize(
    ("expression", "units"),
    [
        ("SET aside = :v", (2, 1, None, 1)),
        ("SET #in = :v", (3, 1, 1, 1)),
        ("SET gk = :v", (4, 1, 2, 1)),
        ("REMOVE gk", (3, 1, 1, 1)),
        ("SET lk = :v", (3, 1, None, 2)),
    ],
)
def test_updates_cost_what_they_change(
    db: Client, table: str, expression: str, units: tuple[float, ...]
) -> None:
    item = fresh(gk="1", lk="1", aside="o", **{"in": "i"})
    db.put(table, item)
    body: Json = {
        "TableName": table,
        "Key": {"a": item["a"], "b": item["b"]},
        "UpdateExpression": expression,
        "ReturnConsumedCapacity": "INDEXES",
    }
    if ":v" in expression:
        body["ExpressionAttributeValues"] = {":v": text("new")}
    if "#in" in expression:
        body["ExpressionAttributeNames"] = {"#in": "in"}
    assert shown(db.call("UpdateItem", body)) == units


def test_deletes_cost_each_index_that_held_the_item(db: Client, table: str) -> None:
    for item, units in (
        (fresh(gk="1", lk="1"), (3, 1, 1, 1)),
        (fresh(aside="o"), (1, 1, None, None)),
        (None, (1, 1, None, None)),
    ):
        if item is not None:
            db.put(table, item)
        key = item or fresh()
        body = {"TableName": table, "Key": {"a": key["a"], "b": key["b"]}}
        assert shown(db.call("DeleteItem", {**body, "ReturnConsumedCapacity": "INDEXES"})) == units


def test_batches_sum_up_by_table(db: Client, table: str, simple: str) -> None:
    requests = [{"PutRequest": {"Item": fresh(gk="1")}}, {"PutRequest": {"Item": fresh()}}]
    body: Json = {"RequestItems": {table: requests}, "ReturnConsumedCapacity": "INDEXES"}
    assert shown(db.call("BatchWriteItem", body)) == (3, 2, 1, None)
    body["RequestItems"] = {
        table: requests[1:],
        simple: [{"PutRequest": {"Item": {"a": text("capacity")}}}],
    }
    answer = db.call("BatchWriteItem", {**body, "ReturnConsumedCapacity": "TOTAL"})
    units = {part["TableName"]: part["CapacityUnits"] for part in answer["ConsumedCapacity"]}
    assert units == {table: 1.0, simple: 1.0}


@pytest.mark.parametrize(
    ("size", "units"), [(1024, 1), (1025, 2), (2048, 2), (10_000, 10), (409_600, 400)]
)
def test_writes_cost_a_unit_for_each_kb_begun(
    db: Client, simple: str, size: int, units: int
) -> None:
    key = {"a": text("kilo")}
    db.call("DeleteItem", {"TableName": simple, "Key": key})
    item = {**key, "p": text("x" * (size - 6))}

    def used(operation: str, **more: Any) -> float:
        body = {"TableName": simple, "ReturnConsumedCapacity": "TOTAL", **more}
        return db.call(operation, body)["ConsumedCapacity"]["CapacityUnits"]

    assert used("PutItem", Item=item) == units
    # The larger of what was and what is counts.
    assert used("PutItem", Item=key) == units
    assert used("PutItem", Item=item) == units
    assert used("UpdateItem", Key=key, UpdateExpression="REMOVE p") == units
    db.put(simple, item)
    assert used("DeleteItem", Key=key) == units


@pytest.mark.parametrize(("size", "units"), [(4096, 1), (4097, 2), (40_000, 10)])
def test_reads_cost_a_unit_for_each_4_kb_begun_or_half_of_it(
    db: Client, simple: str, size: int, units: int
) -> None:
    key = {"a": text("four")}
    db.put(simple, {**key, "p": text("x" * (size - 6))})
    for consistent, factor in ((True, 1.0), (False, 0.5)):
        body = {
            "TableName": simple,
            "Key": key,
            "ConsistentRead": consistent,
            "ProjectionExpression": "a",
            "ReturnConsumedCapacity": "TOTAL",
        }
        found = db.call("GetItem", body)["ConsumedCapacity"]
        assert found == {"TableName": simple, "CapacityUnits": units * factor}


def test_what_is_not_there_costs_as_if_it_were_small(db: Client, simple: str) -> None:
    body = {"TableName": simple, "Key": {"a": text("nothing")}, "ReturnConsumedCapacity": "INDEXES"}
    assert db.call("GetItem", body)["ConsumedCapacity"] == {
        "TableName": simple,
        "CapacityUnits": 0.5,
        "Table": {"CapacityUnits": 0.5},
    }
    keys_ = [{"a": text("nothing")}, {"a": text("nothing else")}]
    batch = {"RequestItems": {simple: {"Keys": keys_}}, "ReturnConsumedCapacity": "TOTAL"}
    assert db.call("BatchGetItem", batch)["ConsumedCapacity"] == [
        {"TableName": simple, "CapacityUnits": 1.0}
    ]


def test_a_page_costs_what_was_read_for_it_whatever_is_shown(db: Client, table: str) -> None:
    name = f"page-{next(_names)}"
    items = [
        {"a": text(name), "b": text(str(n)), "lk": text("1"), "p": text("x" * 1000)}
        for n in range(10)
    ]
    db.put_many(table, items)
    body: Json = {
        "TableName": table,
        "KeyConditionExpression": "a = :a",
        "ExpressionAttributeValues": {":a": text(name)},
        "ReturnConsumedCapacity": "INDEXES",
    }
    for more in (
        {},
        {"FilterExpression": "attribute_not_exists(p)"},
        {"ProjectionExpression": "b"},
        {"Select": "COUNT"},
    ):
        assert shown(db.call("Query", {**body, **more})) == (1.5, 1.5, None, None)
    assert shown(db.call("Query", {**body, "ConsistentRead": True})) == (3, 3, None, None)
    assert shown(db.call("Query", {**body, "Limit": 4})) == (0.5, 0.5, None, None)
    assert shown(db.call("Query", {**body, "IndexName": "by-l"})) == (1.5, 0, None, 1.5)
    none = {**body, "ExpressionAttributeValues": {":a": text("nobody")}}
    assert shown(db.call("Query", none)) == (0.5, 0.5, None, None)


def test_an_index_costs_what_it_holds(db: Client, table: str) -> None:
    name = f"held-{next(_names)}"
    db.put_many(
        table,
        [
            {"a": text(f"{name}-{n}"), "b": text("1"), "gk": text(name), "p": text("x" * 4000)}
            for n in range(5)
        ],
    )
    body = {
        "TableName": table,
        "IndexName": "by-g",
        "KeyConditionExpression": "gk = :g",
        "ExpressionAttributeValues": {":g": text(name)},
        "ReturnConsumedCapacity": "INDEXES",
    }
    assert shown(db.call("Query", body)) == (0.5, 0, 0.5, None)


def test_collection_metrics_are_of_tables_with_local_indexes(
    db: Client, table: str, simple: str
) -> None:
    item = fresh()
    body = {"TableName": table, "Item": item, "ReturnItemCollectionMetrics": "SIZE"}
    metrics = db.call("PutItem", body)["ItemCollectionMetrics"]
    assert metrics["ItemCollectionKey"] == {"a": item["a"]}
    low, high = metrics["SizeEstimateRangeGB"]
    assert low <= high
    batch = {
        "RequestItems": {table: [{"PutRequest": {"Item": item}}]},
        "ReturnItemCollectionMetrics": "SIZE",
    }
    metrics = db.call("BatchWriteItem", batch)["ItemCollectionMetrics"]
    assert metrics[table][0]["ItemCollectionKey"] == {"a": item["a"]}
    plain = {"TableName": simple, "Item": {"a": text("m")}, "ReturnItemCollectionMetrics": "SIZE"}
    assert db.call("PutItem", plain) == {}
