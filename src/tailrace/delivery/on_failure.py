"""The record Lambda sends to an OnFailure destination for a batch it gave up
(with-ddb-error-handling / services-ddb-errors.html)."""

from __future__ import annotations

import datetime
from typing import Any, Final

import msgspec

from tailrace.delivery.events import window_bounds
from tailrace.delivery.messages import Discard
from tailrace.delivery.ports import Batch

__all__ = ["on_failure_record"]

_VERSION: Final = "1.0"


def on_failure_record(discard: Discard, function_arn: str, now_ms: int) -> bytes:
    """The on-failure record of a batch, as JSON.

    A batch that aged before it was ever invoked has no `responseContext`, and one invocation. One
    of a tumbling window has `timeWindowInfo`, without the state; the last of a window, which has no
    records, has no sequence numbers either.
    """
    batch = discard.batch
    document: dict[str, Any] = {
        "requestContext": {
            "requestId": batch.request_id,
            "functionArn": function_arn,
            "condition": discard.condition.value,
            "approximateInvokeCount": max(discard.invocations, 1),
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": None if discard.reported else "Unhandled",
        },
        "version": _VERSION,
        "timestamp": _moment(now_ms),
        _batch_info(batch.source_arn): {
            "shardId": batch.shard_id,
            **_ends(batch),
            "batchSize": len(batch.records),
            "streamArn": batch.source_arn,
        },
    }
    if not discard.invocations:
        del document["responseContext"]
    if batch.window is not None:
        document["timeWindowInfo"] = {
            "window": window_bounds(batch.window),
            "isFinalInvokeForWindow": batch.window.final,
            "isWindowTerminatedEarly": batch.window.early,
        }
    return msgspec.json.encode(document)


def _ends(batch: Batch) -> dict[str, str]:
    if not batch.records:
        return {}
    first, last = batch.records[0], batch.records[-1]
    return {
        "startSequenceNumber": sequence_text(first.sequence),
        "endSequenceNumber": sequence_text(last.sequence),
        "approximateArrivalOfFirstRecord": _moment(first.created_ms),
        "approximateArrivalOfLastRecord": _moment(last.created_ms),
    }


def _batch_info(source_arn: str) -> str:
    """What the member is called that tells where the batch is from."""
    return "KinesisBatchInfo" if ":kinesis:" in source_arn else "DDBStreamBatchInfo"


def sequence_text(sequence: int) -> str:
    """A sequence number as the API serves it: decimal, 21 digits or more."""
    return str(sequence).zfill(21)


def _moment(ms: int) -> str:
    moment = datetime.datetime.fromtimestamp(ms // 1000, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"
