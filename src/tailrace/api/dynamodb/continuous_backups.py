"""UpdateContinuousBackups and DescribeContinuousBackups: point-in-time recovery of a table."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tailrace.api.dynamodb.inputs import TableRef
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import named_scope
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import (
    ContinuousBackupsUnavailableException,
    TableNotFoundException,
    ValidationException,
)
from tailrace.model.schema import Table
from tailrace.tables import recovery
from tailrace.tables.catalog import Catalog
from tailrace.tables.transitions import can_be_backed_up

__all__ = [
    "DESCRIBE_CONTINUOUS_BACKUPS",
    "UPDATE_CONTINUOUS_BACKUPS",
    "DescribeContinuousBackupsInput",
    "UpdateContinuousBackupsInput",
    "backed_up_table",
    "check_backups",
]

# PointInTimeRecovery_Howitworks.html: at most, and by default.
_DAYS: Final = 35


class PointInTimeRecoverySpecification(msgspec.Struct, rename="pascal", frozen=True):
    point_in_time_recovery_enabled: bool
    recovery_period_in_days: int | None = None


class UpdateContinuousBackupsInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef
    point_in_time_recovery_specification: PointInTimeRecoverySpecification


class DescribeContinuousBackupsInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef


def backed_up_table(context: Context, ref: str) -> Table:
    """The table of a name or ARN. Raises TableNotFoundException as operations on backups do."""
    scope = named_scope(context, ref)
    table = context.catalog().available.get(scope)
    if table is None:
        raise TableNotFoundException(f"Table not found: {scope[2]}")
    return table


def check_backups(table: Table, now_us: int) -> None:
    """Raise ContinuousBackupsUnavailableException for a table that is too new to be backed up."""
    if not can_be_backed_up(table, now_us):
        raise ContinuousBackupsUnavailableException(
            f"Backups are being enabled for the table: {table.name}. Please retry later"
        )


def update_continuous_backups(context: Context, request: UpdateContinuousBackupsInput) -> Altered:
    asked = request.point_in_time_recovery_specification
    days = asked.recovery_period_in_days
    if not asked.point_in_time_recovery_enabled and days is not None:
        raise ValidationException(
            "Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time"
            " recovery."
        )
    found = backed_up_table(context, request.table_name)
    now_us = context.service.clock.now_us()
    check_backups(found, now_us)

    scope = (found.account, found.region, found.name)

    def reply(catalog: Catalog) -> bytes:
        return _body(catalog.by_name[scope], now_us)

    if not asked.point_in_time_recovery_enabled:
        return Altered(recovery.disable(scope, now_us), reply)
    known = recovery.recovery_of(found)
    period = days or (_DAYS if known is None else known.days)
    return Altered(recovery.enable(scope, period, now_us), reply)


def describe_continuous_backups(context: Context, request: DescribeContinuousBackupsInput) -> bytes:
    return _body(backed_up_table(context, request.table_name), context.service.clock.now_us())


def _body(table: Table, now_us: int) -> bytes:
    known = recovery.recovery_of(table)
    shown: dict[str, Any] = {"PointInTimeRecoveryStatus": "DISABLED"}
    if known is not None:
        shown = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": known.days,
            "EarliestRestorableDateTime": known.earliest_us(now_us) / 1e6,
            "LatestRestorableDateTime": known.latest_us(now_us) / 1e6,
        }
    # Whatever the recovery is: on-demand backups can be made of all but the newest tables.
    description = {
        "ContinuousBackupsStatus": "ENABLED" if can_be_backed_up(table, now_us) else "DISABLED",
        "PointInTimeRecoveryDescription": shown,
    }
    return body_of({"ContinuousBackupsDescription": description})


UPDATE_CONTINUOUS_BACKUPS = Operation(
    "UpdateContinuousBackups", UpdateContinuousBackupsInput, update_continuous_backups
)
DESCRIBE_CONTINUOUS_BACKUPS = Operation(
    "DescribeContinuousBackups", DescribeContinuousBackupsInput, describe_continuous_backups
)
