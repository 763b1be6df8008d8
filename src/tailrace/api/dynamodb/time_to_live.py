"""UpdateTimeToLive and DescribeTimeToLive: the attribute that says when an item is to be deleted.

Settled at once unless transitions take time; then it is ENABLING or DISABLING for so long, and
refuses to be changed again for half an hour.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tailrace import limits
from tailrace.api.dynamodb.inputs import TableRef
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import known_table, named_scope
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import ValidationException
from tailrace.model.schema import Table
from tailrace.tables import life
from tailrace.tables.catalog import Catalog
from tailrace.tables.expiry import TtlChange, last_change, with_change, with_ttl, without_ttl

__all__ = [
    "DESCRIBE_TIME_TO_LIVE",
    "UPDATE_TIME_TO_LIVE",
    "DescribeTimeToLiveInput",
    "UpdateTimeToLiveInput",
]


class TimeToLiveSpecification(msgspec.Struct, rename="pascal", frozen=True):
    enabled: bool
    attribute_name: str


class UpdateTimeToLiveInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef
    time_to_live_specification: TimeToLiveSpecification


class DescribeTimeToLiveInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef


def update_time_to_live(context: Context, request: UpdateTimeToLiveInput) -> Altered:
    scope = named_scope(context, request.table_name)
    asked = request.time_to_live_specification

    now_us = context.service.clock.now_us()
    transition = context.transition(now_us)

    def change(table: Table, next_id: int) -> tuple[Table, int]:
        _check(table, asked)
        if transition is not None:
            _check_interval(table, now_us)
            table = with_change(table, TtlChange(now_us, transition.ends_us))
        else:
            table = with_change(table, None)
        if asked.enabled:
            return with_ttl(table, asked.attribute_name, next_id)
        return without_ttl(table), next_id

    def reply(catalog: Catalog) -> bytes:
        del catalog
        return body_of({"TimeToLiveSpecification": msgspec.to_builtins(asked)})

    return Altered(life.update_table(scope, change, None, now_us), reply)


def _check(table: Table, asked: TimeToLiveSpecification) -> None:
    current = table.ttl_attribute
    if current is None:
        if not asked.enabled:
            raise ValidationException("TimeToLive is already disabled")
    elif current != asked.attribute_name:
        raise ValidationException(
            f"TimeToLive is active on a different AttributeName: current AttributeName is {current}"
        )
    elif asked.enabled:
        raise ValidationException("TimeToLive is already enabled")


def _check_interval(table: Table, now_us: int) -> None:
    last = last_change(table)
    if last is not None and now_us < last.changed_us + limits.TTL_CHANGE_INTERVAL_MS * 1000:
        raise ValidationException(
            "Time to live has been modified multiple times within a fixed interval"
        )


def describe_time_to_live(context: Context, request: DescribeTimeToLiveInput) -> bytes:
    table = known_table(context, request.table_name)
    if not table.available:
        state = table.status.value
        raise ValidationException(
            f"Cannot describe time to live while table is in {state} state: Current table state is"
            f" {state}"
        )
    last = last_change(table)
    changing = last is not None and context.service.clock.now_us() < last.settles_us
    description: dict[str, Any] = {"TimeToLiveStatus": "DISABLING" if changing else "DISABLED"}
    if table.ttl_attribute is not None:
        description = {
            "TimeToLiveStatus": "ENABLING" if changing else "ENABLED",
            "AttributeName": table.ttl_attribute,
        }
    return body_of({"TimeToLiveDescription": description})


UPDATE_TIME_TO_LIVE = Operation("UpdateTimeToLive", UpdateTimeToLiveInput, update_time_to_live)
DESCRIBE_TIME_TO_LIVE = Operation(
    "DescribeTimeToLive", DescribeTimeToLiveInput, describe_time_to_live
)
