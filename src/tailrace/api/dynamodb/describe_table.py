"""DescribeTable: a table as it is now."""

from __future__ import annotations

import msgspec

from tailrace.api.dynamodb.inputs import TableRef
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import named_scope
from tailrace.api.operation import Context, Operation
from tailrace.errors import ResourceNotFoundException
from tailrace.tables.description import describe_table as description_of

__all__ = ["DESCRIBE_TABLE", "DescribeTableInput"]


class DescribeTableInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef


def describe_table(context: Context, request: DescribeTableInput) -> bytes:
    scope = named_scope(context, request.table_name)
    engine = context.service.engine
    table = engine.catalog().by_name.get(scope)
    if table is None:
        raise ResourceNotFoundException(
            f"Requested resource not found: Table: {scope[2]} not found"
        )
    return body_of({"Table": description_of(engine, table)})


DESCRIBE_TABLE = Operation("DescribeTable", DescribeTableInput, describe_table)
