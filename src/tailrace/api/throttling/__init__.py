"""Throughput enforced on request: the operations of a server that throttles, made of those of one
that does not. A server that is not asked to throttle has none of this on its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tailrace import limits
from tailrace.api.operation import Operation
from tailrace.api.throttling.batches import batch_get, batch_statements, batch_write
from tailrace.api.throttling.buckets import Buckets
from tailrace.api.throttling.kinesis import throttled as kinesis_throttled
from tailrace.api.throttling.requests import Run, alone, together
from tailrace.api.throttling.streams import called, records_read
from tailrace.api.throttling.throughput import Meter

__all__ = ["enforced"]

_TABLES: dict[str, Callable[[Run, Meter], Run]] = {
    "BatchExecuteStatement": batch_statements,
    "BatchGetItem": batch_get,
    "BatchWriteItem": batch_write,
    "DeleteItem": alone,
    "ExecuteStatement": alone,
    "ExecuteTransaction": together,
    "GetItem": alone,
    "PutItem": alone,
    "Query": alone,
    "Scan": alone,
    "TransactGetItems": together,
    "TransactWriteItems": together,
    "UpdateItem": alone,
}


def enforced(operations: Mapping[str, Operation[Any]]) -> dict[str, Operation[Any]]:
    """These operations, by `X-Amz-Target`, with the throughput of tables and the rates of streams
    enforced from now on."""
    meter, buckets = Meter(), Buckets()
    throttled: dict[str, Callable[[Run], Run]] = {
        "DescribeStream": lambda run: called(
            run, buckets, "DescribeStream", limits.DESCRIBE_STREAM_CALLS_PER_S
        ),
        "GetRecords": lambda run: records_read(run, buckets),
        "ListStreams": lambda run: called(
            run, buckets, "ListStreams", limits.LIST_STREAMS_CALLS_PER_S
        ),
    }
    runs: dict[str, Run] = {}
    for name, wrap in _TABLES.items():
        target = f"DynamoDB_20120810.{name}"
        runs[target] = wrap(operations[target].run, meter)
    for name, limit in throttled.items():
        target = f"DynamoDBStreams_20120810.{name}"
        runs[target] = limit(operations[target].run)
    for target, operation in operations.items():
        prefix, _, name = target.partition(".")
        if prefix == "Kinesis_20131202":
            runs[target] = kinesis_throttled(name, operation.run, buckets)
    return {
        target: msgspec.structs.replace(operation, run=runs.get(target, operation.run))
        for target, operation in operations.items()
    }
