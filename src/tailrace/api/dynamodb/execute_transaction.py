"""ExecuteTransaction: up to 100 PartiQL statements that only read, or only write and check, all of
them together.

What a statement alone says wrong refuses the request, with the statement's place; what its table or
the stored item says cancels the transaction. Both were seen on AWS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.conditions import refuse_parts_of_keys
from tailrace.api.dynamodb.idempotence import once
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.statement_reads import key_reads_of
from tailrace.api.dynamodb.statement_writes import KEY_MISMATCH, NO_KEY, statement_write
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.dynamodb.transactions import (
    Used,
    all_settled,
    cancellation,
    cancelled,
    check_payload,
    is_upfront,
    refuse_repeated,
    transacted,
)
from tailrace.api.operation import Committed, Context, Operation, Result
from tailrace.errors import ResourceNotFoundException, ValidationException
from tailrace.expressions.partiql import (
    Columns,
    Delete,
    Exists,
    Insert,
    Select,
    Statement,
    UpdateStatement,
    canonical_parameters,
    compiled,
    item_key,
    only_key,
    read_statement,
)
from tailrace.model.schema import Table
from tailrace.model.values import Item, decode_item, encode_item, item_size
from tailrace.tables import plans
from tailrace.tables.capacity import Usage, read_units, usage_of_write
from tailrace.tables.engine import Outcome, Write
from tailrace.tables.plans import Guard

__all__ = ["EXECUTE_TRANSACTION", "ExecuteTransactionInput"]

_KEYED: Final = (
    "Select statements within ExecuteTransaction must specify the primary key in the where clause."
)
_SINGLE: Final = "EXISTS() must contain a single item read with additional condition"
_INDEX: Final = "Reads on indices are not supported within transactions."


class ParameterizedStatement(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    statement: str
    parameters: list[dict[str, Any]] | None = None
    return_values_on_condition_check_failure: inputs.FailureValues | None = None


class ExecuteTransactionInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    transact_statements: list[ParameterizedStatement]
    client_request_token: str | None = None
    return_consumed_capacity: inputs.CapacityDetail | None = None


class _Member(msgspec.Struct, frozen=True):
    """A statement of a transaction and its table."""

    statement: Statement
    table: Table
    show_item: bool


def execute_transaction(context: Context, request: ExecuteTransactionInput) -> Result:
    statements = _statements(request)
    reads = [isinstance(statement, Select) for statement in statements]
    if any(reads) and not all(reads):
        raise ValidationException(
            "ExecuteTransaction API does not support both read and write operations in the same"
            " request."
        )
    members = _members(context, request, statements)
    if all(reads):
        return _read(context, request, members)
    writes = _writes(members)
    check_payload(sum(item_size(each.item) for each in statements if isinstance(each, Insert)))
    refuse_repeated([(write.table_id, write.key) for write in writes])
    tables = [member.table for member in members]
    if request.client_request_token is None:
        return Committed((writes,), lambda outcomes: _written(request, tables, outcomes[0]))
    return once(
        context,
        request.client_request_token,
        request,
        writes,
        lambda outcome: _written(request, tables, outcome),
        lambda: _replayed(context, request, tables, writes),
    )


def _statements(request: ExecuteTransactionInput) -> list[Statement]:
    parameters = [canonical_parameters(each.parameters) for each in request.transact_statements]
    statements: list[Statement] = []
    for place, each in enumerate(request.transact_statements):
        try:
            statements.append(read_statement(each.statement, parameters[place]))
        except ValidationException as error:
            raise _refused(place, error.message) from None
    return statements


def _refused(place: int, message: str) -> ValidationException:
    return ValidationException(f"Validation failed in TransactStatements[{place}]: {message}")


def _members(
    context: Context, request: ExecuteTransactionInput, statements: Sequence[Statement]
) -> list[_Member]:
    """The statements with their tables, checked as far as they can be without a key. Tables that
    are not there cancel the transaction."""
    members: list[_Member] = []
    reasons: list[dict[str, Any]] = []
    for place, statement in enumerate(statements):
        target = (statement.select if isinstance(statement, Exists) else statement).target
        try:
            table = find_table(context, target.table)
            _check(statement, table)
        except ResourceNotFoundException as error:
            reasons.append({"Code": "ResourceNotFound", "Message": error.message})
            continue
        except ValidationException as error:
            raise _refused(place, error.message) from None
        given = request.transact_statements[place].return_values_on_condition_check_failure
        members.append(_Member(statement, table, given == "ALL_OLD"))
        reasons.append({"Code": "None"})
    if len(members) != len(statements):
        raise cancellation(reasons)
    return members


def _check(statement: Statement, table: Table) -> None:
    """Raise ValidationException for a statement that no transaction takes."""
    if isinstance(statement, Select | Exists):
        select = statement if isinstance(statement, Select) else statement.select
        if select.target.index is not None:
            raise ValidationException(_INDEX)
        if isinstance(statement, Exists):
            key = item_key(select.where, table.keys)
            if key.rest is None or len(key.values) != len(table.keys.names):
                raise ValidationException(_SINGLE)
        elif only_key(select.where, table.keys) is None:
            key_reads_of(table, None, select)
            raise ValidationException(_KEYED)
    elif not isinstance(statement, Insert) and statement.returning is not None:
        raise ValidationException("RETURNING clause is not supported in ExecuteTransaction.")
    where = statement.select.where if isinstance(statement, Exists) else None
    if isinstance(statement, UpdateStatement | Delete):
        where = statement.where
    if where is not None:
        refuse_parts_of_keys(table, where.condition.paths)


def _cancel_for(errors: Sequence[ValidationException | None]) -> None:
    """Raise the cancellation that errors make, if there are any."""
    if any(error is not None for error in errors):
        raise cancelled(errors)


# Reads -------------------------------------------------------------------------------------------


def _read(context: Context, request: ExecuteTransactionInput, members: list[_Member]) -> bytes:
    places: list[tuple[int, bytes]] = []
    errors: list[ValidationException | None] = []
    for member in members:
        try:
            places.append((member.table.id, _read_key(member)))
            errors.append(None)
        except ValidationException as error:
            if is_upfront(error):
                raise
            errors.append(error)
    _cancel_for(errors)
    refuse_repeated(places)
    found = context.service.engine.get_together(places)
    items = [None if data is None else decode_item(data) for data in found]
    check_payload(sum(0 if item is None else item_size(item) for item in items))
    body: dict[str, Any] = {
        "Responses": [
            _shown(member.statement, item) for member, item in zip(members, items, strict=True)
        ]
    }
    _add_read_capacity(body, request, [member.table for member in members], items)
    return body_of(body)


def _read_key(member: _Member) -> bytes:
    where = member.statement.where if isinstance(member.statement, Select) else None
    return member.table.keys.lookup_key(only_key(where, member.table.keys) or {})


def _shown(statement: Statement, item: Item | None) -> dict[str, Any]:
    if item is None:
        return {}
    columns: Columns | None = statement.columns if isinstance(statement, Select) else None
    return {"Item": msgspec.Raw(encode_item(item if columns is None else columns.apply(item)))}


def _add_read_capacity(
    body: dict[str, Any],
    request: ExecuteTransactionInput,
    tables: Sequence[Table],
    items: Sequence[Item | None],
) -> None:
    detail = request.return_consumed_capacity
    if detail not in ("TOTAL", "INDEXES"):
        return
    used = Used()
    for table, item in zip(tables, items, strict=True):
        size = 0 if item is None else item_size(item)
        used.add(table, transacted(Usage(read_units(size, consistent=True))))
    body["ConsumedCapacity"] = used.shown(detail, "ReadCapacityUnits")


# Writes ------------------------------------------------------------------------------------------


def _writes(members: Sequence[_Member]) -> list[Write]:
    writes: list[Write] = []
    errors: list[ValidationException | None] = []
    for member in members:
        try:
            writes.append(_write(member))
            errors.append(None)
        except ValidationException as error:
            if is_upfront(error):
                raise
            errors.append(ValidationException(KEY_MISMATCH) if error.message == NO_KEY else error)
    _cancel_for(errors)
    return writes


def _write(member: _Member) -> Write:
    statement, table = member.statement, member.table
    assert not isinstance(statement, Select)  # reads and writes are not mixed
    if not isinstance(statement, Exists):
        return statement_write(table, statement, member.show_item)
    where = statement.select.where
    key = item_key(where, table.keys)
    if where is None or key.rest is None:
        raise ValidationException(_SINGLE)
    guard = Guard(compiled(key.rest, where.values), member.show_item)
    return Write(table.id, table.keys.lookup_key(key.values), plans.check(guard))


def _written(request: ExecuteTransactionInput, tables: Sequence[Table], outcome: Outcome) -> bytes:
    done = all_settled(outcome)
    body: dict[str, Any] = {"Responses": []}
    detail = request.return_consumed_capacity
    if detail in ("TOTAL", "INDEXES"):
        used = Used()
        for table, write in zip(tables, done, strict=True):
            used.add(table, transacted(usage_of_write(table, write)))
        body["ConsumedCapacity"] = used.shown(detail, "WriteCapacityUnits")
    return body_of(body)


def _replayed(
    context: Context,
    request: ExecuteTransactionInput,
    tables: Sequence[Table],
    writes: Sequence[Write],
) -> bytes:
    """The answer to a repetition, which only reads the items."""
    found = context.service.engine.get_together([(write.table_id, write.key) for write in writes])
    body: dict[str, Any] = {"Responses": []}
    items = [None if data is None else decode_item(data) for data in found]
    _add_read_capacity(body, request, tables, items)
    return body_of(body)


EXECUTE_TRANSACTION = Operation("ExecuteTransaction", ExecuteTransactionInput, execute_transaction)
