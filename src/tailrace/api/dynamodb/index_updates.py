"""The GlobalSecondaryIndexUpdates of UpdateTable: what may be asked for, and what it makes of a
table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from tailrace import limits
from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb import table_inputs as parts
from tailrace.errors import (
    LimitExceededException,
    ResourceNotFoundException,
    ValidationException,
)
from tailrace.model.schema import BillingMode, Index, IndexKind, IndexStatus, Table, Throughput
from tailrace.tables import definition, throughput
from tailrace.tables.throughput_history import with_history
from tailrace.tables.transitions import (
    Transition,
    index_being_created,
    index_being_deleted,
)

__all__ = [
    "IndexUpdate",
    "check_form",
    "check_number",
    "existing_index",
    "updated_indexes",
    "without_index",
]

_INVALID: Final = "One or more parameter values were invalid: "
# What updates call the kinds of indexes that they change.
_KINDS: Final = {IndexKind.GLOBAL: "GlobalSecondaryIndex", IndexKind.VECTOR: "VectorIndex"}
_BLOCKED: Final = (
    "This operation cannot be performed with given input values. Please contact DynamoDB service"
    " team for more info: Action Blocked: IndexUpdate"
)


class UpdateIndex(msgspec.Struct, rename="pascal", frozen=True):
    index_name: inputs.IndexName
    provisioned_throughput: parts.ProvisionedThroughput | None = None
    on_demand_throughput: parts.OnDemandThroughput | None = None
    warm_throughput: parts.WarmThroughput | None = None


class DeleteIndex(msgspec.Struct, rename="pascal", frozen=True):
    index_name: inputs.IndexName


class IndexUpdate(msgspec.Struct, rename="pascal", frozen=True):
    update: UpdateIndex | None = None
    create: parts.GlobalIndex | None = None
    delete: DeleteIndex | None = None

    @property
    def actions(self) -> list[UpdateIndex | parts.GlobalIndex | DeleteIndex]:
        """What is asked for: exactly one action when `check_form` had nothing to say."""
        return [part for part in (self.update, self.create, self.delete) if part is not None]

    @property
    def index_name(self) -> str:
        return self.actions[0].index_name


def check_form(updates: Sequence[IndexUpdate]) -> None:
    """Raise ValidationException for what no table could do."""
    if not updates:
        raise ValidationException(f"{_INVALID}List of GlobalSecondaryIndexUpdates is empty")
    seen: set[str] = set()
    for update in updates:
        actions = update.actions
        if not actions:
            raise ValidationException(
                f"{_INVALID}One of GlobalSecondaryIndexUpdate.Update,"
                " GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be"
                " null"
            )
        if len(actions) > 1:
            raise ValidationException(
                f"{_INVALID}Only one global secondary index action is allowed per"
                " GlobalSecondaryIndexUpdate object"
            )
        if update.index_name in seen:
            raise ValidationException(
                f"{_INVALID}Only one global secondary index update per index is allowed"
                f" simultaneously. Index: {update.index_name}"
            )
        seen.add(update.index_name)


def check_number(updates: Sequence[IndexUpdate], vectors: int = 0) -> None:
    """Raise LimitExceededException when more than one index is to be made or removed, beside
    `vectors` vector indexes."""
    if sum(update.update is None for update in updates) + vectors > 1:
        raise LimitExceededException(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted"
            " simultaneously per table"
        )


def updated_indexes(
    table: Table,
    updates: Sequence[IndexUpdate],
    defined: Sequence[parts.AttributeDefinition],
    next_id: int,
    now_us: int,
    transition: Transition | None = None,
) -> tuple[Table, int]:
    """The table after the updates, and the next free id. `defined` are the request's attribute
    definitions: only those that a new index needs are looked at. With a transition the indexes are
    changing until it is over."""
    for update in updates:
        if update.create is not None:
            table = _added(table, update.create, defined, next_id, transition)
            next_id += 1
        elif update.update is not None:
            table = _retuned(table, update.update, now_us, transition)
        elif update.delete is not None:
            table = _removed(table, update.delete.index_name, transition)
    return table, next_id


def _added(
    table: Table,
    asked: parts.GlobalIndex,
    defined: Sequence[parts.AttributeDefinition],
    index_id: int,
    transition: Transition | None,
) -> Table:
    spec = parts.index_spec(asked)
    if spec.name in table.index_by_name:
        raise ValidationException("Attempting to create an index which already exists")
    count = sum(index.kind is IndexKind.GLOBAL for index in table.indexes)
    if count >= limits.GLOBAL_INDEXES:
        raise LimitExceededException(
            "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit"
            f" of {limits.GLOBAL_INDEXES}"
        )
    _check_new_throughput(table, spec)
    given = {part.attribute_name: part.attribute_type for part in defined}
    types = {**given, **table.attribute_types}
    if any(name not in types for name in spec.key_names):
        raise ValidationException(
            f"{_INVALID}AttributeDefinitions is not specified for index: {spec.name}"
        )
    definition.check_index(spec, _elements(table))
    _refuse_vectors(table, asked.key_schema, types)
    index = definition.make_index(spec, index_id, types)
    index = index_being_created(index, transition)
    used = {**table.attribute_types, **{name: types[name] for name in spec.key_names}}
    tuned = {
        name: own for name, own in throughput.index_settings(table).items() if name != index.name
    }
    table = msgspec.structs.replace(
        table,
        indexes=(*table.indexes, index),
        attribute_types=dict(sorted(used.items())),
        settings={**table.settings, "Indexes": tuned},
    )
    return parts.with_index_settings(table, asked)


def _refuse_vectors(table: Table, asked: parts.KeyElements, types: Mapping[str, str]) -> None:
    """Raise ValidationException when an index is to have an attribute with vectors in its key."""
    vectors = {
        index.vector.attribute: index.vector.dimensions
        for index in table.vector_indexes
        if index.vector is not None
    }
    for name in [element.attribute_name for element in asked]:
        if name in vectors:
            wanted = ", ".join(
                f"SchemaElement: key{{{element.attribute_name}:{types[element.attribute_name]}"
                f":{element.key_type}}}"
                for element in asked
            )
            raise ValidationException(
                f"{_INVALID}Attributes cannot be redefined. Please check that your attribute has"
                " the same type as previously defined. Existing schema: VectorIndexSchema:"
                f"[VectorAttribute: key{{{name}:L:{vectors[name]}}}] New schema: Schema:[{wanted}]"
            )


def _elements(table: Table) -> list[tuple[str, str]]:
    return [(part.name, "HASH") for part in table.keys.hash] + [
        (part.name, "RANGE") for part in table.keys.range
    ]


def _check_new_throughput(table: Table, spec: definition.IndexSpec) -> None:
    if table.billing_mode is BillingMode.PAY_PER_REQUEST:
        if spec.throughput is not None:
            raise ValidationException(
                f"{_INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for"
                f" index: {spec.name} when BillingMode is PAY_PER_REQUEST"
            )
    elif spec.throughput is None:
        raise ValidationException(
            f"{_INVALID}Both ReadCapacityUnits and WriteCapacityUnits must be specified for index:"
            f" {spec.name}"
        )


def _retuned(table: Table, asked: UpdateIndex, now_us: int, transition: Transition | None) -> Table:
    units = parts.units(asked.provisioned_throughput)
    if units is not None:
        most = max(units.read_units, units.write_units)
        if most > limits.CAPACITY_UNITS_MAX:
            raise ValidationException(_BLOCKED)
    index = existing_index(table, asked.index_name, IndexKind.GLOBAL, "update")
    if units is not None:
        if table.billing_mode is BillingMode.PAY_PER_REQUEST:
            raise ValidationException(
                f"{_INVALID}The only Updates for index: {index.name} when TableThroughputMode is"
                " PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput"
            )
        _check_change(index, units)
        moment_us = now_us if transition is None else transition.ends_us
        table = _remembering(table, index, units, moment_us)
        index = msgspec.structs.replace(index, throughput=units)
    if asked.on_demand_throughput is not None:
        wanted = parts.on_demand_units(asked.on_demand_throughput)
        throughput.check_on_demand(table.billing_mode, wanted, least=-1, index=index.name)
    # One that is still being filled stays CREATING.
    if transition is not None and index.status is IndexStatus.ACTIVE:
        index = msgspec.structs.replace(
            index, status=IndexStatus.UPDATING, settles_us=transition.ends_us
        )
    indexes = tuple(index if other.id == index.id else other for other in table.indexes)
    return parts.with_index_settings(msgspec.structs.replace(table, indexes=indexes), asked)


def _remembering(table: Table, index: Index, units: Throughput, now_us: int) -> Table:
    """A table that remembers when an index's throughput changed."""
    indexes = throughput.index_settings(table)
    own = indexes.get(index.name, {})
    indexes[index.name] = with_history(own, index.throughput, units, now_us)
    return msgspec.structs.replace(table, settings={**table.settings, "Indexes": indexes})


