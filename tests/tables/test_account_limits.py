"""An account has as many tables and as much throughput as a new one on AWS; what it has already may
stay as it is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tailrace.errors import LimitExceededException
from tailrace.model.keys import KeyAttribute, KeySchema
from tailrace.model.schema import Index, IndexKind, Projection, Table, Throughput
from tailrace.tables.account_limits import check_table_limits, check_throughput_limits
from tailrace.tables.catalog import Catalog

KEYS = KeySchema((KeyAttribute("pk", "S"),))
GUIDE = (
    "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher"
    " limits."
)


def table(
    table_id: int,
    reads: int = 5,
    writes: int = 5,
    index_reads: int | None = None,
    **settings: Any,
) -> Table:
    made = Table(table_id, "u", "eu", "0" * 12, f"t{table_id}", KEYS, {"pk": "S"}, 1, 1)
    indexes = ()
    if index_reads is not None:
        own = Index(table_id + 100, "i", IndexKind.GLOBAL, KEYS, Projection.ALL)
        indexes = (msgspec.structs.replace(own, throughput=Throughput(index_reads, 1)),)
    units = Throughput(reads, writes)
    return msgspec.structs.replace(made, throughput=units, indexes=indexes, settings=settings)


def of(*tables: Table) -> Catalog:
    return Catalog(tables={each.id: each for each in tables})


def refusal(catalog: Catalog, old: Table | None, new: Table) -> str:
    with pytest.raises(LimitExceededException) as refused:
        check_throughput_limits(catalog, old, new)
    return refused.value.message


def test_a_table_and_an_index_have_a_most() -> None:
    check_throughput_limits(of(), None, table(1, 40_000, 40_000, 40_000))
    assert refusal(of(), None, table(1, 40_001)) == (
        "The requested ReadCapacityUnits, 40001, is above the per table maximum for the account in"
        f" eu. Per table maximum: 40000. {GUIDE}"
    )
    assert "The requested WriteCapacityUnits, 40001," in refusal(of(), None, table(1, 1, 40_001))
    assert refusal(of(), None, table(1, 1, 1, 50_000)) == (
        "The requested ReadCapacityUnits for index i, 50000, is above the per index maximum for the"
        f" account in eu. Per index maximum: 40000. {GUIDE}"
    )


def test_the_tables_of_an_account_share_a_most() -> None:
    known = of(table(1, 40_000), table(2, 10_000, 5, 20_000))
    check_throughput_limits(known, None, table(3, 10_000))
    assert refusal(known, None, table(3, 10_001)) == (
        "This request would have caused the ReadCapacityUnits limit to be exceeded for the account"
        " in eu. Current ReadCapacityUnits reserved by the account: 70000. Limit: 80000. Requested:"
        f" 10001. {GUIDE}"
    )
    elsewhere = msgspec.structs.replace(table(3, 40_000), region="us")
    check_throughput_limits(known, None, elsewhere)


def test_what_is_not_raised_may_stay() -> None:
    """Also when a store was filled before there were limits."""
    old = table(1, 90_000, 5)
    check_throughput_limits(of(old), old, table(1, 90_000, 6))
    check_throughput_limits(of(old), old, table(1, 80_000, 5))
    assert "per table maximum" in refusal(of(old), old, table(1, 90_001, 5))


def test_on_demand_limits_and_warm_throughput_have_the_same_most() -> None:
    asked = {"OnDemandThroughput": {"MaxReadRequestUnits": 40_001}}
    assert refusal(of(), None, table(1, **asked)) == (
        "Subscriber limit exceeded: Requested MaxReadRequestUnits for OnDemandThroughput for table"
        " exceeds TableMaxReadCapacityUnits of the account in region eu"
    )
    assert refusal(of(), None, table(1, Indexes={"i": asked})) == (
        "Subscriber limit exceeded: Requested MaxReadRequestUnits for OnDemandThroughput for index"
        " : i exceeds TableMaxReadCapacityUnits of the account in region eu"
    )
    warm = {"WarmThroughput": {"ReadUnitsPerSecond": 1, "WriteUnitsPerSecond": 40_001}}
    assert refusal(of(), None, table(1, Indexes={"i": warm})) == (
        "Subscriber limit exceeded: Requested WriteUnitsPerSecond for WarmThroughput for index i"
        " exceeds TableMaxWriteCapacityUnits of the account in region eu"
    )
    check_throughput_limits(of(), table(1, **asked), table(1, **asked))


def test_tables_are_counted_by_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tailrace.limits.TABLES_PER_REGION", 2)
    known = of(table(1), table(2))
    with pytest.raises(LimitExceededException, match="There is a limit of 2 tables"):
        check_table_limits(known, ("0" * 12, "eu"))
    check_table_limits(known, ("0" * 12, "us"))
    check_table_limits(known, ("0" * 12, "eu"), new=False)
