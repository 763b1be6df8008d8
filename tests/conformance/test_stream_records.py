"""The records that come out of a table's stream: one for each write that changes an item, in the
order of the writes to the item, with the images that the view type shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.shapes import definitions, index, keys, number, text

WAIT_S = 20.0
VIEWS = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")
KEY: Json = {"a": text("key")}


class Watched:
    """A table with a stream."""

    def __init__(self, db: Client, view: str, **more: Any) -> None:
        self.db = db
        specification = {"StreamEnabled": True, "StreamViewType": view}
        self.table = db.new_table(**{**TABLE, **more}, StreamSpecification=specification)
        self.arn = db.describe(self.table)["LatestStreamArn"]

    def ask(self, operation: str, **body: Any) -> Json:
        return self.db.call(operation, body, service="streams")

    def write(self, operation: str, **body: Any) -> None:
        self.db.call(operation, {"TableName": self.table, **body})

    def put(self, **item: Json) -> None:
        self.write("PutItem", Item={**KEY, **item})

    def all(self) -> list[Json]:
        """All records of all shards, as they are at this moment."""
        description = self.ask("DescribeStream", StreamArn=self.arn)["StreamDescription"]
        found: list[Json] = []
        for shard in description["Shards"]:
            iterator = self.ask(
                "GetShardIterator",
                StreamArn=self.arn,
                ShardId=shard["ShardId"],
                ShardIteratorType="TRIM_HORIZON",
            )["ShardIterator"]
            while iterator is not None:
                page = self.ask("GetRecords", ShardIterator=iterator)
                found += page["Records"]
                iterator = page.get("NextShardIterator") if page["Records"] else None
        return found

    def records(self, count: int) -> list[Json]:
        """All records; waits until there are `count`."""
        end = time.monotonic() + WAIT_S
        while len(found := self.all()) < count and time.monotonic() < end:
            time.sleep(0.05)
        return found


TABLE: Json = {"AttributeDefinitions": definitions(("a", "S")), "KeySchema": keys("a")}


@pytest.fixture(scope="module")
def watched(db: Client) -> Callable[..., Watched]:
    def made(view: str = "NEW_AND_OLD_IMAGES", **more: Any) -> Watched:
        return Watched(db, view, **more)

    return made


@pytest.mark.parametrize("view", VIEWS)
def test_each_change_makes_a_record(watched: Callable[..., Watched], view: str) -> None:
    table = watched(view)
    table.put(n=number(1))
    table.put(n=number(2))
    table.write("DeleteItem", Key=KEY)
    first, second = {**KEY, "n": number(1)}, {**KEY, "n": number(2)}
    records = table.records(3)
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    shown = [
        {name: record["dynamodb"].get(name) for name in ("OldImage", "NewImage")}
        for record in records
    ]
    images = [(None, first), (first, second), (second, None)]
    sees_old = view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES")
    sees_new = view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")
    assert shown == [
        {"OldImage": old if sees_old else None, "NewImage": new if sees_new else None}
        for old, new in images
    ]
    # Names and values: "a" + "key" are 4 bytes, "n" with one digit is 3 more.
    sizes = [record["dynamodb"]["SizeBytes"] for record in records]
    both = [
        4 + 7 * (sees_old and old is not None) + 7 * (sees_new and new is not None)
        for old, new in images
    ]
    assert sizes == both


def test_what_a_record_has(watched: Callable[..., Watched]) -> None:
    table = watched()
    before = time.time()
    table.put()
    (record,) = table.records(1)
    change = record.pop("dynamodb")
    assert len(record.pop("eventID")) == 32
    assert record.pop("awsRegion")
    assert record == {"eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb"}
    assert change.pop("SequenceNumber").isdigit()
    assert abs(change.pop("ApproximateCreationDateTime") - before) < WAIT_S
    assert change == {
        "Keys": KEY,
        "NewImage": KEY,
        "SizeBytes": 8,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }


def test_what_changes_nothing_makes_no_record(watched: Callable[..., Watched]) -> None:
    table = watched()
    item = {"n": number(1), "ss": {"SS": ["b", "a"]}, "m": {"M": {"x": number(1), "y": text("")}}}
    table.put(**item)
    table.put(**item)
    table.put(n=number("1.0"), ss={"SS": ["a", "b"]}, m={"M": {"y": text(""), "x": number("1e0")}})
    value = {":one": number(1)}
    same = {"Key": KEY, "UpdateExpression": "SET n = :one", "ExpressionAttributeValues": value}
    table.write("UpdateItem", **same)
    table.write("UpdateItem", Key=KEY)
    table.write("UpdateItem", Key=KEY, UpdateExpression="REMOVE nothing")
    table.write("UpdateItem", Key={"a": text("none")}, UpdateExpression="REMOVE nothing")
    table.write("DeleteItem", Key={"a": text("none")})
    batch = {table.table: [{"PutRequest": {"Item": {**KEY, **item}}}]}
    table.db.call("BatchWriteItem", {"RequestItems": batch})
    refused = table.db.send(
        "PutItem",
        {
            "TableName": table.table,
            "Item": KEY,
            "ConditionExpression": "attribute_not_exists(a)",
        },
    )
    assert refused.code == "ConditionalCheckFailedException"
    table.write("DeleteItem", Key=KEY)
    records = table.records(2)
    assert [record["eventName"] for record in records] == ["INSERT", "REMOVE"]
    assert records[1]["dynamodb"]["OldImage"]["n"] == number(1)


def test_an_update_that_makes_an_item(watched: Callable[..., Watched]) -> None:
    table = watched()
    table.write("UpdateItem", Key=KEY)
    table.write(
        "UpdateItem",
        Key=KEY,
        UpdateExpression="ADD n :n",
        ExpressionAttributeValues={":n": number(1)},
    )
    table.write("UpdateItem", Key=KEY, UpdateExpression="REMOVE n")
    images = [
        (record["eventName"], record["dynamodb"].get("OldImage"), record["dynamodb"]["NewImage"])
        for record in table.records(3)
    ]
    counted = {**KEY, "n": number(1)}
    assert images == [
        ("INSERT", None, KEY),
        ("MODIFY", KEY, counted),
        ("MODIFY", counted, KEY),
    ]


def test_records_of_an_item_keep_their_order(watched: Callable[..., Watched]) -> None:
    table = watched("NEW_IMAGE")
    for n in range(1, 31):
        for key in "xyz":
            table.write("PutItem", Item={"a": text(key), "n": number(n)})
    records = table.records(90)
    assert len(records) == 90
    for key in "xyz":
        changes = [r["dynamodb"] for r in records if r["dynamodb"]["Keys"]["a"]["S"] == key]
        assert [change["NewImage"]["n"]["N"] for change in changes] == [
            str(n) for n in range(1, 31)
        ]
        numbers = [int(change["SequenceNumber"]) for change in changes]
        assert numbers == sorted(set(numbers))
    assert len({record["eventID"] for record in records}) == 90


def test_a_batch_makes_a_record_for_each_item(watched: Callable[..., Watched]) -> None:
    table = watched("KEYS_ONLY")
    table.put()
    writes = [{"PutRequest": {"Item": {"a": text(f"batch-{n}")}}} for n in range(10)]
    writes.append({"DeleteRequest": {"Key": KEY}})
    table.db.call("BatchWriteItem", {"RequestItems": {table.table: writes}})
    records = table.records(12)
    kinds = sorted(record["eventName"] for record in records)
    assert kinds == ["INSERT"] * 11 + ["REMOVE"]


def test_all_types_are_shown_as_they_are_stored(watched: Callable[..., Watched]) -> None:
    table = watched()
    item = {
        "n": number("1E+2"),
        "big": number("12345678901234567890123456789012345678"),
        "b": {"B": "AAH/"},
        "yes": {"BOOL": False},
        "nothing": {"NULL": True},
        "ns": {"NS": ["1"]},
        "bs": {"BS": ["AA=="]},
        "l": {"L": [{"M": {"deep": {"L": []}}}, text("")]},
        "é": text("ü"),
    }
    table.put(**item)
    (record,) = table.records(1)
    assert record["dynamodb"]["NewImage"] == {**KEY, **item, "n": number(100)}


def test_indexes_make_no_records(watched: Callable[..., Watched]) -> None:
    table = watched(
        AttributeDefinitions=definitions(("a", "S"), ("g", "S")),
        GlobalSecondaryIndexes=[index("by_g", "g")],
    )
    table.put(g=text("1"))
    table.put(g=text("2"))
    assert [record["eventName"] for record in table.records(2)] == ["INSERT", "MODIFY"]


def test_a_disabled_stream_can_still_be_read(watched: Callable[..., Watched]) -> None:
    table = watched()
    table.put()
    table.write("UpdateTable", StreamSpecification={"StreamEnabled": False})
    table.db.await_active(table.table)
    assert len(table.records(1)) == 1
    table.put(n=number(1))
    specification = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    table.write("UpdateTable", StreamSpecification=specification)
    table.db.await_active(table.table)
    first, table.arn = table.arn, table.db.describe(table.table)["LatestStreamArn"]
    assert table.arn != first
    table.put(n=number(2))
    (record,) = table.records(1)
    assert (record["eventName"], record["dynamodb"]["Keys"]) == ("MODIFY", KEY)
