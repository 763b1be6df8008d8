"""From what CreateTable and UpdateTable ask for to keys, indexes and throughput, with DynamoDB's
refusals.

Messages were taken from the service's documented and observed answers; the order of the checks is
the service's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.model.keys import KeyAttribute, KeySchema
from tailrace.model.schema import BillingMode, Index, IndexKind, IndexStatus, Projection, Throughput

__all__ = [
    "IndexSpec",
    "check_counts",
    "key_schema",
    "secondary_index",
    "table_keys",
    "throughput_for",
    "used_exactly",
]

_INVALID = "One or more parameter values were invalid: "


class IndexSpec(msgspec.Struct, frozen=True):
    """An index as a request asks for it, in the API's own form."""

    name: str
    kind: IndexKind
    key_elements: Sequence[tuple[str, str]]
    projection_type: str | None
    non_key_attributes: Sequence[str] | None
    throughput: Throughput | None = None


def table_keys(elements: Sequence[tuple[str, str]], types: dict[str, str]) -> KeySchema:
    """A table's key from (attribute name, HASH or RANGE) pairs."""
    _check_roles(elements, "Invalid KeySchema: ")
    return key_schema(elements, types)


def key_schema(elements: Sequence[tuple[str, str]], types: dict[str, str]) -> KeySchema:
    """A key from elements already known to be in order; attributes without a definition are
    refused."""
    missing = [name for name, _ in elements if name not in types]
    if missing:
        names = ", ".join(name for name, _ in elements)
        raise ValidationException(
            f"{_INVALID}Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{names}], AttributeDefinitions: [{', '.join(types)}]"
        )
    parts: dict[str, list[KeyAttribute]] = {"HASH": [], "RANGE": []}
    for name, role in elements:
        parts[role].append(KeyAttribute(name, types[name]))
    return KeySchema(tuple(parts["HASH"]), tuple(parts["RANGE"]))


def _check_roles(elements: Sequence[tuple[str, str]], prefix: str) -> None:
    if elements[0][1] != "HASH":
        raise ValidationException(f"{prefix}The first KeySchemaElement is not a HASH key type")
    if len(elements) > 1 and elements[1][1] != "RANGE":
        raise ValidationException(f"{prefix}The second KeySchemaElement is not a RANGE key type")
    if len(elements) > 1 and elements[0][0] == elements[1][0]:
        raise ValidationException(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name"
        )


def used_exactly(types: dict[str, str], table: KeySchema, indexes: Iterable[Index]) -> None:
    """Raise ValidationException when an attribute is defined that no key uses."""
    indexes = tuple(index for index in indexes if index.kind is not IndexKind.INTERNAL)
    used = dict.fromkeys(table.names)
    for index in indexes:
        used.update(dict.fromkeys(index.keys.names))
    if len(types) == len(used):
        return
    if not indexes:
        raise ValidationException(
            f"{_INVALID}Number of attributes in KeySchema does not exactly match number of"
            " attributes defined in"
            " AttributeDefinitions"
        )
    raise ValidationException(
        f"{_INVALID}Some AttributeDefinitions are not used. AttributeDefinitions:"
        f" [{', '.join(types)}], "
        f"keys used: [{', '.join(used)}]"
    )


def secondary_index(
    spec: IndexSpec, index_id: int, table: KeySchema, types: dict[str, str]
) -> Index:
    """An index from what was asked for; `table` is the key of its table."""
    keys = _index_keys(spec, table, types)
    projection, included = _projection(spec)
    return Index(
        id=index_id,
        name=spec.name,
        kind=spec.kind,
        keys=keys,
        projection=projection,
        included=included,
        status=IndexStatus.ACTIVE,
        throughput=spec.throughput or Throughput(),
    )


