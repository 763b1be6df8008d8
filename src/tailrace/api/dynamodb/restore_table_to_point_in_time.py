"""RestoreTableToPointInTime: a new table with the items that another had at a moment."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec

from tailrace.api.dynamodb import table_inputs as parts
from tailrace.api.dynamodb.continuous_backups import backed_up_table
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.restoring import check_target, restored, restoring
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import (
    InvalidRestoreTimeException,
    PointInTimeRecoveryUnavailableException,
    ValidationException,
)
from tailrace.tables.catalog import Catalog
from tailrace.tables.description import describe_table
from tailrace.tables.recovery import Recovery, last_clock, recovery_of, rewinding

__all__ = ["RESTORE_TABLE_TO_POINT_IN_TIME", "RestoreTableToPointInTimeInput"]


class RestoreTableToPointInTimeInput(msgspec.Struct, rename="pascal", frozen=True):
    target_table_name: str
    source_table_arn: str | None = None
    source_table_name: str | None = None
    use_latest_restorable_time: bool | None = None
    restore_date_time: float | None = None
    billing_mode_override: parts.BillingModeName | None = None
    global_secondary_index_override: list[parts.GlobalIndex] | None = None
    local_secondary_index_override: list[parts.LocalIndex] | None = None
    provisioned_throughput_override: parts.ProvisionedThroughput | None = None
    on_demand_throughput_override: parts.OnDemandThroughput | None = None
    sse_specification_override: parts.SSESpecification | None = msgspec.field(
        name="SSESpecificationOverride", default=None
    )
    vector_index_override: list[parts.VectorIndex] | None = None


def restore_table_to_point_in_time(
    context: Context, request: RestoreTableToPointInTimeInput
) -> Altered:
    ref = _source_ref(request)
    engine, now_us = context.service.engine, context.service.clock.now_us()
    source = backed_up_table(context, ref)
    known = recovery_of(source)
    if known is None:
        raise PointInTimeRecoveryUnavailableException(
            f"Point in time recovery is not enabled for table '{source.name}'"
        )
    to_us = _moment_us(request, known, now_us)
    scope = check_target(context, request.target_table_name)
    summary: dict[str, Any] = {
        "SourceTableArn": source.arn,
        "RestoreDateTime": to_us / 1e6,
        "RestoreInProgress": True,
    }
    table = restored(context, request, source, scope, summary)

    def reply(catalog: Catalog) -> bytes:
        description = describe_table(engine, catalog.by_name[scope], now_us)
        return body_of({"TableDescription": description})

    return Altered(
        restoring(scope, rewinding(table, known.stream_id, last_clock(to_us)), source.id), reply
    )


def _source_ref(request: RestoreTableToPointInTimeInput) -> str:
    given = [ref for ref in (request.source_table_arn, request.source_table_name) if ref]
    if len(given) != 1:
        raise ValidationException("Must provide exactly one of: sourceTableArn, sourceTableName")
    if request.restore_date_time is not None and request.use_latest_restorable_time:
        raise ValidationException(
            "Invalid Request: Both RestoreDateTime and UseLatestRestorableTime cannot be set for"
            " point-in-time restore request. Please specify only one of them."
        )
    if request.restore_date_time is None and not request.use_latest_restorable_time:
        raise ValidationException(
            "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be"
            " specified, but not both"
        )
    return given[0]


def _moment_us(request: RestoreTableToPointInTimeInput, known: Recovery, now_us: int) -> int:
    earliest, latest = known.earliest_us(now_us), known.latest_us(now_us)
    if request.restore_date_time is None:
        return latest
    asked = int(request.restore_date_time * 1e6)
    # Callers know the bounds to the second, or as floating point numbers.
    if not earliest - 1_000_000 < asked < latest + 1_000_000:
        raise InvalidRestoreTimeException(
            f"RestoreDateTime '{_shown(asked)}' must be within EarliestRestorableDateTime"
            f" '{_shown(earliest)}' and LatestRestorableDateTime '{_shown(latest)}'"
        )
    return min(max(asked, earliest), latest)


def _shown(us: int) -> str:
    """A time to the second."""
    moment = datetime.datetime.fromtimestamp(us // 1_000_000, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


RESTORE_TABLE_TO_POINT_IN_TIME = Operation(
    "RestoreTableToPointInTime", RestoreTableToPointInTimeInput, restore_table_to_point_in_time
)
