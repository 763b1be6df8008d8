"""Proves that calls about global tables are answered as for tables of one region."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.testing.calling import Caller

NAME = {"GlobalTableName": "things"}


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("CreateGlobalTable", {**NAME, "ReplicationGroup": [{"RegionName": "eu-west-1"}]}),
        ("UpdateGlobalTable", {**NAME, "ReplicaUpdates": []}),
    ],
)
def test_the_old_version_is_refused(
    caller: Caller, operation: str, members: dict[str, Any]
) -> None:
    caller.create()
    refused = caller.refused(operation, **members)
    assert refused.code == "ValidationException"
    assert "DynamoDB global tables version 2017.11.29 is not supported" in refused.message


@pytest.mark.parametrize(
    "operation", ["DescribeGlobalTable", "DescribeGlobalTableSettings", "UpdateGlobalTableSettings"]
)
def test_no_table_is_global(caller: Caller, operation: str) -> None:
    caller.create()
    assert caller.refused(operation, **NAME).code == "GlobalTableNotFoundException"
    assert caller.call("ListGlobalTables") == {"GlobalTables": []}


def test_a_table_has_no_replicas_to_scale(caller: Caller) -> None:
    caller.create()
    answer = caller.call("DescribeTableReplicaAutoScaling", TableName="things")
    assert answer["TableAutoScalingDescription"] == {
        "TableName": "things",
        "TableStatus": "ACTIVE",
        "Replicas": [],
    }
    refused = caller.refused("UpdateTableReplicaAutoScaling", TableName="things")
    assert refused.code == "ValidationException"
    absent = caller.refused("DescribeTableReplicaAutoScaling", TableName="nowhere")
    assert absent.code == "ResourceNotFoundException"
