"""Backups: hidden tables that hold a table's items and what it was like.

A backup is named by its ARN, lives on when its table is gone, and is no part of any caller's
tables. What is left behind by a deleted table whose changes were kept is that table itself, hidden:
its items stay where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.errors import (
    BackupInUseException,
    BackupNotFoundException,
    ValidationException,
)
from tailrace.model.schema import (
    BillingMode,
    Index,
    IndexKind,
    IndexStatus,
    StreamViewType,
    Table,
    TableStatus,
)
from tailrace.tables import hidden
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick
from tailrace.tables.copies import being_copied, copying
from tailrace.tables.description import key_elements, projection_member, vector_members
from tailrace.tables.engine import Usage

__all__ = [
    "Backup",
    "backup_details",
    "backup_summary",
    "backups_of",
    "create",
    "describe_backup",
    "drop",
    "expire",
    "expiry_due",
    "find_backup",
    "leaving_behind",
    "left_behind",
    "made",
    "made_of_deleted",
    "source_table",
]

_BACKUP: Final = "Backup"
_SOURCE: Final = "Source"
# In the settings of a table that is being deleted: the backup that it is to become.
_LEFT: Final = "LeftBehind"
_USER: Final = "USER"
_SYSTEM: Final = "SYSTEM"
# What of a table's settings a backup remembers.
_KEPT: Final = ("SSEDescription", "OnDemandThroughput")


class Backup(msgspec.Struct, frozen=True):
    """What is known of a backup beside its items; `items` and `size` are the table's when it was
    asked for. `expires_us` is when it goes by itself, None for never."""

    arn: str
    name: str
    created_us: int
    items: int
    size: int
    stream_view_type: StreamViewType | None = None
    type: str = _USER
    expires_us: int | None = None


def create(source_id: int, backup: Backup) -> Alter:
    """Create a backup of a table, still empty; nothing happens when the table is gone."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        source = catalog.tables.get(source_id)
        if source is None:
            return Alteration()
        table = _kept_as(catalog.next_id, source, backup)
        return Alteration(tables=(copying(table, source_id),), next_id=table.id + 1)

    return decide


def _kept_as(table_id: int, source: Table, backup: Backup) -> Table:
    """The hidden table of a backup of a table."""
    kept = {name: source.settings[name] for name in _KEPT if name in source.settings}
    # As it is to be restored: with none of what was changing just then.
    indexes = tuple(
        msgspec.structs.replace(
            index,
            status=IndexStatus.ACTIVE,
            backfilling=False,
            allocated_us=None,
            settles_us=None,
        )
        for index in source.indexes
        if index.status is not IndexStatus.DELETING
    )
    like = msgspec.structs.replace(
        source,
        status=TableStatus.ACTIVE,
        settles_us=None,
        former_throughput=None,
        indexes=indexes,
        stream=None,
        captures=(),
        settings=kept,
    )
    return Table(
        id=table_id,
        uuid=source.uuid,
        region=hidden.HIDDEN_REGION,
        account=hidden.HIDDEN_ACCOUNT,
        name=backup.arn,
        keys=source.keys,
        attribute_types=source.attribute_types,
        created_us=backup.created_us,
        partitions=source.partitions,
        settings={
            _BACKUP: msgspec.to_builtins(backup),
            _SOURCE: msgspec.to_builtins(like),
        },
    )


def leaving_behind(table: Table, backup: Backup) -> Table:
    """A table that becomes a backup when it is deleted."""
    settings = {**table.settings, _LEFT: msgspec.to_builtins(backup)}
    return msgspec.structs.replace(table, settings=settings)


def left_behind(table: Table) -> Table | None:
    """What a deleted table leaves behind, if anything: itself, as a backup."""
    stored = table.settings.get(_LEFT)
    return None if stored is None else _kept_as(table.id, table, msgspec.convert(stored, Backup))


