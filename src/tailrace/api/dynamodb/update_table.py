"""UpdateTable: billing, throughput, settings, global and vector indexes and the stream of a table.

Which changes may come in one request, and in which words the others are refused, is as AWS was seen
to answer in October 2026.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from tailrace.api.dynamodb import index_updates, inputs, replication, vector_updates
from tailrace.api.dynamodb import table_inputs as parts
from tailrace.api.dynamodb.create_table import wanted_view_type
from tailrace.api.dynamodb.passing_indexes import passing_indexes, show_passing
from tailrace.api.dynamodb.replies import body_of
from tailrace.api.dynamodb.tables import known_table, named_scope
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import ValidationException
from tailrace.model.schema import (
    BillingMode,
    Index,
    IndexKind,
    StreamViewType,
    Table,
    TableStatus,
    Throughput,
)
from tailrace.tables import life, throughput
from tailrace.tables.busy import Asked
from tailrace.tables.catalog import Catalog
from tailrace.tables.description import describe_table
from tailrace.tables.setting_changes import changing, table_class
from tailrace.tables.throughput_history import with_history
from tailrace.tables.transitions import Transition

__all__ = ["UPDATE_TABLE", "UpdateTableInput"]

_INVALID: Final = "One or more parameter values were invalid: "
_ALONE: Final = "modification must be the only operation in the request"


class UpdateTableInput(msgspec.Struct, rename="pascal", frozen=True):
    table_name: inputs.TableRef
    attribute_definitions: list[parts.AttributeDefinition] | None = None
    billing_mode: parts.BillingModeName | None = None
    provisioned_throughput: parts.ProvisionedThroughput | None = None
    global_secondary_index_updates: list[index_updates.IndexUpdate] | None = None
    stream_specification: parts.StreamSpecification | None = None
    sse_specification: parts.SSESpecification | None = msgspec.field(
        name="SSESpecification", default=None
    )
    table_class: Literal["STANDARD", "STANDARD_INFREQUENT_ACCESS"] | None = None
    deletion_protection_enabled: bool | None = None
    on_demand_throughput: parts.OnDemandThroughput | None = None
    warm_throughput: parts.WarmThroughput | None = None
    replica_updates: list[replication.ReplicaUpdate] | None = None
    multi_region_consistency: Literal["EVENTUAL", "STRONG"] | None = None
    global_table_witness_updates: list[replication.WitnessUpdate] | None = None
    global_table_settings_replication_mode: replication.SettingsReplication | None = None
    disassociation_protection_enabled: bool | None = None
    vector_index_updates: list[vector_updates.VectorIndexUpdate] | None = None

    @property
    def changes(self) -> set[str]:
        """The members that ask for something."""
        return {
            name
            for name, value in msgspec.structs.asdict(self).items()
            if value is not None and name not in ("table_name", "attribute_definitions")
        }


# Changes that are made without the table being UPDATING for a while.
_QUIET: Final = frozenset(
    {
        "sse_specification",
        "table_class",
        "deletion_protection_enabled",
        "on_demand_throughput",
        "warm_throughput",
        "global_table_settings_replication_mode",
        "disassociation_protection_enabled",
    }
)


def update_table(context: Context, request: UpdateTableInput) -> Altered:
    scope = named_scope(context, request.table_name)
    _check_form(request)
    engine = context.service.engine
    before = known_table(context, request.table_name)
    _refuse_replication(context, request)
    updates = request.global_secondary_index_updates or []
    vectors = request.vector_index_updates or []
    index_updates.check_number(updates, len(vectors))
    stream = _stream_switch(request.stream_specification)
    now_us = context.service.clock.now_us()
    transition = context.transition(now_us)
    passing = passing_indexes(engine, before, updates, vectors, now_us)
    quiet = request.changes <= _QUIET or _only_retunes(request)
    quiet = quiet and (transition is None or request.table_class is None)

    def change(table: Table, next_id: int) -> tuple[Table, int]:
        old = table
        if transition is not None and not quiet:
            table = _updating(table, request, transition)
        table = _with_throughput(
            table, request, now_us if transition is None else transition.ends_us
        )
        table = _with_settings(table, scope, request)
        if transition is not None:
            table = changing(old, table, transition.ends_us)
        defined = request.attribute_definitions or ()
        table, next_id = index_updates.updated_indexes(
            table, updates, defined, next_id, now_us, transition
        )
        return vector_updates.updated_vectors(table, vectors, defined, next_id, transition)

    def reply(catalog: Catalog) -> bytes:
        status = None if quiet else TableStatus.UPDATING
        description = describe_table(engine, catalog.by_name[scope], now_us, status)
        show_passing(description, passing)
        if request.billing_mode is None and request.provisioned_throughput is not None:
            # What was asked for shows when the table is ACTIVE again.
            shown = description["ProvisionedThroughput"]
            shown["ReadCapacityUnits"] = before.throughput.read_units
            shown["WriteCapacityUnits"] = before.throughput.write_units
        return body_of({"TableDescription": description})

    settles_us = None if transition is None else transition.ends_us
    decide = life.update_table(
        scope, change, stream, now_us, asked=_asked(request), settles_us=settles_us
    )
    return Altered(decide, reply)


def _asked(request: UpdateTableInput) -> Asked:
    """What of a request can get in the way of a change that is under way."""
    updates = request.global_secondary_index_updates or ()
    vectors = request.vector_index_updates or ()
    created = [each.create for each in (*updates, *vectors) if each.create is not None]
    deleted = [each.delete for each in (*updates, *vectors) if each.delete is not None]
    return Asked(
        throughput=bool(request.changes & {"provisioned_throughput", "billing_mode"}),
        stream=request.stream_specification is not None,
        table_class=request.table_class is not None,
        on_demand=request.on_demand_throughput is not None,
        encryption=request.sse_specification is not None,
        created=frozenset(each.index_name for each in created),
        deleted=frozenset(each.index_name for each in deleted),
        retuned=frozenset(each.index_name for each in updates if each.update is not None),
    )


def _updating(table: Table, request: UpdateTableInput, transition: Transition) -> Table:
    """A table while it is changed. It takes part in the first half of what becomes of an index, and
    shows its throughput as it was unless its billing mode changes too."""
    if request.changes == {"billing_mode"} and request.billing_mode == table.billing_mode.value:
        return table
    if request.table_class is not None and request.table_class == table_class(table):
        return table
    asked = _asked(request)
    only_units = request.billing_mode is None and request.provisioned_throughput is not None
    return msgspec.structs.replace(
        table,
        status=TableStatus.UPDATING,
        settles_us=transition.halfway_us if asked.rebuilds else transition.ends_us,
        former_throughput=table.throughput if only_units else None,
    )


def _refuse_replication(context: Context, request: UpdateTableInput) -> None:
    """Raise ValidationException for what only tables of several regions can do."""
    replication.check_settings_replication(request.global_table_settings_replication_mode)
    if request.global_table_witness_updates is not None:
        replication.check_witnesses(
            context, request.global_table_witness_updates, request.multi_region_consistency
        )
    if request.replica_updates is not None:
        replication.check_replicas(context, request.replica_updates)


# What may come together --------------------------------------------------------------------------


def _check_form(request: UpdateTableInput) -> None:
    """Raise ValidationException for what no table could do."""
    changes = request.changes
    updates = request.global_secondary_index_updates
    alone = changes - {"multi_region_consistency"}
    if not alone or (alone == {"global_secondary_index_updates"} and not updates):
        consistency = "" if alone != changes else " MultiRegionConsistency,"
        raise ValidationException(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled,"
            " GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates,"
            f" MultiAccountReplicaReady, ReplicaTransitRoleArn,{consistency}"
            " DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is"
            " required"
        )
    if updates is not None:
        index_updates.check_form(updates)
    if request.vector_index_updates is not None:
        vector_updates.check_form(request.vector_index_updates)
    problem = _conflict(request, changes)
    if problem is not None:
        raise ValidationException(_INVALID + problem)
    units = parts.units(request.provisioned_throughput)
    if units is not None:
        throughput.check_bounds(units)


def _conflict(request: UpdateTableInput, changes: set[str]) -> str | None:
    """Why these changes can't be made in one request, if so."""
    replicas = changes & {"replica_updates", "global_table_witness_updates"}
    if replicas and changes - replicas - {"multi_region_consistency"}:
        return "Requests that modify replicas or witnesses must not also modify other fields"
    if len(changes) == 1:
        return None
    for member, word in (
        ("sse_specification", "Server-Side Encryption"),
        ("table_class", "TableClass"),
        ("deletion_protection_enabled", "DeletionProtection"),
    ):
        if member in changes:
            return f"{word} {_ALONE}"
    if "on_demand_throughput" in changes and changes - {"on_demand_throughput", "billing_mode"}:
        return "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request"
    updates = request.global_secondary_index_updates or ()
    rebuilds = any(update.update is None for update in updates) or request.vector_index_updates
    if "warm_throughput" in changes:
        if any(update.create is not None for update in updates):
            return "Create global secondary index cannot be specified when updating WarmThroughput"
        return "WarmThroughput must be the only operation in the request"
    tuning = "provisioned_throughput" in changes or request.billing_mode == "PROVISIONED"
    if "stream_specification" in changes and tuning:
        return "You cannot modify stream status while updating table IOPS"
    if rebuilds and "provisioned_throughput" in changes:
        return "You cannot create or delete index while updating table IOPS"
    if rebuilds and "stream_specification" in changes:
        return "You cannot create or delete index while changing stream status"
    return None


