"""Changes are put in order, as many at a time as Kinesis takes, and what failed comes again."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from tailrace.delivery.ports import Batch, Failure, Record, SinkUnavailable
from tailrace.errors import ResourceNotFoundException
from tailrace.sinks.kinesis import KinesisSink, destination_record
from tailrace.streams.sequence import clock_at, sequence_number

MADE_US = 1_789_651_658_123_456
FIRST = 10**20 + clock_at(MADE_US)


class Kinesis:
    """Takes calls; `fails` are the places of records to refuse in the next call."""

    def __init__(self) -> None:
        self.calls: list[list[dict[str, Any]]] = []
        self.fails: list[int] = []
        self.error: Exception | None = None

    async def call(self, target: str, params: dict[str, Any]) -> bytes:
        assert target == "Kinesis_20131202.PutRecords"
        assert params["StreamName"] == "changes"
        if self.error is not None:
            raise self.error
        self.calls.append(params["Records"])
        fails, self.fails = self.fails, []
        results = [
            {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"}
            if place in fails
            else {"SequenceNumber": "1", "ShardId": "s"}
            for place in range(len(params["Records"]))
        ]
        return json.dumps({"FailedRecordCount": len(fails), "Records": results}).encode()


def event(number: int, size: int = 1) -> dict[str, Any]:
    return {
        "eventID": f"{number:032x}",
        "eventName": "INSERT",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1.0,
            "Keys": {"pk": {"S": str(number % 7)}},
            "NewImage": {"pk": {"S": str(number % 7)}, "x": {"S": "x" * size}},
            "SequenceNumber": str(FIRST + number),
            "SizeBytes": 9,
        },
    }


def batch(*events: dict[str, Any]) -> Batch:
    records = [Record.of(int(e["dynamodb"]["SequenceNumber"]), 0, e) for e in events]
    return Batch("r", "arn", "shard", records, 1)


def written(kinesis: Kinesis, *events: dict[str, Any]) -> Any:
    sink = KinesisSink(kinesis, "changes", "orders", lambda: None)
    return list(asyncio.run(sink.write(batch(*events)))), sink


def test_batches_are_cut_to_what_a_call_takes() -> None:
    kinesis = Kinesis()
    failures, _ = written(kinesis, *(event(n) for n in range(1201)))
    assert failures == []
    assert [len(records) for records in kinesis.calls] == [500, 500, 201]
    data = [json.loads(base64.b64decode(r["Data"])) for records in kinesis.calls for r in records]
    assert [int(change["eventID"].replace("-", ""), 16) for change in data] == list(range(1201))
    large = Kinesis()
    written(large, *(event(n, 900_000) for n in range(11)))
    assert [len(records) for records in large.calls] == [5, 5, 1]


def test_one_item_has_one_partition_key() -> None:
    kinesis = Kinesis()
    written(kinesis, *(event(n) for n in range(70)))
    keys = [record["PartitionKey"] for record in kinesis.calls[0]]
    assert keys[:7] * 10 == keys
    assert len(set(keys)) == 7


def test_what_failed_is_told_from_the_first_on() -> None:
    kinesis = Kinesis()
    kinesis.fails = [3, 5]
    failures, _ = written(kinesis, *(event(n) for n in range(10)))
    told = "ProvisionedThroughputExceededException: slow down"
    assert failures == [Failure(FIRST + 3, told)]


def test_a_stream_that_takes_nothing_is_waited_for() -> None:
    kinesis = Kinesis()
    kinesis.fails = [0]
    with pytest.raises(SinkUnavailable, match="slow down"):
        written(kinesis, event(0), event(1))
    for error in (ResourceNotFoundException("not there"), ConnectionError("refused")):
        kinesis.error = error
        with pytest.raises(SinkUnavailable, match=str(error)):
            written(kinesis, event(0))


def test_what_is_too_large_is_dropped_and_counted() -> None:
    kinesis = Kinesis()
    failures, sink = written(kinesis, event(0), event(1, 1_048_576), event(2))
    assert failures == []
    assert sink.dropped == 1
    assert [len(records) for records in kinesis.calls] == [2]
    _, sink = written(kinesis, event(1, 1_048_576))
    assert sink.dropped == 1


def test_times_are_those_of_the_sequence_number() -> None:
    change = event(0)
    assert sequence_number(clock_at(MADE_US)) == change["dynamodb"]["SequenceNumber"]
    coarse = destination_record(change, "orders", None)["dynamodb"]
    assert coarse["ApproximateCreationDateTime"] == MADE_US // 1000
    fine = destination_record(change, "orders", "MICROSECOND")["dynamodb"]
    assert fine["ApproximateCreationDateTime"] == MADE_US
    assert list(fine)[-1] == "ApproximateCreationDateTimePrecision"
    assert "SequenceNumber" not in fine


def test_deletions_by_the_service_say_so() -> None:
    identity = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    change = {**event(0), "userIdentity": identity}
    assert destination_record(change, "orders", None)["userIdentity"] == identity
