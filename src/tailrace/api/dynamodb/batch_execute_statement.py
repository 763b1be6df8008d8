"""BatchExecuteStatement: up to 25 PartiQL statements, all reads of single items or all writes, each
on its own: one that fails has its error in its place of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.replies import body_of, settled
from tailrace.api.dynamodb.statement_reads import key_reads_of, statement_index
from tailrace.api.dynamodb.statement_writes import WriteStatement, returned, statement_write
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.operation import Committed, Context, Operation, Result
from tailrace.errors import (
    AccessDeniedException,
    AwsError,
    ConditionalCheckFailedException,
    DuplicateItemException,
    ItemCollectionSizeLimitExceededException,
    ProvisionedThroughputExceededException,
    ResourceNotFoundException,
    ThrottlingException,
    TransactionConflictException,
    ValidationException,
)
from tailrace.expressions.partiql import (
    Exists,
    Select,
    Statement,
    canonical_parameters,
    only_key,
    read_statement,
)
from tailrace.model.schema import Table
from tailrace.model.values import decode_item, encode_item, item_size
from tailrace.tables.capacity import Usage, consumed_capacity, read_units, usage_of_write
from tailrace.tables.engine import Outcome, Write

__all__ = ["BATCH_EXECUTE_STATEMENT", "BatchExecuteStatementInput"]

# The model's BatchStatementErrorCodeEnum.
_CODES: Final[tuple[tuple[type[AwsError], str], ...]] = (
    (ConditionalCheckFailedException, "ConditionalCheckFailed"),
    (DuplicateItemException, "DuplicateItem"),
    (ValidationException, "ValidationError"),
    (ResourceNotFoundException, "ResourceNotFound"),
    (ItemCollectionSizeLimitExceededException, "ItemCollectionSizeLimitExceeded"),
    (ProvisionedThroughputExceededException, "ProvisionedThroughputExceeded"),
    (TransactionConflictException, "TransactionConflict"),
    (ThrottlingException, "ThrottlingError"),
    (AccessDeniedException, "AccessDenied"),
)
_KEYED: Final = (
    "Select statements within BatchExecuteStatement must specify the primary key in the where"
    " clause."
)


class BatchStatementRequest(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    statement: str
    parameters: list[dict[str, Any]] | None = None
    consistent_read: bool | None = None
    return_values_on_condition_check_failure: inputs.FailureValues | None = None


class BatchExecuteStatementInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    statements: list[BatchStatementRequest]
    return_consumed_capacity: inputs.CapacityDetail | None = None


class _Done(msgspec.Struct, frozen=True):
    """A statement's part of the answer, and what it used of a table, if it got there."""

    response: dict[str, Any]
    table: Table | None = None
    usage: Usage | None = None
    key: bytes | None = None


class _Prepared(msgspec.Struct, frozen=True):
    """A write that can be submitted."""

    table: Table
    statement: WriteStatement
    write: Write


def batch_execute_statement(context: Context, request: BatchExecuteStatementInput) -> Result:
    statements = [_statement(each) for each in request.statements]
    reads = {isinstance(each, Select) for each in statements if not isinstance(each, AwsError)}
    if len(reads) > 1:
        raise ValidationException(
            "BatchExecuteStatement API does not support both read and write operations in the same"
            " request."
        )
    parts = [
        _carried_out(context, statement, each)
        for statement, each in zip(statements, request.statements, strict=True)
    ]
    _refuse_repeated(parts)
    units = [(part.write,) for part in parts if isinstance(part, _Prepared)]
    if not units:
        return _body(request, parts, ())
    return Committed(units, lambda outcomes: _body(request, parts, outcomes))


def _refuse_repeated(parts: Sequence[_Done | _Prepared]) -> None:
    """Raise ValidationException when two statements are about one item."""
    keys = [part.write.key if isinstance(part, _Prepared) else part.key for part in parts]
    places = [
        (part.table.id, key)
        for part, key in zip(parts, keys, strict=True)
        if part.table is not None and key is not None
    ]
    if len(set(places)) != len(places):
        raise ValidationException("Provided list of item keys contains duplicates")


def _statement(request: BatchStatementRequest) -> Statement | AwsError:
    try:
        statement = read_statement(request.statement, canonical_parameters(request.parameters))
    except ValidationException as error:
        return error
    if isinstance(statement, Exists):
        return ValidationException("EXISTS can only be used in ExecuteTransaction write requests.")
    return statement


def _carried_out(
    context: Context, statement: Statement | AwsError, request: BatchStatementRequest
) -> _Done | _Prepared:
    """A read that was done, or a write that can be; what is wrong with it is its answer."""
    try:
        if isinstance(statement, AwsError):
            raise statement
        assert not isinstance(statement, Exists)  # `_statement` refused it
        table = find_table(context, statement.target.table)
        if isinstance(statement, Select):
            return _read(context, table, statement, bool(request.consistent_read))
        show = request.return_values_on_condition_check_failure == "ALL_OLD"
        return _Prepared(table, statement, statement_write(table, statement, show))
    except AwsError as error:
        return _Done({"Error": _error(error)})


def _read(context: Context, table: Table, select: Select, consistent: bool) -> _Done:
    index = statement_index(context, table, select, consistent=False)
    key_reads_of(table, index, select)
    key = only_key(select.where, table.keys)
    if index is not None or key is None:
        raise ValidationException(_KEYED)
    place = table.keys.lookup_key(key)
    data = context.service.engine.get(table.id, place)
    response: dict[str, Any] = {"TableName": table.name}
    size = 0
    if data is not None:
        item = decode_item(data)
        size = item_size(item)
        shown = data if select.columns is None else encode_item(select.columns.apply(item))
        response["Item"] = msgspec.Raw(shown)
    return _Done(response, table, Usage(read_units(size, consistent)), place)


def _error(error: AwsError) -> dict[str, Any]:
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "InternalServerError")
    return {"Code": code, "Message": error.message, **error.fields}


def _body(
    request: BatchExecuteStatementInput,
    parts: Sequence[_Done | _Prepared],
    outcomes: Sequence[Outcome],
) -> bytes:
    left = iter(outcomes)
    done = [part if isinstance(part, _Done) else _settled(part, next(left)) for part in parts]
    members: dict[str, Any] = {"Responses": [part.response for part in done]}
    detail = request.return_consumed_capacity
    if detail in ("TOTAL", "INDEXES"):
        members["ConsumedCapacity"] = [
            consumed_capacity(part.table, part.usage, detail)
            for part in done
            if part.table is not None and part.usage is not None
        ]
    return body_of(members)


def _settled(part: _Prepared, outcome: Outcome) -> _Done:
    response: dict[str, Any] = {"TableName": part.table.name}
    try:
        done = settled(outcome)
    except AwsError as error:
        return _Done({**response, "Error": _error(error)})
    item = returned(part.statement, done)
    if item is not None:
        response["Item"] = item
    return _Done(response, part.table, usage_of_write(part.table, done))


BATCH_EXECUTE_STATEMENT = Operation(
    "BatchExecuteStatement", BatchExecuteStatementInput, batch_execute_statement
)
