"""What a restored table is like: its source, with what a request puts in place of it.

Streams, time to live, point-in-time recovery, tags, protection, policies and the table class are
not restored (backuprestore_HowItWorks.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec

from tailrace.api.dynamodb import table_inputs as parts
from tailrace.api.dynamodb.tables import checked_name
from tailrace.api.operation import Context
from tailrace.errors import (
    TableAlreadyExistsException,
    TableInUseException,
    ValidationException,
)
from tailrace.model.schema import BillingMode, Index, IndexKind, Table, Throughput
from tailrace.tables import copies, definition, vector_definition
from tailrace.tables.account_limits import check_table_limits, check_throughput_limits
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick

__all__ = ["Overrides", "check_target", "restored", "restoring"]

_KEPT: Final = ("SSEDescription", "OnDemandThroughput")


class Overrides(Protocol):
    """The members that the inputs of both restores have."""

    @property
    def target_table_name(self) -> str: ...
    @property
    def billing_mode_override(self) -> parts.BillingModeName | None: ...
    @property
    def global_secondary_index_override(self) -> list[parts.GlobalIndex] | None: ...
    @property
    def local_secondary_index_override(self) -> list[parts.LocalIndex] | None: ...
    @property
    def vector_index_override(self) -> list[parts.VectorIndex] | None: ...
    @property
    def provisioned_throughput_override(self) -> parts.ProvisionedThroughput | None: ...
    @property
    def on_demand_throughput_override(self) -> parts.OnDemandThroughput | None: ...
    @property
    def sse_specification_override(self) -> parts.SSESpecification | None: ...


def check_target(context: Context, name: str) -> tuple[str, str, str]:
    """(account, region, name) of a table to be made. Raises TableAlreadyExistsException or
    TableInUseException when there is one."""
    scope = (context.scope.account, context.scope.region, checked_name(name))
    _refuse_existing(context.catalog(), scope)
    return scope


def _refuse_existing(catalog: Catalog, scope: tuple[str, str, str]) -> None:
    table = catalog.by_name.get(scope)
    if table is not None and copies.source_of(table) is not None:
        raise TableInUseException(f"Table is already being restored: {scope[2]}")
    if table is not None:
        raise TableAlreadyExistsException(f"Table already exists: {scope[2]}")


def restoring(scope: tuple[str, str, str], build: Table, source_id: int) -> Alter:
    """Create the table `build`, whose ids are still to be given, to be filled from another."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        _refuse_existing(catalog, scope)
        check_table_limits(catalog, scope[:2])
        check_throughput_limits(catalog, None, build)
        first = catalog.next_id
        indexes = tuple(
            msgspec.structs.replace(index, id=first + 1 + place)
            for place, index in enumerate(build.indexes)
        )
        table = msgspec.structs.replace(build, id=first, indexes=indexes)
        next_id = first + 1 + len(indexes)
        return Alteration(tables=(copies.copying(table, source_id),), next_id=next_id)

    return decide


def restored(
    context: Context,
    request: Overrides,
    source: Table,
    scope: tuple[str, str, str],
    summary: dict[str, Any],
) -> Table:
    """The table that a request restores from `source`; ids are still to be given. Raises
    ValidationException for overrides that do not fit it."""
    account, region, name = scope
    mode = BillingMode(request.billing_mode_override or source.billing_mode.value)
    settings: dict[str, object] = {
        kept: source.settings[kept] for kept in _KEPT if kept in source.settings
    }
    limit = request.on_demand_throughput_override
    if limit is not None:
        settings["OnDemandThroughput"] = _on_demand(limit, mode)
    elif mode is BillingMode.PROVISIONED:
        settings.pop("OnDemandThroughput", None)
    if request.sse_specification_override is not None:
        settings.pop("SSEDescription", None)
        found = parts.sse_description(scope, request.sse_specification_override)
        if found is not None:
            settings["SSEDescription"] = found
    settings[copies.RESTORE_SUMMARY] = summary
    indexes = _indexes(request, source, mode)
    used = dict.fromkeys(source.keys.names)
    used.update(dict.fromkeys(each for index in indexes for each in index.defined_names))
    return Table(
        id=0,
        uuid=context.service.ids.uuid(),
        region=region,
        account=account,
        name=name,
        keys=source.keys,
        attribute_types={each: source.attribute_types[each] for each in sorted(used)},
        created_us=context.service.clock.now_us(),
        # As many as the source has, since its items are copied by their keys' bytes.
        partitions=source.partitions,
        billing_mode=mode,
        throughput=_throughput(request, source, mode),
        indexes=tuple(indexes),
        settings=settings,
    )


