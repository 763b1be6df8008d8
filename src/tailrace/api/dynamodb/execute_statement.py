"""ExecuteStatement: one PartiQL statement, a read in pages or a write of one item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.replies import body_of, settled
from tailrace.api.dynamodb.statement_reads import plan_reading, read, statement_index
from tailrace.api.dynamodb.statement_tokens import issue, parse, request_digest
from tailrace.api.dynamodb.statement_writes import WriteStatement, returned, statement_write
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.operation import Committed, Context, Operation, Result
from tailrace.errors import ValidationException
from tailrace.expressions.partiql import Exists, Select, canonical_parameters, read_statement
from tailrace.tables.capacity import consumed_capacity, usage_of_write
from tailrace.tables.engine import Outcome

__all__ = ["EXECUTE_STATEMENT", "ExecuteStatementInput"]


class ExecuteStatementInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    statement: str
    parameters: list[dict[str, Any]] | None = None
    consistent_read: bool | None = None
    next_token: str | None = None
    return_consumed_capacity: inputs.CapacityDetail | None = None
    limit: int | None = None
    return_values_on_condition_check_failure: inputs.FailureValues | None = None


def execute_statement(context: Context, request: ExecuteStatementInput) -> Result:
    parameters = canonical_parameters(request.parameters)
    statement = read_statement(request.statement, parameters)
    if isinstance(statement, Exists):
        raise ValidationException("EXISTS can only be used in ExecuteTransaction write requests.")
    if isinstance(statement, Select):
        return _select(context, request, statement)
    return _write(context, request, statement)


def _select(context: Context, request: ExecuteStatementInput, select: Select) -> bytes:
    service = context.service
    table = find_table(context, select.target.table)
    index = statement_index(context, table, select, request.consistent_read)
    reading = plan_reading(table, index, select)
    digest = request_digest(context.scope, request.statement, request.parameters)
    position = None
    if request.next_token is not None:
        position = parse(request.next_token, digest, service.iterator_secret)
    found = read(service.engine, reading, position, request.limit, request.consistent_read)
    members: dict[str, Any] = {"Items": found.items}
    if found.position is not None:
        members["NextToken"] = issue(found.position, digest, service.iterator_secret)
    if found.last_key is not None:
        members["LastEvaluatedKey"] = found.last_key
    if request.return_consumed_capacity in ("TOTAL", "INDEXES"):
        members["ConsumedCapacity"] = consumed_capacity(
            table, found.usage, request.return_consumed_capacity
        )
    return body_of(members)


def _write(
    context: Context, request: ExecuteStatementInput, statement: WriteStatement
) -> Committed:
    table = find_table(context, statement.target.table)
    show = request.return_values_on_condition_check_failure == "ALL_OLD"
    write = statement_write(table, statement, show)

    def reply(outcomes: Sequence[Outcome]) -> bytes:
        done = settled(outcomes[0])
        item = returned(statement, done)
        members: dict[str, Any] = {"Items": [] if item is None else [item]}
        if request.return_consumed_capacity in ("TOTAL", "INDEXES"):
            members["ConsumedCapacity"] = consumed_capacity(
                table, usage_of_write(table, done), request.return_consumed_capacity
            )
        return body_of(members)

    return Committed(((write,),), reply)


EXECUTE_STATEMENT = Operation("ExecuteStatement", ExecuteStatementInput, execute_statement)