def _only_retunes(request: UpdateTableInput) -> bool:
    updates = request.global_secondary_index_updates or ()
    return request.changes == {"global_secondary_index_updates"} and all(
        update.update is not None for update in updates
    )


def _stream_switch(specification: parts.StreamSpecification | None) -> StreamViewType | bool | None:
    view_type = wanted_view_type(specification)
    if specification is None:
        return None
    return view_type if view_type is not None else False


# Throughput and settings -------------------------------------------------------------------------


def _with_throughput(table: Table, request: UpdateTableInput, now_us: int) -> Table:
    mode = table.billing_mode if request.billing_mode is None else BillingMode(request.billing_mode)
    asked = parts.units(request.provisioned_throughput)
    if mode is BillingMode.PAY_PER_REQUEST:
        if asked is not None:
            raise ValidationException(
                f"{_INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when"
                " BillingMode is PAY_PER_REQUEST"
            )
        return table if mode is table.billing_mode else _on_demand(table, now_us)
    if asked is None:
        if request.billing_mode is not None:
            raise ValidationException(
                f"{_INVALID}ProvisionedThroughput must be specified when BillingMode is PROVISIONED"
            )
        return table
    if mode is not table.billing_mode:
        return _provisioned(table, asked, request)
    if asked == table.throughput:
        raise ValidationException(
            "The provisioned throughput for the table will not change. The requested value equals"
            " the current value. Current ReadCapacityUnits provisioned for the table:"
            f" {asked.read_units}. Requested ReadCapacityUnits: {asked.read_units}. Current"
            f" WriteCapacityUnits provisioned for the table: {asked.write_units}. Requested"
            f" WriteCapacityUnits: {asked.write_units}. Refer to the Amazon DynamoDB Developer"
            " Guide for current limits and how to request higher limits."
        )
    settings = with_history(table.settings, table.throughput, asked, now_us)
    return msgspec.structs.replace(table, throughput=asked, settings=settings)


