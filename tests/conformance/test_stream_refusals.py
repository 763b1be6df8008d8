"""Everything that the operations of DynamoDB Streams refuse, and a stream that is enabled twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.streams import ABSENT_SHARD, Stream

ABSENT_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/no-such-table/stream/{}"
LABEL = "2026-01-01T00:00:00.000"
NUMBER = "1" + "0" * 20
VALIDATION = "ValidationException"
NOT_FOUND = "ResourceNotFoundException"


@pytest.fixture(scope="module")
def stream(db: Client) -> Stream:
    """A stream with a change."""
    made = Stream(db)
    made.put(1)
    return made


def detected(value: str, place: str, constraint: str) -> str:
    return (
        f"1 validation error detected: Value {value} at '{place}' failed to satisfy constraint:"
        f" Member must {constraint}"
    )


TYPES = "[AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]"
GET = {"StreamArn": "@arn", "ShardId": "@shard"}
MODEL: dict[str, tuple[str, Json, str]] = {
    "a list of nothing": (
        "ListStreams",
        {"Limit": 0},
        detected("'0'", "limit", "have value greater than or equal to 1"),
    ),
    "a list of too much": (
        "ListStreams",
        {"Limit": 101},
        detected("'101'", "limit", "have value less than or equal to 100"),
    ),
    "a list of a table that has no name": (
        "ListStreams",
        {"TableName": "no!"},
        detected("'no!'", "tableName", "satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
    ),
    "a list behind a short ARN": (
        "ListStreams",
        {"ExclusiveStartStreamArn": "x"},
        detected("'x'", "exclusiveStartStreamArn", "have length greater than or equal to 37"),
    ),
    "a description of nothing": (
        "DescribeStream",
        {},
        detected("null", "streamArn", "not be null"),
    ),
    "a description without shards": (
        "DescribeStream",
        {"StreamArn": "@arn", "Limit": 0},
        detected("'0'", "limit", "have value greater than or equal to 1"),
    ),
    "a description of too many shards": (
        "DescribeStream",
        {"StreamArn": "@arn", "Limit": 101},
        detected("'101'", "limit", "have value less than or equal to 100"),
    ),
    "a description behind a short name": (
        "DescribeStream",
        {"StreamArn": "@arn", "ExclusiveStartShardId": "x"},
        detected("'x'", "exclusiveStartShardId", "have length greater than or equal to 28"),
    ),
    "a filter of another type": (
        "DescribeStream",
        {"StreamArn": "@arn", "ShardFilter": {"Type": "X", "ShardId": ABSENT_SHARD}},
        detected("'X'", "shardFilter.type", "satisfy enum value set: [CHILD_SHARDS]"),
    ),
    "a filter of a short name": (
        "DescribeStream",
        {"StreamArn": "@arn", "ShardFilter": {"Type": "CHILD_SHARDS", "ShardId": "x"}},
        detected("'x'", "shardFilter.shardId", "have length greater than or equal to 28"),
    ),
    "an iterator of no type": (
        "GetShardIterator",
        GET,
        detected("null", "shardIteratorType", "not be null"),
    ),
    "an iterator of another type": (
        "GetShardIterator",
        {**GET, "ShardIteratorType": "X"},
        detected("'X'", "shardIteratorType", f"satisfy enum value set: {TYPES}"),
    ),
    "a short number": (
        "GetShardIterator",
        {**GET, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": "1"},
        detected("'1'", "sequenceNumber", "have length greater than or equal to 21"),
    ),
    "records of nothing": (
        "GetRecords",
        {},
        detected("null", "shardIterator", "not be null"),
    ),
    "records behind nothing": (
        "GetRecords",
        {"ShardIterator": ""},
        detected("''", "shardIterator", "have length greater than or equal to 1"),
    ),
    "a page of nothing": (
        "GetRecords",
        {"ShardIterator": "@iterator", "Limit": 0},
        detected("'0'", "limit", "have value greater than or equal to 1"),
    ),
    "a page of less": (
        "GetRecords",
        {"ShardIterator": "@iterator", "Limit": -1},
        detected("'-1'", "limit", "have value greater than or equal to 1"),
    ),
    "a page of too much": (
        "GetRecords",
        {"ShardIterator": "@iterator", "Limit": 1001},
        detected("'1001'", "limit", "have value less than or equal to 1000"),
    ),
    "what is no iterator": ("GetRecords", {"ShardIterator": "x"}, "Invalid ShardIterator"),
    "an iterator that was changed": (
        "GetRecords",
        {"ShardIterator": "@damaged"},
        "Invalid ShardIterator",
    ),
}


@pytest.fixture
def named(stream: Stream) -> Callable[[Json], Json]:
    """Puts the stream's ARN, its shard and an iterator into requests."""
    iterator = stream.iterator("TRIM_HORIZON")
    known = {
        "@arn": stream.arn,
        "@shard": stream.written()["ShardId"],
        "@iterator": iterator,
        "@damaged": f"{iterator[:-6]}{'A' if iterator[-6] != 'A' else 'B'}{iterator[-5:]}",
    }

    def filled(body: Json) -> Json:
        return {name: known.get(str(value), value) for name, value in body.items()}

    return filled


