"""PutRecord and PutRecords: each record goes to the shard of its hash key, in the order of the
calls."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec

from tailrace import limits
from tailrace.api.kinesis import access, on_demand
from tailrace.api.kinesis.inputs import Blob, PartitionKey, StreamRef
from tailrace.api.operation import Committed, Context, Operation
from tailrace.clock import Ids
from tailrace.errors import (
    AwsError,
    DryRunOperationException,
    InvalidArgumentException,
    ProvisionedThroughputExceededException,
    ResourceNotFoundException,
    ValidationException,
)
from tailrace.model.changes import Change, ChangeKind
from tailrace.model.schema import Table
from tailrace.streams.lineage import shard_holds
from tailrace.streams.log import Shard
from tailrace.streams.sequence import from_sequence_number, sequence_number
from tailrace.tables.catalog import Catalog
from tailrace.tables.engine import Outcome, Plan, Settled, Write
from tailrace.tables.kinesis_streams import HASH_KEY_BYTES, HASH_KEYS, KinesisStream

__all__ = ["PUT_RECORD", "PUT_RECORDS", "Entry", "PutRecordInput", "PutRecordsInput", "entry_size"]

_WOULD_SUCCEED: Final = "Request would have succeeded, but DryRun flag is set."


class PutRecordInput(StreamRef, frozen=True, kw_only=True):
    data: Blob
    partition_key: PartitionKey | None = None
    explicit_hash_key: str | None = None
    sequence_number_for_ordering: str | None = None
    dry_run: bool | None = None


class Entry(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    data: Blob
    explicit_hash_key: str | None = None
    partition_key: PartitionKey | None = None


class PutRecordsInput(StreamRef, frozen=True, kw_only=True):
    records: Annotated[list[Entry], msgspec.Meta(min_length=1, max_length=500)]
    dry_run: bool | None = None


def put_record(context: Context, request: PutRecordInput) -> Committed:
    found = access.serving(context, request)
    _check_ordering(found, request.sequence_number_for_ordering)
    write = _write(found, request, "data", context.service.ids)
    if request.dry_run:
        raise DryRunOperationException(_WOULD_SUCCEED)

    def reply(outcomes: Sequence[Outcome]) -> bytes:
        receipts = _Receipts(found, context.service.engine.catalog())
        return access.reply_of(receipts.receipt(write, outcomes[0]) | _encryption(found))

    return Committed(((write,),), reply)


def put_records(context: Context, request: PutRecordsInput) -> Committed:
    found = access.serving(context, request)
    size = sum(entry_size(entry) for entry in request.records)
    if size > limits.KINESIS_PUT_BYTES:
        megabytes = limits.KINESIS_PUT_BYTES // 2**20
        raise InvalidArgumentException(f"Records size exceeds {megabytes} MB limit")
    writes = [
        _write(found, entry, f"records.{place}.member.data", context.service.ids)
        for place, entry in enumerate(request.records, 1)
    ]
    if request.dry_run:
        raise DryRunOperationException(_WOULD_SUCCEED)

    def reply(outcomes: Sequence[Outcome]) -> bytes:
        receipts = _Receipts(found, context.service.engine.catalog())
        records = [
            receipts.receipt_or_error(write, outcome)
            for write, outcome in zip(writes, outcomes, strict=True)
        ]
        failed = sum("ErrorCode" in record for record in records)
        members = {"FailedRecordCount": failed, "Records": records}
        return access.reply_of(members | _encryption(found))

    return Committed([(write,) for write in writes], reply)


def _encryption(found: KinesisStream) -> dict[str, Any]:
    return {"EncryptionType": "KMS"} if "KeyId" in found.settings else {}


def _check_ordering(found: KinesisStream, number: str | None) -> None:
    """Sequence numbers grow anyway, so a legal one asks for nothing more."""
    if number is None:
        return
    access.decimal(number)
    try:
        from_sequence_number(number)
    except ValidationException:
        raise InvalidArgumentException(
            f"ExclusiveMinimumSequenceNumber {number} used in PutRecord on stream"
            f" {found.stream.table_name} under account {found.stream.account} is invalid."
        ) from None


def entry_size(entry: PutRecordInput | Entry) -> int:
    """The bytes of a record that count: its data and its partition key."""
    return len(entry.data) + len((entry.partition_key or "").encode())


def _write(found: KinesisStream, entry: PutRecordInput | Entry, path: str, ids: Ids) -> Write:
    """The write that puts a record. Raises ValidationException when it is too large for its stream,
    InvalidArgumentException for an impossible hash key."""
    spread = on_demand.distributes(found)
    if entry.partition_key is None and not spread:
        raise InvalidArgumentException("PartitionKey must be specified.")
    most = int(found.settings["MaxRecordSizeInKiB"]) * 1024
    size = len(entry.data)
    if entry_size(entry) > most:
        raise ValidationException(
            f"1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim={size}"
            f" cap={size}]' at '{path}' failed to satisfy constraint: Member must have length less"
            f" than or equal to {most}"
        )
    encryption = b',"EncryptionType":"KMS"' if "KeyId" in found.settings else b""
    key = b""
    if entry.partition_key is not None:
        key = b',"PartitionKey":' + msgspec.json.encode(entry.partition_key)
    members = b'"Data":"%b"%b%b' % (base64.b64encode(entry.data), key, encryption)
    change = Change(ChangeKind.INSERT, b"", 0, None, 0, members, size)
    plan = Plan(True, None, 0, 0, (), change)

    def decide(previous: bytes | None, table: Table) -> Plan:
        del previous, table
        return plan

    return Write(found.table.id, _any_key(ids) if spread else _hash_key(entry), decide)


def _any_key(ids: Ids) -> bytes:
    """A hash key that no key of the caller's decides."""
    return hashlib.md5(ids.uuid().encode(), usedforsecurity=False).digest()


