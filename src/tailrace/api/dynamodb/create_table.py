"""CreateTable: a table with its keys, indexes and stream; ACTIVE at once, though the answer says
CREATING as AWS does."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from tailrace import limits
from tailrace.api.dynamodb import table_inputs as parts
from tailrace.api.dynamodb.inputs import TableRef
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import named_scope
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import ValidationException
from tailrace.model.schema import (
    BillingMode,
    Index,
    StreamViewType,
    Table,
    TableStatus,
    Throughput,
)
from tailrace.tables import definition, life
from tailrace.tables.catalog import Catalog
from tailrace.tables.description import describe_table
from tailrace.tables.stream_life import requested_stream

__all__ = ["CREATE_TABLE", "CreateTableInput", "wanted_view_type"]


class CreateTableInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: TableRef
    attribute_definitions: list[parts.AttributeDefinition] | None = None
    key_schema: (
        Annotated[list[parts.KeyElement], msgspec.Meta(min_length=1, max_length=2)] | None
    ) = None
    local_secondary_indexes: list[parts.LocalIndex] | None = None
    global_secondary_indexes: list[parts.GlobalIndex] | None = None
    billing_mode: parts.BillingModeName | None = None
    provisioned_throughput: parts.ProvisionedThroughput | None = None
    stream_specification: parts.StreamSpecification | None = None
    sse_specification: parts.SSESpecification | None = msgspec.field(
        name="SSESpecification", default=None
    )
    tags: list[parts.Tag] | None = None
    table_class: Literal["STANDARD", "STANDARD_INFREQUENT_ACCESS"] | None = None
    deletion_protection_enabled: bool | None = None
    on_demand_throughput: parts.OnDemandThroughput | None = None


def create_table(context: Context, request: CreateTableInput) -> Altered:
    scope = named_scope(context, request.table_name)
    view_type = wanted_view_type(request.stream_specification)
    now_us = context.service.clock.now_us()
    uuid = context.service.ids.uuid()
    checked = _definition(request)

    def build(catalog: Catalog) -> Table:
        account, region, name = scope
        return checked.table(catalog.next_id, uuid, (region, account, name), now_us, request)

    def reply(catalog: Catalog) -> bytes:
        table = catalog.by_name[scope]
        description = describe_table(context.service.engine, table, TableStatus.CREATING)
        return body_of({"TableDescription": description})

    return Altered(life.create_table(build, view_type, now_us), reply)


def wanted_view_type(specification: parts.StreamSpecification | None) -> StreamViewType | None:
    """The view type of the stream asked for, None for no stream."""
    if specification is None:
        return None
    asked = requested_stream(specification.stream_enabled, specification.stream_view_type)
    return asked or None


class _Definition(msgspec.Struct, frozen=True):
    """A request's keys and indexes after all checks; ids are given when the table is made."""

    keys: definition.KeySchema
    types: dict[str, str]
    specs: list[definition.IndexSpec]
    mode: BillingMode
    throughput: Throughput

    def indexes(self, first_id: int) -> tuple[Index, ...]:
        return tuple(
            definition.secondary_index(spec, first_id + place, self.keys, self.types)
            for place, spec in enumerate(self.specs)
        )

    def table(
        self,
        table_id: int,
        uuid: str,
        scope: tuple[str, str, str],
        now_us: int,
        request: CreateTableInput,
    ) -> Table:
        region, account, name = scope
        return Table(
            id=table_id,
            uuid=uuid,
            region=region,
            account=account,
            name=name,
            keys=self.keys,
            attribute_types=self.types,
            created_us=now_us,
            # On AWS on-demand tables begin with several shards, provisioned ones with one.
            partitions=limits.PARTITIONS if self.mode is BillingMode.PAY_PER_REQUEST else 1,
            billing_mode=self.mode,
            throughput=self.throughput,
            indexes=self.indexes(table_id + 1),
            settings=_settings(request),
        )


def _definition(request: CreateTableInput) -> _Definition:
    mode = BillingMode(request.billing_mode or "PROVISIONED")
    throughput = definition.throughput_for(mode, _builtins(request.provisioned_throughput))
    if not request.attribute_definitions or request.key_schema is None:
        raise ValidationException(
            "One or more parameter values were invalid: Some index key attributes are not defined"
            " in"
            " AttributeDefinitions. Keys: ["
            + ", ".join(element.attribute_name for element in request.key_schema or ())
            + "], AttributeDefinitions: []"
        )
    types = {part.attribute_name: part.attribute_type for part in request.attribute_definitions}
    if len(types) != len(request.attribute_definitions):
        raise ValidationException(
            "One or more parameter values were invalid: Cannot have multiple definitions for an"
            " attribute"
        )
    keys = definition.table_keys(parts.elements(request.key_schema), dict(types))
    for given, name in (
        (request.local_secondary_indexes, "Local"),
        (request.global_secondary_indexes, "Global"),
    ):
        if given is not None and not given:
            raise ValidationException(
                "One or more parameter values were invalid: List of "
                f"{name}SecondaryIndexes is empty"
            )
    asked = (*(request.local_secondary_indexes or ()), *(request.global_secondary_indexes or ()))
    specs = [parts.index_spec(index) for index in asked]
    definition.check_counts(specs)
    for index in request.global_secondary_indexes or ():
        definition.throughput_for(mode, _builtins(index.provisioned_throughput), index.index_name)
    checked = _Definition(keys, dict(types), specs, mode, throughput)
    definition.used_exactly(checked.types, keys, checked.indexes(1))
    return checked


def _builtins(throughput: parts.ProvisionedThroughput | None) -> dict[str, Any] | None:
    return None if throughput is None else msgspec.to_builtins(throughput)


def _settings(request: CreateTableInput) -> dict[str, object]:
    settings: dict[str, object] = {}
    if request.deletion_protection_enabled:
        settings["DeletionProtectionEnabled"] = True
    if request.table_class is not None:
        settings["TableClassSummary"] = {"TableClass": request.table_class}
    if request.on_demand_throughput is not None:
        settings["OnDemandThroughput"] = msgspec.to_builtins(request.on_demand_throughput)
    if request.tags:
        settings["Tags"] = msgspec.to_builtins(request.tags)
    return settings


CREATE_TABLE = Operation("CreateTable", CreateTableInput, create_table)
