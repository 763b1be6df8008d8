"""Finding the table and the index that a request names."""

from __future__ import annotations

import re

from tailrace import limits
from tailrace.api.operation import Context
from tailrace.errors import AccessDeniedException, ResourceNotFoundException, ValidationException
from tailrace.model.arns import parse_table_arn
from tailrace.model.schema import Index, IndexStatus, Table

__all__ = [
    "checked_name",
    "described_table",
    "find_index",
    "find_table",
    "known_table",
    "named_scope",
    "readable_index",
]

_NAME = re.compile(r"[a-zA-Z0-9_.-]+", re.ASCII)


def find_table(context: Context, ref: str) -> Table:
    """The table of a name or ARN. Raises ResourceNotFoundException, or ValidationException for what
    can't name a table."""
    scope = context.scope
    table = context.service.engine.catalog().available.get((scope.account, scope.region, ref))
    if table is None:
        return _by_arn_or_refuse(context, ref)
    return table


def _by_arn_or_refuse(context: Context, ref: str) -> Table:
    table = context.catalog().available.get(named_scope(context, ref))
    if table is None:
        raise ResourceNotFoundException("Requested resource not found")
    return table


def described_table(context: Context, ref: str) -> Table:
    """The table of a name or ARN, in the words of operations that manage tables. Raises
    ResourceNotFoundException, or ValidationException for what can't name a table."""
    scope = named_scope(context, ref)
    table = context.catalog().available.get(scope)
    if table is None:
        raise ResourceNotFoundException(
            f"Requested resource not found: Table: {scope[2]} not found"
        )
    return table


def known_table(context: Context, ref: str) -> Table:
    """The table of a name or ARN, whatever its status. Raises ResourceNotFoundException, or
    ValidationException for what can't name a table."""
    scope = named_scope(context, ref)
    table = context.catalog().by_name.get(scope)
    if table is None:
        raise ResourceNotFoundException(
            f"Requested resource not found: Table: {scope[2]} not found"
        )
    return table


def named_scope(context: Context, ref: str) -> tuple[str, str, str]:
    """(account, region, name) of the table that a name or ARN means."""
    scope = context.scope
    if ref.startswith("arn:"):
        parsed = parse_table_arn(ref)
        if parsed is None:
            raise ValidationException(
                f"Invalid TableArn: Invalid ResourceArn provided as input {ref}"
            )
        region, account, name = parsed
        if region != scope.region:
            raise ValidationException(
                f"Invalid TableArn: Invalid ResourceArn provided as input {ref}"
            )
        if account != scope.account:
            raise AccessDeniedException(
                f"User is not authorized to perform this operation on resource: {ref}"
            )
        return account, region, checked_name(name)
    return scope.account, scope.region, checked_name(ref)


def checked_name(name: str) -> str:
    """`name` itself when a table can have it. Raises ValidationException."""
    if not limits.TABLE_NAME_MIN <= len(name) <= limits.TABLE_NAME_MAX or not _NAME.fullmatch(name):
        raise ValidationException(
            "Invalid table/index name.  Table/index names must be between 3 and 255 characters"
            " long, and may contain only"
            " the characters a-z, A-Z, 0-9, '_', '-', and '.'"
        )
    return name


def find_index(context: Context, table: Table, name: str | None) -> Index | None:
    """The index of a name, None for None. Raises ValidationException for one that the table does
    not have, or that can't be read yet."""
    if name is None:
        return None
    index = readable_index(context, table, name)
    if index is None:
        raise ValidationException(f"The table does not have the specified index: {name}")
    return index


def readable_index(context: Context, table: Table, name: str) -> Index | None:
    """The index of a name, None for one that the table does not have. Raises ValidationException
    for one that is not filled yet."""
    index = table.readable_indexes.get(name)
    if index is not None:
        return index
    # It may be one whose time is over, without the catalog telling yet.
    index = context.catalog().tables.get(table.id, table).index_by_name.get(name)
    if index is None or index.status is IndexStatus.DELETING:
        return None
    if not index.readable:
        vectors = index.vector is not None
        what = "search backfilling vector" if vectors else "read from backfilling global secondary"
        raise ValidationException(f"Cannot {what} index: {name}")
    return index
