"""What Query and Scan have in common: what to show, where to begin, and the body of a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from tailrace.api.dynamodb.replies import body_of
from tailrace.api.operation import Context
from tailrace.errors import ValidationException
from tailrace.expressions import Condition, KeyRange, Projection
from tailrace.model.schema import Index, IndexKind, Table
from tailrace.model.schema import Projection as IndexProjection
from tailrace.model.values import Item, canonical_item
from tailrace.tables.capacity import Usage, consumed_capacity, read_units
from tailrace.tables.engine import Span
from tailrace.tables.pages import Page, PageRequest, beyond, read_page

__all__ = [
    "answer",
    "check_select",
    "check_select_of_index",
    "check_start",
    "query_after",
    "refuse_consistent",
    "refuse_unprojected_filter",
    "refuse_vectors",
    "scan_after",
    "start_item",
]

_START_INVALID = "The provided starting key is invalid"
# What is wrong with a value is said as of a start key for these mistakes only.
_SAID_OF_STARTS = (
    "Supplied AttributeValue",
    "One or more parameter values were invalid: Null attribute",
    "One or more parameter values were invalid: An string set",
    "One or more parameter values were invalid: Binary sets",
)
_SCHEMA = "The provided key element does not match the schema"


def refuse_consistent(index: Index | None, consistent: bool | None) -> None:
    """Global indexes can only be read eventually consistently, and so are vector indexes."""
    if consistent and index is not None and index.kind is not IndexKind.LOCAL:
        raise ValidationException("Consistent reads are not supported on global secondary indexes")


def refuse_vectors(index: Index | None, message: str) -> None:
    """Raise ValidationException for a vector index, which only SearchVectors reads."""
    if index is not None and index.kind is IndexKind.VECTOR:
        raise ValidationException(message)


def check_select(
    select: str | None, index_name: str | None, projection: object | None, legacy: bool
) -> None:
    """Raise ValidationException for a Select that does not go with the rest of the request; no
    table has to be looked at for it."""
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
        asked = "AttributesToGet" if legacy else "ProjectionExpression"
        wanted = "only the Count" if select == "COUNT" else select
        raise ValidationException(f"Cannot specify the {asked} when choosing to get {wanted}")
    if select == "ALL_PROJECTED_ATTRIBUTES" and index_name is None:
        raise ValidationException(
            "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
        )


def check_select_of_index(select: str | None, index: Index | None) -> None:
    """Raise ValidationException when all attributes are wanted of a global index that does not hold
    them."""
    if (
        select == "ALL_ATTRIBUTES"
        and index is not None
        and index.kind is IndexKind.GLOBAL
        and index.projection is not IndexProjection.ALL
    ):
        raise ValidationException(
            "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not"
            f" supported for global secondary index {index.name} because its projection type is not"
            " ALL"
        )


def _reads_whole_items(
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
            f"{index.name} does not project [{', '.join(missing)}]"
        )
    return True


def refuse_unprojected_filter(table: Table, index: Index | None, names: Iterable[str]) -> None:
    """Raise ValidationException when the filter of a query looks at attributes that the index does
    not hold: no query reads items of the table for its filter. (A scan may; it finds nothing.)"""
    if index is None or index.projection is IndexProjection.ALL:
        return
    missing = sorted({*names} - {*table.keys.names, *index.keys.names, *index.included})
    if missing:
        raise ValidationException(
            f"One or more parameter values were invalid: Secondary index {index.name} does not"
            f" project one or more filter attributes: [{', '.join(missing)}]"
        )


def start_item(given: dict[str, Any] | None) -> Item | None:
    """The canonical ExclusiveStartKey of a read, whatever the keys are."""
    if given is None:
        return None
    try:
        return canonical_item(given)[0]
    except ValidationException as error:
        if not error.message.startswith(_SAID_OF_STARTS):
            raise
        raise ValidationException(f"{_START_INVALID}: {error.message}") from None


def check_start(table: Table, index: Index | None, item: Item | None) -> None:
    """Raise ValidationException unless an ExclusiveStartKey has as many attributes as the keys."""
    names = {*table.keys.names, *(() if index is None else index.keys.names)}
    if item is not None and len(item) != len(names):
        raise ValidationException(_START_INVALID)


def start_bytes(table: Table, index: Index | None, item: Item) -> bytes:
    """The row that a start key names: first the attributes read by must be right, then the table's
    key."""
    schema = table.keys if index is None else index.keys
    for attribute in schema.attributes:
        if attribute.name not in item:
            raise ValidationException(_START_INVALID)
        if attribute.type not in item[attribute.name]:
            raise ValidationException(_SCHEMA)
    try:
        key = table.keys.lookup_key({name: item[name] for name in table.keys.names if name in item})
    except ValidationException as error:
        reason = _SCHEMA if error.message.startswith("The number of") else error.message
        raise ValidationException(f"{_START_INVALID}: {reason}") from None
    if index is None:
        return key
    row = index.keys.index_row(item, key)
    assert row is not None
    return row


def query_after(
    span: Span, table: Table, index: Index | None, reach: KeyRange, item: Item | None
) -> Span:
    """The part of a query's span after the key where the page before ended. Raises
    ValidationException for a key that no page of this query can have ended with."""
    if item is None:
        return span
    row = start_bytes(table, index, item)
    if span.low <= row and (span.high is None or row < span.high):
        return beyond(span, row)
    if reach.last is None and not reach.equal:
        raise ValidationException(
            "The provided starting key is outside query boundaries based on provided conditions"
        )
    # With the partition key asked for, is it the sort key that is outside?
    names = [attribute.name for attribute in reach.schema.hash]
    moved = {**item, **dict(zip(names, reach.hash_values, strict=True))}
    row = start_bytes(table, index, moved)
    if span.low <= row and (span.high is None or row < span.high):
        raise ValidationException("The query can return at most one row and cannot be restarted")
    raise ValidationException("The provided starting key does not match the range key predicate")


def scan_after(
    span: Span, table: Table, index: Index | None, item: Item | None, total: int | None
) -> Span:
    """The part of a scan's span after the key where the page before ended. `total` is the number of
    segments, where the scan has some."""
    if item is None:
        return span
    try:
        check_start(table, index, item)
    except ValidationException as error:
        if index is None and error.message == _START_INVALID:
            raise ValidationException(f"{_START_INVALID}: {_SCHEMA}") from None
        raise
    if index is None:
        row = _table_start(table, item)
    else:
        row = start_bytes(table, index, item)
    if row < span.low or (span.high is not None and row >= span.high):
        segment = int.from_bytes(span.low, "big") * (total or 1) >> 32
        raise ValidationException(
            f"{_START_INVALID}: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with"
            f" correct Segment. TotalSegments: {total} Segment: {segment}"
        )
    return beyond(span, row)


def _table_start(table: Table, item: Item) -> bytes:
    try:
        return start_bytes(table, None, item)
    except ValidationException as error:
        reason = _SCHEMA if error.message in (_START_INVALID, _SCHEMA) else error.message
        if reason.startswith(_START_INVALID):
            raise
        raise ValidationException(f"{_START_INVALID}: {reason}") from None


class Reads(Protocol):
    """What Query and Scan requests have in common."""

    @property
    def select(self) -> str | None: ...
    @property
    def limit(self) -> int | None: ...
    @property
    def consistent_read(self) -> bool | None: ...
    @property
    def return_consumed_capacity(self) -> str | None: ...


def answer(
    context: Context,
    request: Reads,
    table: Table,
    index: Index | None,
    span: Span,
    keep: Condition | None,
    projection: Projection | None,
) -> bytes:
    """The body of the page that a request reads. Raises ValidationException when an index can't
    give what is asked for."""
    names = None if projection is None else projection.names
    whole = _reads_whole_items(table, index, request.select, names)
    counting = request.select == "COUNT"
    keeps = None if keep is None else keep.matches
    wanted = PageRequest(table, index, span, request.limit, keeps, projection, counting, whole)
    return _page_body(table, index, read_page(context.service.engine, wanted), request)


def _page_body(table: Table, index: Index | None, page: Page, request: Reads) -> bytes:
    """The body of a page: a join of the items' bytes."""
    tail: dict[str, Any] = {"Count": page.count, "ScannedCount": page.scanned}
    if page.last_key is not None:
        tail["LastEvaluatedKey"] = page.last_key
    capacity = request.return_consumed_capacity
    if capacity in ("TOTAL", "INDEXES"):
        usage = _usage(index, page, request.consistent_read)
        tail["ConsumedCapacity"] = consumed_capacity(table, usage, capacity)
    end = body_of(tail)
    if request.select == "COUNT":
        return end
    return b'{"Items":[%b],%b' % (b",".join(page.items), end[1:])


def _usage(index: Index | None, page: Page, consistent: bool | None) -> Usage:
    units = read_units(page.size, bool(consistent))
    if index is None:
        return Usage(units)
    fetched = sum(read_units(size, bool(consistent)) for size in page.fetched)
    return Usage(fetched, {index.name: units})
