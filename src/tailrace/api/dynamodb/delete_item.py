"""DeleteItem: remove an item by its key; removing what is not there succeeds and changes
nothing."""

from __future__ import annotations

from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.conditions import guard_paths, refuse_parts_of_keys
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.dynamodb.writing import ConditionalWrite, old_item_reply, replacement_guard
from tailrace.api.operation import Committed, Context, Operation
from tailrace.model.schema import Table
from tailrace.model.values import Item, canonical_item
from tailrace.tables import plans
from tailrace.tables.engine import Write
from tailrace.tables.plans import Guard

__all__ = ["DELETE_ITEM", "DeleteItemInput", "delete_write"]


class DeleteItemInput(ConditionalWrite, rename="pascal", frozen=True, gc=False, kw_only=True):
    key: inputs.ItemJson


def delete_item(context: Context, request: DeleteItemInput) -> Committed:
    guard = replacement_guard(request)
    key_item, _ = canonical_item(request.key)
    table = find_table(context, request.table_name)
    write = delete_write(table, key_item, guard)
    return Committed(((write,),), old_item_reply(table, request))


def delete_write(table: Table, key_item: Item, guard: Guard | None = None) -> Write:
    """The write that removes the item of a canonical key."""
    key = table.keys.lookup_key(key_item)
    if guard is not None:
        refuse_parts_of_keys(table, guard_paths(guard))
    return Write(table.id, key, plans.delete(key, guard))


DELETE_ITEM = Operation("DeleteItem", DeleteItemInput, delete_item)
