"""StartBulkPutItems, DescribeBulkOperation, ListBulkOperations and CancelBulkOperation: the items
in a bucket are put into a table that is there.

What they do stands in their API reference and in BulkPutItems.*.html. Both tiers of performance are
the same here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal, NoReturn

import msgspec

from tailrace import limits
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.dynamodb.transfers import (
    check_compression,
    find_job,
    job_arn,
    job_page,
    own_jobs,
    refuse_more,
    seconds,
    without_nulls,
)
from tailrace.api.operation import Altered, Committed, Context, Operation, Result
from tailrace.errors import (
    AwsError,
    IdempotentParameterMismatchException,
    ResourceInUseException,
    ResourceNotFoundException,
    ValidationException,
)
from tailrace.model.schema import Table
from tailrace.tables import life
from tailrace.tables.catalog import Catalog
from tailrace.tables.engine import Outcome
from tailrace.tables.tokens import AlreadyDone, ensure_tokens, token_write, tokens_table
from tailrace.tables.transfer.jobs import (
    UNDER_WAY,
    Job,
    JobKind,
    JobStatus,
    PutBytes,
    ensure_jobs,
    job_change,
    job_write,
    jobs_table,
)

__all__ = [
    "CANCEL_BULK_OPERATION",
    "DESCRIBE_BULK_OPERATION",
    "LIST_BULK_OPERATIONS",
    "START_BULK_PUT_ITEMS",
    "CancelBulkOperationInput",
    "DescribeBulkOperationInput",
    "ListBulkOperationsInput",
    "StartBulkPutItemsInput",
]

_KIND = JobKind.BULK_PUT


class InputS3Configuration(msgspec.Struct, frozen=True):
    S3Bucket: str
    InputFormat: Literal["DYNAMODB_JSON", "ION"]
    S3BucketOwner: str | None = None
    S3KeyPrefix: str | None = None
    InputCompressionType: Literal["GZIP", "ZSTD", "NONE"] | None = None


class OutputS3Configuration(msgspec.Struct, frozen=True):
    OutputType: list[Literal["ERROR", "CONDITION_CHECK_FAILURE"]]
    S3BucketOwner: str | None = None
    S3Bucket: str | None = None
    S3KeyPrefix: str | None = None
    S3SseAlgorithm: Literal["AES256", "KMS"] | None = None
    S3SseKmsKeyId: str | None = None


class StartBulkPutItemsInput(msgspec.Struct, frozen=True):
    InputS3Configuration: InputS3Configuration
    OutputS3Configuration: OutputS3Configuration
    TableName: inputs.TableRef
    ClientToken: str | None = None
    MaxWriteRequestUnits: int | None = None
    PerformanceTier: Literal["STANDARD", "ACCELERATED"] | None = None


class DescribeBulkOperationInput(msgspec.Struct, rename="pascal", frozen=True):
    bulk_operation_arn: str


class CancelBulkOperationInput(msgspec.Struct, rename="pascal", frozen=True):
    bulk_operation_arn: str


class ListBulkOperationsInput(msgspec.Struct, rename="pascal", frozen=True):
    max_results: int | None = None
    next_token: str | None = None


def start_bulk_put_items(context: Context, request: StartBulkPutItemsInput) -> Altered | bytes:
    _check(request)
    token = request.ClientToken or context.service.ids.uuid()
    asked = _asked(context, request)
    now_us = context.service.clock.now_us()
    table = find_table(context, request.TableName)
    digest = hashlib.sha256(f"{table.uuid} {msgspec.json.encode(asked)!r}".encode()).hexdigest()
    known = _known(context, token, now_us)
    if known is not None:
        return _replayed(known, digest)
    if any(index.backfilling for index in table.indexes):
        raise ResourceInUseException(
            f"Attempt to change a resource which is still in use: Table: {table.name} is creating"
            " a secondary index"
        )
    refuse_more(context, _KIND, limits.BULK_PUTS_AT_ONCE)
    job = _job(context, table, {**asked, "Digest": digest}, token, now_us)
    return _begun(context, job, digest)


def _check(request: StartBulkPutItemsInput) -> None:
    output = request.OutputS3Configuration
    problem: str | None = None
    if not output.OutputType:
        problem = "OutputType must have at least one value"
    elif output.S3SseKmsKeyId is not None and output.S3SseAlgorithm != "KMS":
        problem = "KMS Key Id is not supported for this encryption type"
    if problem is not None:
        raise ValidationException(f"Invalid Request: {problem}")
    check_compression(request.InputS3Configuration.InputCompressionType)


def _asked(context: Context, request: StartBulkPutItemsInput) -> dict[str, Any]:
    """The request as it is described, with the service's defaults."""
    asked: dict[str, Any] = without_nulls(msgspec.to_builtins(request))
    for name in ("ClientToken", "TableName"):
        asked.pop(name, None)
    asked["InputS3Configuration"].setdefault("S3BucketOwner", context.scope.account)
    asked["InputS3Configuration"].setdefault("InputCompressionType", "NONE")
    asked["OutputS3Configuration"].setdefault("S3BucketOwner", context.scope.account)
    asked.setdefault("PerformanceTier", "STANDARD")
    return asked


def _known(context: Context, token: str, now_us: int) -> Job | None:
    """The operation that was started with a token, while it counts."""
    since_us = now_us - limits.TRANSFER_TOKEN_LIFE_MS * 1000
    for job in own_jobs(context, _KIND):
        if job.token == token and job.started_us > since_us:
            return job
    return None


def _replayed(job: Job, digest: str) -> bytes:
    if job.asked["Digest"] != digest:
        raise IdempotentParameterMismatchException(
            "DynamoDB rejected the request because you retried a request with a different payload"
            " but with an idempotent token that was already used."
        )
    return _described(job)


