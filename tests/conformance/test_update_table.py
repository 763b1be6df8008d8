"""UpdateTable: what each change does."""

from __future__ import annotations

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import definitions, index, keys
from tests.conformance.table_changes import (
    LIMITS,
    ONE,
    PROTECT,
    STREAM,
    TWO,
    B,
    changes,
    create,
    remove,
    update,
)


def test_throughput_changes_when_the_table_is_active_again(db: Client, refuses: Refuses) -> None:
    name = db.new_table(
        AttributeDefinitions=definitions(("a", "S")), KeySchema=keys("a"), ProvisionedThroughput=ONE
    )
    request = {"TableName": name, "ProvisionedThroughput": TWO}
    description = db.call("UpdateTable", request)["TableDescription"]
    assert description["TableStatus"] == "UPDATING"
    assert description["ProvisionedThroughput"]["ReadCapacityUnits"] == 1
    table = db.await_active(name)
    assert table["ProvisionedThroughput"]["WriteCapacityUnits"] == 2
    refuses(
        "UpdateTable",
        request,
        "The provisioned throughput for the table will not change. The requested value equals the"
        " current value. Current ReadCapacityUnits provisioned for the table: 2. Requested"
        " ReadCapacityUnits: 2. Current WriteCapacityUnits provisioned for the table: 2. Requested"
        " WriteCapacityUnits: 2. Refer to the Amazon DynamoDB Developer Guide for current limits"
        " and how to request higher limits.",
    )


def test_a_table_goes_on_demand_and_back(db: Client) -> None:
    name = db.new_table(
        AttributeDefinitions=definitions(("a", "S")),
        KeySchema=keys("a"),
        ProvisionedThroughput=ONE,
        GlobalSecondaryIndexes=[{**index("idx", "a"), "ProvisionedThroughput": ONE}],
    )
    assert "BillingModeSummary" not in db.describe(name)
    db.call("UpdateTable", {"TableName": name, "BillingMode": "PAY_PER_REQUEST", **LIMITS})
    table = db.await_active(name)
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    assert table["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    assert table["OnDemandThroughput"] == {"MaxReadRequestUnits": 10}
    db.call(
        "UpdateTable",
        {
            "TableName": name,
            "BillingMode": "PROVISIONED",
            "ProvisionedThroughput": TWO,
            **changes(update("idx", ONE)),
        },
    )
    table = db.await_active(name)
    assert table["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert table["ProvisionedThroughput"]["ReadCapacityUnits"] == 2
    assert table["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["ReadCapacityUnits"] == 1
    assert "OnDemandThroughput" not in table


def test_on_demand_limits_are_merged_and_taken_away(db: Client) -> None:
    name = db.new_table(AttributeDefinitions=definitions(("a", "S")), KeySchema=keys("a"))

    def limits(**wanted: int) -> Json | None:
        db.call("UpdateTable", {"TableName": name, "OnDemandThroughput": wanted})
        return db.describe(name).get("OnDemandThroughput")

    assert limits(MaxReadRequestUnits=1000, MaxWriteRequestUnits=500) == {
        "MaxReadRequestUnits": 1000,
        "MaxWriteRequestUnits": 500,
    }
    assert limits(MaxReadRequestUnits=-1) == {"MaxWriteRequestUnits": 500}
    assert limits(MaxWriteRequestUnits=-1) is None


def test_an_index_is_added_filled_and_removed(db: Client) -> None:
    name = db.new_table(AttributeDefinitions=definitions(("a", "S")), KeySchema=keys("a"))
    db.put(name, *({"a": {"S": str(n)}, "b": {"S": "x"}} for n in range(5)), {"a": {"S": "none"}})
    db.put(name, {"a": {"S": "wrong"}, "b": {"N": "1"}}, {"a": {"S": "empty"}, "b": {"S": ""}})
    request = {**B, **create()}
    description = db.call("UpdateTable", {"TableName": name, **request})["TableDescription"]
    assert description["TableStatus"] == "UPDATING"
    (made,) = description["GlobalSecondaryIndexes"]
    assert made["IndexStatus"] == "CREATING"
    assert "Backfilling" in made
    table = db.await_active(name)
    assert "Backfilling" not in table["GlobalSecondaryIndexes"][0]
    assert [part["AttributeName"] for part in table["AttributeDefinitions"]] == ["a", "b"]
    found = db.items(
        "Query",
        {
            "TableName": name,
            "IndexName": "new",
            "KeyConditionExpression": "b = :b",
            "ExpressionAttributeValues": {":b": {"S": "x"}},
        },
    )
    assert {item["a"]["S"] for item in found} == {"0", "1", "2", "3", "4"}
    removed = db.call("UpdateTable", {"TableName": name, **changes(remove("new"))})
    (gone,) = removed["TableDescription"]["GlobalSecondaryIndexes"]
    assert gone["IndexStatus"] == "DELETING"
    while "GlobalSecondaryIndexes" in (table := db.describe(name)):
        pass
    assert table["AttributeDefinitions"] == definitions(("a", "S"))


def test_definitions_matter_only_to_new_indexes(db: Client) -> None:
    name = db.new_table(AttributeDefinitions=definitions(("a", "S")), KeySchema=keys("a"))
    stale = definitions(("a", "N"), ("z", "B"))
    db.call("UpdateTable", {"TableName": name, "AttributeDefinitions": stale, **PROTECT})
    assert db.describe(name)["AttributeDefinitions"] == definitions(("a", "S"))


def test_streams_are_switched_once(db: Client, refuses: Refuses) -> None:
    name = db.new_table(AttributeDefinitions=definitions(("a", "S")), KeySchema=keys("a"))
    off = {"TableName": name, "StreamSpecification": {"StreamEnabled": False}}
    refuses("UpdateTable", off, f"Table has no stream to disable: TableName: {name}")
    on = {"TableName": name, "StreamSpecification": STREAM}
    description = db.call("UpdateTable", on)["TableDescription"]
    assert description["StreamSpecification"] == STREAM
    assert description["LatestStreamArn"].endswith(description["LatestStreamLabel"])
    db.await_active(name)
    refuses("UpdateTable", on, f"Table already has an enabled stream: TableName: {name}")
    db.call("UpdateTable", off)
    table = db.await_active(name)
    assert "StreamSpecification" not in table
    assert table["LatestStreamArn"] == description["LatestStreamArn"]


def test_a_protected_table_can_be_deleted_only_after_protection(
    db: Client, refuses: Refuses
) -> None:
    name = db.new_table(
        AttributeDefinitions=definitions(("a", "S")), KeySchema=keys("a"), **PROTECT
    )
    refuses(
        "DeleteTable",
        {"TableName": name},
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion"
        " protection first.",
    )
    description = db.call("UpdateTable", {"TableName": name, "DeletionProtectionEnabled": False})
    assert description["TableDescription"]["DeletionProtectionEnabled"] is False
    db.await_active(name)
    gone = db.call("DeleteTable", {"TableName": name})["TableDescription"]
    assert gone["TableStatus"] == "DELETING"
