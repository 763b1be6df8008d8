"""Changes of a table and of its indexes as requests ask for them, and words of their refusals."""

from __future__ import annotations

from typing import Any

from tests.conformance.client import Json
from tests.conformance.shapes import definitions, index

__all__ = [
    "BLOCKED",
    "CLASS",
    "ENCRYPT",
    "INVALID",
    "LIMITS",
    "NOTHING",
    "ONE",
    "PROTECT",
    "STREAM",
    "TWO",
    "WARM",
    "B",
    "changes",
    "create",
    "remove",
    "update",
]

INVALID = "One or more parameter values were invalid: "
ONE: Json = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
TWO: Json = {"ReadCapacityUnits": 2, "WriteCapacityUnits": 2}
STREAM: Json = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
NOTHING = (
    "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled,"
    " GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady,"
    " ReplicaTransitRoleArn, MultiRegionConsistency, DeletionProtectionEnabled,"
    " OnDemandThroughput, WarmThroughput or TableClass is required"
)

BLOCKED = (
    "This operation cannot be performed with given input values. Please contact DynamoDB service"
    " team for more info: Action Blocked: IndexUpdate"
)


def create(name: str = "new", **more: Any) -> Json:
    return {"GlobalSecondaryIndexUpdates": [{"Create": {**index(name, "b"), **more}}]}


def update(name: str, units: Json | None = TWO) -> Json:
    change = {"IndexName": name}
    return {"Update": change if units is None else {**change, "ProvisionedThroughput": units}}


def remove(name: str) -> Json:
    return {"Delete": {"IndexName": name}}


def changes(*updates: Json) -> Json:
    return {"GlobalSecondaryIndexUpdates": list(updates)}


B = {"AttributeDefinitions": definitions(("b", "S"))}
PROTECT = {"DeletionProtectionEnabled": True}
ENCRYPT = {"SSESpecification": {"Enabled": True}}
CLASS = {"TableClass": "STANDARD"}
WARM = {"WarmThroughput": {"ReadUnitsPerSecond": 12001}}
LIMITS = {"OnDemandThroughput": {"MaxReadRequestUnits": 10}}
