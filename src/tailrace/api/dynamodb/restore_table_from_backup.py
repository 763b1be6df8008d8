"""RestoreTableFromBackup: a new table with the items of a backup."""

from __future__ import annotations

from typing import Any

import msgspec

from tailrace.api.dynamodb import table_inputs as parts
from tailrace.api.dynamodb.backups import checked_backup_arn, copied
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.restoring import check_target, restored, restoring
from tailrace.api.operation import Altered, Context, Operation, Result
from tailrace.errors import BackupInUseException
from tailrace.model.schema import TableStatus
from tailrace.tables import backups, life
from tailrace.tables.catalog import Alteration, Catalog, Tick
from tailrace.tables.copies import being_copied
from tailrace.tables.description import describe_table

__all__ = ["RESTORE_TABLE_FROM_BACKUP", "RestoreTableFromBackupInput"]


class RestoreTableFromBackupInput(msgspec.Struct, rename="pascal", frozen=True):
    target_table_name: str
    backup_arn: str
    billing_mode_override: parts.BillingModeName | None = None
    global_secondary_index_override: list[parts.GlobalIndex] | None = None
    local_secondary_index_override: list[parts.LocalIndex] | None = None
    provisioned_throughput_override: parts.ProvisionedThroughput | None = None
    on_demand_throughput_override: parts.OnDemandThroughput | None = None
    sse_specification_override: parts.SSESpecification | None = msgspec.field(
        name="SSESpecificationOverride", default=None
    )
    vector_index_override: list[parts.VectorIndex] | None = None


def restore_table_from_backup(context: Context, request: RestoreTableFromBackupInput) -> Altered:
    arn = checked_backup_arn(context, request.backup_arn)
    scope = check_target(context, request.target_table_name)
    engine, now_us = context.service.engine, context.service.clock.now_us()
    backup = backups.find_backup(context.catalog(), arn)
    source = backups.source_table(backup)
    summary: dict[str, Any] = {
        "SourceBackupArn": arn,
        "SourceTableArn": source.arn,
        "RestoreDateTime": backup.created_us / 1e6,
        "RestoreInProgress": True,
    }
    table = restored(context, request, source, scope, summary)

    def refuse_used(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        found = backups.find_backup(catalog, arn)
        if found.status is TableStatus.CREATING:
            raise BackupInUseException(f"Backup is being created: {arn}")
        if being_copied(catalog, found.id):
            raise BackupInUseException(f"Backup is being used to restore another table: {arn}")
        return Alteration()

    def begun(catalog: Catalog) -> Result:
        made = catalog.by_name[scope]
        body = body_of({"TableDescription": describe_table(engine, made, now_us)})
        return copied(context, backup.id, made, body)

    return Altered(life.in_turn(refuse_used, restoring(scope, table, backup.id)), begun)


RESTORE_TABLE_FROM_BACKUP = Operation(
    "RestoreTableFromBackup", RestoreTableFromBackupInput, restore_table_from_backup
)
