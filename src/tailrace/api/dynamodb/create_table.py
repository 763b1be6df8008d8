"""CreateTable: a table with its keys, indexes and stream; the answer says CREATING as on AWS, also
when it is ACTIVE at once."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from tailrace import limits
from tailrace.api.dynamodb import replication
from tailrace.api.dynamodb import table_inputs as parts
from tailrace.api.dynamodb.inputs import TableRef
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.resource_policies import check_policy, new_policy
from tailrace.api.dynamodb.tables import named_scope
from tailrace.api.dynamodb.tags import checked_tags, tags_setting
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import ValidationException
from tailrace.model.arns import table_arn
from tailrace.model.keys import KeySchema
from tailrace.model.schema import (
    BillingMode,
    IndexKind,
    StreamViewType,
    Table,
    TableStatus,
    Throughput,
)
from tailrace.tables import definition, life, throughput, vector_definition
from tailrace.tables.catalog import Catalog
from tailrace.tables.description import describe_table
from tailrace.tables.stream_life import requested_stream
from tailrace.tables.transitions import Transition

__all__ = ["CREATE_TABLE", "CreateTableInput", "creating", "wanted_view_type"]

_INVALID: Final = "One or more parameter values were invalid: "


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
    warm_throughput: parts.WarmThroughput | None = None
    resource_policy: str | None = None
    global_table_source_arn: str | None = None
    global_table_settings_replication_mode: replication.SettingsReplication | None = None
    vector_indexes: list[parts.VectorIndex] | None = None


def create_table(context: Context, request: CreateTableInput) -> Altered:
    return creating(context, request, context.transition(context.service.clock.now_us()))


def creating(context: Context, request: CreateTableInput, transition: Transition | None) -> Altered:
    """Create a table, usable at once or after a transition."""
    scope = named_scope(context, request.table_name)
    now_us = context.service.clock.now_us()
    uuid = context.service.ids.uuid()
    checked = _definition(request)
    replication.check_settings_replication(request.global_table_settings_replication_mode)
    if request.global_table_source_arn is not None:
        replication.refuse_source(context, request.global_table_source_arn)
    view_type = wanted_view_type(request.stream_specification, new=True)
    settings = _settings(scope, request, checked, now_us)

    def build(catalog: Catalog) -> Table:
        return checked.table(catalog.next_id, uuid, scope, now_us, settings)

    def reply(catalog: Catalog) -> bytes:
        table = catalog.by_name[scope]
        description = describe_table(context.service.engine, table, now_us, TableStatus.CREATING)
        return body_of({"TableDescription": description})

    return Altered(life.create_table(build, view_type, now_us, transition), reply)


def wanted_view_type(
    specification: parts.StreamSpecification | None, *, new: bool = False
) -> StreamViewType | None:
    """The view type of the stream asked for, None for no stream; `new` for a new table's."""
    if specification is None:
        return None
    if new and specification.stream_enabled and specification.stream_view_type is None:
        raise ValidationException(
            f"{_INVALID}Table is being created with a stream enabled, UpdateViewType is required"
        )
    if new and not specification.stream_enabled and specification.stream_view_type is not None:
        raise ValidationException(
            f"{_INVALID}Table is being created with a stream disabled, UpdateViewType should not be"
            " specified"
        )
    asked = requested_stream(specification.stream_enabled, specification.stream_view_type)
    return asked or None


class _Definition(msgspec.Struct, frozen=True):
    """A request's keys and indexes after all checks; ids are given when the table is made."""

    keys: KeySchema
    types: dict[str, str]
    specs: list[definition.IndexSpec]
    mode: BillingMode
    throughput: Throughput
    tuned: list[parts.GlobalIndex]
    vectors: list[vector_definition.VectorSpec]

    def table(
        self,
        table_id: int,
        uuid: str,
        scope: tuple[str, str, str],
        now_us: int,
        settings: dict[str, object],
    ) -> Table:
        account, region, name = scope
        indexes = [
            definition.make_index(spec, table_id + 1 + place, self.types)
            for place, spec in enumerate(self.specs)
        ]
        indexes += [
            vector_definition.make_vector_index(
                spec, table_id + 1 + len(indexes) + place, self.types, self.keys
            )
            for place, spec in enumerate(self.vectors)
        ]
        table = Table(
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
            indexes=tuple(indexes),
            settings=settings,
        )
        for index in self.tuned:
            table = parts.with_index_settings(table, index)
        return table


