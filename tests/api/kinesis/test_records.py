"""What is put is read: in order, in the shard of its hash key, from every kind of iterator."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.api.kinesis.test_streams import ACCOUNT, refusal

SHARD = "shardId-000000000000"
SECOND_US = 1_000_000


def test_a_record_comes_back_as_it_was_put(desk: Any) -> None:
    desk.stream()
    receipt = desk.put("hällo", key='a "key" ä')
    page = desk.client.get_records(ShardIterator=desk.iterator(SHARD))
    (record,) = page["Records"]
    assert record["Data"] == "hällo".encode()
    assert record["PartitionKey"] == 'a "key" ä'
    assert record["SequenceNumber"] == receipt["SequenceNumber"]
    assert record["ApproximateArrivalTimestamp"].timestamp() * 1000 == desk.clock.now_us() // 1000
    assert receipt["ShardId"] == SHARD
    assert page["MillisBehindLatest"] == 0
    following = desk.client.get_records(ShardIterator=page["NextShardIterator"])
    assert following["Records"] == []


def test_records_go_to_the_shard_of_their_hash_key(desk: Any) -> None:
    desk.stream(shards=3)
    entries = [{"Data": b"%d" % n, "PartitionKey": f"k{n}"} for n in range(40)]
    entries.append({"Data": b"last", "PartitionKey": "k", "ExplicitHashKey": str(2**128 - 1)})
    receipts = desk.client.put_records(StreamName="orders", Records=entries)
    assert receipts["FailedRecordCount"] == 0
    ranges = {s["ShardId"]: s["HashKeyRange"] for s in desk.shards()}
    for entry, receipt in zip(entries, receipts["Records"], strict=True):
        digest = hashlib.md5(entry["PartitionKey"].encode()).digest()
        hash_key = int(entry.get("ExplicitHashKey") or int.from_bytes(digest, "big"))
        place = ranges[receipt["ShardId"]]
        assert int(place["StartingHashKey"]) <= hash_key <= int(place["EndingHashKey"])
    for shard_id in ranges:
        expected = [
            entry["Data"]
            for entry, receipt in zip(entries, receipts["Records"], strict=True)
            if receipt["ShardId"] == shard_id
        ]
        assert desk.read(shard_id) == expected


def test_iterators_of_every_type(desk: Any) -> None:
    desk.stream()
    receipts = []
    for n in range(3):
        receipts.append(desk.put(str(n)))
        desk.clock.advance(SECOND_US)
    second = receipts[1]["SequenceNumber"]
    latest = desk.iterator(SHARD, "LATEST")
    assert desk.read(SHARD) == [b"0", b"1", b"2"]
    at = "AT_SEQUENCE_NUMBER"
    assert desk.read(SHARD, at, StartingSequenceNumber=second) == [b"1", b"2"]
    after = "AFTER_SEQUENCE_NUMBER"
    assert desk.read(SHARD, after, StartingSequenceNumber=second) == [b"2"]
    then = desk.clock.now_us() / 1e6 - 1.5
    assert desk.read(SHARD, "AT_TIMESTAMP", Timestamp=then) == [b"2"]
    assert desk.read(SHARD, "AT_TIMESTAMP", Timestamp=0) == [b"0", b"1", b"2"]
    desk.put("3")
    records = desk.client.get_records(ShardIterator=latest)["Records"]
    assert [record["Data"] for record in records] == [b"3"]


def test_pages_and_lag(desk: Any) -> None:
    desk.stream()
    for n in range(5):
        desk.put(str(n))
        desk.clock.advance(SECOND_US)
    iterator, seen = desk.iterator(SHARD), []
    lags = []
    for _ in range(3):
        page = desk.client.get_records(ShardIterator=iterator, Limit=2)
        seen += [record["Data"] for record in page["Records"]]
        lags.append(page["MillisBehindLatest"])
        iterator = page["NextShardIterator"]
    assert seen == [b"0", b"1", b"2", b"3", b"4"]
    assert lags == [3000, 1000, 0]


def test_iterators_live_five_minutes(desk: Any) -> None:
    desk.stream()
    iterator = desk.iterator(SHARD)
    desk.clock.advance(300 * SECOND_US)
    desk.client.get_records(ShardIterator=iterator)
    desk.clock.advance(SECOND_US)
    code, message = refusal(desk.client.get_records, ShardIterator=iterator)
    assert code == "ExpiredIteratorException"
    assert message.endswith("than the tolerated delay of 300000 milliseconds.")
    assert refusal(desk.client.get_records, ShardIterator="nonsense") == (
        "InvalidArgumentException",
        "Invalid ShardIterator.",
    )


def test_trimmed_records_are_passed_over(desk: Any) -> None:
    desk.stream()
    first = desk.put("old")["SequenceNumber"]
    desk.clock.advance(20 * 3600 * SECOND_US)
    desk.put("new")
    desk.clock.advance(5 * 3600 * SECOND_US)
    assert desk.read(SHARD) == [b"new"]
    assert desk.read(SHARD, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=first) == [b"new"]
    assert desk.read(SHARD, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=first) == [b"new"]


def test_what_iterators_refuse(desk: Any) -> None:
    desk.stream()
    get = desk.client.get_shard_iterator

    def told(shard: str = SHARD, **params: Any) -> tuple[str, str]:
        return refusal(get, StreamName="orders", ShardId=shard, **params)

    either = (
        "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and"
        " StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber."
    )
    invalid = "InvalidArgumentException"
    assert told(ShardIteratorType="AT_SEQUENCE_NUMBER") == (
        invalid,
        f"{either} Request specified AT_SEQUENCE_NUMBER and no StartingSequenceNumber.",
    )
    assert told(ShardIteratorType="LATEST", StartingSequenceNumber="1") == (
        invalid,
        f"{either} Request specified LATEST and also a StartingSequenceNumber.",
    )
    assert told(ShardIteratorType="AT_TIMESTAMP")[1] == (
        "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current"
        " request has no timestamp parameter."
    )
    future = desk.clock.now_us() // SECOND_US + 60
    assert told(ShardIteratorType="AT_TIMESTAMP", Timestamp=future)[0] == invalid
    assert told(ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber="7") == (
        invalid,
        (
            f"StartingSequenceNumber 7 used in GetShardIterator on shard {SHARD} in stream orders"
            f" under account {ACCOUNT} is invalid because it did not come from this stream."
        ),
    )
    assert told("shardId-000000000009", ShardIteratorType="LATEST") == (
        "ResourceNotFoundException",
        f"Shard shardId-000000000009 in stream orders under account {ACCOUNT} does not exist",
    )
    assert told(ShardIteratorType="OLDEST")[0] == "ValidationException"


def test_what_cannot_be_put(desk: Any) -> None:
    desk.stream()
    put, puts = desk.client.put_record, desk.client.put_records
    code, message = refusal(put, StreamName="orders", Data=b"x" * 1_048_576, PartitionKey="k")
    assert code == "ValidationException"
    assert message.endswith("Member must have length less than or equal to 1048576")
    key = str(2**128)
    assert refusal(put, StreamName="orders", Data=b"", PartitionKey="k", ExplicitHashKey=key) == (
        "InvalidArgumentException",
        (
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified"
            f" value was {key}"
        ),
    )
    code, _ = refusal(put, StreamName="orders", Data=b"", PartitionKey="")
    assert code == "ValidationException"
    entry = {"Data": b"x", "PartitionKey": "k"}
    code, message = refusal(puts, StreamName="orders", Records=[entry] * 501)
    assert code == "ValidationException"
    assert message.endswith("Member must have length less than or equal to 500")
    large = {"Data": b"x" * 1_000_000, "PartitionKey": "k"}
    assert refusal(puts, StreamName="orders", Records=[large] * 11) == (
        "InvalidArgumentException",
        "Records size exceeds 10 MB limit",
    )
    assert desk.read(SHARD) == []


def test_a_dry_run_puts_nothing(desk: Any) -> None:
    desk.stream()
    code, _ = refusal(
        desk.client.put_record, StreamName="orders", Data=b"x", PartitionKey="k", DryRun=True
    )
    assert code == "DryRunOperationException"
    assert desk.read(SHARD) == []
