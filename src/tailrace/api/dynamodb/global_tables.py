"""Global tables, as AWS answers where there are none: of the old version (2017.11.29) there can be
no new ones, and a table of one region has no replicas to be scaled."""

from __future__ import annotations

from typing import Any, Final, NoReturn

import msgspec

from tailrace.api.dynamodb.inputs import TableRef
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import described_table
from tailrace.api.operation import Context, Operation
from tailrace.errors import GlobalTableNotFoundException, ValidationException

__all__ = [
    "GLOBAL_TABLES",
    "CreateGlobalTableInput",
    "GlobalTableInput",
    "ListGlobalTablesInput",
    "ReplicaScalingInput",
    "UpdateGlobalTableInput",
    "UpdateGlobalTableSettingsInput",
    "UpdateReplicaScalingInput",
]

_Settings = dict[str, Any]


class Replica(msgspec.Struct, rename="pascal", frozen=True):
    region_name: str | None = None


class RegionAction(msgspec.Struct, rename="pascal", frozen=True):
    region_name: str


class ReplicaUpdate(msgspec.Struct, rename="pascal", frozen=True):
    create: RegionAction | None = None
    delete: RegionAction | None = None


class CreateGlobalTableInput(msgspec.Struct, rename="pascal", frozen=True):
    global_table_name: str
    replication_group: list[Replica]


class UpdateGlobalTableInput(msgspec.Struct, rename="pascal", frozen=True):
    global_table_name: str
    replica_updates: list[ReplicaUpdate]


class GlobalTableInput(msgspec.Struct, rename="pascal", frozen=True):
    global_table_name: str


class UpdateGlobalTableSettingsInput(msgspec.Struct, rename="pascal", frozen=True):
    """Nothing of it is looked at, since no table has such settings."""

    global_table_name: str
    global_table_billing_mode: str | None = None
    global_table_provisioned_write_capacity_units: int | None = None
    global_table_provisioned_write_capacity_auto_scaling_settings_update: _Settings | None = None
    global_table_global_secondary_index_settings_update: list[_Settings] | None = None
    replica_settings_update: list[_Settings] | None = None


class ListGlobalTablesInput(msgspec.Struct, rename="pascal", frozen=True):
    exclusive_start_global_table_name: str | None = None
    limit: int | None = None
    region_name: str | None = None


class ReplicaScalingInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef


class UpdateReplicaScalingInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef
    global_secondary_index_updates: list[_Settings] | None = None
    provisioned_write_capacity_auto_scaling_update: _Settings | None = None
    replica_updates: list[_Settings] | None = None


def _refuse_old_version() -> NoReturn:
    raise ValidationException(
        "One or more parameter values were invalid: DynamoDB global tables version 2017.11.29 is"
        " not supported. We recommend using DynamoDB global tables version 2019.11.21, instead of"
        " version 2017.11.29 (Legacy)."
    )


def create_global_table(context: Context, request: CreateGlobalTableInput) -> bytes:
    del context, request
    _refuse_old_version()


def update_global_table(context: Context, request: UpdateGlobalTableInput) -> bytes:
    del context, request
    _refuse_old_version()


def describe_global_table(context: Context, request: GlobalTableInput) -> bytes:
    del context
    raise _absent(request.global_table_name)


def update_global_table_settings(
    context: Context, request: UpdateGlobalTableSettingsInput
) -> bytes:
    del context
    raise _absent(request.global_table_name)


def list_global_tables(context: Context, request: ListGlobalTablesInput) -> bytes:
    del context, request
    return body_of({"GlobalTables": []})


def describe_replica_scaling(context: Context, request: ReplicaScalingInput) -> bytes:
    table = described_table(context, request.table_name)
    description: dict[str, Any] = {
        "TableName": table.name,
        "TableStatus": table.status.value,
        "Replicas": [],
    }
    return body_of({"TableAutoScalingDescription": description})


def update_replica_scaling(context: Context, request: UpdateReplicaScalingInput) -> bytes:
    table = described_table(context, request.table_name)
    raise ValidationException(
        f"Failed to update settings for global table with name: ‘{table.name}’ because the table"
        " has no replicas."
    )


def _absent(name: str) -> GlobalTableNotFoundException:
    return GlobalTableNotFoundException(f"Global table with name: ‘{name}’ does not exist.")


GLOBAL_TABLES: Final[tuple[Operation[Any], ...]] = (
    Operation("CreateGlobalTable", CreateGlobalTableInput, create_global_table),
    Operation("UpdateGlobalTable", UpdateGlobalTableInput, update_global_table),
    Operation("DescribeGlobalTable", GlobalTableInput, describe_global_table),
    Operation("DescribeGlobalTableSettings", GlobalTableInput, describe_global_table),
    Operation(
        "UpdateGlobalTableSettings", UpdateGlobalTableSettingsInput, update_global_table_settings
    ),
    Operation("ListGlobalTables", ListGlobalTablesInput, list_global_tables),
    Operation("DescribeTableReplicaAutoScaling", ReplicaScalingInput, describe_replica_scaling),
    Operation("UpdateTableReplicaAutoScaling", UpdateReplicaScalingInput, update_replica_scaling),
)
