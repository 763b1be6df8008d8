"""From what CreateTable and UpdateTable ask for to keys and indexes, with DynamoDB's refusals.

Messages and the order of the checks are the service's, from its documented and observed answers
(October 2026 where they changed over time).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.model.keys import KeyAttribute, KeySchema
from tailrace.model.schema import Index, IndexKind, IndexStatus, Projection, Throughput

__all__ = [
    "IndexSpec",
    "check_definitions",
    "check_index",
    "check_indexes",
    "check_projected",
    "check_projection",
    "key_of",
    "make_index",
]

_INVALID: Final = "One or more parameter values were invalid: "
_SAME_NAME: Final = (
    "Both the Hash Key and the Range Key element in the KeySchema have the same name"
)

KeyElements = Sequence[tuple[str, str]]


class IndexSpec(msgspec.Struct, frozen=True):
    """An index as a request asks for it, in the API's own form."""

    name: str
    kind: IndexKind
    key_elements: KeyElements
    projection_type: str | None
    non_key_attributes: Sequence[str] | None
    throughput: Throughput | None = None

    @property
    def key_names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.key_elements)


def key_of(elements: KeyElements, types: dict[str, str]) -> KeySchema:
    """The key of checked (attribute name, HASH or RANGE) pairs."""
    parts: dict[str, list[KeyAttribute]] = {"HASH": [], "RANGE": []}
    for name, role in elements:
        parts[role].append(KeyAttribute(name, types[name]))
    return KeySchema(tuple(parts["HASH"]), tuple(parts["RANGE"]))


def make_index(spec: IndexSpec, index_id: int, types: dict[str, str]) -> Index:
    """The index of a checked specification."""
    return Index(
        id=index_id,
        name=spec.name,
        kind=spec.kind,
        keys=key_of(spec.key_elements, types),
        projection=Projection(spec.projection_type),
        included=tuple(sorted(spec.non_key_attributes or ())),
        status=IndexStatus.ACTIVE,
        throughput=spec.throughput or Throughput(),
    )


def check_definitions(
    defined: Sequence[str],
    elements: KeyElements,
    specs: Sequence[IndexSpec],
    searched: Iterable[str] = (),
) -> None:
    """Raise ValidationException unless the table's key is in order and the defined attributes are
    exactly those that it and the indexes' keys are made of, and those `searched` by in vector
    indexes. What else can be wrong with indexes comes later.
    """
    if len(elements) > len(defined):
        raise ValidationException("Invalid KeySchema: Some index key attribute have no definition")
    for place, name in enumerate(defined):
        if name in defined[:place]:
            raise ValidationException(f"Attribute Name is duplicated: {name}")
    names = [name for name, _ in elements]
    _check_defined(names, defined)
    _check_pair(elements)
    used = dict.fromkeys(names)
    for spec in specs:
        _check_defined(spec.key_names, defined)
        used.update(dict.fromkeys(spec.key_names))
    used.update(dict.fromkeys(searched))
    if len(used) == len(defined):
        return
    if not specs:
        raise ValidationException(
            f"{_INVALID}Number of attributes in KeySchema does not exactly match number of"
            " attributes defined in AttributeDefinitions"
        )
    raise ValidationException(
        f"{_INVALID}Some AttributeDefinitions are not used. AttributeDefinitions:"
        f" [{_as_map(defined)}], keys used: [{_hashed(list(used), 16)}]"
    )


def _check_defined(names: Sequence[str], defined: Sequence[str]) -> None:
    if any(name not in defined for name in names):
        raise ValidationException(
            f"{_INVALID}Some index key attributes are not defined in AttributeDefinitions. Keys:"
            f" [{', '.join(names)}], AttributeDefinitions: [{_as_map(defined)}]"
        )


def _check_pair(elements: KeyElements) -> None:
    """Check a key of at most one attribute of each kind."""
    if len(elements) > 1 and elements[0][0] == elements[1][0]:
        raise ValidationException(_SAME_NAME)
    _check_first(elements)
    if len(elements) > 1 and elements[1][1] != "RANGE":
        raise ValidationException(
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"
        )


def _check_first(elements: KeyElements) -> None:
    if elements[0][1] != "HASH":
        raise ValidationException(
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
        )


# Indexes -----------------------------------------------------------------------------------------


