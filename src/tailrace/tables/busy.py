"""What can't be asked of a table that is still changing, in DynamoDB's words.

What is refused depends on what changes and on what is asked for, not on the table's status alone;
which is refused how is as AWS was seen to answer in October 2026. Changes that are settled at once
are not told apart from no change: only what has a moment to settle at gets in anybody's way.
"""

from __future__ import annotations

from typing import Final

import msgspec

from tailrace.errors import AwsError, LimitExceededException, ResourceInUseException
from tailrace.model.schema import Index, IndexStatus, Stream, StreamKind, Table, TableStatus
from tailrace.tables.catalog import Catalog
from tailrace.tables.setting_changes import CLASS, ENCRYPTION, WARM, is_changing, table_class

__all__ = [
    "Asked",
    "check_creatable",
    "check_deletable",
    "check_settled",
    "check_updatable",
    "in_use",
]

_ENCRYPTION: Final = "Server-Side Encryption is still being updated"
_ONE_INDEX: Final = (
    "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per"
    " table"
)


class Asked(msgspec.Struct, frozen=True):
    """What an UpdateTable asks for, as far as it can get in the way of another: the table's
    throughput or billing mode, its stream, its class, its on-demand limits, its encryption, and
    indexes by name.
    """

    throughput: bool = False
    stream: bool = False
    table_class: bool = False
    on_demand: bool = False
    encryption: bool = False
    created: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()
    retuned: frozenset[str] = frozenset()

    @property
    def rebuilds(self) -> bool:
        return bool(self.created or self.deleted)


def in_use(detail: str) -> ResourceInUseException:
    """The refusal of a change to what is changing already."""
    return ResourceInUseException(f"Attempt to change a resource which is still in use: {detail}")


def check_creatable(existing: Table | None) -> None:
    """Raise ResourceInUseException when a table of a name can't be created."""
    if existing is None:
        return
    if existing.status is TableStatus.CREATING and existing.settles_us is not None:
        raise in_use(f"Table is being created: {existing.name}")
    raise ResourceInUseException(f"Table already exists: {existing.name}")


def check_settled(table: Table) -> None:
    """Raise ResourceInUseException for a table that is being created or deleted."""
    if table.status is TableStatus.CREATING:
        raise in_use(f"Table is being created: {table.name}")
    if table.status is TableStatus.DELETING:
        raise in_use(f"Table is being deleted: {table.name}")


def check_deletable(catalog: Catalog, table: Table, now_us: int) -> None:
    """Raise ResourceInUseException for a table that can't be deleted now."""
    check_settled(table)
    if _changing_stream(catalog, table, now_us) is not None:
        raise in_use("Cannot delete table while stream is being enabled/disabled.")
    if any(_is_changing(index) for index in table.secondary_indexes):
        raise in_use("Cannot delete table while indexes are being created, updated, or deleted.")
    if is_changing(table, ENCRYPTION, now_us):
        raise in_use(_ENCRYPTION)
    if table.status is TableStatus.UPDATING or is_changing(table, WARM, now_us):
        raise in_use(f"Table: {table.name} is in the process of being updated.")


def check_updatable(catalog: Catalog, table: Table, asked: Asked, now_us: int) -> None:
    """Raise ResourceInUseException or LimitExceededException for a change that can't be made
    now."""
    check_settled(table)
    stream = _changing_stream(catalog, table, now_us)
    online = [index for index in table.secondary_indexes if _is_online(index)]
    refusal: AwsError | None = None
    if asked.encryption and is_changing(table, ENCRYPTION, now_us):
        refusal = in_use(_ENCRYPTION)
    elif stream is not None:
        refusal = _beside_stream(table, stream, asked)
    elif online:
        refusal = _beside_index(table, online[0], asked)
    elif is_changing(table, CLASS, now_us):
        refusal = _beside_class(table, asked)
    elif table.status is TableStatus.UPDATING:
        refusal = _beside_throughput(table, asked)
    refusal = refusal or _of_indexes(table, asked)
    if refusal is not None:
        raise refusal


