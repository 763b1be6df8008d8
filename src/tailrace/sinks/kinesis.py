"""A Kinesis stream as a receiver of a table's changes, in the form that DynamoDB gives them there.

The form is that of the developer guide's page on Kinesis Data Streams for DynamoDB and of records
that were seen: no sequence number, always both images, and binary values in base64 twice.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

import msgspec

from tailrace import limits
from tailrace.delivery.ports import Batch, Failure, Record, SinkUnavailable
from tailrace.errors import AwsError
from tailrace.streams.sequence import from_sequence_number, time_us

__all__ = ["KinesisCalls", "KinesisSink", "destination_record"]

_log = logging.getLogger("tailrace.kinesis")
_TARGET: Final = "Kinesis_20131202.PutRecords"
# PutRecords.html: 500 records; 5 MB of them, which every endpoint takes.
_RECORDS: Final = 500
_BYTES: Final = 5 * 1024 * 1024
_RECORD_BYTES: Final = limits.KINESIS_RECORD_KIB * 1024
_MICROSECOND: Final = "MICROSECOND"


class KinesisCalls(Protocol):
    """Makes AWS JSON calls, in this process or over HTTP."""

    async def call(self, target: str, params: dict[str, Any]) -> bytes:
        """The JSON body of the answer. Raises AwsError, or OSError when nobody answers."""
        ...


class _Result(msgspec.Struct, rename="pascal"):
    error_code: str | None = None
    error_message: str | None = None


class _Answer(msgspec.Struct, rename="pascal"):
    records: list[_Result]


class _Entry(msgspec.Struct, frozen=True, gc=False):
    """A record as it is put."""

    sequence: int
    data: bytes
    partition_key: str


_answer = msgspec.json.Decoder(_Answer).decode
_encode = msgspec.json.Encoder().encode


class KinesisSink:
    """Puts the changes of a table into the stream `name`. `precision` tells the precision of their
    times whenever it is asked. `dropped` counts the records that were too large for Kinesis."""

    def __init__(
        self, calls: KinesisCalls, name: str, table: str, precision: Callable[[], str | None]
    ) -> None:
        self._calls = calls
        self._name = name
        self._table = table
        self._precision = precision
        self.dropped = 0

    async def write(self, batch: Batch) -> Sequence[Failure]:
        """Put a batch in order. What failed is told with all that comes behind it, so that nothing
        overtakes an earlier change for good."""
        put = 0
        for entries in self._chunks(batch.records):
            results = await self._put(entries)
            for entry, result in zip(entries, results, strict=True):
                if result.error_code is None:
                    put += 1
                elif put:
                    reason = f"{result.error_code}: {result.error_message}"
                    return [Failure(entry.sequence, reason)]
                else:
                    raise SinkUnavailable(f"{result.error_code}: {result.error_message}")
        return ()

    async def close(self) -> None:
        """Nothing is kept back; the calls belong to whoever made them."""

    async def _put(self, entries: Sequence[_Entry]) -> Sequence[_Result]:
        records = [
            {"Data": base64.b64encode(entry.data).decode(), "PartitionKey": entry.partition_key}
            for entry in entries
        ]
        try:
            body = await self._calls.call(_TARGET, {"StreamName": self._name, "Records": records})
        except (AwsError, OSError) as error:
            # Also for a stream that is not there or may not be used: it may come.
            raise SinkUnavailable(str(error) or type(error).__name__) from error
        return _answer(body).records

    def _chunks(self, records: Sequence[Record]) -> Iterator[list[_Entry]]:
        """The entries of records, as many at a time as one call takes."""
        precision = self._precision()
        chunk: list[_Entry] = []
        size = 0
        for record in records:
            entry = _entry(record, self._table, precision)
            length = len(entry.data) + len(entry.partition_key)
            if length > _RECORD_BYTES:
                self.dropped += 1
                _log.warning("a change of %d bytes is too large for %s", length, self._name)
                continue
            if chunk and (len(chunk) == _RECORDS or size + length > _BYTES):
                yield chunk
                chunk, size = [], 0
            chunk.append(entry)
            size += length
        if chunk:
            yield chunk


def _entry(record: Record, table: str, precision: str | None) -> _Entry:
    event = record.event
    keys = _encode(event["dynamodb"]["Keys"])
    # Changes of an item go to one shard. AWS doesn't tell how it derives its 32 hex digits.
    key = hashlib.md5(keys, usedforsecurity=False).hexdigest().upper()
    return _Entry(record.sequence, _encode(destination_record(event, table, precision)), key)


def destination_record(event: dict[str, Any], table: str, precision: str | None) -> dict[str, Any]:
    """What is put for a change of a table; `event` is an entry of `Records` in Lambda's form. Times
    are milliseconds, or microseconds when `precision` is MICROSECOND."""
    change: dict[str, Any] = event["dynamodb"]
    made_us = time_us(from_sequence_number(change["SequenceNumber"]))
    fine = precision == _MICROSECOND
    made = made_us if fine else made_us // 1000
    described: dict[str, Any] = {"ApproximateCreationDateTime": made}
    for member in ("Keys", "NewImage", "OldImage"):
        if member in change:
            described[member] = _item(change[member])
    described["SizeBytes"] = change["SizeBytes"]
    if fine:
        described["ApproximateCreationDateTimePrecision"] = _MICROSECOND
    return {
        "awsRegion": event["awsRegion"],
        "eventID": str(uuid.UUID(event["eventID"])),
        "eventName": event["eventName"],
        "userIdentity": event.get("userIdentity"),
        "recordFormat": "application/json",
        "tableName": table,
        "dynamodb": described,
        "eventSource": "aws:dynamodb",
    }


def _item(item: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in item.items()}


def _value(value: dict[str, Any]) -> dict[str, Any]:
    """An attribute value whose binaries are in base64 once more."""
    ((kind, content),) = value.items()
    if kind == "B":
        return {kind: _twice(content)}
    if kind == "BS":
        return {kind: [_twice(element) for element in content]}
    if kind == "L":
        return {kind: [_value(element) for element in content]}
    if kind == "M":
        return {kind: _item(content)}
    return value


def _twice(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
