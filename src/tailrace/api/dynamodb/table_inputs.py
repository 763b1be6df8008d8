"""The parts of a table's definition as requests carry them."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Protocol

import msgspec

from tailrace.api.dynamodb import inputs
from tailrace.errors import ValidationException
from tailrace.model.schema import IndexKind, StreamViewType, Table, Throughput
from tailrace.model.vectors import DistanceFunction, SearchRole
from tailrace.tables import throughput
from tailrace.tables.definition import IndexSpec
from tailrace.tables.vector_definition import VectorSpec

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
    "VectorIndex",
    "WarmThroughput",
    "elements",
    "index_spec",
    "merged_limits",
    "on_demand_units",
    "sse_description",
    "units",
    "vector_spec",
    "warm_units",
    "with_index_settings",
    "without_on_demand",
]

_INVALID: Final = "One or more parameter values were invalid: "

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


class WarmThroughput(msgspec.Struct, rename="pascal", frozen=True):
    read_units_per_second: int | None = None
    write_units_per_second: int | None = None


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
    warm_throughput: WarmThroughput | None = None


class VectorAttribute(msgspec.Struct, rename="pascal", frozen=True):
    attribute_name: _AttributeName


class SearchElement(msgspec.Struct, rename="pascal", frozen=True):
    attribute_name: _AttributeName
    search_schema_element_type: SearchRole


class VectorIndex(msgspec.Struct, rename="pascal", frozen=True):
    index_name: inputs.IndexName
    vector_attribute: VectorAttribute
    projection: ProjectionSpec
    dimensions: Annotated[int, msgspec.Meta(ge=1)]
    distance_function: DistanceFunction
    search_schema: Annotated[list[SearchElement], msgspec.Meta(min_length=1)] | None = None


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


def on_demand_units(asked: OnDemandThroughput) -> dict[str, int]:
    """The limits that a request names, in the API's form."""
    given: dict[str, int | None] = msgspec.to_builtins(asked)
    return {member: units for member, units in given.items() if units is not None}


def merged_limits(current: dict[str, int] | None, asked: dict[str, int]) -> dict[str, int]:
    """On-demand limits after a change: -1 takes one away."""
    merged = {**(current or {}), **asked}
    return {member: units for member, units in merged.items() if units != -1}


def warm_units(asked: WarmThroughput) -> dict[str, int]:
    """The warm throughput that a request names, in the API's form."""
    given: dict[str, int | None] = msgspec.to_builtins(asked)
    return {member: units for member, units in given.items() if units is not None}


class _Tuned(Protocol):
    """What a request says of an index beside its provisioned throughput."""

    @property
    def index_name(self) -> str: ...
    @property
    def on_demand_throughput(self) -> OnDemandThroughput | None: ...
    @property
    def warm_throughput(self) -> WarmThroughput | None: ...


def with_index_settings(table: Table, asked: _Tuned) -> Table:
    """A table that keeps the on-demand limits and the warm throughput asked for an index, under
    its name in `settings["Indexes"]`."""
    if asked.on_demand_throughput is None and asked.warm_throughput is None:
        return table
    indexes = throughput.index_settings(table)
    own = dict(indexes.get(asked.index_name, {}))
    if asked.on_demand_throughput is not None:
        own["OnDemandThroughput"] = merged_limits(
            own.get("OnDemandThroughput"), on_demand_units(asked.on_demand_throughput)
        )
    if asked.warm_throughput is not None:
        current = throughput.warm(
            table.billing_mode, table.index_by_name[asked.index_name].throughput, own
        )
        wanted = warm_units(asked.warm_throughput)
        throughput.check_warm_change(current, wanted, asked.index_name)
        own["WarmThroughput"] = {**current, **wanted}
    indexes[asked.index_name] = own
    return msgspec.structs.replace(table, settings={**table.settings, "Indexes": indexes})


def without_on_demand(table: Table) -> dict[str, object]:
    """A table's settings without on-demand limits, its own and the indexes'."""
    indexes = throughput.index_settings(table)
    kept = {name: value for name, value in table.settings.items() if name != "OnDemandThroughput"}
    if indexes:
        kept["Indexes"] = {
            name: {member: value for member, value in own.items() if member != "OnDemandThroughput"}
            for name, own in indexes.items()
        }
    return kept


def sse_description(
    scope: tuple[str, str, str], asked: SSESpecification | None
) -> dict[str, str] | None:
    """How a table of (account, region, name) says that it is encrypted under a key of the key
    service; None for a table under the service's own. Raises ValidationException for parts that
    don't go together.
    """
    if asked is None:
        return None
    problem: str | None = None
    if not asked.Enabled and asked.SSEType is not None:
        problem = "SSEType can not be specified if Enabled is false"
    elif not asked.Enabled and asked.KMSMasterKeyId is not None:
        problem = "KMSMasterKeyId can not be specified if Enabled is false"
    elif asked.SSEType == "AES256":
        problem = "SSEType AES256 is not supported"
    elif asked.KMSMasterKeyId is not None and asked.SSEType is None:
        problem = "SSEType KMS is required if KMSMasterKeyId is specified"
    if problem is not None:
        raise ValidationException(_INVALID + problem)
    if not asked.Enabled:
        return None
    account, region, _ = scope
    key = asked.KMSMasterKeyId or "alias/aws/dynamodb"
    kind = "" if key.startswith("alias/") else "key/"
    arn = key if key.startswith("arn:") else f"arn:aws:kms:{region}:{account}:{kind}{key}"
    return {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": arn}


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


def vector_spec(index: VectorIndex) -> VectorSpec:
    """A vector index of a request as the definition checks it."""
    return VectorSpec(
        name=index.index_name,
        attribute=index.vector_attribute.attribute_name,
        dimensions=index.dimensions,
        function=index.distance_function,
        search=[
            (element.attribute_name, element.search_schema_element_type)
            for element in index.search_schema or ()
        ],
        projection_type=index.projection.projection_type,
        non_key_attributes=index.projection.non_key_attributes,
    )