def _is_changing(index: Index) -> bool:
    return index.settles_us is not None


def _is_online(index: Index) -> bool:
    """Whether an index is being made or removed."""
    return _is_changing(index) and index.status in (IndexStatus.CREATING, IndexStatus.DELETING)


def _changing_stream(catalog: Catalog, table: Table, now_us: int) -> Stream | None:
    """The stream of a table that is being enabled or disabled."""
    for stream in catalog.streams.values():
        own = stream.table_id == table.id and stream.kind is StreamKind.TABLE
        if own and stream.is_changing(now_us):
            return stream
    return None


def _beside_stream(table: Table, stream: Stream, asked: Asked) -> AwsError | None:
    doing = "ENABLE" if stream.enabled else "DISABLE"
    place = f"Table: {table.name} Stream: {stream.label} Operation: {doing}"
    if asked.stream:
        return in_use(f"A stream status change is currently in progress. {place}")
    if asked.on_demand:
        return in_use(
            "OnDemandThroughput cannot be updated while stream status update is in progress"
        )
    for wanted, action in (
        (asked.throughput, "change table IOPS"),
        (asked.table_class, "update table class"),
        (asked.rebuilds, "create or delete index"),
    ):
        if wanted:
            return in_use(f"Can't {action} when stream status is being updated. {place}")
    return None


def _beside_index(table: Table, index: Index, asked: Asked) -> AwsError | None:
    doing = "created" if index.status is IndexStatus.CREATING else "deleted"
    if asked.created or asked.deleted - {index.name}:
        return LimitExceededException(_ONE_INDEX)
    if asked.on_demand and doing == "deleted":
        return in_use("OnDemandThroughput cannot be updated while index deletion is in progress")
    for wanted, action in (
        (asked.throughput, "change table IOPS"),
        (asked.stream, "change stream status"),
    ):
        if wanted:
            return in_use(
                f"Can't {action} when an index is being {doing}. Table: {table.name} Indexes:"
                f" [{index.name}]"
            )
    return None


def _beside_throughput(table: Table, asked: Asked) -> AwsError | None:
    if asked.throughput:
        return in_use(f"Table IOPS are currently being updated. Table: {table.name}")
    if asked.on_demand:
        return in_use(
            "OnDemandThroughput cannot be updated while BillingMode update is in progress"
        )
    for wanted, action in (
        (asked.stream, "enable or disable stream"),
        (asked.rebuilds, "create or delete index"),
        (asked.table_class, "update table class"),
    ):
        if wanted:
            return in_use(f"Can't {action} while table IOPS are being updated. Table: {table.name}")
    return None


def _beside_class(table: Table, asked: Asked) -> AwsError | None:
    if asked.on_demand:
        return in_use("OnDemandThroughput cannot be updated while TableClass update is in progress")
    for wanted, action in (
        (asked.table_class, "update table class"),
        (asked.throughput, "change table IOPS"),
        (asked.stream, "enable or disable stream"),
        (asked.rebuilds, "create or delete index"),
    ):
        if wanted:
            return in_use(
                f"Can't {action} when a table class update is in progress. Table: {table.name}"
                f" TableClassUpdateInProgress: {table_class(table)}"
            )
    return None


def _of_indexes(table: Table, asked: Asked) -> AwsError | None:
    """Why the indexes themselves can't be changed; two spaces as AWS has them."""
    for name in sorted(asked.deleted | asked.retuned):
        index = table.index_by_name.get(name)
        if index is None or not _is_changing(index):
            continue
        place = f"Table: {table.name} Index: {name}"
        if index.status is IndexStatus.DELETING:
            return in_use(f"Index is being deleted.  {place}")
        if index.status is IndexStatus.UPDATING:
            return in_use(f"Index is being updated.  {place}")
        if index.allocated_us is None:
            continue
        if name in asked.deleted:
            return in_use(
                "Index creation is in resource allocation phase. Retry deletion during backfilling"
                f" phase or when the index is active. {place}"
            )
        return in_use(f"Index is being created but is not backfilling yet.  {place}")
    return None
