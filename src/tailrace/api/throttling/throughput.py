"""The throughput of tables and of their global indexes: how much there is, and in what words more
is refused.

Provisioned throughput saves up what is not used for five minutes (burst-adaptive-capacity.html);
the limits of on-demand tables (on-demand-capacity-mode-max-throughput.html) save up nothing.
Messages as the service model has them for cancelled transactions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.api.throttling.buckets import Bucket, Buckets
from tailrace.errors import (
    AwsError,
    ProvisionedThroughputExceededException,
    ThrottlingException,
)
from tailrace.model.schema import BillingMode, Index, IndexKind, Table
from tailrace.tables.capacity import Usage
from tailrace.tables.throughput import index_settings

__all__ = ["Limit", "Meter", "cancellation_reason", "refusal"]

_PROVISIONED_TABLE: Final = (
    "The level of configured provisioned throughput for the table was exceeded. Consider increasing"
    " your provisioning level with the UpdateTable API."
)
_PROVISIONED_INDEX: Final = (
    "The level of configured provisioned throughput for one or more global secondary indexes of the"
    " table was exceeded. Consider increasing your provisioning level for the under-provisioned"
    " global secondary indexes with the UpdateTable API."
)
_ON_DEMAND_TABLE: Final = (
    "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically"
    " scaling your table or index so please try again shortly. If exceptions persist, check if you"
    " have a hot key: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
    "bp-partition-key-design.html."
)
_ON_DEMAND_INDEX: Final = (
    "Throughput exceeds the current capacity for one or more global secondary indexes. DynamoDB is"
    " automatically scaling your index so please try again shortly."
)


class Limit(msgspec.Struct, frozen=True):
    """What one table or global index may read or write in a second."""

    table: Table
    index: Index | None
    writes: bool
    bucket: Bucket

    @property
    def on_demand(self) -> bool:
        return self.table.billing_mode is BillingMode.PAY_PER_REQUEST


class Meter:
    """Takes what tables' users use from the throughput that the tables have."""

    def __init__(self) -> None:
        self._buckets = Buckets()

    def take(
        self, used: Iterable[tuple[Table, Usage]], now_us: int, *, writes: bool
    ) -> Limit | None:
        """Take all of this or nothing; then the limit that refuses."""
        wanted = _wanted(used, writes)
        refused = self._buckets.take(
            [(limit.bucket, units) for limit, units in wanted.values()], now_us
        )
        return None if refused is None else wanted[refused.place][0]

    def charge(self, used: Iterable[tuple[Table, Usage]], now_us: int, *, writes: bool) -> None:
        """Take this whatever is left."""
        wanted = _wanted(used, writes)
        self._buckets.charge([(limit.bucket, units) for limit, units in wanted.values()], now_us)

    def left(self, table: Table, now_us: int, *, writes: bool) -> tuple[Limit, float] | None:
        """A table's own limit and what is left of it; None for a table that may use any amount."""
        limit = _limit(table, None, writes)
        return None if limit is None else (limit, self._buckets.level(limit.bucket, now_us))


def refusal(limit: Limit) -> AwsError:
    """The error of a request that a limit refuses, with AWS's ThrottlingReasons."""
    index = limit.index
    kind = "Write" if limit.writes else "Read"
    cause = "MaxOnDemandThroughput" if limit.on_demand else "ProvisionedThroughput"
    reason = {
        "reason": f"{'Table' if index is None else 'Index'}{kind}{cause}Exceeded",
        "resource": limit.table.arn if index is None else f"{limit.table.arn}/index/{index.name}",
    }
    if limit.on_demand:
        return ThrottlingException(_message(limit), throttlingReasons=[reason])
    return ProvisionedThroughputExceededException(_message(limit), ThrottlingReasons=[reason])


def cancellation_reason(limit: Limit) -> dict[str, Any]:
    """Code and Message of a transaction's action, or of a batch's statement, that a limit
    refuses."""
    code = "ThrottlingError" if limit.on_demand else "ProvisionedThroughputExceeded"
    return {"Code": code, "Message": _message(limit)}


def _message(limit: Limit) -> str:
    if limit.on_demand:
        return _ON_DEMAND_TABLE if limit.index is None else _ON_DEMAND_INDEX
    return _PROVISIONED_TABLE if limit.index is None else _PROVISIONED_INDEX


def _wanted(
    used: Iterable[tuple[Table, Usage]], writes: bool
) -> dict[tuple[object, ...], tuple[Limit, float]]:
    """What is to be taken of which limit, by the places of their buckets."""
    wanted: dict[tuple[object, ...], tuple[Limit, float]] = {}
    for table, usage in used:
        for index, units in _shares(table, usage):
            limit = _limit(table, index, writes) if units else None
            if limit is not None:
                place = limit.bucket.place
                wanted[place] = (limit, units + wanted.get(place, (limit, 0.0))[1])
    return wanted


def _shares(table: Table, usage: Usage) -> Iterable[tuple[Index | None, float]]:
    """The table's part of a usage, which pays for local indexes too, and each global index's."""
    own, shares = usage.table, list[tuple[Index | None, float]]()
    for name, units in usage.indexes.items():
        index = table.index_by_name[name]
        if index.kind is IndexKind.GLOBAL:
            shares.append((index, units))
        else:
            own += units
    return [(None, own), *shares]


def _limit(table: Table, index: Index | None, writes: bool) -> Limit | None:
    place = (table.id, None if index is None else index.id, writes)
    if table.billing_mode is BillingMode.PROVISIONED:
        given = table.throughput if index is None else index.throughput
        per_s = given.write_units if writes else given.read_units
        saved_s = limits.BURST_S
    else:
        settings = table.settings if index is None else index_settings(table).get(index.name, {})
        asked: Any = settings.get("OnDemandThroughput") or {}
        per_s = asked.get("MaxWriteRequestUnits" if writes else "MaxReadRequestUnits", -1)
        saved_s = 1
    if per_s <= 0:
        return None
    return Limit(table, index, writes, Bucket(place, per_s, saved_s, table.created_us))
