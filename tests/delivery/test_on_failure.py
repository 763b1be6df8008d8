"""On-failure records have the shape Lambda sends to a destination."""

from __future__ import annotations

import msgspec

from tailrace.delivery.messages import Condition, Discard
from tailrace.delivery.on_failure import on_failure_record
from tailrace.delivery.ports import Batch, Record

FIRST_MS, NOW_MS = 1_789_651_658_000, 1_789_651_700_042
RECORDS = [
    Record.of(10**20 + 5, FIRST_MS, {}),
    Record.of(10**20 + 9, FIRST_MS + 1_000, {}),
]
BATCH = Batch("11111111-2222-4333-8444-555555555555", "arn:stream", "shard-1", RECORDS, 3)


def document(condition: Condition, invocations: int, reported: bool) -> dict[str, object]:
    discard = Discard(0, BATCH, condition, invocations, reported)
    return msgspec.json.decode(on_failure_record(discard, "arn:function", NOW_MS))


def test_a_batch_whose_retries_are_spent() -> None:
    assert document(Condition.RETRIES_EXHAUSTED, 3, False) == {
        "requestContext": {
            "requestId": "11111111-2222-4333-8444-555555555555",
            "functionArn": "arn:function",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": "2026-09-17T13:28:20.042Z",
        "DDBStreamBatchInfo": {
            "shardId": "shard-1",
            "startSequenceNumber": "100000000000000000005",
            "endSequenceNumber": "100000000000000000009",
            "approximateArrivalOfFirstRecord": "2026-09-17T13:27:38.000Z",
            "approximateArrivalOfLastRecord": "2026-09-17T13:27:39.000Z",
            "batchSize": 2,
            "streamArn": "arn:stream",
        },
    }


def test_after_reported_item_failures_there_is_no_function_error() -> None:
    answer = document(Condition.RETRIES_EXHAUSTED, 1, True)["responseContext"]
    assert answer == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": None}


def test_what_aged_before_it_was_invoked_has_no_response() -> None:
    found = document(Condition.AGE_EXCEEDED, 0, False)
    assert "responseContext" not in found
    assert found["requestContext"] == {
        "requestId": "11111111-2222-4333-8444-555555555555",
        "functionArn": "arn:function",
        "condition": "RecordAgeExceeded",
        "approximateInvokeCount": 1,
    }
