"""CreateTable: what it answers, and what the table is then."""

from __future__ import annotations

import re

from tests.conformance.client import Client, Json
from tests.conformance.shapes import definitions, index, keys

A = definitions(("a", "S"))
AB = definitions(("a", "S"), ("b", "S"))
ON_DEMAND: Json = {"BillingMode": "PAY_PER_REQUEST"}
UNITS: Json = {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}


def test_a_name_can_be_given_once(db: Client, simple: str) -> None:
    body = {"AttributeDefinitions": AB, "KeySchema": keys("a", "b"), **ON_DEMAND}
    answer = db.send("CreateTable", {"TableName": simple, **body})
    assert answer.status == 400
    assert answer.code == "ResourceInUseException"
    assert answer.message == f"Table already exists: {simple}"


def test_an_invalid_definition_is_found_before_the_name_is_found_taken(
    db: Client, simple: str
) -> None:
    answer = db.send(
        "CreateTable",
        {"TableName": simple, "KeySchema": keys("a"), "AttributeDefinitions": [], **ON_DEMAND},
    )
    assert answer.code == "ValidationException"


def test_the_answer_describes_the_table_while_it_is_made(db: Client) -> None:
    name = db.new_name()
    description = db.call(
        "CreateTable",
        {"TableName": name, "AttributeDefinitions": A, "KeySchema": keys("a"), **UNITS},
    )["TableDescription"]
    assert description["TableStatus"] == "CREATING"
    assert description["TableName"] == name
    assert description["KeySchema"] == keys("a")
    assert description["AttributeDefinitions"] == A
    assert description["ItemCount"] == description["TableSizeBytes"] == 0
    assert description["ProvisionedThroughput"] == {
        "NumberOfDecreasesToday": 0,
        "ReadCapacityUnits": 1,
        "WriteCapacityUnits": 1,
    }
    assert description["DeletionProtectionEnabled"] is False
    assert description["TableArn"].endswith(f":table/{name}")
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", description["TableId"])
    assert "BillingModeSummary" not in description
    assert "StreamSpecification" not in description
    db.await_active(name)


def test_a_table_on_demand_says_so(db: Client, simple: str) -> None:
    table = db.describe(simple)
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["ProvisionedThroughput"] == {
        "NumberOfDecreasesToday": 0,
        "ReadCapacityUnits": 0,
        "WriteCapacityUnits": 0,
    }
    assert table["WarmThroughput"] == {
        "ReadUnitsPerSecond": 12000,
        "WriteUnitsPerSecond": 4000,
        "Status": "ACTIVE",
    }


def test_a_provisioned_table_is_as_warm_as_it_is_wide(db: Client) -> None:
    name = db.new_table(
        AttributeDefinitions=A,
        KeySchema=keys("a"),
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 3},
    )
    warm = db.describe(name)["WarmThroughput"]
    assert (warm["ReadUnitsPerSecond"], warm["WriteUnitsPerSecond"]) == (5, 3)


def test_definitions_and_included_attributes_are_shown_by_name_and_indexes_as_given(
    db: Client,
) -> None:
    name = db.new_table(
        AttributeDefinitions=definitions(("z", "S"), ("m", "N"), ("pk", "S"), ("a", "B")),
        KeySchema=keys("pk", "z"),
        GlobalSecondaryIndexes=[
            index("second", "m", included=["zz", "aa", "z"]),
            index("first", "a"),
        ],
    )
    table = db.describe(name)
    shown = [part["AttributeName"] for part in table["AttributeDefinitions"]]
    assert shown == ["a", "m", "pk", "z"]
    first, second = table["GlobalSecondaryIndexes"]
    assert (first["IndexName"], second["IndexName"]) == ("second", "first")
    assert first["Projection"] == {
        "ProjectionType": "INCLUDE",
        "NonKeyAttributes": ["aa", "z", "zz"],
    }


def test_indexes_are_described(db: Client, composite: str) -> None:
    table = db.describe(composite)
    local_all, local_some = table["LocalSecondaryIndexes"]
    assert local_all == {
        "IndexName": "local_all",
        "KeySchema": keys("a", "c"),
        "Projection": {"ProjectionType": "ALL"},
        "IndexSizeBytes": local_all["IndexSizeBytes"],
        "ItemCount": local_all["ItemCount"],
        "IndexArn": f"{table['TableArn']}/index/local_all",
    }
    assert local_some["Projection"]["NonKeyAttributes"] == ["c"]
    global_all, global_some = table["GlobalSecondaryIndexes"]
    assert global_all["IndexStatus"] == "ACTIVE"
    assert "Backfilling" not in global_all
    assert global_all["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    assert global_all["WarmThroughput"]["ReadUnitsPerSecond"] == 12000
    assert global_some["KeySchema"] == keys("c", "d")


def test_an_index_may_have_four_keys_of_each_kind(db: Client) -> None:
    schema = [
        {"AttributeName": name, "KeyType": "HASH" if name < "e" else "RANGE"} for name in "abcdefgh"
    ]
    name = db.new_table(
        AttributeDefinitions=definitions(("pk", "S"), *((name, "S") for name in "abcdefgh")),
        KeySchema=keys("pk"),
        GlobalSecondaryIndexes=[{**index("idx", "a"), "KeySchema": schema}],
    )
    assert db.describe(name)["GlobalSecondaryIndexes"][0]["KeySchema"] == schema


def test_settings_are_kept(db: Client) -> None:
    name = db.new_table(
        AttributeDefinitions=A,
        KeySchema=keys("a"),
        DeletionProtectionEnabled=True,
        TableClass="STANDARD_INFREQUENT_ACCESS",
        OnDemandThroughput={"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 5},
        SSESpecification={"Enabled": True},
    )
    table = db.describe(name)
    assert table["DeletionProtectionEnabled"] is True
    assert table["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    assert table["OnDemandThroughput"] == {"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 5}
    assert table["SSEDescription"]["Status"] == "ENABLED"
    assert table["SSEDescription"]["SSEType"] == "KMS"
    assert table["SSEDescription"]["KMSMasterKeyArn"].startswith("arn:aws:kms:")


def test_a_stream_is_described(db: Client) -> None:
    name = db.new_table(
        AttributeDefinitions=A,
        KeySchema=keys("a"),
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )
    table = db.describe(name)
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    label = table["LatestStreamLabel"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}", label)
    assert table["LatestStreamArn"] == f"{table['TableArn']}/stream/{label}"