def _hash_key(entry: PutRecordInput | Entry) -> bytes:
    if entry.explicit_hash_key is None:
        key = (entry.partition_key or "").encode()
        return hashlib.md5(key, usedforsecurity=False).digest()
    number = access.decimal(entry.explicit_hash_key)
    if number >= HASH_KEYS:
        raise InvalidArgumentException(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified"
            f" value was {number}"
        )
    return number.to_bytes(HASH_KEY_BYTES, "big")


class _Receipts:
    """Words where records went."""

    def __init__(self, found: KinesisStream, catalog: Catalog) -> None:
        self._stream = found.stream
        shards = catalog.shards_of.get(found.stream.id, ())
        # The open ones first: it is one of them but for those that were closed this very moment.
        self._shards: Sequence[Shard] = sorted(shards, key=lambda shard: not shard.open)

    def receipt(self, write: Write, outcome: Outcome) -> dict[str, Any]:
        settled = self._settled(outcome)
        for shard in self._shards:
            if shard_holds(shard, write.key, settled.clock):
                return {"ShardId": shard.name, "SequenceNumber": sequence_number(settled.clock)}
        raise self._gone()

    def receipt_or_error(self, write: Write, outcome: Outcome) -> dict[str, Any]:
        try:
            return self.receipt(write, outcome)
        except ProvisionedThroughputExceededException as error:
            return {"ErrorCode": error.code, "ErrorMessage": error.message}
        except AwsError:
            message = "Internal Service Failure"
            return {"ErrorCode": "InternalFailure", "ErrorMessage": message}

    def _settled(self, outcome: Outcome) -> Settled:
        first = outcome[0]
        if isinstance(first, ResourceNotFoundException):
            raise self._gone()
        if isinstance(first, AwsError):
            raise first
        return first

    def _gone(self) -> ResourceNotFoundException:
        name, account = self._stream.table_name, self._stream.account
        return ResourceNotFoundException(f"Stream {name} under account {account} not found.")


PUT_RECORD = Operation("PutRecord", PutRecordInput, put_record)
PUT_RECORDS = Operation("PutRecords", PutRecordsInput, put_records)
