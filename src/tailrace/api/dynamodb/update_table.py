"""UpdateTable: billing, throughput, settings, global indexes and the stream of a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb import table_inputs as parts
from tailrace.api.dynamodb.create_table import wanted_view_type
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import named_scope
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import ResourceNotFoundException, ValidationException
from tailrace.model.schema import (
    BillingMode,
    Index,
    IndexStatus,
    StreamViewType,
    Table,
    TableStatus,
    Throughput,
)
from tailrace.tables import definition, life
from tailrace.tables.catalog import Catalog
from tailrace.tables.description import describe_table

__all__ = ["UPDATE_TABLE", "UpdateTableInput"]

_INVALID = "One or more parameter values were invalid: "


class UpdateIndex(msgspec.Struct, rename="pascal", frozen=True):
    index_name: inputs.IndexName
    provisioned_throughput: parts.ProvisionedThroughput | None = None


class DeleteIndex(msgspec.Struct, rename="pascal", frozen=True):
    index_name: inputs.IndexName


class IndexUpdate(msgspec.Struct, rename="pascal", frozen=True):
    update: UpdateIndex | None = None
    create: parts.GlobalIndex | None = None
    delete: DeleteIndex | None = None


class UpdateTableInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: inputs.TableRef
    attribute_definitions: list[parts.AttributeDefinition] | None = None
    billing_mode: parts.BillingModeName | None = None
    provisioned_throughput: parts.ProvisionedThroughput | None = None
    global_secondary_index_updates: list[IndexUpdate] | None = None
    stream_specification: parts.StreamSpecification | None = None
    sse_specification: parts.SSESpecification | None = msgspec.field(
        name="SSESpecification", default=None
    )
    table_class: Literal["STANDARD", "STANDARD_INFREQUENT_ACCESS"] | None = None
    deletion_protection_enabled: bool | None = None
    on_demand_throughput: parts.OnDemandThroughput | None = None


def update_table(context: Context, request: UpdateTableInput) -> Altered:
    scope = named_scope(context, request.table_name)
    _refuse_nothing(request)
    engine = context.service.engine
    if scope not in engine.catalog().by_name:
        raise ResourceNotFoundException(
            f"Requested resource not found: Table: {scope[2]} not found"
        )
    stream = _stream_switch(request.stream_specification)

    def change(table: Table, next_id: int) -> tuple[Table, int]:
        table = _with_settings(_with_throughput(table, request), request)
        return _with_indexes(table, request, next_id)

    def reply(catalog: Catalog) -> bytes:
        table = catalog.by_name[scope]
        return body_of({"TableDescription": describe_table(engine, table, TableStatus.UPDATING)})

    return Altered(life.update_table(scope, change, stream, context.service.clock.now_us()), reply)


def _refuse_nothing(request: UpdateTableInput) -> None:
    wanted = msgspec.structs.asdict(request)
    if all(
        value is None
        for name, value in wanted.items()
        if name not in ("table_name", "attribute_definitions")
    ):
        raise ValidationException(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled,"
            " GlobalSecondaryIndexUpdates or"
            " SSESpecification or ReplicaUpdates is required"
        )


def _stream_switch(specification: parts.StreamSpecification | None) -> StreamViewType | bool | None:
    view_type = wanted_view_type(specification)
    if specification is None:
        return None
    return view_type if view_type is not None else False


def _with_throughput(table: Table, request: UpdateTableInput) -> Table:
    mode = table.billing_mode if request.billing_mode is None else BillingMode(request.billing_mode)
    asked = request.provisioned_throughput
    if asked is None and mode is table.billing_mode:
        return table
    throughput = definition.throughput_for(
        mode, None if asked is None else msgspec.to_builtins(asked)
    )
    if mode is table.billing_mode and throughput == table.throughput:
        raise ValidationException(
            "The provisioned throughput for the table will not change. The requested value equals"
            " the current value."
            f" Current ReadCapacityUnits provisioned for the table: {throughput.read_units}."
            " Requested ReadCapacityUnits:"
            f" {throughput.read_units}. Current WriteCapacityUnits provisioned for the table:"
            f" {throughput.write_units}."
            f" Requested WriteCapacityUnits: {throughput.write_units}. Refer to the Amazon"
            " DynamoDB Developer Guide for"
            " current limits and how to request higher limits."
        )
    return msgspec.structs.replace(table, billing_mode=mode, throughput=throughput)


def _with_settings(table: Table, request: UpdateTableInput) -> Table:
    settings: dict[str, Any] = dict(table.settings)
    if request.deletion_protection_enabled is not None:
        settings["DeletionProtectionEnabled"] = request.deletion_protection_enabled
    if request.table_class is not None:
        settings["TableClassSummary"] = {"TableClass": request.table_class}
    if request.on_demand_throughput is not None:
        settings["OnDemandThroughput"] = msgspec.to_builtins(request.on_demand_throughput)
    return msgspec.structs.replace(table, settings=settings)


def _with_indexes(table: Table, request: UpdateTableInput, next_id: int) -> tuple[Table, int]:
    updates = request.global_secondary_index_updates
    if not updates:
        return table, next_id
    creations = sum(update.create is not None for update in updates)
    deletions = sum(update.delete is not None for update in updates)
    if creations + deletions > 1:
        raise ValidationException(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted"
            " simultaneously per table"
        )
    for update in updates:
        step = _index_step(update)
        table, next_id = step(table, request, next_id)
    return table, next_id


_Step = Callable[[Table, UpdateTableInput, int], tuple[Table, int]]


def _index_step(update: IndexUpdate) -> _Step:
    chosen = [part for part in (update.create, update.update, update.delete) if part is not None]
    if len(chosen) != 1:
        raise ValidationException(
            f"{_INVALID}One of GlobalSecondaryIndexUpdate.Update,"
            " GlobalSecondaryIndexUpdate.Create,"
            " GlobalSecondaryIndexUpdate.Delete must not be null"
        )
    (part,) = chosen
    if isinstance(part, parts.GlobalIndex):
        return lambda table, request, next_id: _added(table, part, request, next_id)
    if isinstance(part, UpdateIndex):
        return lambda table, request, next_id: (_retuned(table, part), next_id)
    return lambda table, request, next_id: (_removed(table, part), next_id)


def _added(
    table: Table, asked: parts.GlobalIndex, request: UpdateTableInput, next_id: int
) -> tuple[Table, int]:
    types = dict(table.attribute_types)
    for part in request.attribute_definitions or ():
        types[part.attribute_name] = part.attribute_type
    spec = parts.index_spec(asked)
    if spec.name in table.index_by_name:
        raise ValidationException(
            f"Attempting to create an index which already exists: {spec.name}"
        )
    definition.throughput_for(
        table.billing_mode,
        None
        if asked.provisioned_throughput is None
        else msgspec.to_builtins(asked.provisioned_throughput),
        asked.index_name,
    )
    index = definition.secondary_index(spec, next_id, table.keys, types)
    index = msgspec.structs.replace(index, status=IndexStatus.CREATING, backfilling=True)
    indexes = (*table.indexes, index)
    definition.used_exactly(types, table.keys, indexes)
    return msgspec.structs.replace(table, indexes=indexes, attribute_types=types), next_id + 1


def _retuned(table: Table, asked: UpdateIndex) -> Table:
    index = _existing(table, asked.index_name)
    units = parts.units(asked.provisioned_throughput) or Throughput()
    return _replaced(table, msgspec.structs.replace(index, throughput=units))


def _removed(table: Table, asked: DeleteIndex) -> Table:
    index = _existing(table, asked.index_name)
    indexes = tuple(other for other in table.indexes if other.id != index.id)
    used = {*table.keys.names, *(name for other in indexes for name in other.keys.names)}
    types = {name: kind for name, kind in table.attribute_types.items() if name in used}
    return msgspec.structs.replace(table, indexes=indexes, attribute_types=types)


def _existing(table: Table, name: str) -> Index:
    index = table.index_by_name.get(name)
    if index is None:
        raise ResourceNotFoundException("Requested resource not found")
    return index


def _replaced(table: Table, index: Index) -> Table:
    indexes = tuple(index if other.id == index.id else other for other in table.indexes)
    return msgspec.structs.replace(table, indexes=indexes)


UPDATE_TABLE = Operation("UpdateTable", UpdateTableInput, update_table)
