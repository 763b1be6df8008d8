"""TransactWriteItems: up to 100 writes and checks, in any tables, that happen together or not at
all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec

from tailrace import expressions
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.delete_item import delete_write
from tailrace.api.dynamodb.idempotence import once
from tailrace.api.dynamodb.put_item import put_write
from tailrace.api.dynamodb.replies import body_of, collection_metrics
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.dynamodb.transactions import (
    Used,
    all_settled,
    cancelled,
    check_payload,
    is_upfront,
    refuse_repeated,
    transacted,
)
from tailrace.api.dynamodb.update_item import update_write
from tailrace.api.operation import Altered, Committed, Context, Operation
from tailrace.errors import ValidationException
from tailrace.expressions import Bindings, Update
from tailrace.model.schema import Table
from tailrace.model.values import Item, canonical_item, decode_item, item_size
from tailrace.tables import plans
from tailrace.tables.capacity import Usage, read_units, usage_of_write
from tailrace.tables.engine import Outcome, Write
from tailrace.tables.plans import Guard

__all__ = ["TRANSACT_WRITE_ITEMS", "TransactWriteItemsInput"]


class ConditionCheckAction(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    key: inputs.ItemJson
    table_name: inputs.TableRef
    condition_expression: str
    expression_attribute_names: inputs.Names | None = None
    expression_attribute_values: inputs.Values | None = None
    return_values_on_condition_check_failure: inputs.FailureValues | None = None


class PutAction(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    item: inputs.ItemJson
    table_name: inputs.TableRef
    condition_expression: str | None = None
    expression_attribute_names: inputs.Names | None = None
    expression_attribute_values: inputs.Values | None = None
    return_values_on_condition_check_failure: inputs.FailureValues | None = None


class DeleteAction(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    key: inputs.ItemJson
    table_name: inputs.TableRef
    condition_expression: str | None = None
    expression_attribute_names: inputs.Names | None = None
    expression_attribute_values: inputs.Values | None = None
    return_values_on_condition_check_failure: inputs.FailureValues | None = None


class UpdateAction(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    key: inputs.ItemJson
    update_expression: str
    table_name: inputs.TableRef
    condition_expression: str | None = None
    expression_attribute_names: inputs.Names | None = None
    expression_attribute_values: inputs.Values | None = None
    return_values_on_condition_check_failure: inputs.FailureValues | None = None


_Action = ConditionCheckAction | PutAction | DeleteAction | UpdateAction


class TransactWriteItem(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    condition_check: ConditionCheckAction | None = None
    put: PutAction | None = None
    delete: DeleteAction | None = None
    update: UpdateAction | None = None


class TransactWriteItemsInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    transact_items: Annotated[list[TransactWriteItem], msgspec.Meta(min_length=1, max_length=100)]
    return_consumed_capacity: inputs.CapacityDetail | None = None
    return_item_collection_metrics: inputs.CollectionMetrics | None = None
    client_request_token: Annotated[str, msgspec.Meta(min_length=1, max_length=36)] | None = None


class _Prepared(msgspec.Struct, frozen=True):
    """An action that the request alone says nothing against: the bytes it counts for, and how to
    make its write for a table."""

    ref: str
    size: int
    write: Callable[[Table], Write]


def transact_write_items(context: Context, request: TransactWriteItemsInput) -> Committed | Altered:
    prepared = [_prepared(_only_action(entry)) for entry in request.transact_items]
    tables = [find_table(context, action.ref) for action in prepared]
    check_payload(sum(action.size for action in prepared))
    writes = _writes(prepared, tables)
    refuse_repeated([(write.table_id, write.key) for write in writes])
    if request.client_request_token is None:
        return Committed((writes,), lambda outcomes: _body(request, tables, outcomes[0]))
    return once(
        context,
        request.client_request_token,
        request,
        writes,
        lambda outcome: _body(request, tables, outcome),
        lambda: _replayed(context, request, tables, writes),
    )


def _only_action(entry: TransactWriteItem) -> _Action:
    given = [
        action
        for action in (entry.condition_check, entry.put, entry.delete, entry.update)
        if action is not None
    ]
    if not given:
        raise ValidationException(
            "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request"
        )
    if len(given) > 1:
        raise ValidationException(
            "TransactItems can only contain one of Check, Put, Update or Delete"
        )
    return given[0]


def _prepared(action: _Action) -> _Prepared:
    bindings = Bindings(action.expression_attribute_names, action.expression_attribute_values)
    if isinstance(action, UpdateAction):
        change = expressions.update(action.update_expression, bindings)
        guard = _guard(action, bindings)
        bindings.finish()
        key, size = canonical_item(action.key)
        return _Prepared(action.table_name, size, _updating(key, change, guard))
    guard = _guard(action, bindings)
    if guard is not None:
        # Without a condition, placeholders are left alone here, as they are nowhere else.
        bindings.finish()
    if isinstance(action, PutAction):
        item, size = canonical_item(action.item)
        return _Prepared(action.table_name, size, lambda table: put_write(table, item, size, guard))
    key, size = canonical_item(action.key)
    if isinstance(action, DeleteAction):
        return _Prepared(action.table_name, size, lambda table: delete_write(table, key, guard))
    return _Prepared(action.table_name, size, _checking(key, guard))


def _guard(action: _Action, bindings: Bindings) -> Guard | None:
    if action.condition_expression is None:
        return None
    show = action.return_values_on_condition_check_failure == "ALL_OLD"
    return Guard(expressions.condition(action.condition_expression, bindings), show)


def _updating(key: Item, change: Update, guard: Guard | None) -> Callable[[Table], Write]:
    return lambda table: update_write(table, key, change, guard)


def _checking(key: Item, guard: Guard | None) -> Callable[[Table], Write]:
    assert guard is not None  # a check's condition is required

    def write(table: Table) -> Write:
        return Write(table.id, table.keys.lookup_key(key), plans.check(guard))

    return write


def _writes(prepared: Sequence[_Prepared], tables: Sequence[Table]) -> list[Write]:
    """The writes of all actions. The first action that does not fit its table cancels the
    transaction; the others are then not looked at."""
    writes: list[Write] = []
    errors: list[ValidationException | None] = []
    for action, table in zip(prepared, tables, strict=True):
        try:
            writes.append(action.write(table))
            errors.append(None)
        except ValidationException as error:
            if is_upfront(error):
                raise
            errors.append(error)
    first = next((place for place, error in enumerate(errors) if error is not None), None)
    if first is not None:
        raise cancelled([error if place == first else None for place, error in enumerate(errors)])
    return writes


def _replayed(
    context: Context,
    request: TransactWriteItemsInput,
    tables: Sequence[Table],
    writes: Sequence[Write],
) -> bytes:
    """The answer to a repetition, which only reads the items."""
    detail = request.return_consumed_capacity
    if detail not in ("TOTAL", "INDEXES"):
        return body_of({})
    used = Used()
    found = context.service.engine.get_together([(write.table_id, write.key) for write in writes])
    for table, data in zip(tables, found, strict=True):
        size = 0 if data is None else item_size(decode_item(data))
        used.add(table, transacted(Usage(read_units(size, consistent=True))))
    return body_of({"ConsumedCapacity": used.shown(detail, "ReadCapacityUnits")})


def _body(request: TransactWriteItemsInput, tables: Sequence[Table], outcome: Outcome) -> bytes:
    members: dict[str, Any] = {}
    done = all_settled(outcome)
    detail = request.return_consumed_capacity
    if detail in ("TOTAL", "INDEXES"):
        used = Used()
        for table, write in zip(tables, done, strict=True):
            used.add(table, transacted(usage_of_write(table, write)))
        members["ConsumedCapacity"] = used.shown(detail, "WriteCapacityUnits")
    if request.return_item_collection_metrics == "SIZE":
        metrics: dict[str, list[dict[str, Any]]] = {}
        for table, write in zip(tables, done, strict=True):
            found = collection_metrics(table, write)
            if found is not None:
                metrics.setdefault(table.name, []).append(found)
        if metrics:
            members["ItemCollectionMetrics"] = metrics
    return body_of(members)


TRANSACT_WRITE_ITEMS = Operation(
    "TransactWriteItems", TransactWriteItemsInput, transact_write_items
)