def _job(context: Context, table: Table, asked: dict[str, Any], token: str, now_us: int) -> Job:
    return Job(
        arn=job_arn(context, table.arn, "bulk-operation", now_us),
        kind=_KIND,
        account=table.account,
        region=table.region,
        table_id=table.id,
        table_arn=table.arn,
        table_uuid=table.uuid,
        started_us=now_us,
        asked=asked,
        token=token,
    )


def _begun(context: Context, job: Job, digest: str) -> Altered:
    """Keep a new job together with its token: of two requests that come at once, one starts it."""
    owner = f"bulk-put/{job.account}/{job.region}"

    def kept(catalog: Catalog) -> Committed:
        jobs, tokens = jobs_table(catalog), tokens_table(catalog)
        assert jobs is not None
        assert tokens is not None
        now_us, life_ms = job.started_us, limits.TRANSFER_TOKEN_LIFE_MS
        use = token_write(tokens, owner, job.token, digest, now_us, life_ms)
        return Committed(((use, job_write(jobs, job)),), done)

    def done(outcomes: Sequence[Outcome]) -> Result:
        first = outcomes[0][0]
        if isinstance(first, AlreadyDone):
            known = _known(context, job.token, job.started_us)
            assert known is not None  # it was kept together with the token
            return _described(known)
        if isinstance(first, AwsError):
            raise first
        return _described(job)

    both = life.in_turn(ensure_jobs(job.started_us), ensure_tokens(job.started_us))
    return Altered(both, kept)


def describe_bulk_operation(context: Context, request: DescribeBulkOperationInput) -> bytes:
    return _described(_found(context, request.bulk_operation_arn))


def _found(context: Context, arn: str) -> Job:
    job = find_job(context, _KIND, arn)
    if job is None:
        _absent(arn)
    return job


def _absent(arn: str) -> NoReturn:
    raise ResourceNotFoundException(f"Requested resource not found: BulkOperation: {arn} not found")


def list_bulk_operations(context: Context, request: ListBulkOperationsInput) -> bytes:
    jobs = own_jobs(context, _KIND)
    size = request.max_results or limits.BULK_LIST_PAGE
    page, more = job_page(jobs, size, request.next_token)
    shown = ("BulkOperationArn", "BulkOperationStatus", "StartTime", "EndTime")
    described = [_description(job) for job in page]
    summaries = [{name: job[name] for name in shown if name in job} for job in described]
    return body_of({"BulkOperationsSummaryList": summaries, **more})


def cancel_bulk_operation(context: Context, request: CancelBulkOperationInput) -> Committed:
    job = _found(context, request.bulk_operation_arn)
    jobs = jobs_table(context.service.engine.catalog())
    assert jobs is not None  # the job came out of it

    def cancelling(kept: Job) -> Job:
        if kept.status not in UNDER_WAY:
            raise ValidationException(
                f"Invalid Request: The bulk operation is {kept.status.value} and cannot be"
                " cancelled"
            )
        return msgspec.structs.replace(kept, status=JobStatus.CANCELLING)

    def reply(outcomes: Sequence[Outcome]) -> bytes:
        first = outcomes[0][0]
        if isinstance(first, AwsError):
            raise first
        status = JobStatus.CANCELLING.value
        return body_of({"BulkOperationArn": job.arn, "BulkOperationStatus": status})

    return Committed(((job_change(jobs, job.arn, cancelling),),), reply)


def _described(job: Job) -> bytes:
    return body_of({"BulkOperationDescription": _description(job)})


def _description(job: Job) -> dict[str, Any]:
    description: dict[str, Any] = {
        "BulkOperationArn": job.arn,
        "BulkOperationStatus": job.status.value,
        "TableDetails": [{"TableName": job.table_arn, "TableId": job.table_uuid}],
        "ClientToken": job.token,
        **job.asked,
        "StartTime": seconds(job.started_us),
        "ProcessedItemCount": job.read_items,
        "ProcessedInputBytes": job.read_bytes,
        "BulkOperationUsage": [{"TableName": job.table_arn, **_usage(job.put_bytes)}],
        "FailedItemCount": job.errors,
    }
    del description["Digest"]
    if job.input_bytes is not None:
        description["TotalInputBytes"] = job.input_bytes
    if job.ended_us is not None:
        description["EndTime"] = seconds(job.ended_us)
    if job.failure is not None:
        description["FailureCode"], description["FailureMessage"] = job.failure
    return description


def _usage(put: PutBytes) -> dict[str, Any]:
    total = put.table + sum(put.local.values()) + sum(put.other.values())
    usage: dict[str, Any] = {"BulkPutBytes": total, "Table": {"BulkPutBytes": put.table}}
    for member, shown, sizes in (
        ("LocalSecondaryIndexes", "BulkPutBytes", put.local),
        ("GlobalSecondaryIndexes", "BulkPutBytes", put.other),
        ("VectorIndexes", "BulkPutVectorBytes", put.vectors),
    ):
        if sizes:
            usage[member] = {name: {shown: size} for name, size in sizes.items()}
    return usage


START_BULK_PUT_ITEMS = Operation("StartBulkPutItems", StartBulkPutItemsInput, start_bulk_put_items)
DESCRIBE_BULK_OPERATION = Operation(
    "DescribeBulkOperation", DescribeBulkOperationInput, describe_bulk_operation
)
LIST_BULK_OPERATIONS = Operation(
    "ListBulkOperations", ListBulkOperationsInput, list_bulk_operations
)
CANCEL_BULK_OPERATION = Operation(
    "CancelBulkOperation", CancelBulkOperationInput, cancel_bulk_operation
)