def _check_change(index: Index, units: Throughput) -> None:
    if units != index.throughput:
        return
    raise ValidationException(
        f"The provisioned throughput for the index {index.name} will not change. The requested"
        " value equals the current value. Current ReadCapacityUnits provisioned for index"
        f" {index.name}: {units.read_units}. Requested ReadCapacityUnits: {units.read_units}."
        f" Current WriteCapacityUnits provisioned for index {index.name}: {units.write_units}."
        f" Requested WriteCapacityUnits: {units.write_units}. Refer to the Amazon DynamoDB"
        " Developer Guide for current limits and how to request higher limits."
    )


def _removed(table: Table, name: str, transition: Transition | None) -> Table:
    return without_index(table, existing_index(table, name, IndexKind.GLOBAL, "delete"), transition)


def without_index(table: Table, index: Index, transition: Transition | None) -> Table:
    """The table without one of its indexes, or with it going until the transition is over."""
    indexes = tuple(other for other in table.indexes if other.id != index.id)
    types = _used_types(msgspec.structs.replace(table, indexes=indexes))
    if transition is not None:
        going = index_being_deleted(index, transition)
        indexes = tuple(going if other is index else other for other in table.indexes)
    return msgspec.structs.replace(table, indexes=indexes, attribute_types=types)


def _used_types(table: Table) -> dict[str, str]:
    """Those of a table's attribute types that its key and its indexes need."""
    used = {*table.keys.names, *(name for index in table.indexes for name in index.defined_names)}
    return {name: kind for name, kind in table.attribute_types.items() if name in used}


def existing_index(table: Table, name: str, kind: IndexKind, action: str) -> Index:
    """The index of a name. Raises ResourceNotFoundException when there is none, ValidationException
    for one of another kind."""
    index = table.index_by_name.get(name)
    if index is None:
        raise ResourceNotFoundException(
            f"Requested resource not found: Index {name} for table {table.name}"
        )
    if index.kind is not kind:
        raise ValidationException(f"Cannot {action} an index that is not a {_KINDS[kind]}: {name}")
    return index