def _definition(request: CreateTableInput) -> _Definition:
    mode = BillingMode(request.billing_mode or "PROVISIONED")
    asked = throughput.for_new_table(mode, parts.units(request.provisioned_throughput))
    _check_on_demand(mode, request)
    defined = request.attribute_definitions or []
    types = {part.attribute_name: part.attribute_type for part in defined}
    elements = parts.elements(request.key_schema or [])
    specs = _specs(request)
    vectors = _vector_specs(request, specs, mode, types)
    searched = [name for spec in vectors for name, _ in spec.search]
    names = [part.attribute_name for part in defined]
    definition.check_definitions(names, elements, specs, searched)
    for spec in specs:
        if spec.kind is IndexKind.GLOBAL:
            throughput.for_new_index(spec.name, mode, spec.throughput)
    definition.check_indexes(specs, elements)
    definition.check_projected(
        sum(len(spec.non_key_attributes or ()) for spec in specs)
        + sum(vector_definition.projected_attributes(spec) for spec in vectors)
    )
    _check_warm(mode, asked, request)
    keys = definition.key_of(elements, dict(types))
    tuned = list(request.global_secondary_indexes or ())
    return _Definition(keys, dict(sorted(types.items())), specs, mode, asked, tuned, vectors)


def _check_warm(mode: BillingMode, asked: Throughput, request: CreateTableInput) -> None:
    if request.warm_throughput is not None:
        throughput.check_warm_new(mode, asked, parts.warm_units(request.warm_throughput))
    for index in request.global_secondary_indexes or ():
        if index.warm_throughput is not None:
            units = parts.units(index.provisioned_throughput) or Throughput()
            wanted = parts.warm_units(index.warm_throughput)
            throughput.check_warm_new(mode, units, wanted, index.index_name)


def _check_on_demand(mode: BillingMode, request: CreateTableInput) -> None:
    if request.on_demand_throughput is not None:
        asked = parts.on_demand_units(request.on_demand_throughput)
        throughput.check_on_demand(mode, asked, least=1)
    for index in request.global_secondary_indexes or ():
        if index.on_demand_throughput is not None:
            asked = parts.on_demand_units(index.on_demand_throughput)
            throughput.check_on_demand(mode, asked, least=1, index=index.index_name)


def _specs(request: CreateTableInput) -> list[definition.IndexSpec]:
    asked: list[parts.LocalIndex | parts.GlobalIndex] = []
    for given, kind in (
        (request.local_secondary_indexes, "Local"),
        (request.global_secondary_indexes, "Global"),
    ):
        if given is not None and not given:
            raise ValidationException(f"{_INVALID}List of {kind}SecondaryIndexes is empty")
        asked += given or ()
    return [parts.index_spec(index) for index in asked]


def _vector_specs(
    request: CreateTableInput,
    specs: list[definition.IndexSpec],
    mode: BillingMode,
    types: dict[str, str],
) -> list[vector_definition.VectorSpec]:
    if request.vector_indexes is None:
        return []
    vectors = [parts.vector_spec(index) for index in request.vector_indexes]
    vector_definition.check_vector_indexes(vectors, types, mode, [spec.name for spec in specs])
    return vectors


def _settings(
    scope: tuple[str, str, str], request: CreateTableInput, checked: _Definition, now_us: int
) -> dict[str, object]:
    settings: dict[str, object] = {}
    if request.deletion_protection_enabled:
        settings["DeletionProtectionEnabled"] = True
    if request.table_class is not None:
        settings["TableClassSummary"] = {"TableClass": request.table_class}
    if request.on_demand_throughput is not None:
        settings["OnDemandThroughput"] = parts.on_demand_units(request.on_demand_throughput)
    if request.warm_throughput is not None:
        settings["WarmThroughput"] = {
            **throughput.warm(checked.mode, checked.throughput, {}),
            **parts.warm_units(request.warm_throughput),
        }
    encryption = parts.sse_description(scope, request.sse_specification)
    if encryption is not None:
        settings["SSEDescription"] = encryption
    if request.tags:
        settings["Tags"] = tags_setting(checked_tags(request.tags))
    if request.resource_policy is not None:
        account, region, name = scope
        check_policy(request.resource_policy)
        settings |= new_policy(table_arn(region, account, name), request.resource_policy, now_us)
    if request.global_table_settings_replication_mode is not None:
        mode = request.global_table_settings_replication_mode
        settings["GlobalTableSettingsReplicationMode"] = mode
    return settings


CREATE_TABLE = Operation("CreateTable", CreateTableInput, create_table)
