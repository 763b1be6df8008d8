"""What requests ask of a table's replicas, and why a table of one region can't give it.

A server is one region, so what AWS says of regions that it doesn't have is true of all others here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NoReturn

import msgspec

from tailrace.api.operation import Context
from tailrace.errors import ValidationException

__all__ = [
    "ReplicaUpdate",
    "SettingsReplication",
    "WitnessUpdate",
    "check_replicas",
    "check_settings_replication",
    "check_witnesses",
    "refuse_source",
]

SettingsReplication = Literal["ENABLED", "DISABLED", "ENABLED_WITH_OVERRIDES"]


class ReplicaCreation(msgspec.Struct, frozen=True):
    RegionName: str
    KMSMasterKeyId: str | None = None
    ProvisionedThroughputOverride: dict[str, Any] | None = None
    OnDemandThroughputOverride: dict[str, Any] | None = None
    GlobalSecondaryIndexes: list[dict[str, Any]] | None = None
    TableClassOverride: Literal["STANDARD", "STANDARD_INFREQUENT_ACCESS"] | None = None


class ReplicaDeletion(msgspec.Struct, frozen=True):
    RegionName: str


class ReplicaDisassociation(msgspec.Struct, frozen=True):
    RegionName: str
    DisassociationMode: Literal["WAIT_FOR_REPLICATION"]


class ReplicaUpdate(msgspec.Struct, rename="pascal", frozen=True):
    create: ReplicaCreation | None = None
    update: ReplicaCreation | None = None
    delete: ReplicaDeletion | None = None
    disassociate: ReplicaDisassociation | None = None


class WitnessAction(msgspec.Struct, frozen=True):
    RegionName: str


class WitnessUpdate(msgspec.Struct, rename="pascal", frozen=True):
    create: WitnessAction | None = None
    delete: WitnessAction | None = None


def check_replicas(context: Context, updates: Iterable[ReplicaUpdate]) -> NoReturn:
    """Raise the ValidationException of what is asked of replicas."""
    changed: list[str] = []
    for update in updates:
        given = [update.create, update.update, update.delete, update.disassociate]
        regions = [part.RegionName for part in given if part is not None]
        if not regions:
            raise ValidationException(
                "There are no actions specified in the Replica Update Action of the request."
            )
        if context.scope.region in regions and update.update is None:
            raise ValidationException(
                "Cannot add or delete the local region through ReplicaUpdates. Use CreateTable,"
                " DeleteTable, or UpdateTable as required."
            )
        if update.create is not None:
            _refuse_region(context, update.create.RegionName)
        changed += regions
    raise ValidationException(
        "Update global table operation failed because one or more replicas were not part of the"
        " global table. Please retry the request without these replicas:"
        f" [{', '.join(changed)}]."
    )


def check_witnesses(
    context: Context, updates: Iterable[WitnessUpdate], consistency: str | None
) -> NoReturn:
    """Raise the ValidationException of what is asked of witnesses."""
    if consistency != "STRONG":
        raise ValidationException(
            "MultiRegionConsistency must be set as STRONG when GlobalTableWitnessUpdates parameter"
            " is present."
        )
    gone: list[str] = []
    for update in updates:
        if update.create is not None:
            _refuse_region(context, update.create.RegionName)
        if update.delete is not None:
            gone.append(update.delete.RegionName)
    raise ValidationException(
        "Update global table operation failed because one or more witnesses were not part of the"
        " global table. Please retry the request without these witnesses:"
        f" [{', '.join(gone)}]."
    )


def _refuse_region(context: Context, region: str) -> NoReturn:
    raise ValidationException(
        f"Region {region} is not supported. The latest version of global tables are only supported"
        f" in the following regions: [{context.scope.region}]"
    )


def refuse_source(context: Context, arn: str) -> NoReturn:
    """Raise the ValidationException of a table that is to be a replica of another."""
    region = arn.split(":")[3] if arn.count(":") > 3 else arn
    _refuse_region(context, region)


def check_settings_replication(mode: SettingsReplication | None) -> None:
    """Raise ValidationException for a mode that only replicas can have."""
    if mode == "ENABLED_WITH_OVERRIDES":
        raise ValidationException(
            "Value 'ENABLED_WITH_OVERRIDES' at 'GlobalTableSettingsReplicationMode' failed to"
            " satisfy constraint: Only ENABLED and DISABLED settings replication are supported for"
            " a Regional Table."
        )
