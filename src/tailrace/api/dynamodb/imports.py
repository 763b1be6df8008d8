"""ImportTable, DescribeImport and ListImports: a new table from the files in a bucket.

The service's logs of an import have nothing to stand for here; what could not be imported is
counted.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from tailrace import limits
from tailrace.api.dynamodb import table_inputs as parts
from tailrace.api.dynamodb.create_table import CreateTableInput, creating
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.transfers import (
    begun,
    check_compression,
    find_job,
    job_arn,
    job_page,
    named_table,
    own_jobs,
    refuse_more,
    seconds,
    without_nulls,
)
from tailrace.api.operation import Altered, Context, Operation, Result
from tailrace.errors import (
    ImportConflictException,
    ImportNotFoundException,
    ResourceInUseException,
    ValidationException,
)
from tailrace.model.arns import table_arn
from tailrace.tables import life
from tailrace.tables.catalog import Catalog
from tailrace.tables.transfer.importing import importing
from tailrace.tables.transfer.jobs import Job, JobKind, JobStatus, ensure_jobs

__all__ = [
    "DESCRIBE_IMPORT",
    "IMPORT_TABLE",
    "LIST_IMPORTS",
    "DescribeImportInput",
    "ImportTableInput",
    "ListImportsInput",
]


class S3BucketSource(msgspec.Struct, frozen=True):
    S3Bucket: str
    S3BucketOwner: str | None = None
    S3KeyPrefix: str | None = None


class CsvOptions(msgspec.Struct, rename="pascal", frozen=True):
    delimiter: str | None = None
    header_list: list[str] | None = None


class InputFormatOptions(msgspec.Struct, rename="pascal", frozen=True):
    csv: CsvOptions | None = None


class TableCreationParameters(msgspec.Struct, rename="pascal", frozen=True):
    table_name: str
    attribute_definitions: list[parts.AttributeDefinition]
    key_schema: list[parts.KeyElement]
    billing_mode: parts.BillingModeName | None = None
    provisioned_throughput: parts.ProvisionedThroughput | None = None
    on_demand_throughput: parts.OnDemandThroughput | None = None
    sse_specification: parts.SSESpecification | None = msgspec.field(
        name="SSESpecification", default=None
    )
    global_secondary_indexes: list[parts.GlobalIndex] | None = None
    vector_indexes: list[parts.VectorIndex] | None = None


class ImportTableInput(msgspec.Struct, frozen=True):
    S3BucketSource: S3BucketSource
    InputFormat: Literal["DYNAMODB_JSON", "ION", "CSV"]
    TableCreationParameters: TableCreationParameters
    ClientToken: str | None = None
    InputFormatOptions: InputFormatOptions | None = None
    InputCompressionType: Literal["GZIP", "ZSTD", "NONE"] | None = None


class DescribeImportInput(msgspec.Struct, rename="pascal", frozen=True):
    import_arn: str


class ListImportsInput(msgspec.Struct, rename="pascal", frozen=True):
    table_arn: str | None = None
    page_size: int | None = None
    next_token: str | None = None


def import_table(context: Context, request: ImportTableInput) -> Altered | bytes:
    _check(request)
    asked_table = request.TableCreationParameters
    scope = (context.scope.account, context.scope.region, asked_table.table_name)
    token = request.ClientToken or context.service.ids.uuid()
    known = _replayed(context, token, asked_table.table_name)
    if known is not None:
        return body_of({"ImportTableDescription": _description(known)})
    if scope in context.catalog().by_name:
        raise ResourceInUseException(f"Table already exists: {scope[2]}")
    refuse_more(context, JobKind.IMPORT, limits.IMPORTS_AT_ONCE)
    now_us = context.service.clock.now_us()
    arn = job_arn(context, table_arn(scope[1], scope[0], scope[2]), "import", now_us)

    def job_of(catalog: Catalog) -> Job:
        table = catalog.by_name[scope]
        return Job(
            arn=arn,
            kind=JobKind.IMPORT,
            account=scope[0],
            region=scope[1],
            table_id=table.id,
            table_arn=table.arn,
            table_uuid=table.uuid,
            started_us=now_us,
            asked=_asked(context, request),
            token=token,
        )

    def then(job: Job, catalog: Catalog) -> Result:
        del catalog
        return body_of({"ImportTableDescription": _description(job)})

    # Its creation ends when the import does.
    made = creating(context, _creation(asked_table), None)
    kept = begun(context, job_of, then)
    steps = life.in_turn(ensure_jobs(now_us), made.decide, importing(scope))
    return Altered(steps, kept.reply)


def _check(request: ImportTableInput) -> None:
    check_compression(request.InputCompressionType)
    options = request.InputFormatOptions
    if options is not None and options.csv is not None and request.InputFormat != "CSV":
        raise ValidationException(
            "Invalid Request: Unsupported InputFormatOptions for the given input format:"
            f" {request.InputFormat}."
        )


def _replayed(context: Context, token: str, table_name: str) -> Job | None:
    """The import under way of the same token."""
    for job in own_jobs(context, JobKind.IMPORT):
        if job.token == token and job.status is JobStatus.IN_PROGRESS:
            if job.asked["TableCreationParameters"]["TableName"] != table_name:
                raise ImportConflictException(
                    "Import conflict: Duplicate request detected with conflicting parameters"
                )
            return job
    return None


def _creation(asked: TableCreationParameters) -> CreateTableInput:
    return CreateTableInput(
        table_name=asked.table_name,
        attribute_definitions=asked.attribute_definitions,
        key_schema=asked.key_schema,
        billing_mode=asked.billing_mode,
        provisioned_throughput=asked.provisioned_throughput,
        on_demand_throughput=asked.on_demand_throughput,
        sse_specification=asked.sse_specification,
        global_secondary_indexes=asked.global_secondary_indexes,
        vector_indexes=asked.vector_indexes,
    )


def _asked(context: Context, request: ImportTableInput) -> dict[str, Any]:
    """The request as it is described, with the service's defaults."""
    asked: dict[str, Any] = without_nulls(msgspec.to_builtins(request))
    asked.pop("ClientToken", None)
    asked["S3BucketSource"].setdefault("S3BucketOwner", context.scope.account)
    asked.setdefault("InputCompressionType", "NONE")
    return asked


