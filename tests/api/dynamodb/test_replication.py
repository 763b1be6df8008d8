"""Proves that replicas and witnesses are refused, and what may be kept is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tailrace.testing.calling import Caller

MODE = "GlobalTableSettingsReplicationMode"


def refused(caller: Caller, **more: Any) -> str:
    error = caller.refused("UpdateTable", TableName="things", **more)
    assert error.code == "ValidationException"
    return error.message


UNSUPPORTED = (
    "Region eu-west-1 is not supported. The latest version of global tables are only supported in"
    " the following regions: [us-east-1]"
)
LOCAL = (
    "Cannot add or delete the local region through ReplicaUpdates. Use CreateTable, DeleteTable,"
    " or UpdateTable as required."
)


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"Create": {"RegionName": "eu-west-1"}}, UNSUPPORTED),
        ({"Create": {"RegionName": "us-east-1"}}, LOCAL),
        ({"Delete": {"RegionName": "us-east-1"}}, LOCAL),
        (
            {"Delete": {"RegionName": "eu-west-1"}},
            (
                "Update global table operation failed because one or more replicas were not part"
                " of the global table. Please retry the request without these replicas:"
                " [eu-west-1]."
            ),
        ),
        ({}, "There are no actions specified in the Replica Update Action of the request."),
    ],
)
def test_replicas_are_refused(caller: Caller, update: dict[str, Any], message: str) -> None:
    caller.create()
    assert refused(caller, ReplicaUpdates=[update]) == message
    assert refused(caller, ReplicaUpdates=[update], DeletionProtectionEnabled=True) == (
        "One or more parameter values were invalid: Requests that modify replicas or witnesses"
        " must not also modify other fields"
    )


def test_witnesses_are_refused(caller: Caller) -> None:
    caller.create()
    updates = [{"Create": {"RegionName": "eu-west-1"}}]
    assert refused(caller, GlobalTableWitnessUpdates=updates).startswith(
        "MultiRegionConsistency must be set as STRONG"
    )
    strong = {"MultiRegionConsistency": "STRONG"}
    assert refused(caller, GlobalTableWitnessUpdates=updates, **strong) == UNSUPPORTED
    alone = refused(caller, **strong)
    assert alone.startswith("At least one of ProvisionedThroughput")
    assert "MultiRegionConsistency" not in alone


def test_settings_of_a_table_of_one_region_are_kept(caller: Caller) -> None:
    caller.create(**{MODE: "DISABLED"})
    shown = caller.call("DescribeTable", TableName="things")["Table"]
    assert shown[MODE] == "DISABLED"
    caller.call("UpdateTable", TableName="things", **{MODE: "ENABLED"})
    shown = caller.call("DescribeTable", TableName="things")["Table"]
    assert shown[MODE] == "ENABLED"
    message = refused(caller, **{MODE: "ENABLED_WITH_OVERRIDES"})
    assert message.endswith("settings replication are supported for a Regional Table.")


def test_a_table_may_begin_with_tags_and_a_policy(caller: Caller) -> None:
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/things"
    policy = json.dumps({"Statement": [{"Effect": "Allow", "Resource": arn}]})
    caller.create(ResourcePolicy=policy, Tags=[{"Key": "a", "Value": "b"}])
    assert caller.call("GetResourcePolicy", ResourceArn=arn)["Policy"] == policy
    members = {
        "TableName": "other",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    for more in (
        {"ResourcePolicy": "{"},
        {"Tags": [{"Key": "aws:a", "Value": "b"}]},
        {"GlobalTableSourceArn": arn.replace("us-east-1", "eu-west-1")},
    ):
        assert caller.refused("CreateTable", **members, **more).code == "ValidationException"
