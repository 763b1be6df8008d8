"""UpdateItem: change an item's attributes, or create the item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from tailrace import expressions
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.conditions import guard_paths, refuse_mix, refuse_parts_of_keys
from tailrace.api.dynamodb.replies import body_of, settled, write_extras
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.dynamodb.writing import ConditionalWrite, write_guard
from tailrace.api.operation import Committed, Context, Operation
from tailrace.expressions import Bindings, Update
from tailrace.expressions.parser import parse_update
from tailrace.model.schema import Table
from tailrace.model.values import Item, canonical_item, decode_item, item_size
from tailrace.tables import plans
from tailrace.tables.engine import Outcome, Settled, Write
from tailrace.tables.plans import Guard

__all__ = ["UPDATE_ITEM", "UpdateItemInput", "update_write"]


class UpdateItemInput(ConditionalWrite, rename="pascal", frozen=True, gc=False, kw_only=True):
    key: inputs.ItemJson
    attribute_updates: inputs.UpdatesJson | None = None
    update_expression: str | None = None


def update_item(context: Context, request: UpdateItemInput) -> Committed:
    refuse_mix(
        {
            "AttributeUpdates": request.attribute_updates,
            "Expected": request.expected,
            "ConditionalOperator": request.conditional_operator,
        },
        {
            "UpdateExpression": request.update_expression,
            "ConditionExpression": request.condition_expression,
        },
    )
    expressions.refuse_idle(
        request.expression_attribute_names,
        request.expression_attribute_values,
        {
            "UpdateExpression": request.update_expression,
            "ConditionExpression": request.condition_expression,
        },
    )
    bindings = Bindings(request.expression_attribute_names, request.expression_attribute_values)
    change = _change(request, bindings)
    guard = write_guard(request, bindings)
    bindings.finish()
    key_item, _ = canonical_item(request.key)
    table = find_table(context, request.table_name)

    def reply(outcomes: Sequence[Outcome]) -> bytes:
        done = settled(outcomes[0])
        members = write_extras(
            table, done, request.return_consumed_capacity, request.return_item_collection_metrics
        )
        attributes = _returned(request.return_values, done, change)
        if attributes is not None:
            members["Attributes"] = attributes
        return body_of(members)

    charge: _Charge | None = None
    if request.update_expression is not None and change is not None:
        charge = _Charge(request.update_expression, change)
    return Committed(((update_write(table, key_item, change, guard, charge),),), reply)


class _Charge:
    """The bytes that an UpdateItem counts for by what it writes, measured on AWS: names and values
    of the attributes it writes to, 3 bytes for itself, and some for each clause. In transactions
    and in PartiQL updates don't count so."""

    def __init__(self, expression: str, change: Update) -> None:
        self._expression = expression
        self._paths = change.touched

    def __call__(self, item: Item) -> int:
        total = 3
        names: set[str] = set()
        actions = parse_update(self._expression).actions
        for action, path in zip(actions, self._paths, strict=True):
            total += 2 if action.section in ("REMOVE", "DELETE") else 19
            total += sum(isinstance(step, int) for step in path)
            if action.section != "REMOVE":
                names.add(path[0])
        return total + item_size({name: item[name] for name in names if name in item})


def _change(request: UpdateItemInput, bindings: Bindings) -> Update | None:
    """What to do to the item; None for a request that only makes sure that it exists."""
    if request.update_expression is not None:
        return expressions.update(request.update_expression, bindings)
    if request.attribute_updates:
        return expressions.attribute_updates(request.attribute_updates)
    return None


def update_write(
    table: Table,
    key_item: Item,
    change: Update | None,
    guard: Guard | None = None,
    charge: Callable[[Item], int] | None = None,
) -> Write:
    """The write that changes the item of a canonical key; `charge` is as for `plans.update`."""
    key = table.keys.lookup_key(key_item)
    if change is not None:
        change.check_keys(table.keys)
        if table.indexes:
            change.check_index_keys(table.index_key_names)
        refuse_parts_of_keys(table, change.touched, change.reads)
    refuse_parts_of_keys(table, guard_paths(guard))

    def apply(before: Item | None) -> Item | None:
        if change is None:
            return before or key_item
        if before is None and not change.creates:
            return None
        return change.apply(before or key_item)

    return Write(table.id, key, plans.update(key, apply, guard, charge))


def _returned(wanted: str | None, done: Settled, change: Update | None) -> Any:
    """The Attributes of the answer: JSON or a dict, None to leave them out."""
    if wanted in (None, "NONE"):
        return None
    old, new = done.previous, done.plan.new
    if wanted == "ALL_OLD":
        return None if old is None else msgspec.Raw(old)
    if wanted == "ALL_NEW":
        return None if new is None else msgspec.Raw(new)
    image = old if wanted == "UPDATED_OLD" else new
    if image is None or change is None:
        return None
    return change.updated(decode_item(image)) or None


UPDATE_ITEM = Operation("UpdateItem", UpdateItemInput, update_item)