def _index_keys(spec: IndexSpec, table: KeySchema, types: dict[str, str]) -> KeySchema:
    composite = (
        sum(role == "HASH" for _, role in spec.key_elements) > 1 or len(spec.key_elements) > 2
    )
    if spec.kind is IndexKind.LOCAL or not composite:
        _check_roles(spec.key_elements, "Invalid KeySchema: ")
    elif spec.key_elements[0][1] != "HASH":
        raise ValidationException(
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
        )
    keys = key_schema(spec.key_elements, types)
    if spec.kind is IndexKind.LOCAL:
        if not table.range:
            raise ValidationException(
                f"{_INVALID}Table KeySchema does not have a range key, which is required when"
                " specifying a"
                " LocalSecondaryIndex"
            )
        if not keys.range:
            raise ValidationException(
                f"{_INVALID}Index KeySchema does not have a range key for index: {spec.name}"
            )
        if keys.hash != table.hash:
            raise ValidationException(
                f"{_INVALID}Index KeySchema does not have the same leading hash key as table"
                " KeySchema for index:"
                f" {spec.name}. index hash key: {keys.hash[0].name}, table hash key:"
                f" {table.hash[0].name}"
            )
    return keys


def _projection(spec: IndexSpec) -> tuple[Projection, tuple[str, ...]]:
    if spec.projection_type is None:
        raise ValidationException(f"{_INVALID}Unknown ProjectionType: null")
    projection = Projection(spec.projection_type)
    attributes = spec.non_key_attributes
    if projection is Projection.INCLUDE:
        if attributes is None:
            raise ValidationException(
                f"{_INVALID}ProjectionType is INCLUDE, but NonKeyAttributes is not specified"
            )
    elif attributes is not None:
        raise ValidationException(
            f"{_INVALID}ProjectionType is {projection.value}, but NonKeyAttributes is specified"
        )
    return projection, tuple(dict.fromkeys(attributes or ()))


def check_counts(specs: Sequence[IndexSpec]) -> None:
    """Raise ValidationException for too many indexes or two of one name."""
    local = [spec for spec in specs if spec.kind is IndexKind.LOCAL]
    if len(local) > limits.LOCAL_INDEXES:
        raise ValidationException(
            f"{_INVALID}Number of LocalSecondaryIndexes exceeds per-table limit of"
            f" {limits.LOCAL_INDEXES}"
        )
    if len(specs) - len(local) > limits.GLOBAL_INDEXES:
        raise ValidationException(
            f"{_INVALID}GlobalSecondaryIndex count exceeds the per-table limit of"
            f" {limits.GLOBAL_INDEXES}"
        )
    seen: set[str] = set()
    for spec in specs:
        if spec.name in seen:
            raise ValidationException(f"{_INVALID}Duplicate index name: {spec.name}")
        seen.add(spec.name)
    included = {name for spec in specs for name in spec.non_key_attributes or ()}
    if sum(len(spec.non_key_attributes or ()) for spec in specs) > limits.PROJECTED_ATTRIBUTES:
        raise ValidationException(
            f"{_INVALID}Number of projected attributes ({len(included)}) exceeds the limit of"
            f" {limits.PROJECTED_ATTRIBUTES}"
        )


def throughput_for(
    mode: BillingMode, asked: dict[str, Any] | None, index_name: str | None = None
) -> Throughput:
    """The throughput of a table or a global index under a billing mode, from the request's
    ProvisionedThroughput."""
    where = "" if index_name is None else f" for index: {index_name}"
    if mode is BillingMode.PAY_PER_REQUEST:
        if asked is not None:
            raise ValidationException(
                f"{_INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be"
                f" specified{where} when BillingMode is"
                " PAY_PER_REQUEST"
            )
        return Throughput()
    if asked is None:
        raise ValidationException(
            f"{_INVALID}ReadCapacityUnits and WriteCapacityUnits must both be specified{where}"
            " when BillingMode is"
            " PROVISIONED"
        )
    return Throughput(asked["ReadCapacityUnits"], asked["WriteCapacityUnits"])