def describe_import(context: Context, request: DescribeImportInput) -> bytes:
    job = find_job(context, JobKind.IMPORT, request.import_arn)
    if job is None:
        raise ImportNotFoundException(f"Import not found: Import not found: {request.import_arn}")
    return body_of({"ImportTableDescription": _description(job)})


def list_imports(context: Context, request: ListImportsInput) -> bytes:
    jobs = own_jobs(context, JobKind.IMPORT)
    if request.table_arn is not None:
        named_table(context, request.table_arn, "Invalid Request: Table ARN is invalid.")
        jobs = [job for job in jobs if job.table_arn == request.table_arn]
    page, more = job_page(jobs, request.page_size, request.next_token)
    shown = (
        "ImportArn",
        "ImportStatus",
        "TableArn",
        "S3BucketSource",
        "InputFormat",
        "StartTime",
        "EndTime",
    )
    described = [_description(job) for job in page]
    summaries = [{name: job[name] for name in shown if name in job} for job in described]
    return body_of({"ImportSummaryList": summaries, **more})


def _description(job: Job) -> dict[str, Any]:
    description: dict[str, Any] = {
        "ImportArn": job.arn,
        "ImportStatus": job.status.value,
        "TableArn": job.table_arn,
        "TableId": job.table_uuid,
        "ClientToken": job.token,
        **job.asked,
        "StartTime": seconds(job.started_us),
        "ProcessedSizeBytes": job.read_bytes,
        "ProcessedItemCount": job.read_items,
        "ImportedItemCount": job.items,
        "ErrorCount": job.errors,
    }
    if job.ended_us is not None:
        description["EndTime"] = seconds(job.ended_us)
    if job.failure is not None:
        description["FailureCode"], description["FailureMessage"] = job.failure
    return description


IMPORT_TABLE = Operation("ImportTable", ImportTableInput, import_table)
DESCRIBE_IMPORT = Operation("DescribeImport", DescribeImportInput, describe_import)
LIST_IMPORTS = Operation("ListImports", ListImportsInput, list_imports)
