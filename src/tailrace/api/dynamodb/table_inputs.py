"""The parts of a table's definition as requests carry them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from tailrace.api.dynamodb import inputs
from tailrace.model.schema import IndexKind, StreamViewType, Throughput
from tailrace.tables.definition import IndexSpec

__all__ = [
    "AttributeDefinition",
    "BillingModeName",
    "GlobalIndex",
    "KeyElements",
    "LocalIndex",
    "OnDemandThroughput",
    "ProvisionedThroughput",
    "SSESpecification",
    "StreamSpecification",
    "Tag",
    "elements",
    "index_spec",
    "units",
]

_AttributeName = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_Units = Annotated[int, msgspec.Meta(ge=1)]
BillingModeName = Literal["PROVISIONED", "PAY_PER_REQUEST"]


class AttributeDefinition(msgspec.Struct, rename="pascal", frozen=True):
    attribute_name: _AttributeName
    attribute_type: Literal["S", "N", "B"]


class KeyElement(msgspec.Struct, rename="pascal", frozen=True):
    attribute_name: _AttributeName
    key_type: Literal["HASH", "RANGE"]


KeyElements = Annotated[list[KeyElement], msgspec.Meta(min_length=1)]


class ProvisionedThroughput(msgspec.Struct, rename="pascal", frozen=True):
    read_capacity_units: _Units
    write_capacity_units: _Units


class OnDemandThroughput(msgspec.Struct, rename="pascal", frozen=True):
    max_read_request_units: int | None = None
    max_write_request_units: int | None = None


class ProjectionSpec(msgspec.Struct, rename="pascal", frozen=True):
    projection_type: Literal["ALL", "KEYS_ONLY", "INCLUDE"] | None = None
    non_key_attributes: (
        Annotated[list[_AttributeName], msgspec.Meta(min_length=1, max_length=20)] | None
    ) = None


class LocalIndex(msgspec.Struct, rename="pascal", frozen=True):
    index_name: inputs.IndexName
    key_schema: KeyElements
    projection: ProjectionSpec


class GlobalIndex(msgspec.Struct, rename="pascal", frozen=True):
    index_name: inputs.IndexName
    key_schema: KeyElements
    projection: ProjectionSpec
    provisioned_throughput: ProvisionedThroughput | None = None
    on_demand_throughput: OnDemandThroughput | None = None
    warm_throughput: dict[str, Any] | None = None


class StreamSpecification(msgspec.Struct, rename="pascal", frozen=True):
    stream_enabled: bool
    stream_view_type: StreamViewType | None = None


class SSESpecification(msgspec.Struct, frozen=True):
    Enabled: bool | None = None
    SSEType: Literal["AES256", "KMS"] | None = None
    KMSMasterKeyId: str | None = None


class Tag(msgspec.Struct, rename="pascal", frozen=True):
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    value: Annotated[str, msgspec.Meta(max_length=256)]


def elements(keys: list[KeyElement]) -> list[tuple[str, str]]:
    """(attribute name, HASH or RANGE) pairs."""
    return [(element.attribute_name, element.key_type) for element in keys]


def units(asked: ProvisionedThroughput | None) -> Throughput | None:
    """The throughput a request names."""
    return (
        None if asked is None else Throughput(asked.read_capacity_units, asked.write_capacity_units)
    )


def index_spec(index: LocalIndex | GlobalIndex) -> IndexSpec:
    """An index of a request as the definition checks it."""
    return IndexSpec(
        name=index.index_name,
        kind=IndexKind.GLOBAL if isinstance(index, GlobalIndex) else IndexKind.LOCAL,
        key_elements=elements(index.key_schema),
        projection_type=index.projection.projection_type,
        non_key_attributes=index.projection.non_key_attributes,
        throughput=units(index.provisioned_throughput) if isinstance(index, GlobalIndex) else None,
    )