@pytest.mark.parametrize("case", MODEL)
def test_the_model_and_iterators_are_checked(
    db: Client, named: Callable[[Json], Json], case: str
) -> None:
    operation, body, message = MODEL[case]
    answer = db.send(operation, named(body), "streams")
    assert (answer.status, answer.code, answer.message) == (400, VALIDATION, message)


def test_what_is_not_there(db: Client, stream: Stream) -> None:
    arn = ABSENT_ARN.format(LABEL)
    absent = f"Requested resource not found: Stream: {arn} not found"
    iterator = {"ShardId": ABSENT_SHARD, "ShardIteratorType": "LATEST"}
    shard = "Requested resource not found: Shard does not exist"
    for operation, body, message in (
        ("DescribeStream", {"StreamArn": arn}, absent),
        ("GetShardIterator", {"StreamArn": arn, **iterator}, absent),
        ("GetShardIterator", {"StreamArn": stream.arn, **iterator}, shard),
    ):
        answer = db.send(operation, body, "streams")
        assert (answer.status, answer.code, answer.message) == (400, NOT_FOUND, message)


# Refused by the service; how it words them is not known.
UNWORDED: dict[str, tuple[str, Json, str]] = {
    "no ARN of a stream": ("DescribeStream", {"StreamArn": "x" * 40}, ""),
    "a list behind no ARN of a stream": ("ListStreams", {"ExclusiveStartStreamArn": "x" * 40}, ""),
    "no name of a shard": (
        "DescribeStream",
        {"StreamArn": "@arn", "ExclusiveStartShardId": "x" * 30},
        "ExclusiveStartShardId",
    ),
    "an empty filter": ("DescribeStream", {"StreamArn": "@arn", "ShardFilter": {}}, "ShardFilter"),
    "a filter without a shard": (
        "DescribeStream",
        {"StreamArn": "@arn", "ShardFilter": {"Type": "CHILD_SHARDS"}},
        "ShardFilter.ShardId",
    ),
    "a filter without a type": (
        "DescribeStream",
        {"StreamArn": "@arn", "ShardFilter": {"ShardId": ABSENT_SHARD}},
        "ShardFilter",
    ),
    "at no number": (
        "GetShardIterator",
        {**GET, "ShardIteratorType": "AT_SEQUENCE_NUMBER"},
        "SequenceNumber",
    ),
    "after no number": (
        "GetShardIterator",
        {**GET, "ShardIteratorType": "AFTER_SEQUENCE_NUMBER"},
        "SequenceNumber",
    ),
    "a number for the latest": (
        "GetShardIterator",
        {**GET, "ShardIteratorType": "LATEST", "SequenceNumber": NUMBER},
        "SequenceNumber",
    ),
    "a number for the oldest": (
        "GetShardIterator",
        {**GET, "ShardIteratorType": "TRIM_HORIZON", "SequenceNumber": NUMBER},
        "SequenceNumber",
    ),
    "what is no number": (
        "GetShardIterator",
        {**GET, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": "x" * 21},
        "SequenceNumber",
    ),
    "no time": ("GetShardIterator", {**GET, "ShardIteratorType": "AT_TIMESTAMP"}, "Timestamp"),
    "a time to come": (
        "GetShardIterator",
        {**GET, "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 4e9},
        "Timestamp",
    ),
}


@pytest.mark.parametrize("case", UNWORDED)
def test_what_is_refused_names_its_member(
    db: Client, named: Callable[[Json], Json], case: str
) -> None:
    operation, body, member = UNWORDED[case]
    answer = db.send(operation, named(body), "streams")
    assert (answer.status, answer.code) == (400, VALIDATION)
    assert member in answer.message


def test_a_number_older_than_all_is_not_served(stream: Stream) -> None:
    shard = stream.written()["ShardId"]
    body = {"StreamArn": stream.arn, "ShardId": shard, "ShardIteratorType": "AT_SEQUENCE_NUMBER"}
    answer = stream.db.send("GetShardIterator", {**body, "SequenceNumber": NUMBER}, "streams")
    assert (answer.status, answer.code) == (400, "TrimmedDataAccessException")


def test_enabling_twice(db: Client, stream: Stream) -> None:
    on = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    answer = db.send("UpdateTable", {"TableName": stream.table, "StreamSpecification": on})
    assert (answer.status, answer.code) == (400, VALIDATION)
    assert "Table already has an enabled stream" in answer.message
