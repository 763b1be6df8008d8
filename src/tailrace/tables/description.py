"""A table as DescribeTable and its kin show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tailrace.model.keys import KeySchema
from tailrace.model.schema import (
    BillingMode,
    Index,
    IndexKind,
    IndexStatus,
    Projection,
    Stream,
    StreamKind,
    Table,
    TableStatus,
    Throughput,
)
from tailrace.model.vectors import VectorSchema
from tailrace.tables.catalog import Catalog
from tailrace.tables.engine import Engine, Usage
from tailrace.tables.setting_changes import WARM, is_changing, shown_settings
from tailrace.tables.throughput import index_settings, warm
from tailrace.tables.throughput_history import describe_history

__all__ = [
    "describe_index",
    "describe_table",
    "key_elements",
    "projection_member",
    "vector_members",
]

_STORED_SETTINGS = (
    "SSEDescription",
    "DeletionProtectionEnabled",
    "TableClassSummary",
    "OnDemandThroughput",
    "RestoreSummary",
    "GlobalTableSettingsReplicationMode",
    "DisassociationProtectionEnabled",
)


def describe_table(
    engine: Engine, table: Table, now_us: int, status: TableStatus | None = None
) -> dict[str, Any]:
    """The TableDescription of a table; `status` stands in for its own where an answer shows a
    change under way."""
    usage = engine.usage(table)
    description: dict[str, Any] = {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in table.attribute_types.items()
        ],
        "TableName": table.name,
        "KeySchema": key_elements(table.keys),
        "TableStatus": (status or table.status).value,
        "CreationDateTime": table.created_us / 1e6,
        "ProvisionedThroughput": _throughput(
            table.former_throughput or table.throughput, table.settings, now_us
        ),
        "TableSizeBytes": usage.size,
        "ItemCount": usage.items,
        "TableArn": table.arn,
        "TableId": table.uuid,
        "DeletionProtectionEnabled": False,
    }
    since: Any = table.settings.get("OnDemandSinceUs")
    if table.billing_mode is BillingMode.PAY_PER_REQUEST or since is not None:
        description["BillingModeSummary"] = {
            "BillingMode": table.billing_mode.value,
            "LastUpdateToPayPerRequestDateTime": (since or table.created_us) / 1e6,
        }
    warming = is_changing(table, WARM, now_us)
    description["WarmThroughput"] = _warm(table, table.throughput, table.settings, warming)
    for member, kind in (
        ("LocalSecondaryIndexes", IndexKind.LOCAL),
        ("GlobalSecondaryIndexes", IndexKind.GLOBAL),
        ("VectorIndexes", IndexKind.VECTOR),
    ):
        indexes = [
            describe_index(engine, table, index, now_us)
            for index in table.indexes
            if index.kind is kind
        ]
        if indexes:
            description[member] = indexes
    if table.stream is not None:
        description["StreamSpecification"] = {
            "StreamEnabled": True,
            "StreamViewType": table.stream.view_type.value,
        }
    latest = table.stream or _last_stream(engine.catalog(), table)
    if latest is not None:
        description["LatestStreamLabel"] = latest.label
        description["LatestStreamArn"] = latest.arn
    settings = shown_settings(table, now_us)
    for member in _STORED_SETTINGS:
        if settings.get(member) not in (None, {}):
            description[member] = settings[member]
    return description


def _last_stream(catalog: Catalog, table: Table) -> Stream | None:
    """The stream that a table had last: still named after it was disabled, for as long as it can be
    read."""
    streams = [
        stream
        for stream in catalog.streams.values()
        if stream.table_id == table.id and stream.kind is StreamKind.TABLE
    ]
    return max(streams, key=lambda stream: stream.id, default=None)


def key_elements(keys: KeySchema) -> list[dict[str, str]]:
    """A key in the API's form."""
    return [{"AttributeName": part.name, "KeyType": "HASH"} for part in keys.hash] + [
        {"AttributeName": part.name, "KeyType": "RANGE"} for part in keys.range
    ]


def _throughput(throughput: Throughput, settings: Mapping[str, Any], now_us: int) -> dict[str, Any]:
    return {
        **describe_history(settings, now_us),
        "ReadCapacityUnits": throughput.read_units,
        "WriteCapacityUnits": throughput.write_units,
    }


def _warm(
    table: Table, throughput: Throughput, settings: Mapping[str, Any], warming: bool = False
) -> dict[str, Any]:
    status = "UPDATING" if warming else "ACTIVE"
    return {**warm(table.billing_mode, throughput, settings), "Status": status}


def describe_index(engine: Engine, table: Table, index: Index, now_us: int) -> dict[str, Any]:
    """The description of one of a table's secondary indexes."""
    usage: Usage = engine.usage(table, index)
    schema: dict[str, Any] = {"KeySchema": key_elements(index.keys)}
    description: dict[str, Any] = {
        "IndexName": index.name,
        **(schema if index.vector is None else vector_members(index.vector)),
        "Projection": projection_member(index),
        "IndexSizeBytes": usage.size,
        "ItemCount": usage.items,
        "IndexArn": f"{table.arn}/index/{index.name}",
    }
    if index.kind is IndexKind.LOCAL:
        return description
    description["IndexStatus"] = index.status.value
    # Indexes that are created with their table are never said to be filled.
    if index.status is IndexStatus.CREATING and table.status is not TableStatus.CREATING:
        description["Backfilling"] = index.allocated_us is None
    if index.kind is IndexKind.GLOBAL:
        own = index_settings(table).get(index.name, {})
        description["ProvisionedThroughput"] = _throughput(index.throughput, own, now_us)
        description["WarmThroughput"] = _warm(table, index.throughput, own)
        if own.get("OnDemandThroughput"):
            description["OnDemandThroughput"] = own["OnDemandThroughput"]
    return description


def projection_member(index: Index) -> dict[str, Any]:
    """The Projection of an index."""
    projection: dict[str, Any] = {"ProjectionType": index.projection.value}
    if index.projection is Projection.INCLUDE:
        projection["NonKeyAttributes"] = list(index.included)
    return projection


def vector_members(schema: VectorSchema) -> dict[str, Any]:
    """The members that only the descriptions of vector indexes have."""
    members: dict[str, Any] = {
        "VectorAttribute": {"AttributeName": schema.attribute},
        "Dimensions": schema.dimensions,
        "DistanceFunction": schema.function.value,
    }
    if schema.search:
        members["SearchSchema"] = [
            {"AttributeName": part.name, "SearchSchemaElementType": part.role.value}
            for part in schema.search
        ]
    return members
