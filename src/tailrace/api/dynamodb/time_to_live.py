"""UpdateTimeToLive and DescribeTimeToLive: the attribute that says when an item is to be deleted.

Settled at once, as it was seen on AWS; unlike there, it may be changed again at once too.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tailrace.api.dynamodb.inputs import TableRef
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import described_table, named_scope
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import ValidationException
from tailrace.model.schema import Table
from tailrace.tables import life
from tailrace.tables.catalog import Catalog
from tailrace.tables.expiry import with_ttl, without_ttl

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

    def change(table: Table, next_id: int) -> tuple[Table, int]:
        _check(table, asked)
        if asked.enabled:
            return with_ttl(table, asked.attribute_name, next_id)
        return without_ttl(table), next_id

    def reply(catalog: Catalog) -> bytes:
        del catalog
        return body_of({"TimeToLiveSpecification": msgspec.to_builtins(asked)})

    return Altered(life.update_table(scope, change, None, context.service.clock.now_us()), reply)


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


def describe_time_to_live(context: Context, request: DescribeTimeToLiveInput) -> bytes:
    table = described_table(context, request.table_name)
    description: dict[str, Any] = {"TimeToLiveStatus": "DISABLED"}
    if table.ttl_attribute is not None:
        description = {"TimeToLiveStatus": "ENABLED", "AttributeName": table.ttl_attribute}
    return body_of({"TimeToLiveDescription": description})


UPDATE_TIME_TO_LIVE = Operation("UpdateTimeToLive", UpdateTimeToLiveInput, update_time_to_live)
DESCRIBE_TIME_TO_LIVE = Operation(
    "DescribeTimeToLive", DescribeTimeToLiveInput, describe_time_to_live
)
