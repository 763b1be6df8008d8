"""Global indexes are allocated, filled, changed and removed in AWS's states when that is to take
time, and are read only when they are whole."""

from __future__ import annotations

from typing import Any

from tailrace.testing.calling import Caller
from tests.api.dynamodb.transitions import (
    DEFINED,
    IN_USE,
    INDEX,
    KEY,
    SECOND_US,
    active,
    described,
    index_of,
    refused,
    status,
    update,
    wait,
)


def test_a_new_index_is_allocated_then_filled_then_active(slow: Caller) -> None:
    active(slow)
    slow.put("a", n={"N": "1"})
    create = {
        "AttributeDefinitions": DEFINED,
        "GlobalSecondaryIndexUpdates": [{"Create": INDEX}],
    }
    query = {
        "IndexName": "by-n",
        "KeyConditionExpression": "n = :n",
        "ExpressionAttributeValues": {":n": {"N": "1"}},
    }
    update(slow, **create)
    assert status(slow) == "UPDATING"
    assert (index_of(slow)["IndexStatus"], index_of(slow)["Backfilling"]) == ("CREATING", False)
    remove = {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by-n"}}]}
    assert "resource allocation phase" in refused(slow, "UpdateTable", **remove)
    wait(slow, 5)
    slow.keep()
    assert status(slow) == "ACTIVE"
    assert (index_of(slow)["IndexStatus"], index_of(slow)["Backfilling"]) == ("CREATING", True)
    unready = "ValidationException: Cannot read from backfilling global secondary index: by-n"
    assert refused(slow, "Query", **query) == unready
    assert refused(slow, "Scan", IndexName="by-n") == unready
    statement = slow.refused("ExecuteStatement", Statement='SELECT * FROM things."by-n"')
    assert statement.message == unready.partition(": ")[2]
    other = {**INDEX, "IndexName": "other"}
    second = {**create, "GlobalSecondaryIndexUpdates": [{"Create": other}]}
    assert refused(slow, "UpdateTable", **second).startswith("LimitExceededException: Subscriber")
    assert refused(slow, "DeleteTable") == (
        f"{IN_USE}Cannot delete table while indexes are being created, updated, or deleted."
    )
    slow.put("b", n={"N": "1"})
    wait(slow, 5)
    assert index_of(slow)["IndexStatus"] == "ACTIVE"
    assert "Backfilling" not in index_of(slow)
    assert slow.call("Query", TableName="things", **query)["Count"] == 2


def test_an_index_that_is_not_filled_yet_is_not_active_whatever_the_time(slow: Caller) -> None:
    active(slow)
    create = {
        "AttributeDefinitions": DEFINED,
        "GlobalSecondaryIndexUpdates": [{"Create": INDEX}],
    }
    update(slow, **create)
    wait(slow, 60)
    assert index_of(slow)["IndexStatus"] == "CREATING"
    slow.keep()
    assert index_of(slow)["IndexStatus"] == "ACTIVE"


def test_an_index_that_is_being_filled_can_be_retuned_and_deleted(slow: Caller) -> None:
    units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    active(slow, BillingMode="PROVISIONED", ProvisionedThroughput=units)
    slow.put("a", n={"N": "1"})
    create = [{"Create": {**INDEX, "ProvisionedThroughput": units}}]
    update(slow, AttributeDefinitions=DEFINED, GlobalSecondaryIndexUpdates=create)
    wait(slow, 5)
    more = {"ReadCapacityUnits": 9, "WriteCapacityUnits": 5}
    retune = [{"Update": {"IndexName": "by-n", "ProvisionedThroughput": more}}]
    update(slow, GlobalSecondaryIndexUpdates=retune)
    assert index_of(slow)["IndexStatus"] == "CREATING"
    assert "backfilling" in refused(slow, "Scan", IndexName="by-n")
    slow.keep()
    assert "backfilling" in refused(slow, "Scan", IndexName="by-n")
    update(slow, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-n"}}])
    assert index_of(slow)["IndexStatus"] == "DELETING"
    wait(slow)
    slow.keep()
    assert "GlobalSecondaryIndexes" not in described(slow)


def test_indexes_are_updated_and_deleted_until_their_time_is_over(slow: Caller) -> None:
    units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    active(
        slow,
        BillingMode="PROVISIONED",
        ProvisionedThroughput=units,
        GlobalSecondaryIndexes=[{**INDEX, "ProvisionedThroughput": units}],
        AttributeDefinitions=KEY["AttributeDefinitions"] + DEFINED,
    )
    slow.put("a", n={"N": "1"})
    lower = {"ReadCapacityUnits": 4, "WriteCapacityUnits": 5}
    retune = [{"Update": {"IndexName": "by-n", "ProvisionedThroughput": lower}}]
    assert update(slow, GlobalSecondaryIndexUpdates=retune)["TableStatus"] == "ACTIVE"
    assert index_of(slow)["IndexStatus"] == "UPDATING"
    assert slow.call("Scan", TableName="things", IndexName="by-n")["Count"] == 1
    assert refused(slow, "UpdateTable", GlobalSecondaryIndexUpdates=retune) == (
        f"{IN_USE}Index is being updated.  Table: things Index: by-n"
    )
    wait(slow)
    assert index_of(slow)["IndexStatus"] == "ACTIVE"
    assert index_of(slow)["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 1
    remove = [{"Delete": {"IndexName": "by-n"}}]
    update(slow, GlobalSecondaryIndexUpdates=remove)
    assert (status(slow), index_of(slow)["IndexStatus"]) == ("UPDATING", "DELETING")
    assert refused(slow, "Scan", IndexName="by-n") == (
        "ValidationException: The table does not have the specified index: by-n"
    )
    wait(slow, 5)
    assert (status(slow), index_of(slow)["IndexStatus"]) == ("ACTIVE", "DELETING")
    assert refused(slow, "UpdateTable", GlobalSecondaryIndexUpdates=remove) == (
        f"{IN_USE}Index is being deleted.  Table: things Index: by-n"
    )
    wait(slow, 5)
    assert "GlobalSecondaryIndexes" not in described(slow)
    slow.keep()
    slow.call("DeleteTable", TableName="things")


def test_an_index_is_not_read_before_it_is_filled(caller: Caller) -> None:
    caller.create()
    caller.put("a", n={"N": "1"})
    update(
        caller,
        AttributeDefinitions=DEFINED,
        GlobalSecondaryIndexUpdates=[{"Create": INDEX}],
    )
    assert "backfilling" in refused(caller, "Scan", IndexName="by-n")
    caller.keep()
    assert caller.call("Scan", TableName="things", IndexName="by-n")["Count"] == 1


def test_throughput_is_lowered_four_times_a_day_of_table_and_index_each(caller: Caller) -> None:
    units = {"ReadCapacityUnits": 50, "WriteCapacityUnits": 50}
    caller.create(
        BillingMode="PROVISIONED",
        ProvisionedThroughput=units,
        GlobalSecondaryIndexes=[{**INDEX, "ProvisionedThroughput": units}],
        AttributeDefinitions=KEY["AttributeDefinitions"] + DEFINED,
    )

    def lower(to: int) -> dict[str, Any]:
        return {"ProvisionedThroughput": {**units, "ReadCapacityUnits": to}}

    def lower_index(to: int) -> dict[str, Any]:
        return {"GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": "by-n", **lower(to)}}]}

    for turn in range(4):
        update(caller, **lower(40 - turn))
    limited = "LimitExceededException: Subscriber limit exceeded: Provisioned throughput decreases"
    assert refused(caller, "UpdateTable", **lower(30), **lower_index(30)).startswith(limited)
    assert index_of(caller)["ProvisionedThroughput"]["ReadCapacityUnits"] == 50
    for turn in range(4):
        update(caller, **lower_index(40 - turn))
    assert refused(caller, "UpdateTable", **lower_index(30)).startswith(limited)
    assert described(caller)["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 4
    update(caller, **lower(60))
    caller.clock.advance(3600 * SECOND_US)
    update(caller, **lower(30))
    assert described(caller)["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 5
    caller.clock.advance(24 * 3600 * SECOND_US)
    assert described(caller)["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 0
