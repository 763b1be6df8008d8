"""CreateBackup, DescribeBackup, ListBackups and DeleteBackup: on-demand backups of tables.

A small table is backed up before the call is answered, though the answer says CREATING as AWS does;
a larger one by housekeeping.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from tailrace.api.dynamodb.continuous_backups import backed_up_table, check_backups
from tailrace.api.dynamodb.inputs import TableRef
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.operation import Altered, Committed, Context, Operation, Result
from tailrace.errors import (
    AccessDeniedException,
    AwsError,
    TableNotFoundException,
    ValidationException,
)
from tailrace.model.schema import Table
from tailrace.tables import backups, copies, hidden
from tailrace.tables.catalog import Catalog
from tailrace.tables.engine import Outcome

__all__ = [
    "CREATE_BACKUP",
    "DELETE_BACKUP",
    "DESCRIBE_BACKUP",
    "LIST_BACKUPS",
    "BackupInput",
    "CreateBackupInput",
    "ListBackupsInput",
    "checked_backup_arn",
    "copied",
]

_PAGE: Final = 100


class CreateBackupInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef
    backup_name: str


class BackupInput(msgspec.Struct, rename="pascal", frozen=True):
    backup_arn: str


class ListBackupsInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef | None = None
    limit: int | None = None
    time_range_lower_bound: float | None = None
    time_range_upper_bound: float | None = None
    exclusive_start_backup_arn: str | None = None
    backup_type: Literal["USER", "SYSTEM", "AWS_BACKUP", "ALL"] | None = None


def create_backup(context: Context, request: CreateBackupInput) -> Altered:
    service = context.service
    table = backed_up_table(context, request.table_name)
    now_us = service.clock.now_us()
    check_backups(table, now_us)
    arn = f"{table.arn}/backup/{now_us // 1000:014d}-{service.ids.uuid().replace('-', '')[-8:]}"
    backup = backups.made(table, service.engine.usage(table), arn, request.backup_name, now_us)

    def begun(catalog: Catalog) -> Result:
        made = hidden.find(catalog, arn)
        if made is None:
            raise TableNotFoundException(f"Table not found: {table.name}")
        body = body_of({"BackupDetails": backups.backup_details(made, "CREATING")})
        return copied(context, table.id, made, body)

    return Altered(backups.create(table.id, backup), begun)


def copied(context: Context, source_id: int, target: Table, body: bytes) -> Result:
    """Answer `body`; but before it fill a table with the items of another, if they are few."""
    writes, whole = copies.first_writes(context.service.engine, source_id, target)
    if not whole:
        return body

    def done(outcomes: Sequence[Outcome]) -> Altered:
        for outcome in outcomes:
            for result in outcome:
                if isinstance(result, AwsError):
                    raise result
        return Altered(copies.finish(target.id), lambda catalog: body)

    if not writes:
        return done(())
    return Committed((writes,), done)


def describe_backup(context: Context, request: BackupInput) -> bytes:
    arn = checked_backup_arn(context, request.backup_arn)
    table = backups.find_backup(context.catalog(), arn)
    return body_of({"BackupDescription": backups.describe_backup(table)})


def delete_backup(context: Context, request: BackupInput) -> Altered:
    arn = checked_backup_arn(context, request.backup_arn)
    table = backups.find_backup(context.catalog(), arn)
    description = backups.describe_backup(table, "DELETED")
    return Altered(backups.drop(arn), lambda catalog: body_of({"BackupDescription": description}))


def list_backups(context: Context, request: ListBackupsInput) -> bytes:
    low, high = request.time_range_lower_bound, request.time_range_upper_bound
    if low is not None and high is not None and low > high:
        raise ValidationException(
            "One or more parameter values were invalid: Time range lower bound must be less than"
            " or equal to upper bound"
        )
    scope = context.scope
    found = backups.backups_of(context.catalog(), scope.account, scope.region)
    shown = [
        summary for summary in map(backups.backup_summary, found) if _is_asked(request, summary)
    ]
    if request.exclusive_start_backup_arn is not None:
        after = checked_backup_arn(context, request.exclusive_start_backup_arn)
        shown = [summary for summary in shown if _moment(summary["BackupArn"]) > _moment(after)]
    page = shown[: request.limit or _PAGE]
    members: dict[str, Any] = {"BackupSummaries": page}
    if len(shown) > len(page):
        members["LastEvaluatedBackupArn"] = page[-1]["BackupArn"]
    return body_of(members)


def _is_asked(request: ListBackupsInput, summary: dict[str, Any]) -> bool:
    # Seen on AWS: those that the service made are listed only when they are asked for.
    if (request.backup_type or "USER") not in ("ALL", summary["BackupType"]):
        return False
    if request.table_name not in (None, summary["TableName"], summary["TableArn"]):
        return False
    low, high = request.time_range_lower_bound, request.time_range_upper_bound
    created: float = summary["BackupCreationDateTime"]
    return (low is None or low <= created) and (high is None or created < high)


def _moment(arn: str) -> str:
    """The part of a backup's ARN by which backups are ordered: when it was made."""
    return arn.rpartition("/")[2]


def checked_backup_arn(context: Context, arn: str) -> str:
    """`arn` itself when it can be a backup's of the caller. Raises ValidationException or
    AccessDeniedException."""
    parts = arn.split(":", 5)
    pieces = parts[5].split("/") if len(parts) == 6 else []
    if (
        len(pieces) != 4
        or parts[:3] != ["arn", "aws", "dynamodb"]
        or (pieces[0], pieces[2]) != ("table", "backup")
    ):
        raise ValidationException("Invalid Backup ARN")
    if parts[4] != context.scope.account:
        raise AccessDeniedException(
            f"User is not authorized to perform this operation on resource: {arn}"
        )
    return arn


CREATE_BACKUP = Operation("CreateBackup", CreateBackupInput, create_backup)
DESCRIBE_BACKUP = Operation("DescribeBackup", BackupInput, describe_backup)
DELETE_BACKUP = Operation("DeleteBackup", BackupInput, delete_backup)
LIST_BACKUPS = Operation("ListBackups", ListBackupsInput, list_backups)
