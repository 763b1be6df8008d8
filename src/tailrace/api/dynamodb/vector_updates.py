"""The VectorIndexUpdates of UpdateTable: what may be asked for, and what it makes of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tailrace.api.dynamodb import inputs
from tailrace.api.dynamodb import table_inputs as parts
from tailrace.api.dynamodb.index_updates import existing_index, without_index
from tailrace.errors import ValidationException
from tailrace.model.schema import IndexKind, Table
from tailrace.tables import vector_definition as definition
from tailrace.tables.transitions import Transition, index_being_created

__all__ = ["VectorIndexUpdate", "check_form", "updated_vectors"]

_INVALID: Final = "One or more parameter values were invalid: "


class DeleteVectorIndex(msgspec.Struct, rename="pascal", frozen=True):
    index_name: inputs.IndexName


class VectorIndexUpdate(msgspec.Struct, rename="pascal", frozen=True):
    create: parts.VectorIndex | None = None
    delete: DeleteVectorIndex | None = None


def check_form(updates: Sequence[VectorIndexUpdate]) -> None:
    """Raise ValidationException for what no table could do."""
    if not updates:
        raise ValidationException(f"{_INVALID}List of VectorIndexUpdates is empty")
    for update in updates:
        if update.create is None and update.delete is None:
            raise ValidationException(
                f"{_INVALID}One of VectorIndexUpdate.Create, VectorIndexUpdate.Delete must not be"
                " null"
            )
        if update.create is not None and update.delete is not None:
            raise ValidationException(
                f"{_INVALID}Only one vector index action is allowed per VectorIndexUpdate object"
            )


def updated_vectors(
    table: Table,
    updates: Sequence[VectorIndexUpdate],
    defined: Sequence[parts.AttributeDefinition],
    next_id: int,
    transition: Transition | None = None,
) -> tuple[Table, int]:
    """The table after the updates, and the next free id. `defined` are the request's attribute
    definitions: only those that a new index needs are looked at. With a transition the indexes are
    changing until it is over."""
    for update in updates:
        if update.create is not None:
            table = _added(table, update.create, defined, next_id, transition)
            next_id += 1
        elif update.delete is not None:
            gone = existing_index(table, update.delete.index_name, IndexKind.VECTOR, "delete")
            table = without_index(table, gone, transition)
    return table, next_id


def _added(
    table: Table,
    asked: parts.VectorIndex,
    defined: Sequence[parts.AttributeDefinition],
    index_id: int,
    transition: Transition | None,
) -> Table:
    spec = parts.vector_spec(asked)
    definition.check_mode(table.billing_mode)
    if spec.name in table.index_by_name:
        raise ValidationException("Attempting to create an index which already exists")
    given = {part.attribute_name: part.attribute_type for part in defined}
    # Whatever the table has defined, the request must name what the new index is searched by.
    definition.check_vector_index(spec, given)
    known = [index.vector for index in table.vector_indexes if index.vector is not None]
    vectors = [(schema.attribute, schema.dimensions) for schema in known]
    types = {**given, **table.attribute_types}
    definition.check_vectors_together([*vectors, (spec.attribute, spec.dimensions)], types)
    index = definition.make_vector_index(spec, index_id, types, table.keys)
    index = index_being_created(index, transition)
    used = {**table.attribute_types, **{name: types[name] for name in index.defined_names}}
    return msgspec.structs.replace(
        table, indexes=(*table.indexes, index), attribute_types=dict(sorted(used.items()))
    )
