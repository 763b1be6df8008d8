"""Proves that vector indexes are defined, described, restored and kept up as on AWS."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.testing.calling import Caller
from tests.api.dynamodb.vectors import (
    DIVIDED,
    INVALID,
    Json,
    created,
    definitions,
    described,
    index,
    refused_by,
    schema,
    scores,
    search,
    vector,
)

# Definitions -------------------------------------------------------------------------------------


def test_an_index_is_described_as_it_was_defined(caller: Caller) -> None:
    own = index(
        **schema(grade="INLINE_FILTER", tenant="HASH"),
        Projection={"ProjectionType": "INCLUDE", "NonKeyAttributes": ["title"]},
        DistanceFunction="DOT_PRODUCT",
        Dimensions=4096,
    )
    created(caller, own, **definitions(tenant="S", grade="N"))
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/things/index/near"
    figures = {"IndexSizeBytes": 0, "ItemCount": 0, "IndexStatus": "ACTIVE", "IndexArn": arn}
    assert described(caller) == [own | figures]


def test_a_table_without_them_says_nothing_of_them(caller: Caller) -> None:
    caller.create()
    assert "VectorIndexes" not in caller.call("DescribeTable", TableName="things")["Table"]


@pytest.mark.parametrize(
    ("indexes", "more", "problem"),
    [
        ([], {}, "List of VectorIndexes is empty"),
        (
            [index()],
            {
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            },
            "Vector indexes are only supported for PAY_PER_REQUEST tables",
        ),
        (
            [index(Dimensions=4097)],
            {},
            "Number of dimensions must be between 1 and 4096 inclusive.",
        ),
        (
            [index(**schema(tenant="HASH"))],
            {},
            "One element in SearchSchema is not defined in attribute definitions",
        ),
        (
            [index(f"near-{place}") for place in range(6)],
            {},
            "VectorIndex count exceeds the per-table limit of 5",
        ),
        (
            [index(), index("other", Dimensions=4)],
            {},
            (
                "Conflicting attribute definition for 'v'. All VectorIndexes on the same vector"
                " attribute must use the same dimensions."
            ),
        ),
        (
            [index()],
            definitions(v="B"),
            (
                "Conflicting attribute definition for 'v'. An attribute cannot be defined in"
                " AttributeDefinitions when used as a VectorAttribute."
            ),
        ),
        ([index(), index()], {}, "Duplicate index name: near"),
        (
            [index(**schema(tenant="HASH", grade="HASH"))],
            definitions(tenant="S", grade="S"),
            (
                "Value '2' at 'SearchSchema' failed to satisfy constraint: Member must have HASH"
                " count less than or equal to 1"
            ),
        ),
        (
            [index(**schema(**{f"f{place}": "INLINE_FILTER" for place in range(19)}))],
            definitions(**{f"f{place}": "S" for place in range(19)}),
            (
                "Value '19' at 'SearchSchema' failed to satisfy constraint: Member must have"
                " INLINE_FILTER count less than or equal to 18"
            ),
        ),
        (
            [
                index(
                    SearchSchema=schema(t="HASH")["SearchSchema"]
                    + [{"AttributeName": "t", "SearchSchemaElementType": "INLINE_FILTER"}]
                )
            ],
            definitions(t="S"),
            "SearchSchema contains a duplicate AttributeName",
        ),
        (
            [index(Projection={"ProjectionType": "INCLUDE"})],
            {},
            "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
        ),
        (
            [
                index(
                    f"near-{place}",
                    Projection={
                        "ProjectionType": "INCLUDE",
                        "NonKeyAttributes": [f"a{each}" for each in range(20)],
                    },
                )
                for place in range(5)
            ],
            {},
            "Number of projected attributes (105) exceeds the limit of 100",
        ),
        (
            [index()],
            definitions(unused="S"),
            (
                "Number of attributes in KeySchema does not exactly match number of attributes"
                " defined in AttributeDefinitions"
            ),
        ),
    ],
)
def test_what_no_table_can_have_is_refused(
    caller: Caller, indexes: list[Json], more: Json, problem: str
) -> None:
    members: Json = {
        **definitions(),
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "VectorIndexes": indexes,
    }
    assert refused_by(caller, "CreateTable", **members | more) == INVALID + problem


@pytest.mark.parametrize(
    ("change", "place", "constraint"),
    [
        ({"Dimensions": 0}, "dimensions", "Member must have value greater than or equal to 1"),
        (
            {"IndexName": "vx"},
            "indexName",
            "Member must have length greater than or equal to 3",
        ),
        (
            {"DistanceFunction": "MANHATTAN"},
            "distanceFunction",
            "Member must satisfy enum value set: [COSINE, DOT_PRODUCT, EUCLIDEAN]",
        ),
        (
            {"VectorAttribute": {"AttributeName": ""}},
            "vectorAttribute.attributeName",
            "Member must have length greater than or equal to 1",
        ),
        (
            schema(tenant="RANGE"),
            "searchSchema.1.member.searchSchemaElementType",
            "Member must satisfy enum value set: [HASH, INLINE_FILTER]",
        ),
    ],
)
def test_what_is_no_definition_is_refused_by_the_model(
    caller: Caller, change: Json, place: str, constraint: str
) -> None:
    message = refused_by(
        caller,
        "CreateTable",
        **definitions(tenant="S"),
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        VectorIndexes=[index(**change)],
    )
    assert f"at 'vectorIndexes.1.member.{place}' failed to satisfy constraint" in message
    assert message.endswith(constraint)


def test_names_are_shared_with_other_indexes(caller: Caller) -> None:
    by_g = {
        "IndexName": "near",
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    members: Json = {
        **definitions(g="S"),
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [by_g],
        "VectorIndexes": [index()],
    }
    message = refused_by(caller, "CreateTable", **members)
    assert message == f"{INVALID}Duplicate index name: near"


# Items -------------------------------------------------------------------------------------------

WRONG_SIZE = (
    "One or more parameter values were invalid. Invalid size for parameter v, Expected: 3, Actual:"
    " 2 IndexName: near"
)


def test_writes_that_the_index_cannot_hold_change_nothing(caller: Caller) -> None:
    created(caller, index())
    caller.put("a", v=vector(1, 0, 0))
    wrong = {"pk": {"S": "a"}, "v": vector(1, 2)}
    assert refused_by(caller, "PutItem", Item=wrong) == WRONG_SIZE
    message = refused_by(
        caller,
        "UpdateItem",
        Key={"pk": {"S": "a"}},
        UpdateExpression="SET v = :v",
        ExpressionAttributeValues={":v": vector(1, 2)},
    )
    assert message == WRONG_SIZE
    puts = [{"PutRequest": {"Item": wrong}}]
    error = caller.refused("BatchWriteItem", RequestItems={"things": puts})
    assert error.message == WRONG_SIZE
    error = caller.refused(
        "ExecuteStatement", Statement="INSERT INTO things VALUE {'pk': 'b', 'v': [1, 2]}"
    )
    assert error.message == WRONG_SIZE
    assert caller.get("a") == {"pk": {"S": "a"}, "v": vector(1, 0, 0)}
    assert scores(search(caller, vector(1, 0, 0))) == {"a": 0.0}


def test_the_value_that_divides_an_index_is_not_empty(caller: Caller) -> None:
    caller.create(**DIVIDED)
    problem = "The AttributeValue for a key attribute cannot contain an empty string value."
    item = {"pk": {"S": "a"}, "v": vector(1, 0, 0), "tenant": {"S": ""}}
    assert refused_by(caller, "PutItem", Item=item) == (
        "One or more parameter values are not valid. A value specified for a secondary index key is"
        f" not supported. {problem} IndexName: near, IndexKey: tenant"
    )
    message = refused_by(
        caller,
        "UpdateItem",
        Key={"pk": {"S": "a"}},
        UpdateExpression="SET tenant = :t",
        ExpressionAttributeValues={":t": {"S": ""}},
    )
    assert message == (
        "One or more parameter values are not valid. The update expression attempted to update a"
        f" secondary index key to a value that is not supported. {problem}"
    )


def test_items_come_and_go_with_what_the_index_needs(caller: Caller) -> None:
    caller.create(**DIVIDED)
    tenant = {
        "SearchConditionExpression": "tenant = :t",
        "ExpressionAttributeValues": {":t": {"S": "t"}},
    }

    def found() -> list[str]:
        return list(scores(search(caller, vector(1, 0, 0), **tenant)))

    caller.put("a", v=vector(1, 0, 0), tenant={"S": "t"})
    assert found() == ["a"]
    for removed in ("v", "tenant"):
        caller.call(
            "UpdateItem",
            TableName="things",
            Key={"pk": {"S": "a"}},
            UpdateExpression=f"REMOVE {removed}",
        )
        assert found() == []
        caller.put("a", v=vector(0, 1, 0), tenant={"S": "t"})
        assert found() == ["a"]
    caller.call("DeleteItem", TableName="things", Key={"pk": {"S": "a"}})
    assert found() == []
    assert described(caller)[0]["ItemCount"] == 0


def test_only_searches_read_a_vector_index(caller: Caller) -> None:
    created(caller, index())
    key = {
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "a"}},
    }
    assert refused_by(caller, "Query", IndexName="near", **key) == (
        "Query operation not supported on this index type."
    )
    assert refused_by(caller, "Query", IndexName="near", ConsistentRead=True, **key) == (
        "Consistent reads are not supported on global secondary indexes"
    )
    assert refused_by(caller, "Scan", IndexName="near") == (
        "Scan operation not supported on this index type"
    )
    error = caller.refused("ExecuteStatement", Statement='SELECT * FROM "things"."near"')
    assert error.message == "Scan operation not supported on this index type"


# Backups -----------------------------------------------------------------------------------------


def test_a_table_is_restored_with_those_that_are_asked_for(caller: Caller) -> None:
    caller.create(**DIVIDED)
    caller.put("a", v=vector(1, 0, 0), tenant={"S": "t"})
    made = caller.call("CreateBackup", TableName="things", BackupName="kept")
    arn = made["BackupDetails"]["BackupArn"]
    caller.keep()
    features = caller.call("DescribeBackup", BackupArn=arn)["BackupDescription"]
    own = DIVIDED["VectorIndexes"]
    assert features["SourceTableFeatureDetails"]["VectorIndexes"] == own

    def restored(name: str, **more: Any) -> list[Json]:
        members = {"TargetTableName": name, "BackupArn": arn, **more}
        caller.call("RestoreTableFromBackup", **members)
        caller.keep()
        return described(caller, name)

    tenant = {
        "SearchConditionExpression": "tenant = :t",
        "ExpressionAttributeValues": {":t": {"S": "t"}},
    }
    assert [each["ItemCount"] for each in restored("whole")] == [1]
    answer = search(caller, vector(1, 0, 0), TableName="whole", **tenant)
    assert scores(answer) == {"a": 0.0}
    (same,) = restored("same", VectorIndexOverride=own)
    assert same["Dimensions"] == 3
    assert restored("bare", VectorIndexOverride=[]) == []
    table = caller.call("DescribeTable", TableName="bare")["Table"]
    assert table["AttributeDefinitions"] == definitions()["AttributeDefinitions"]
    error = caller.refused(
        "RestoreTableFromBackup",
        TargetTableName="other",
        BackupArn=arn,
        VectorIndexOverride=[index(DistanceFunction="EUCLIDEAN")],
    )
    assert error.message == (
        "Invalid Request: Index near does not match a vector index that existed in the source table"
        " and cannot be created during the restore operation"
    )
    error = caller.refused(
        "RestoreTableFromBackup",
        TargetTableName="other",
        BackupArn=arn,
        BillingModeOverride="PROVISIONED",
        ProvisionedThroughputOverride={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
    assert error.message == (
        f"{INVALID}Vector indexes are only supported for PAY_PER_REQUEST tables"
    )


def test_a_moment_is_restored_with_its_vector_indexes(caller: Caller) -> None:
    created(caller, index())
    caller.call(
        "UpdateContinuousBackups",
        TableName="things",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    caller.put("a", v=vector(1, 0, 0))
    caller.clock.advance(600_000_000)
    caller.call(
        "RestoreTableToPointInTime",
        SourceTableName="things",
        TargetTableName="again",
        UseLatestRestorableTime=True,
    )
    caller.keep()
    assert scores(search(caller, vector(1, 0, 0), TableName="again")) == {"a": 0.0}