def _on_demand(table: Table, now_us: int) -> Table:
    return msgspec.structs.replace(
        table,
        billing_mode=BillingMode.PAY_PER_REQUEST,
        throughput=Throughput(),
        indexes=tuple(_tuned(index, Throughput()) for index in table.indexes),
        settings={**table.settings, "OnDemandSinceUs": now_us},
    )


def _provisioned(table: Table, asked: Throughput, request: UpdateTableInput) -> Table:
    """A table that was on demand; its limits go, and each index needs its throughput."""
    if table.vector_indexes:
        raise ValidationException(
            f"{_INVALID}Tables with vector indexes must be in PAY_PER_REQUEST mode"
        )
    wanted: dict[str, Throughput] = {}
    for update in request.global_secondary_index_updates or ():
        part = update.update
        units = None if part is None else parts.units(part.provisioned_throughput)
        if units is not None:
            wanted[update.index_name] = units
    indexes = [index for index in table.indexes if index.kind is IndexKind.GLOBAL]
    missing = [index.name for index in indexes if index.name not in wanted]
    if missing:
        raise ValidationException(
            f"{_INVALID}ProvisionedThroughput must be specified for index: {','.join(missing)}"
        )
    since = table.settings.get("OnDemandSinceUs", table.created_us)
    return msgspec.structs.replace(
        table,
        billing_mode=BillingMode.PROVISIONED,
        throughput=asked,
        settings={**parts.without_on_demand(table), "OnDemandSinceUs": since},
    )


def _tuned(index: Index, units: Throughput) -> Index:
    if index.kind is not IndexKind.GLOBAL:
        return index
    return msgspec.structs.replace(index, throughput=units)


def _with_settings(table: Table, scope: tuple[str, str, str], request: UpdateTableInput) -> Table:
    settings: dict[str, Any] = dict(table.settings)
    if request.deletion_protection_enabled is not None:
        settings["DeletionProtectionEnabled"] = request.deletion_protection_enabled
    if request.table_class is not None:
        settings["TableClassSummary"] = {"TableClass": request.table_class}
    if request.global_table_settings_replication_mode is not None:
        mode = request.global_table_settings_replication_mode
        settings["GlobalTableSettingsReplicationMode"] = mode
    if request.disassociation_protection_enabled is not None:
        settings["DisassociationProtectionEnabled"] = request.disassociation_protection_enabled
    if request.on_demand_throughput is not None:
        asked = parts.on_demand_units(request.on_demand_throughput)
        throughput.check_on_demand(table.billing_mode, asked, least=-1)
        settings["OnDemandThroughput"] = parts.merged_limits(
            settings.get("OnDemandThroughput"), asked
        )
    if request.warm_throughput is not None:
        wanted = parts.warm_units(request.warm_throughput)
        current = throughput.warm(table.billing_mode, table.throughput, settings)
        throughput.check_warm_change(current, wanted)
        settings["WarmThroughput"] = {**current, **wanted}
    if request.sse_specification is not None:
        _change_encryption(settings, scope, request.sse_specification)
    return msgspec.structs.replace(table, settings=settings)


def _change_encryption(
    settings: dict[str, Any], scope: tuple[str, str, str], asked: parts.SSESpecification
) -> None:
    wanted = parts.sse_description(scope, asked)
    current: dict[str, str] | None = settings.pop("SSEDescription", None)
    if wanted is None and current is None:
        raise ValidationException(f"{_INVALID}Table is already encrypted by default")
    if wanted == current and asked.KMSMasterKeyId is not None:
        raise ValidationException(
            f"{_INVALID}Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId"
            " parameter if you want to change Master Key"
        )
    if wanted is not None:
        settings["SSEDescription"] = wanted


UPDATE_TABLE = Operation("UpdateTable", UpdateTableInput, update_table)
