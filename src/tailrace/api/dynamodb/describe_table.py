"""DescribeTable: a table as it is now."""

from __future__ import annotations

import msgspec

from tailrace.api.dynamodb.inputs import TableRef
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import known_table
from tailrace.api.operation import Context, Operation
from tailrace.tables.description import describe_table as description_of

__all__ = ["DESCRIBE_TABLE", "DescribeTableInput"]


class DescribeTableInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef


def describe_table(context: Context, request: DescribeTableInput) -> bytes:
    table = known_table(context, request.table_name)
    service = context.service
    return body_of({"Table": description_of(service.engine, table, service.clock.now_us())})


DESCRIBE_TABLE = Operation("DescribeTable", DescribeTableInput, describe_table)