def _throughput(request: Overrides, source: Table, mode: BillingMode) -> Throughput:
    asked = parts.units(request.provisioned_throughput_override)
    if mode is BillingMode.PAY_PER_REQUEST:
        if asked is None:
            return Throughput()
        if request.billing_mode_override is None:
            raise ValidationException(
                "Invalid Request: Cannot override ProvisionedThroughput unless BillingMode is"
                " PROVISIONED"
            )
        raise ValidationException(
            "Invalid Request: Cannot override ProvisionedThroughput if BillingMode is overridden"
            " to PAY_PER_REQUEST"
        )
    if asked is not None:
        return asked
    if source.billing_mode is not BillingMode.PROVISIONED:
        raise ValidationException(
            "Invalid Request: Must override ProvisionedThroughput if BillingMode is overridden to"
            " PROVISIONED"
        )
    return source.throughput


def _on_demand(asked: parts.OnDemandThroughput, mode: BillingMode) -> dict[str, int]:
    given = parts.on_demand_units(asked)
    for member, units in given.items():
        if mode is not BillingMode.PAY_PER_REQUEST:
            raise ValidationException(
                f"Invalid Request: Cannot override {member} for OnDemandThroughput unless"
                " BillingModeOverride is PAY_PER_REQUEST"
            )
        if units < 1:
            raise ValidationException(
                f"Invalid Request: Requested {member} for OnDemandThroughput is outside of valid"
                " range"
            )
    return given


def _indexes(request: Overrides, source: Table, mode: BillingMode) -> list[Index]:
    asked: list[tuple[IndexKind, Sequence[parts.LocalIndex | parts.GlobalIndex] | None]] = [
        (IndexKind.LOCAL, request.local_secondary_index_override),
        (IndexKind.GLOBAL, request.global_secondary_index_override),
    ]
    found: list[Index] = []
    for kind, overrides in asked:
        known = [index for index in source.secondary_indexes if index.kind is kind]
        if overrides is None:
            found += known
        else:
            found += [_matching(source, known, override) for override in overrides]
    found += _vectors(request, source, mode)
    return [_tuned(index, request, mode) for index in found]


def _vectors(request: Overrides, source: Table, mode: BillingMode) -> list[Index]:
    found = list(source.vector_indexes)
    if request.vector_index_override is not None:
        found = [_matching_vector(source, override) for override in request.vector_index_override]
    if found:
        vector_definition.check_mode(mode)
    return found


def _matching_vector(source: Table, override: parts.VectorIndex) -> Index:
    spec = parts.vector_spec(override)
    if all(name in source.attribute_types for name, _ in spec.search):
        same = vector_definition.make_vector_index(spec, 0, source.attribute_types, source.keys)
        for index in source.vector_indexes:
            if (
                index.vector == same.vector
                and index.projection is same.projection
                and index.included == same.included
            ):
                return same
    raise ValidationException(
        f"Invalid Request: Index {spec.name} does not match a vector index that existed in the"
        " source table and cannot be created during the restore operation"
    )


def _matching(
    source: Table, known: Sequence[Index], override: parts.LocalIndex | parts.GlobalIndex
) -> Index:
    spec = parts.index_spec(override)
    for index in known:
        keys = [(part.name, "HASH") for part in index.keys.hash]
        keys += [(part.name, "RANGE") for part in index.keys.range]
        if (
            keys == list(spec.key_elements)
            and index.projection.value == spec.projection_type
            and set(index.included) == set(spec.non_key_attributes or ())
        ):
            same = definition.make_index(spec, 0, source.attribute_types)
            return msgspec.structs.replace(same, throughput=spec.throughput or index.throughput)
    raise ValidationException(
        f"Invalid Request: Index {spec.name} does not match a secondary index that existed in the"
        " source table and cannot be created during the restore operation"
    )


def _tuned(index: Index, request: Overrides, mode: BillingMode) -> Index:
    if mode is BillingMode.PAY_PER_REQUEST or index.kind is IndexKind.LOCAL:
        return msgspec.structs.replace(index, throughput=Throughput())
    if index.throughput == Throughput():
        raise ValidationException(
            f"Invalid Request: Must specify provisioned throughput for index {index.name}"
        )
    return index
