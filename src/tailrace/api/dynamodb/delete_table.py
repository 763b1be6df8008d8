"""DeleteTable: remove a table; its stream stays readable until its records have aged out, and its
items as a backup of the service's when its changes were kept for recovery."""

from __future__ import annotations

import msgspec

from tailrace.api.dynamodb.inputs import TableRef
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import known_table
from tailrace.api.operation import Altered, Context, Operation
from tailrace.model.schema import TableStatus
from tailrace.tables import life
from tailrace.tables.backups import made_of_deleted
from tailrace.tables.catalog import Catalog
from tailrace.tables.copies import refuse_if_copied
from tailrace.tables.description import describe_table
from tailrace.tables.recovery import recovery_of

__all__ = ["DELETE_TABLE", "DeleteTableInput"]

_SHOWN = (
    "TableName",
    "TableStatus",
    "ProvisionedThroughput",
    "TableSizeBytes",
    "ItemCount",
    "TableArn",
    "TableId",
)


class DeleteTableInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef


def delete_table(context: Context, request: DeleteTableInput) -> Altered:
    table = known_table(context, request.table_name)
    scope = (table.account, table.region, table.name)
    engine, now_us = context.service.engine, context.service.clock.now_us()
    description = describe_table(engine, table, now_us, TableStatus.DELETING)
    backup = None
    if recovery_of(table) is not None:
        backup = made_of_deleted(table, engine.usage(table), now_us)

    def reply(catalog: Catalog) -> bytes:
        del catalog
        shown = {member: description[member] for member in _SHOWN}
        if "BillingModeSummary" in description:
            shown["BillingModeSummary"] = description["BillingModeSummary"]
        return body_of({"TableDescription": {**shown, "DeletionProtectionEnabled": False}})

    gone = life.delete_table(scope, now_us, context.transition(now_us), backup)
    return Altered(life.in_turn(refuse_if_copied(scope), gone), reply)


DELETE_TABLE = Operation("DeleteTable", DeleteTableInput, delete_table)
