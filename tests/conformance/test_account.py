"""DescribeLimits, DescribeEndpoints, and the operations of global tables for a table that is in one
region."""

from __future__ import annotations

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses

GLOBAL: Json = {"GlobalTableName": "no-such-table"}


def test_an_account_has_limits(db: Client) -> None:
    found = db.call("DescribeLimits", {})
    assert set(found) == {
        f"{whose}Max{kind}CapacityUnits"
        for whose in ("Account", "Table")
        for kind in ("Read", "Write")
    }
    assert all(isinstance(value, int) and value > 0 for value in found.values())


def test_an_endpoint_can_be_found(db: Client) -> None:
    (found,) = db.call("DescribeEndpoints", {})["Endpoints"]
    assert set(found) == {"Address", "CachePeriodInMinutes"}
    assert found["CachePeriodInMinutes"] == 1440


def test_there_are_no_global_tables_of_the_old_version(db: Client) -> None:
    assert db.call("ListGlobalTables", {}) == {"GlobalTables": []}


@pytest.mark.parametrize(
    "operation", ["DescribeGlobalTable", "DescribeGlobalTableSettings", "UpdateGlobalTableSettings"]
)
def test_what_is_no_global_table(db: Client, operation: str) -> None:
    answer = db.send(operation, GLOBAL)
    assert (answer.status, answer.code) == (400, "GlobalTableNotFoundException")


def test_a_table_has_no_replicas_to_scale(db: Client, refuses: Refuses, simple: str) -> None:
    found = db.call("DescribeTableReplicaAutoScaling", {"TableName": simple})
    described = found["TableAutoScalingDescription"]
    assert (described["TableName"], described["TableStatus"]) == (simple, "ACTIVE")
    answer = db.send("DescribeTableReplicaAutoScaling", {"TableName": "no-such-table"})
    assert (answer.status, answer.code) == (400, "ResourceNotFoundException")


@pytest.mark.parametrize(
    ("update", "message"),
    [
        (
            {"Delete": {"RegionName": "eu-west-3"}},
            (
                "Update global table operation failed because one or more replicas were not part of"
                " the global table. Please retry the request without these replicas: [eu-west-3]."
            ),
        ),
        ({}, "There are no actions specified in the Replica Update Action of the request."),
    ],
)
def test_replicas_that_are_not_there(refuses: Refuses, update: Json, message: str) -> None:
    refuses("UpdateTable", {"TableName": "@simple", "ReplicaUpdates": [update]}, message)


@pytest.mark.parametrize("action", ["Create", "Delete"])
def test_the_own_region_is_no_replica(db: Client, refuses: Refuses, action: str) -> None:
    body = {"TableName": "@simple", "ReplicaUpdates": [{action: {"RegionName": db.region}}]}
    message = (
        "Cannot add or delete the local region through ReplicaUpdates. Use CreateTable,"
        " DeleteTable, or UpdateTable as required."
    )
    refuses("UpdateTable", body, message)
