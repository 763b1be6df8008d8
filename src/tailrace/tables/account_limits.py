"""What an account may have in a region: tables, changes at a time, and throughput, as a new account
on AWS (ServiceQuotas.html). The words are those of AWS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tailrace import limits
from tailrace.errors import LimitExceededException
from tailrace.model.schema import IndexKind, Table, Throughput
from tailrace.tables.catalog import Catalog
from tailrace.tables.throughput import index_settings

__all__ = ["check_table_limits", "check_throughput_limits"]

_SUBSCRIBER: Final = "Subscriber limit exceeded: "
_GUIDE: Final = (
    "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher"
    " limits."
)
_MEMBERS: Final = {
    "OnDemandThroughput": ("MaxReadRequestUnits", "MaxWriteRequestUnits"),
    "WarmThroughput": ("ReadUnitsPerSecond", "WriteUnitsPerSecond"),
}


def check_table_limits(catalog: Catalog, owner: tuple[str, str], *, new: bool = True) -> None:
    """Raise LimitExceededException when an owner (account, region) may have no more tables that are
    changing, or, for a new one, no more tables."""
    own = [table for scope, table in catalog.by_name.items() if scope[:2] == owner]
    if new and len(own) >= limits.TABLES_PER_REGION:
        raise LimitExceededException(
            f"{_SUBSCRIBER}There is a limit of {limits.TABLES_PER_REGION} tables per subscriber"
        )
    changing = sum(table.settles_us is not None for table in own)
    if changing >= limits.TABLES_CHANGING:
        raise LimitExceededException(
            f"{_SUBSCRIBER}Only {limits.TABLES_CHANGING} tables can be created, updated, or deleted"
            " simultaneously"
        )


def check_throughput_limits(catalog: Catalog, old: Table | None, new: Table) -> None:
    """Raise LimitExceededException when a new table, or one that is to become another, asks for
    more throughput than its account may have. What is not raised may stay as it is."""
    before = {} if old is None else dict(_parts(old))
    for index, throughput in _parts(new):
        _check_part(new.region, index, before.get(index, Throughput()), throughput)
    _check_settings("for table", new.region, old.settings if old else {}, new.settings)
    known = {} if old is None else index_settings(old)
    for name, settings in index_settings(new).items():
        _check_settings(name, new.region, known.get(name, {}), settings)
    _check_account(catalog, old, new)


def _parts(table: Table) -> Iterator[tuple[str, Throughput]]:
    """The throughput of a table, by the empty name, and of its global indexes."""
    yield "", table.throughput
    for index in table.indexes:
        if index.kind is IndexKind.GLOBAL:
            yield index.name, index.throughput


def _check_part(region: str, index: str, old: Throughput, new: Throughput) -> None:
    most = limits.TABLE_CAPACITY_UNITS
    what = "index" if index else "table"
    for member, units, before in (
        ("ReadCapacityUnits", new.read_units, old.read_units),
        ("WriteCapacityUnits", new.write_units, old.write_units),
    ):
        if units > max(most, before):
            place = f" for index {index}" if index else ""
            raise LimitExceededException(
                f"The requested {member}{place}, {units}, is above the per {what} maximum for the"
                f" account in {region}. Per {what} maximum: {most}. {_GUIDE}"
            )


def _check_settings(
    place: str, region: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> None:
    """`place` is `for table`, or the name of an index."""
    for setting, members in _MEMBERS.items():
        before, after = dict(old.get(setting) or {}), dict(new.get(setting) or {})
        for member, kind in zip(members, ("Read", "Write"), strict=True):
            if after.get(member, 0) > max(limits.TABLE_CAPACITY_UNITS, before.get(member, 0)):
                colon = " :" if setting == "OnDemandThroughput" else ""
                where = place if place == "for table" else f"for index{colon} {place}"
                raise LimitExceededException(
                    f"{_SUBSCRIBER}Requested {member} for {setting} {where} exceeds"
                    f" TableMax{kind}CapacityUnits of the account in region {region}"
                )


def _check_account(catalog: Catalog, old: Table | None, new: Table) -> None:
    before, asked = Throughput() if old is None else _total(old), _total(new)
    if asked.read_units <= before.read_units and asked.write_units <= before.write_units:
        return
    owner = (new.account, new.region)
    others = [
        table
        for scope, table in catalog.by_name.items()
        if scope[:2] == owner and table.id != new.id
    ]
    most = limits.ACCOUNT_CAPACITY_UNITS
    reserved = [_total(table) for table in others]
    for member, now, wanted, had in (
        (
            "ReadCapacityUnits",
            sum(units.read_units for units in reserved),
            asked.read_units,
            before.read_units,
        ),
        (
            "WriteCapacityUnits",
            sum(units.write_units for units in reserved),
            asked.write_units,
            before.write_units,
        ),
    ):
        if wanted > had and now + wanted > most:
            raise LimitExceededException(
                f"This request would have caused the {member} limit to be exceeded for the account"
                f" in {new.region}. Current {member} reserved by the account: {now + had}. Limit:"
                f" {most}. Requested: {wanted}. {_GUIDE}"
            )


def _total(table: Table) -> Throughput:
    parts = [throughput for _, throughput in _parts(table)]
    return Throughput(
        sum(units.read_units for units in parts), sum(units.write_units for units in parts)
    )
