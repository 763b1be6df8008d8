"""The operations of DynamoDB Streams: lists and descriptions page by page, iterators of every type,
and records."""

from __future__ import annotations

import itertools
import time

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.shapes import keys
from tests.conformance.streams import ABSENT_SHARD, Stream, places


@pytest.fixture(scope="module")
def stream(db: Client) -> Stream:
    """A stream of the changes 1 to 6."""
    made = Stream(db)
    made.put(*range(1, 7))
    return made


# ListStreams -------------------------------------------------------------------------------------


def test_a_tables_streams_are_listed(stream: Stream) -> None:
    (entry,) = stream.call("ListStreams", TableName=stream.table)["Streams"]
    label = stream.arn.partition("/stream/")[2]
    assert entry == {
        "StreamArn": stream.arn,
        "StreamLabel": label,
        "TableName": stream.table,
    }


def test_a_table_without_streams_has_none(stream: Stream, simple: str) -> None:
    for name in (simple, "no-such-table"):
        assert stream.call("ListStreams", TableName=name) == {"Streams": []}


def test_lists_come_page_by_page(db: Client, stream: Stream) -> None:
    another = Stream(db)
    found: list[str] = []
    more: Json = {}
    while True:
        page = stream.call("ListStreams", Limit=1, **more)
        assert len(page["Streams"]) <= 1
        found += [entry["StreamArn"] for entry in page["Streams"]]
        if "LastEvaluatedStreamArn" not in page:
            break
        assert page["LastEvaluatedStreamArn"] == found[-1]
        more = {"ExclusiveStartStreamArn": found[-1]}
    assert len(found) == len(set(found))
    assert {stream.arn, another.arn} <= set(found)


# DescribeStream ----------------------------------------------------------------------------------


def test_a_stream_is_described(stream: Stream) -> None:
    found = stream.described()
    assert isinstance(found.pop("CreationRequestDateTime"), int | float)
    shards = found.pop("Shards")
    assert found == {
        "StreamArn": stream.arn,
        "StreamLabel": stream.arn.partition("/stream/")[2],
        "StreamStatus": "ENABLED",
        "StreamViewType": "NEW_IMAGE",
        "TableName": stream.table,
        "KeySchema": keys("a", "b"),
    }
    assert shards
    names = [shard["ShardId"] for shard in shards]
    assert names == sorted(names)
    for shard in shards:
        assert set(shard) == {"ShardId", "SequenceNumberRange"}
        assert set(shard["SequenceNumberRange"]) == {"StartingSequenceNumber"}
        kind, created, rest = shard["ShardId"].split("-")
        assert (kind, len(created), len(rest)) == ("shardId", 20, 8)


def test_shards_come_page_by_page(stream: Stream) -> None:
    names = [shard["ShardId"] for shard in stream.described()["Shards"]]
    found: list[str] = []
    more: Json = {}
    while True:
        page = stream.described(Limit=1, **more)
        found += [shard["ShardId"] for shard in page["Shards"]]
        if "LastEvaluatedShardId" not in page:
            break
        assert page["LastEvaluatedShardId"] == found[-1]
        more = {"ExclusiveStartShardId": found[-1]}
    assert found == names
    assert stream.described(ExclusiveStartShardId=names[-1])["Shards"] == []
    assert stream.described(ExclusiveStartShardId=ABSENT_SHARD)["Shards"] == []


def test_an_open_leaf_has_no_children(stream: Stream) -> None:
    shard = stream.described()["Shards"][0]["ShardId"]
    for name in (shard, ABSENT_SHARD):
        found = stream.described(ShardFilter={"Type": "CHILD_SHARDS", "ShardId": name})
        assert found["Shards"] == []
        assert "LastEvaluatedShardId" not in found


def test_a_disabled_stream_has_closed_shards_that_end(db: Client) -> None:
    stream = Stream(db)
    stream.put(1, 2)
    shard = stream.written()["ShardId"]
    specification = {"StreamEnabled": False}
    db.call("UpdateTable", {"TableName": stream.table, "StreamSpecification": specification})
    db.await_active(stream.table)
    end = time.monotonic() + 60
    while stream.described()["StreamStatus"] != "DISABLED" and time.monotonic() < end:
        time.sleep(0.05)
    found = stream.described()
    assert found["StreamStatus"] == "DISABLED"
    for each in found["Shards"]:
        numbers = each["SequenceNumberRange"]
        assert int(numbers["StartingSequenceNumber"]) <= int(numbers["EndingSequenceNumber"])
    assert places(stream.read(stream.iterator("TRIM_HORIZON", shard), 3)) == [1, 2]
    last = stream.call("GetRecords", ShardIterator=stream.iterator("LATEST", shard))
    assert last == {"Records": []}
    assert stream.call("ListStreams", TableName=stream.table)["Streams"]


# GetShardIterator and GetRecords -----------------------------------------------------------------


def test_iterators_of_every_type(stream: Stream) -> None:
    changes = stream.read(stream.iterator("TRIM_HORIZON"), 6)
    assert places(changes)[:6] == list(range(1, 7))
    third = changes[2]["SequenceNumber"]
    at = stream.iterator("AT_SEQUENCE_NUMBER", SequenceNumber=third)
    assert places(stream.read(at, 4))[:4] == [3, 4, 5, 6]
    after = stream.iterator("AFTER_SEQUENCE_NUMBER", SequenceNumber=third)
    assert places(stream.read(after, 3))[:3] == [4, 5, 6]


def test_the_latest_is_what_comes_next(db: Client) -> None:
    stream = Stream(db)
    stream.put(1)
    latest = stream.iterator("LATEST")
    page = stream.call("GetRecords", ShardIterator=latest)
    assert page["Records"] == []
    stream.put(2, 3)
    assert places(stream.read(page["NextShardIterator"], 2)) == [2, 3]
    assert places(stream.read(latest, 2)) == [2, 3]


def test_a_time_is_a_place_too(stream: Stream) -> None:
    old = stream.iterator("AT_TIMESTAMP", Timestamp=time.time() - 3600)
    assert places(stream.read(old, 6))[:6] == list(range(1, 7))


@pytest.mark.parametrize("limit", [1, 4, 1000])
def test_records_come_page_by_page(stream: Stream, limit: int) -> None:
    changes = stream.read(stream.iterator("TRIM_HORIZON"), 6, limit)
    assert places(changes)[:6] == list(range(1, 7))
    numbers = [int(change["SequenceNumber"]) for change in changes]
    assert all(one < two for one, two in itertools.pairwise(numbers))
    first = int(stream.written()["SequenceNumberRange"]["StartingSequenceNumber"])
    assert first <= numbers[0]


def test_an_iterator_can_be_used_again(stream: Stream) -> None:
    iterator = stream.iterator("TRIM_HORIZON")
    assert stream.read(iterator, 6) == stream.read(iterator, 6)
