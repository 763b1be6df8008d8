"""What Query and Scan have in common: what to show, where to begin, and the body of a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tailrace.api.dynamodb.replies import body_of
from tailrace.errors import ValidationException
from tailrace.model.keys import HASH_BYTES, KeySchema
from tailrace.model.schema import Index, IndexKind, Table
from tailrace.model.schema import Projection as IndexProjection
from tailrace.model.values import Item, canonical_item
from tailrace.tables.capacity import Usage, consumed_capacity, read_units
from tailrace.tables.engine import Span
from tailrace.tables.pages import Page, beyond

__all__ = ["check_select", "page_body", "reads_whole_items", "refuse_consistent", "start_after"]

_START_INVALID = "The provided starting key is invalid"


def refuse_consistent(index: Index | None, consistent: bool | None) -> None:
    """Global indexes can only be read eventually consistently."""
    if consistent and index is not None and index.kind is IndexKind.GLOBAL:
        raise ValidationException("Consistent reads are not supported on global secondary indexes")


def check_select(
    select: str | None, index: Index | None, projection: object | None, legacy: bool
) -> None:
    """Raise ValidationException for a Select that does not go with the rest of the request."""
    asked = "AttributesToGet" if legacy else "ProjectionExpression"
    if select is None:
        return
    if select == "SPECIFIC_ATTRIBUTES":
        if projection is None:
            raise ValidationException(
                "Must specify the AttributesToGet or ProjectionExpression when choosing to get"
                " SPECIFIC_ATTRIBUTES"
            )
        return
    if projection is not None:
        wanted = "only the Count" if select == "COUNT" else select
        raise ValidationException(f"Cannot specify the {asked} when choosing to get {wanted}")
    if select == "ALL_PROJECTED_ATTRIBUTES" and index is None:
        raise ValidationException(
            "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
        )
    if (
        select == "ALL_ATTRIBUTES"
        and index is not None
        and index.kind is IndexKind.GLOBAL
        and index.projection is not IndexProjection.ALL
    ):
        raise ValidationException(
            "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not"
            " supported for global secondary"
            f" index {index.name} because its projection type is not ALL"
        )


def reads_whole_items(
    table: Table, index: Index | None, select: str | None, names: Sequence[str] | None
) -> bool:
    """Whether a read through an index needs attributes the index does not hold. Raises
    ValidationException where it can't have them. `names` are the top-level attributes that a
    projection asks for."""
    if index is None or index.projection is IndexProjection.ALL:
        return False
    if select == "ALL_ATTRIBUTES":
        return True
    held = {*table.keys.names, *index.keys.names, *index.included}
    missing = [name for name in names or () if name not in held]
    if not missing:
        return False
    if index.kind is IndexKind.GLOBAL:
        raise ValidationException(
            "One or more parameter values were invalid: Global secondary index "
            f"{index.name} does not project {', '.join(missing)}"
        )
    return True


def start_after(
    span: Span, table: Table, index: Index | None, start_key: dict[str, Any] | None
) -> Span:
    """The part of a span after the key where the page before ended. Raises ValidationException for
    a key that no page of this read can have ended with."""
    if start_key is None:
        return span
    item, _ = canonical_item(start_key)
    key = _start_key_bytes(table, index, item)
    if key < span.low or (span.high is not None and key >= span.high):
        raise ValidationException(
            "The provided starting key is outside query boundaries based on provided conditions"
        )
    return beyond(span, key)


def _start_key_bytes(table: Table, index: Index | None, item: Item) -> bytes:
    schemas: tuple[KeySchema, ...] = (table.keys,) if index is None else (table.keys, index.keys)
    expected = {
        attribute.name: attribute.type for schema in schemas for attribute in schema.attributes
    }
    if len(item) != len(expected) or any(
        name not in item or kind not in item[name] for name, kind in expected.items()
    ):
        raise ValidationException(_START_INVALID)
    try:
        key = table.keys.item_key(item)
    except ValidationException:
        raise ValidationException(_START_INVALID) from None
    if index is None:
        return key
    row = index.keys.index_row(item, key)
    if row is None or len(row) <= HASH_BYTES:
        raise ValidationException(_START_INVALID)
    return row


def page_body(
    table: Table,
    index: Index | None,
    page: Page,
    *,
    counting: bool,
    consistent: bool | None,
    capacity: str | None,
    last_key: Item | None,
) -> bytes:
    """The body of a page: a join of the items' bytes."""
    tail: dict[str, Any] = {"Count": page.count, "ScannedCount": page.scanned}
    if last_key is not None:
        tail["LastEvaluatedKey"] = last_key
    if capacity in ("TOTAL", "INDEXES"):
        tail["ConsumedCapacity"] = consumed_capacity(
            table, _usage(index, page, consistent), capacity
        )
    end = body_of(tail)
    if counting:
        return end
    return b'{"Items":[%b],%b' % (b",".join(page.items), end[1:])


def _usage(index: Index | None, page: Page, consistent: bool | None) -> Usage:
    units = read_units(page.size, bool(consistent))
    if index is None:
        return Usage(units)
    fetched = sum(read_units(size, bool(consistent)) for size in page.fetched)
    return Usage(fetched, {index.name: units})
