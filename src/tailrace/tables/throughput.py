"""Billing modes and what may be asked for under each, with DynamoDB's refusals.

Messages as AWS answered them in October 2026; its operations word the same rule differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.model.schema import BillingMode, Table, Throughput

__all__ = [
    "check_bounds",
    "check_on_demand",
    "check_warm_change",
    "check_warm_new",
    "for_new_index",
    "for_new_table",
    "index_settings",
    "warm",
]

_INVALID: Final = "One or more parameter values were invalid: "
_ON_DEMAND_MEMBERS: Final = ("MaxReadRequestUnits", "MaxWriteRequestUnits")
# on-demand-capacity-mode.html: what a new on-demand table can take at once.
_INITIAL: Final = {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000}
_INITIAL_PAGE: Final = (
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html"
    "#on-demand-capacity-mode-initial"
)


def for_new_table(mode: BillingMode, asked: Throughput | None) -> Throughput:
    """The throughput of a new table. Raises ValidationException when the billing mode forbids or
    misses it."""
    if mode is BillingMode.PAY_PER_REQUEST:
        if asked is not None:
            raise ValidationException(
                f"{_INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when"
                " BillingMode is PAY_PER_REQUEST"
            )
        return Throughput()
    if asked is None:
        raise ValidationException(
            f"{_INVALID}ReadCapacityUnits and WriteCapacityUnits must both be specified when"
            " BillingMode is PROVISIONED"
        )
    check_bounds(asked)
    return asked


def for_new_index(name: str, mode: BillingMode, asked: Throughput | None) -> None:
    """Raise ValidationException when a global index of a new table has throughput it may not have,
    or lacks it."""
    if mode is BillingMode.PAY_PER_REQUEST and asked is not None:
        raise ValidationException(
            f"{_INVALID}ProvisionedThroughput should not be specified for index: {name} when"
            " BillingMode is PAY_PER_REQUEST"
        )
    if mode is BillingMode.PROVISIONED and asked is None:
        raise ValidationException(
            f"{_INVALID}ProvisionedThroughput is not specified for index: {name}"
        )


def check_bounds(asked: Throughput) -> None:
    """Raise ValidationException for throughput that no table can have."""
    for member, units in (
        ("ReadCapacityUnits", asked.read_units),
        ("WriteCapacityUnits", asked.write_units),
    ):
        if units > limits.CAPACITY_UNITS_MAX:
            raise ValidationException(f"Given value {units} for {member} is out of bounds")


def check_on_demand(
    mode: BillingMode, asked: dict[str, int], *, least: int, index: str | None = None
) -> None:
    """Raise ValidationException for on-demand limits under the wrong billing mode, or below
    `least`: 1 for what is new, -1 where that takes a limit away."""
    where = "table" if index is None else f"index : {index}"
    for member in _ON_DEMAND_MEMBERS:
        if member not in asked:
            continue
        if mode is BillingMode.PROVISIONED:
            scope = "" if index is None else f" for index: {index}"
            created = "table BillingMode is PROVISIONED."
            changed = "the table BillingMode is PROVISIONED"
            raise ValidationException(
                f"{_INVALID}{member} for OnDemandThroughput{scope} cannot be specified when"
                f" {created if least > 0 else changed}"
            )
        if asked[member] < least or asked[member] == 0:
            raise ValidationException(
                f"{_INVALID}Requested {member} for OnDemandThroughput for {where} is outside of"
                " valid range"
            )


def index_settings(table: Table) -> dict[str, dict[str, Any]]:
    """The on-demand limits and the warm throughput that were asked for indexes, by their names."""
    indexes: Any = table.settings.get("Indexes")
    return dict(indexes or {})


def warm(mode: BillingMode, provisioned: Throughput, settings: Mapping[str, Any]) -> dict[str, int]:
    """The WarmThroughput of a table or a global index, without its status. `settings` may hold
    what was asked for."""
    if "WarmThroughput" in settings:
        return dict(settings["WarmThroughput"])
    if mode is BillingMode.PAY_PER_REQUEST:
        return dict(_INITIAL)
    return {
        "ReadUnitsPerSecond": provisioned.read_units,
        "WriteUnitsPerSecond": provisioned.write_units,
    }


def check_warm_new(
    mode: BillingMode, provisioned: Throughput, asked: dict[str, int], index: str | None = None
) -> None:
    """Raise ValidationException for warm throughput below what a new table or index has anyway."""
    least = warm(mode, provisioned, {})
    where = "table" if index is None else f"index {index}"
    for member, units in asked.items():
        if units < least[member]:
            floor = (
                f"initial throughput for OnDemand. See: {_INITIAL_PAGE}"
                if mode is BillingMode.PAY_PER_REQUEST
                else f"{member.removesuffix('UnitsPerSecond')}CapacityUnits of"
                " ProvisionedThroughput"
            )
            raise ValidationException(
                f"{_INVALID}Requested {member} for WarmThroughput for {where} is lower than {floor}"
            )


def check_warm_change(
    current: dict[str, int], asked: dict[str, int], index: str | None = None
) -> None:
    """Raise ValidationException for less warm throughput than there is."""
    where = "table" if index is None else f"index {index}"
    for member, units in asked.items():
        if units < current[member]:
            raise ValidationException(
                f"{_INVALID}Requested {member} for WarmThroughput for {where} is lower than current"
                " WarmThroughput, decreasing WarmThroughput is not supported"
            )
