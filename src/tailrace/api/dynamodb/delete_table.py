"""DeleteTable: remove a table; its stream stays readable until its records have aged out."""

from __future__ import annotations

import msgspec

from tailrace.api.dynamodb.inputs import TableRef
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import named_scope
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import ResourceNotFoundException
from tailrace.model.schema import TableStatus
from tailrace.tables import life
from tailrace.tables.catalog import Catalog
from tailrace.tables.copies import refuse_if_copied
from tailrace.tables.description import describe_table

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
    scope = named_scope(context, request.table_name)
    engine = context.service.engine
    table = engine.catalog().by_name.get(scope)
    if table is None:
        raise ResourceNotFoundException(
            f"Requested resource not found: Table: {scope[2]} not found"
        )
    description = describe_table(engine, table, TableStatus.DELETING)

    def reply(catalog: Catalog) -> bytes:
        del catalog
        shown = {member: description[member] for member in _SHOWN}
        if "BillingModeSummary" in description:
            shown["BillingModeSummary"] = description["BillingModeSummary"]
        return body_of({"TableDescription": {**shown, "DeletionProtectionEnabled": False}})

    gone = life.delete_table(scope, context.service.clock.now_us())
    return Altered(life.in_turn(refuse_if_copied(scope), gone), reply)


DELETE_TABLE = Operation("DeleteTable", DeleteTableInput, delete_table)
