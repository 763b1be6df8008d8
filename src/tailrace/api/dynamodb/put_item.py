"""PutItem: replace an item, or add it."""

from __future__ import annotations

from collections.abc import Sequence

from tailrace import limits
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb.conditions import guard_paths, refuse_parts_of_keys
from tailrace.api.dynamodb.replies import EMPTY, settled
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.dynamodb.writing import ConditionalWrite, old_item_reply, replacement_guard
from tailrace.api.operation import Committed, Context, Operation
from tailrace.errors import ValidationException
from tailrace.model.schema import Table
from tailrace.model.values import Item, canonical_item
from tailrace.tables import plans
from tailrace.tables.engine import Outcome, Write
from tailrace.tables.plans import Guard

__all__ = ["PUT_ITEM", "PutItemInput", "check_size", "put_write"]


class PutItemInput(ConditionalWrite, rename="pascal", frozen=True, gc=False, kw_only=True):
    item: inputs.ItemJson


def put_item(context: Context, request: PutItemInput) -> Committed:
    guard = replacement_guard(request)
    item, size = canonical_item(request.item)
    check_size(size)
    table = find_table(context, request.table_name)
    write = put_write(table, item, size, guard)
    if (
        request.return_values is None
        and request.return_consumed_capacity is None
        and request.return_item_collection_metrics is None
    ):
        return Committed(((write,),), _plain_reply)
    return Committed(((write,),), old_item_reply(table, request))


def check_size(size: int) -> None:
    """Raise ValidationException for an item of too many bytes."""
    if size > limits.ITEM_BYTES:
        raise ValidationException("Item size has exceeded the maximum allowed size")


def put_write(table: Table, item: Item, size: int, guard: Guard | None = None) -> Write:
    """The write that puts a canonical item of `size` bytes, checked against the table's limits and
    keys."""
    check_size(size)
    key = table.keys.item_key(item)
    if table.indexes:
        plans.check_indexed(table, item)
    if guard is not None:
        refuse_parts_of_keys(table, guard_paths(guard))
    return Write(table.id, key, plans.put(key, item, size, guard))


def _plain_reply(outcomes: Sequence[Outcome]) -> bytes:
    settled(outcomes[0])
    return EMPTY


PUT_ITEM = Operation("PutItem", PutItemInput, put_item)
