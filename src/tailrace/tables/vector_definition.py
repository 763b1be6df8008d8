"""From what CreateTable and UpdateTable ask of vector indexes to indexes, with DynamoDB's refusals.

Messages are the service's where they were observed (August to October 2026); the order of the
checks is known in part only. Limits are those of ServiceQuotas.html#limits-vector-indexes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.model.keys import KeySchema
from tailrace.model.schema import BillingMode, Index, IndexKind, Projection
from tailrace.model.vectors import DistanceFunction, SearchAttribute, SearchRole, VectorSchema
from tailrace.tables.definition import check_projection

__all__ = [
    "VectorSpec",
    "check_mode",
    "check_vector_index",
    "check_vector_indexes",
    "check_vectors_together",
    "make_vector_index",
    "projected_attributes",
]

_INVALID: Final = "One or more parameter values were invalid: "


class VectorSpec(msgspec.Struct, frozen=True):
    """A vector index as a request asks for it; `search` has (attribute name, role) pairs."""

    name: str
    attribute: str
    dimensions: int
    function: DistanceFunction
    search: Sequence[tuple[str, SearchRole]]
    projection_type: str | None
    non_key_attributes: Sequence[str] | None


def make_vector_index(
    spec: VectorSpec, index_id: int, types: Mapping[str, str], table: KeySchema
) -> Index:
    """The index of a checked specification; `table` is the key of its table."""
    search = tuple(SearchAttribute(name, types[name], role) for name, role in spec.search)
    schema = VectorSchema(spec.attribute, spec.dimensions, spec.function, search)
    return Index(
        id=index_id,
        name=spec.name,
        kind=IndexKind.VECTOR,
        keys=KeySchema(table.hash if schema.hash is None else (schema.hash,)),
        projection=Projection(spec.projection_type),
        included=tuple(sorted(spec.non_key_attributes or ())),
        vector=schema,
    )


def check_vector_indexes(
    specs: Sequence[VectorSpec],
    defined: Collection[str],
    mode: BillingMode,
    named: Iterable[str],
) -> None:
    """Raise ValidationException for the first thing wrong with the vector indexes of a new table:
    `defined` are the attributes with a type, `named` the names of its other indexes."""
    if not specs:
        raise ValidationException(f"{_INVALID}List of VectorIndexes is empty")
    check_mode(mode)
    seen = set(named)
    for spec in specs:
        check_vector_index(spec, defined)
        if spec.name in seen:
            raise ValidationException(f"{_INVALID}Duplicate index name: {spec.name}")
        seen.add(spec.name)
    check_vectors_together([(spec.attribute, spec.dimensions) for spec in specs], defined)


def check_mode(mode: BillingMode) -> None:
    """Raise ValidationException unless a table can have vector indexes."""
    if mode is not BillingMode.PAY_PER_REQUEST:
        raise ValidationException(
            f"{_INVALID}Vector indexes are only supported for PAY_PER_REQUEST tables"
        )


def check_vectors_together(vectors: Sequence[tuple[str, int]], defined: Collection[str]) -> None:
    """Raise ValidationException for what the (attribute, dimensions) of all of a table's vector
    indexes can't be, beside attributes that have a type."""
    dimensions: dict[str, int] = {}
    for attribute, wanted in vectors:
        problem: str | None = None
        if attribute in defined:
            problem = (
                "An attribute cannot be defined in AttributeDefinitions when used as a"
                " VectorAttribute."
            )
        elif dimensions.setdefault(attribute, wanted) != wanted:
            problem = "All VectorIndexes on the same vector attribute must use the same dimensions."
        if problem is not None:
            raise ValidationException(
                f"{_INVALID}Conflicting attribute definition for '{attribute}'. {problem}"
            )
    if len(vectors) > limits.VECTOR_INDEXES:
        raise ValidationException(
            f"{_INVALID}VectorIndex count exceeds the per-table limit of {limits.VECTOR_INDEXES}"
        )


def check_vector_index(spec: VectorSpec, defined: Collection[str]) -> None:
    """Raise ValidationException for what is wrong with one vector index by itself; `defined` are
    the attributes that the request gives a type."""
    if spec.dimensions > limits.VECTOR_DIMENSIONS:
        raise ValidationException(
            f"{_INVALID}Number of dimensions must be between 1 and {limits.VECTOR_DIMENSIONS}"
            " inclusive."
        )
    roles = [role for _, role in spec.search]
    for role, most in (
        (SearchRole.HASH, limits.VECTOR_PARTITION_KEYS),
        (SearchRole.INLINE_FILTER, limits.VECTOR_INLINE_FILTERS),
    ):
        if roles.count(role) > most:
            raise ValidationException(
                f"{_INVALID}Value '{roles.count(role)}' at 'SearchSchema' failed to satisfy"
                f" constraint: Member must have {role.value} count less than or equal to {most}"
            )
    names = [name for name, _ in spec.search]
    if len(set(names)) != len(names):
        raise ValidationException(f"{_INVALID}SearchSchema contains a duplicate AttributeName")
    if any(name not in defined for name in names):
        raise ValidationException(
            f"{_INVALID}One element in SearchSchema is not defined in attribute definitions"
        )
    check_projection(spec.projection_type, spec.non_key_attributes)


def projected_attributes(spec: VectorSpec) -> int:
    """How many of a table's projected attributes a vector index takes: beside those it names, its
    vector and each INLINE_FILTER (API_CreateTable.html)."""
    filters = [role for _, role in spec.search if role is SearchRole.INLINE_FILTER]
    return 1 + len(filters) + len(spec.non_key_attributes or ())
