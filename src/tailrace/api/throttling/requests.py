"""Requests that are carried out whole or refused whole: single items, pages, statements,
transactions.

A request is checked before it is throttled, as the service does: the operation runs, and what it
read is thrown away, or what it wants written is not submitted, when the table has no throughput
left for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tailrace.api.dynamodb.execute_transaction import ExecuteTransactionInput
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.dynamodb.transactions import cancellation, transacted
from tailrace.api.operation import Altered, Committed, Context, Result
from tailrace.api.throttling.throughput import Limit, Meter, cancellation_reason, refusal
from tailrace.api.throttling.usage import Used, metered, read_usage, shown, write_usage
from tailrace.errors import TransactionCanceledException
from tailrace.expressions.partiql import Select, canonical_parameters, read_statement
from tailrace.model.schema import Table
from tailrace.tables.capacity import Usage
from tailrace.tables.hidden import HIDDEN_ACCOUNT

__all__ = ["Run", "alone", "guarded", "together"]

# How an operation is run.
Run = Callable[[Context, Any], Result]


def guarded(result: Result, admit: Callable[[Committed], Result]) -> Result:
    """What an operation answered, with `admit` before anything is submitted."""
    if isinstance(result, Committed):
        return admit(result)
    if isinstance(result, Altered):
        reply = result.reply
        return Altered(result.decide, lambda catalog: guarded(reply(catalog), admit))
    return result


def alone(run: Run, meter: Meter) -> Run:
    """An operation on one table, refused with the table's error."""

    def throttled(context: Context, request: Any) -> Result:
        result = run(context, metered(request))
        if isinstance(result, bytes):
            refused = _take(meter, context, read_usage(context, result), writes=False)
            if refused is not None:
                raise refusal(refused)
            return shown(result, request.return_consumed_capacity)

        def admit(committed: Committed) -> Result:
            (unit,) = committed.units
            used = [usage for write in unit if (usage := write_usage(context, write)) is not None]
            refused = _take(meter, context, used, writes=True)
            if refused is not None:
                raise refusal(refused)
            return committed

        return guarded(run(context, request), admit)

    return throttled


def together(run: Run, meter: Meter) -> Run:
    """A transaction, cancelled with a reason for each action that has no throughput left."""

    def throttled(context: Context, request: Any) -> Result:
        result = run(context, metered(request))
        if isinstance(result, bytes):
            refused = _take(meter, context, read_usage(context, result), writes=False)
            if refused is not None:
                raise _cancelled(
                    refused, [table.id == refused.table.id for table in _tables(context, request)]
                )
            return shown(result, request.return_consumed_capacity)
        return guarded(run(context, request), lambda writes: _admit(meter, context, writes))

    return throttled


def _admit(meter: Meter, context: Context, committed: Committed) -> Committed:
    """A transaction's writes, if there is throughput for them. Those that will be cancelled anyway,
    or were carried out before, use nothing."""
    (unit,) = committed.units
    used: list[tuple[Table, Usage]] = []
    for write in unit:
        usage = write_usage(context, write)
        if usage is None:
            return committed
        if usage[0].account != HIDDEN_ACCOUNT:
            used.append((usage[0], transacted(usage[1])))
    refused = _take(meter, context, used, writes=True)
    if refused is not None:
        raise _cancelled(refused, [_hits(refused, table, usage) for table, usage in used])
    return committed


def _take(meter: Meter, context: Context, used: Used, *, writes: bool) -> Limit | None:
    return meter.take(used, context.service.clock.now_us(), writes=writes)


def _hits(limit: Limit, table: Table, usage: Usage) -> bool:
    index = limit.index
    return table.id == limit.table.id and (index is None or index.name in usage.indexes)


def _cancelled(limit: Limit, hit: Sequence[bool]) -> TransactionCanceledException:
    reason = cancellation_reason(limit)
    return cancellation([dict(reason) if each else {"Code": "None"} for each in hit])


def _tables(context: Context, request: Any) -> list[Table]:
    """The tables that a transaction reads, action by action."""
    if not isinstance(request, ExecuteTransactionInput):
        return [find_table(context, entry.get.table_name) for entry in request.transact_items]
    tables: list[Table] = []
    for each in request.transact_statements:
        statement = read_statement(each.statement, canonical_parameters(each.parameters))
        assert isinstance(statement, Select)  # the operation refused all others
        tables.append(find_table(context, statement.target.table))
    return tables
