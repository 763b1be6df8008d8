"""ListTables: the names of the caller's tables, in order, a page at a time."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from tailrace import limits
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.operation import Context, Operation

__all__ = ["LIST_TABLES", "ListTablesInput"]


class ListTablesInput(msgspec.Struct, rename="pascal", frozen=True):
    exclusive_start_table_name: (
        Annotated[str, msgspec.Meta(min_length=3, max_length=255, pattern=r"^[a-zA-Z0-9_.-]+\Z")]
        | None
    ) = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=limits.LIST_TABLES_PAGE)] | None = None


def list_tables(context: Context, request: ListTablesInput) -> bytes:
    after = request.exclusive_start_table_name or ""
    limit = request.limit or limits.LIST_TABLES_PAGE
    scope = context.scope
    names = sorted(
        name
        for account, region, name in context.catalog().by_name
        if account == scope.account and region == scope.region and name > after
    )
    members: dict[str, Any] = {"TableNames": names[:limit]}
    if len(names) > limit:
        members["LastEvaluatedTableName"] = names[limit - 1]
    return body_of(members)


LIST_TABLES = Operation("ListTables", ListTablesInput, list_tables)