def drop(arn: str) -> Alter:
    """Remove a backup. Refused with BackupNotFoundException or BackupInUseException, and with
    ValidationException when it goes by itself."""

    def decide(catalog: Catalog, tick: Tick) -> Alteration:
        del tick
        table = find_backup(catalog, arn)
        expires_us = _backup(table).expires_us
        if expires_us is not None:
            moment = datetime.fromtimestamp(expires_us // 1_000_000, UTC)
            raise ValidationException(
                f"User is not allowed to delete the system backup with arn {arn}. It will"
                f" automatically expire on {moment:%a %b %d %H:%M:%S UTC %Y}"
            )
        if table.status is TableStatus.CREATING:
            raise BackupInUseException(f"Backup is being created: {arn}")
        if being_copied(catalog, table.id):
            raise BackupInUseException(f"Backup is being used to restore another table: {arn}")
        return Alteration(dropped_tables=(table.id,))

    return decide


def expiry_due(catalog: Catalog, now_us: int) -> bool:
    """Whether `expire` would drop anything."""
    return bool(_expired(catalog, now_us))


def expire(now_us: int) -> Alter:
    """Drop the backups whose time is over."""
    return lambda catalog, tick: Alteration(dropped_tables=_expired(catalog, now_us))


def _expired(catalog: Catalog, now_us: int) -> tuple[int, ...]:
    expired: list[int] = []
    for table in catalog.tables.values():
        if table.account == hidden.HIDDEN_ACCOUNT and _BACKUP in table.settings:
            expires_us = _backup(table).expires_us
            over = expires_us is not None and expires_us <= now_us
            if over and not being_copied(catalog, table.id):
                expired.append(table.id)
    return tuple(expired)


def find_backup(catalog: Catalog, arn: str) -> Table:
    """The hidden table of a backup. Raises BackupNotFoundException."""
    table = hidden.find(catalog, arn)
    if table is None or _BACKUP not in table.settings:
        raise BackupNotFoundException(f"Backup not found: {arn}")
    return table


def backups_of(catalog: Catalog, account: str, region: str) -> Sequence[Table]:
    """The hidden tables of all backups of an account and region, in the order of their making."""
    found = [
        table
        for table in catalog.tables.values()
        if table.account == hidden.HIDDEN_ACCOUNT and _BACKUP in table.settings
    ]
    own = [
        table
        for table in found
        if (source_table(table).account, source_table(table).region) == (account, region)
    ]
    return sorted(own, key=lambda table: (table.created_us, table.id))


def _backup(table: Table) -> Backup:
    return msgspec.convert(table.settings[_BACKUP], Backup)


def source_table(table: Table) -> Table:
    """A backup's table as it was."""
    return msgspec.convert(table.settings[_SOURCE], Table)


def backup_details(table: Table, status: str | None = None) -> dict[str, Any]:
    """The BackupDetails of a backup; `status` stands in for its own."""
    backup = _backup(table)
    details: dict[str, Any] = {
        "BackupArn": backup.arn,
        "BackupName": backup.name,
        "BackupSizeBytes": backup.size,
        "BackupStatus": status or _status(table),
        "BackupType": backup.type,
        "BackupCreationDateTime": backup.created_us // 1000 / 1000,
    }
    if backup.expires_us is not None:
        details["BackupExpiryDateTime"] = backup.expires_us // 1000 / 1000
    return details


def backup_summary(table: Table) -> dict[str, Any]:
    """A backup as ListBackups shows it."""
    source = source_table(table)
    return {
        "TableName": source.name,
        "TableId": source.uuid,
        "TableArn": source.arn,
        **backup_details(table),
    }


def describe_backup(table: Table, status: str | None = None) -> dict[str, Any]:
    """The BackupDescription of a backup."""
    source, backup = source_table(table), _backup(table)
    details: dict[str, Any] = {
        "TableName": source.name,
        "TableId": source.uuid,
        "TableArn": source.arn,
        "TableSizeBytes": backup.size,
        "KeySchema": key_elements(source.keys),
        "TableCreationDateTime": source.created_us / 1e6,
        "ProvisionedThroughput": {
            "ReadCapacityUnits": source.throughput.read_units,
            "WriteCapacityUnits": source.throughput.write_units,
        },
        "ItemCount": backup.items,
        "BillingMode": source.billing_mode.value,
    }
    if "OnDemandThroughput" in source.settings:
        details["OnDemandThroughput"] = source.settings["OnDemandThroughput"]
    return {
        "BackupDetails": backup_details(table, status),
        "SourceTableDetails": details,
        # Seen on AWS: those that the service makes say nothing of features.
        "SourceTableFeatureDetails": {} if backup.type == _SYSTEM else _features(source, backup),
    }


def _status(table: Table) -> str:
    return "CREATING" if table.status is TableStatus.CREATING else "AVAILABLE"


def _features(source: Table, backup: Backup) -> dict[str, Any]:
    features: dict[str, Any] = {}
    for member, kind in (
        ("LocalSecondaryIndexes", IndexKind.LOCAL),
        ("GlobalSecondaryIndexes", IndexKind.GLOBAL),
        ("VectorIndexes", IndexKind.VECTOR),
    ):
        indexes = [_index(source, index) for index in source.indexes if index.kind is kind]
        if indexes:
            features[member] = indexes
    if backup.stream_view_type is not None:
        features["StreamDescription"] = {
            "StreamEnabled": True,
            "StreamViewType": backup.stream_view_type.value,
        }
    if source.ttl_attribute is not None:
        features["TimeToLiveDescription"] = {
            "TimeToLiveStatus": "ENABLED",
            "AttributeName": source.ttl_attribute,
        }
    if "SSEDescription" in source.settings:
        features["SSEDescription"] = source.settings["SSEDescription"]
    return features


def _index(source: Table, index: Index) -> dict[str, Any]:
    info: dict[str, Any] = {"IndexName": index.name, "Projection": projection_member(index)}
    if index.vector is not None:
        return info | vector_members(index.vector)
    info["KeySchema"] = key_elements(index.keys)
    if index.kind is IndexKind.GLOBAL and source.billing_mode is BillingMode.PROVISIONED:
        info["ProvisionedThroughput"] = {
            "ReadCapacityUnits": index.throughput.read_units,
            "WriteCapacityUnits": index.throughput.write_units,
        }
    return info


def made(source: Table, usage: Usage, arn: str, name: str, now_us: int) -> Backup:
    """A backup to be made of a table now."""
    view_type = None if source.stream is None else source.stream.view_type
    return Backup(arn, name, now_us, usage.items, usage.size, view_type)


def made_of_deleted(source: Table, usage: Usage, now_us: int) -> Backup:
    """What is kept of a table that is deleted now while its changes are kept, in the form that AWS
    was seen to give it."""
    arn = f"{source.arn}/backup/{now_us // 1000:014d}-00000000"
    backup = made(source, usage, arn, f"{source.name}$DeletedTableBackup", now_us)
    expires_us = now_us + limits.SYSTEM_BACKUP_DAYS * 24 * 60 * 60 * 1_000_000
    return msgspec.structs.replace(backup, type=_SYSTEM, expires_us=expires_us)
