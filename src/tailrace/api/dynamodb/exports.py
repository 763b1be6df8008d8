"""ExportTableToPointInTime, DescribeExport and ListExports: a table's items, or its changes, as
files in a bucket."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from tailrace import limits
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.continuous_backups import backed_up_table
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.transfers import (
    begun,
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
    ExportConflictException,
    ExportNotFoundException,
    InvalidExportTimeException,
    PointInTimeRecoveryUnavailableException,
    TableNotFoundException,
    ValidationException,
)
from tailrace.model.schema import Table
from tailrace.tables.catalog import Catalog
from tailrace.tables.recovery import Recovery, recovery_of
from tailrace.tables.transfer.exporting import snapshot
from tailrace.tables.transfer.filtering import export_filter
from tailrace.tables.transfer.jobs import Job, JobKind, JobStatus

__all__ = [
    "DESCRIBE_EXPORT",
    "EXPORT_TABLE_TO_POINT_IN_TIME",
    "LIST_EXPORTS",
    "DescribeExportInput",
    "ExportTableToPointInTimeInput",
    "ListExportsInput",
]

_MINUTE_US: Final = 60 * 1_000_000
# S3DataExport_Requesting.html: what an incremental export may cover.
_SHORTEST_US: Final = 15 * _MINUTE_US
_LONGEST_US: Final = 24 * 60 * _MINUTE_US
_DEFAULT_VIEW: Final = "NEW_AND_OLD_IMAGES"


class IncrementalExportSpecification(msgspec.Struct, rename="pascal", frozen=True):
    export_from_time: float | None = None
    export_to_time: float | None = None
    export_view_type: Literal["NEW_IMAGE", "NEW_AND_OLD_IMAGES"] | None = None


class FilterSpecification(msgspec.Struct, rename="pascal", frozen=True):
    filter_expression: str | None = None
    projection_expression: str | None = None
    key_condition_expression: str | None = None
    expression_attribute_names: inputs.Names | None = None
    expression_attribute_values: inputs.Values | None = None


class ExportTableToPointInTimeInput(msgspec.Struct, frozen=True):
    TableArn: str
    S3Bucket: str
    ExportTime: float | None = None
    ClientToken: str | None = None
    S3BucketOwner: str | None = None
    S3Prefix: str | None = None
    S3SseAlgorithm: Literal["AES256", "KMS"] | None = None
    S3SseKmsKeyId: str | None = None
    ExportFormat: Literal["DYNAMODB_JSON", "ION"] | None = None
    ExportType: Literal["FULL_EXPORT", "INCREMENTAL_EXPORT"] | None = None
    IncrementalExportSpecification: IncrementalExportSpecification | None = None
    FilterSpecification: FilterSpecification | None = None


class DescribeExportInput(msgspec.Struct, rename="pascal", frozen=True):
    export_arn: str


class ListExportsInput(msgspec.Struct, rename="pascal", frozen=True):
    table_arn: str | None = None
    max_results: int | None = None
    next_token: str | None = None


def export_table_to_point_in_time(
    context: Context, request: ExportTableToPointInTimeInput
) -> Altered | bytes:
    _check(request)
    invalid = "One or more parameter values were invalid: tableArn is not a valid ARN"
    account, region, name = named_table(context, request.TableArn, invalid)
    token = request.ClientToken or context.service.ids.uuid()
    params = _params(request)
    now_us = context.service.clock.now_us()
    since_us = now_us - limits.TRANSFER_TOKEN_LIFE_MS * 1000
    for known in own_jobs(context, JobKind.EXPORT):
        if known.token == token and known.started_us > since_us:
            if known.asked["Params"] != params or known.table_arn != request.TableArn:
                raise ExportConflictException(
                    "Export conflict: Duplicate request detected with conflicting parameters"
                )
            return body_of({"ExportDescription": _description(known)})
    if region != context.scope.region:
        raise TableNotFoundException(f"Table not found: {request.TableArn}")
    table = _table(context, name, request.TableArn)
    asked = {"Params": params, **_asked(request, table, now_us)}
    refuse_more(context, JobKind.EXPORT, limits.EXPORTS_AT_ONCE)
    job = Job(
        arn=job_arn(context, table.arn, "export", now_us),
        kind=JobKind.EXPORT,
        account=account,
        region=region,
        table_id=table.id,
        table_arn=table.arn,
        table_uuid=table.uuid,
        started_us=now_us,
        asked=asked,
        token=token,
    )
    body = body_of({"ExportDescription": _description(job)})

    def then(job: Job, catalog: Catalog) -> Result:
        del catalog
        return Altered(snapshot(job), lambda catalog: body)

    return begun(context, lambda catalog: job, then)


def _table(context: Context, name: str, arn: str) -> Table:
    try:
        return backed_up_table(context, name)
    except TableNotFoundException:
        raise TableNotFoundException(f"Table not found: {arn}") from None


def _check(request: ExportTableToPointInTimeInput) -> None:
    incremental = request.IncrementalExportSpecification
    problem: str | None = None
    if request.S3SseKmsKeyId is not None and request.S3SseAlgorithm != "KMS":
        problem = "KMS Key Id is not supported for this encryption type"
    elif incremental is not None and request.ExportType is None:
        problem = (
            "Export Type expected to be Incremental Export when incremental export specification"
            " is provided"
        )
    elif incremental is not None and request.ExportType == "FULL_EXPORT":
        problem = (
            "When Export Type is Full Export , Incremental Export Specification should not be"
            " provided"
        )
    elif incremental is None and request.ExportType == "INCREMENTAL_EXPORT":
        problem = (
            "Incremental Export Specification expected when export type is set as Incremental"
            " Export"
        )
    elif incremental is not None and incremental.export_from_time is None:
        problem = "ExportFromTime must be provided in IncrementalExportSpecification"
    if problem is not None:
        raise ValidationException(f"Invalid Request: {problem}")


def _params(request: ExportTableToPointInTimeInput) -> dict[str, Any]:
    """The members of a request that must be the same when its token is."""
    members: dict[str, Any] = msgspec.to_builtins(request)
    skipped = ("ClientToken", "TableArn")
    return {
        name: value for name, value in members.items() if value is not None and name not in skipped
    }


def _asked(request: ExportTableToPointInTimeInput, table: Table, now_us: int) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "S3Bucket": request.S3Bucket,
        "S3SseAlgorithm": request.S3SseAlgorithm or "AES256",
        "ExportFormat": request.ExportFormat or "DYNAMODB_JSON",
    }
    for name in ("S3BucketOwner", "S3Prefix", "S3SseKmsKeyId", "ExportType"):
        if getattr(request, name) is not None:
            asked[name] = getattr(request, name)
    if request.FilterSpecification is not None:
        asked["FilterSpecification"] = without_nulls(
            msgspec.to_builtins(request.FilterSpecification)
        )
        export_filter(asked["FilterSpecification"], table)
    known = recovery_of(table)
    if request.IncrementalExportSpecification is not None:
        asked |= _window(request.IncrementalExportSpecification, known, table, now_us)
    known = _enabled(known, table)
    if request.IncrementalExportSpecification is None:
        asked["OfNow"] = request.ExportTime is None
        asked["ExportTimeUs"] = _moment_us(request.ExportTime, known, now_us)
    asked["StreamId"] = known.stream_id
    return asked


def _enabled(known: Recovery | None, table: Table) -> Recovery:
    if known is None:
        raise PointInTimeRecoveryUnavailableException(
            f"Point in time recovery is not enabled for table '{table.name}'"
        )
    return known


def _moment_us(time: float | None, known: Recovery, now_us: int) -> int:
    if time is None:
        return now_us
    # Callers may know the bounds only as floating point numbers, or to the second.
    asked = int(time * 1e6)
    if asked > now_us or asked < known.earliest_us(now_us) - 1_000_000:
        raise InvalidExportTimeException("Export Time is invalid")
    return asked


def _window(
    asked: IncrementalExportSpecification, known: Recovery | None, table: Table, now_us: int
) -> dict[str, Any]:
    from_us = int((asked.export_from_time or 0) * 1e6)
    to_us = now_us if asked.export_to_time is None else int(asked.export_to_time * 1e6)
    problem: str | None = None
    if to_us > now_us:
        problem = "Incremental export period to time cannot be greater than the current time"
    elif from_us < table.created_us // 1_000_000 * 1_000_000:
        problem = "Incremental export period from time cannot be less than the table creation time"
    elif known is not None and from_us < known.earliest_us(now_us) // 1_000_000 * 1_000_000:
        problem = "Point in Time Recovery is not available for specified export time"
    elif to_us - from_us < _SHORTEST_US:
        problem = (
            "Difference between export period from time and export period to time is less than 15"
            " minutes"
        )
    elif to_us - from_us > _LONGEST_US:
        problem = (
            "Difference between export period from time and export period to time is greater than"
            " 24 hours"
        )
    if problem is not None:
        raise InvalidExportTimeException(problem)
    view = asked.export_view_type or _DEFAULT_VIEW
    return {"FromUs": from_us, "ToUs": to_us, "ExportViewType": view}


def describe_export(context: Context, request: DescribeExportInput) -> bytes:
    job = find_job(context, JobKind.EXPORT, request.export_arn)
    if job is None:
        raise ExportNotFoundException(f"Export not found: Export not found: {request.export_arn}")
    return body_of({"ExportDescription": _description(job)})


def list_exports(context: Context, request: ListExportsInput) -> bytes:
    jobs = own_jobs(context, JobKind.EXPORT)
    if request.table_arn is not None:
        place = named_table(context, request.table_arn, "Invalid Request: Table ARN is invalid.")
        table = context.catalog().by_name.get(place)
        jobs = [job for job in jobs if table is not None and job.table_uuid == table.uuid]
    page, more = job_page(jobs, request.max_results, request.next_token)
    summaries = [
        {
            "ExportArn": job.arn,
            "ExportStatus": job.status.value,
            "ExportType": job.asked.get("ExportType", "FULL_EXPORT"),
        }
        for job in page
    ]
    return body_of({"ExportSummaries": summaries, **more})


def _description(job: Job) -> dict[str, Any]:
    asked = job.asked
    description: dict[str, Any] = {
        "ExportArn": job.arn,
        "ExportStatus": job.status.value,
        "StartTime": seconds(job.started_us),
        "TableArn": job.table_arn,
        "TableId": job.table_uuid,
        "ClientToken": job.token,
        "S3Bucket": asked["S3Bucket"],
        "S3SseAlgorithm": asked["S3SseAlgorithm"],
        "ExportFormat": asked["ExportFormat"],
    }
    for name in (
        "S3BucketOwner",
        "S3Prefix",
        "S3SseKmsKeyId",
        "ExportType",
        "FilterSpecification",
    ):
        if name in asked:
            description[name] = asked[name]
    if "FromUs" in asked:
        description["IncrementalExportSpecification"] = {
            "ExportFromTime": seconds(asked["FromUs"]),
            "ExportToTime": seconds(asked["ToUs"]),
            "ExportViewType": asked["ExportViewType"],
        }
    else:
        description["ExportTime"] = seconds(asked["ExportTimeUs"])
    if job.ended_us is not None:
        description["EndTime"] = seconds(job.ended_us)
    if job.status is JobStatus.COMPLETED:
        description["ExportManifest"] = job.manifest
        description["ItemCount"] = job.items
        description["BilledSizeBytes"] = job.read_bytes
    if job.failure is not None:
        description["FailureCode"], description["FailureMessage"] = job.failure
    return description


EXPORT_TABLE_TO_POINT_IN_TIME = Operation(
    "ExportTableToPointInTime", ExportTableToPointInTimeInput, export_table_to_point_in_time
)
DESCRIBE_EXPORT = Operation("DescribeExport", DescribeExportInput, describe_export)
LIST_EXPORTS = Operation("ListExports", ListExportsInput, list_exports)