def check_indexes(specs: Iterable[IndexSpec], elements: KeyElements) -> None:
    """Raise ValidationException for the first thing wrong with the indexes of a new table, whose
    key is `elements`: local ones before global ones, their number last."""
    local = [spec for spec in specs if spec.kind is IndexKind.LOCAL]
    seen: set[str] = set()
    if local and len(elements) == 1:
        raise ValidationException(
            f"{_INVALID}Table KeySchema does not have a range key, which is required when"
            " specifying a LocalSecondaryIndex"
        )
    for spec in local:
        check_index(spec, elements)
        _check_name(spec, seen)
    if len(local) > limits.LOCAL_INDEXES:
        raise ValidationException(
            f"{_INVALID}Number of LocalSecondaryIndexes exceeds per-table limit of"
            f" {limits.LOCAL_INDEXES}"
        )
    others = [spec for spec in specs if spec.kind is IndexKind.GLOBAL]
    for spec in others:
        check_index(spec, elements)
        _check_name(spec, seen)
    if len(others) > limits.GLOBAL_INDEXES:
        raise ValidationException(
            f"{_INVALID}GlobalSecondaryIndex count exceeds the per-table limit of"
            f" {limits.GLOBAL_INDEXES}"
        )
    check_projected(sum(len(spec.non_key_attributes or ()) for spec in specs))


def check_projected(count: int) -> None:
    """Raise ValidationException when a table's indexes name more attributes to project than they
    may together."""
    if count > limits.PROJECTED_ATTRIBUTES:
        raise ValidationException(
            f"{_INVALID}Number of projected attributes ({count}) exceeds the limit of"
            f" {limits.PROJECTED_ATTRIBUTES}"
        )


def _check_name(spec: IndexSpec, seen: set[str]) -> None:
    if spec.name in seen:
        raise ValidationException(f"{_INVALID}Duplicate index name: {spec.name}")
    seen.add(spec.name)


def check_index(spec: IndexSpec, table: KeyElements) -> None:
    """Raise ValidationException for a wrong key or projection of an index; `table` is the key of
    its table."""
    if spec.kind is IndexKind.LOCAL:
        _check_local_key(spec, table)
    else:
        _check_global_key(spec.key_elements)
    check_projection(spec.projection_type, spec.non_key_attributes)


def _check_local_key(spec: IndexSpec, table: KeyElements) -> None:
    _check_pair(spec.key_elements)
    if len(spec.key_elements) == 1:
        raise ValidationException(
            f"{_INVALID}Index KeySchema does not have a range key for index: {spec.name}"
        )
    own, wanted = spec.key_elements[0][0], table[0][0]
    if own != wanted:
        raise ValidationException(
            f"{_INVALID}Index KeySchema does not have the same leading hash key as table"
            f" KeySchema for index: {spec.name}. index hash key: {own}, table hash key: {wanted}"
        )


def _check_global_key(elements: KeyElements) -> None:
    _check_first(elements)
    names = [name for name, _ in elements]
    roles = [role for _, role in elements]
    if len(set(names)) != len(names):
        raise ValidationException(
            _SAME_NAME
            if roles == ["HASH", "RANGE"]
            else "The KeySchema contains multiple key attributes with the same name"
        )
    if roles != sorted(roles):
        raise ValidationException(
            f"{_INVALID}All HASH key attributes must precede RANGE key attributes in the KeySchema"
        )
    for role in ("HASH", "RANGE"):
        if roles.count(role) > limits.INDEX_KEY_ATTRIBUTES:
            raise ValidationException(
                f"{_INVALID}The KeySchema exceeds the maximum allowed number of {role} key"
                " attributes"
            )


def check_projection(kind: str | None, attributes: Sequence[str] | None) -> None:
    """Raise ValidationException unless a projection's type goes with the attributes it names."""
    problem: str | None = None
    if kind is None:
        problem = "Unknown ProjectionType: null"
    elif kind != "INCLUDE":
        if attributes is not None:
            problem = f"ProjectionType is {kind}, but NonKeyAttributes is specified"
    elif attributes is None:
        problem = "ProjectionType is INCLUDE, but NonKeyAttributes is not specified"
    else:
        twice = [name for place, name in enumerate(attributes) if name in attributes[:place]]
        problem = f"Duplicate element in NonKeyAttributes: {twice[0]}" if twice else None
    if problem is not None:
        raise ValidationException(_INVALID + problem)


# The order of names in messages ------------------------------------------------------------------


def _as_map(names: Sequence[str]) -> str:
    """Names as a map made for that many of them lists them."""
    count = len(names)
    expected = count + 1 if count < 3 else count * 4 // 3 + 1
    return _hashed(names, 1 << (expected - 1).bit_length())


def _hashed(names: Sequence[str], slots: int) -> str:
    """Names as the service's hash tables of so many slots list them: AWS was seen to answer
    `AttributeDefinitions: [sk, a, b, pk, c], keys used: [a, sk, pk]`."""
    while len(names) > slots * 3 // 4 and slots >= 16:
        slots *= 2
    return ", ".join(sorted(names, key=lambda name: _java_hash(name) & (slots - 1)))


def _java_hash(name: str) -> int:
    value = 0
    units = name.encode("utf-16-be")
    for at in range(0, len(units), 2):
        value = (value * 31 + int.from_bytes(units[at : at + 2], "big")) & 0xFFFFFFFF
    return value ^ (value >> 16)
