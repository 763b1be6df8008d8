"""Proves that vector indexes are added, filled and removed as on AWS, and what is refused."""

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


def update(caller: Caller, *updates: Json, **more: Any) -> Json:
    members = {"TableName": "things", "VectorIndexUpdates": list(updates), **more}
    return caller.call("UpdateTable", **members)["TableDescription"]


def test_an_index_is_filled_with_what_fits_it(caller: Caller) -> None:
    caller.create()
    caller.put("a", v=vector(1, 0, 0), tenant={"S": "t"}, grade={"N": "1"})
    caller.put("b", v=vector(0, 1, 0), tenant={"S": "t"})
    caller.put("short", v=vector(1, 0), tenant={"S": "t"})
    caller.put("text", v={"S": "x"}, tenant={"S": "t"})
    caller.put("lost", v=vector(1, 0, 0))
    caller.put("empty", v=vector(1, 0, 0), tenant={"S": ""})
    caller.put("ranked", v=vector(1, 0, 0), tenant={"S": "t"}, grade={"S": "1"})
    wanted = index(**schema(tenant="HASH", grade="INLINE_FILTER"))
    own = definitions(tenant="S", grade="N")
    answer = update(caller, {"Create": wanted}, **own)
    assert answer["TableStatus"] == "UPDATING"
    (shown,) = answer["VectorIndexes"]
    assert shown["IndexStatus"] == "CREATING"
    tenant = {
        "SearchConditionExpression": "tenant = :t",
        "ExpressionAttributeValues": {":t": {"S": "t"}},
    }
    early = caller.refused(
        "SearchVectors",
        TableName="things",
        IndexName="near",
        SearchVector=vector(1, 0, 0)["L"],
        TopK=1,
        **tenant,
    )
    assert early.message == "Cannot search backfilling vector index: near"
    caller.keep()
    (shown,) = described(caller)
    assert (shown["IndexStatus"], shown["ItemCount"]) == ("ACTIVE", 2)
    assert "Backfilling" not in shown
    assert scores(search(caller, vector(1, 0, 0), **tenant)) == {"a": 0.0, "b": 1.0}


def test_an_index_is_removed_with_what_only_it_needed(caller: Caller) -> None:
    caller.create(**DIVIDED)
    answer = update(caller, {"Delete": {"IndexName": "near"}})
    assert [each["IndexStatus"] for each in answer["VectorIndexes"]] == ["DELETING"]
    table = caller.call("DescribeTable", TableName="things")["Table"]
    assert "VectorIndexes" not in table
    assert table["AttributeDefinitions"] == definitions()["AttributeDefinitions"]
    caller.keep()


def test_attributes_that_other_indexes_need_stay_defined(caller: Caller) -> None:
    by_tenant = {
        "IndexName": "by-tenant",
        "KeySchema": [{"AttributeName": "tenant", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    caller.create(
        **definitions(tenant="S"),
        GlobalSecondaryIndexes=[by_tenant],
        VectorIndexes=[index(**schema(tenant="HASH"))],
    )
    caller.call(
        "UpdateTable",
        TableName="things",
        GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-tenant"}}],
    )
    table = caller.call("DescribeTable", TableName="things")["Table"]
    assert {part["AttributeName"] for part in table["AttributeDefinitions"]} == {"pk", "tenant"}


@pytest.mark.parametrize(
    ("updates", "more", "problem"),
    [
        ([], {}, f"{INVALID}List of VectorIndexUpdates is empty"),
        (
            [{}],
            {},
            (
                f"{INVALID}One of VectorIndexUpdate.Create, VectorIndexUpdate.Delete must not be"
                " null"
            ),
        ),
        (
            [{"Create": index("far"), "Delete": {"IndexName": "near"}}],
            {},
            f"{INVALID}Only one vector index action is allowed per VectorIndexUpdate object",
        ),
        ([{"Create": index()}], {}, "Attempting to create an index which already exists"),
        ([{"Create": index("by-g")}], {}, "Attempting to create an index which already exists"),
        (
            [{"Create": index("far", Dimensions=4)}],
            {},
            (
                f"{INVALID}Conflicting attribute definition for 'v'. All VectorIndexes on the same"
                " vector attribute must use the same dimensions."
            ),
        ),
        (
            [{"Create": index("far", VectorAttribute={"AttributeName": "g"})}],
            {},
            (
                f"{INVALID}Conflicting attribute definition for 'g'. An attribute cannot be defined"
                " in AttributeDefinitions when used as a VectorAttribute."
            ),
        ),
        (
            [{"Create": index("far", **schema(g="HASH"))}],
            {},
            f"{INVALID}One element in SearchSchema is not defined in attribute definitions",
        ),
        (
            [{"Delete": {"IndexName": "by-g"}}],
            {},
            "Cannot delete an index that is not a VectorIndex: by-g",
        ),
        (
            [{"Delete": {"IndexName": "near"}}],
            {
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
                "GlobalSecondaryIndexUpdates": [
                    {
                        "Update": {
                            "IndexName": "by-g",
                            "ProvisionedThroughput": {
                                "ReadCapacityUnits": 5,
                                "WriteCapacityUnits": 5,
                            },
                        }
                    }
                ],
            },
            f"{INVALID}You cannot create or delete index while updating table IOPS",
        ),
    ],
)
def test_changes_that_cannot_be_made_are_refused(
    caller: Caller, updates: list[Json], more: Json, problem: str
) -> None:
    _with_both(caller)
    message = refused_by(caller, "UpdateTable", VectorIndexUpdates=updates, **more)
    assert message == problem
    assert [each["IndexName"] for each in described(caller)] == ["near"]


def _with_both(caller: Caller) -> None:
    """A table with the global index `by-g` and the vector index `near`."""
    by_g = {
        "IndexName": "by-g",
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    created(caller, index(), **definitions(g="S"), GlobalSecondaryIndexes=[by_g])


def test_one_index_is_made_or_removed_at_a_time(caller: Caller) -> None:
    _with_both(caller)
    message = (
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously"
        " per table"
    )
    gone = {"Delete": {"IndexName": "near"}}
    for more in (
        {"VectorIndexUpdates": [gone, {"Create": index("far")}]},
        {
            "VectorIndexUpdates": [gone],
            "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by-g"}}],
        },
    ):
        error = caller.refused("UpdateTable", TableName="things", **more)
        assert (error.code, error.message) == ("LimitExceededException", message)


def test_an_index_that_is_not_there_cannot_be_removed(caller: Caller) -> None:
    caller.create()
    error = caller.refused(
        "UpdateTable",
        TableName="things",
        VectorIndexUpdates=[{"Delete": {"IndexName": "near"}}],
    )
    assert error.code == "ResourceNotFoundException"
    assert error.message == "Requested resource not found: Index near for table things"


def test_a_sixth_index_is_refused(caller: Caller) -> None:
    created(caller, *(index(f"near-{place}") for place in range(5)))
    message = refused_by(caller, "UpdateTable", VectorIndexUpdates=[{"Create": index("far")}])
    assert message == f"{INVALID}VectorIndex count exceeds the per-table limit of 5"


def test_tables_with_vector_indexes_stay_on_demand(caller: Caller) -> None:
    created(caller, index())
    units = {"ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}}
    message = refused_by(caller, "UpdateTable", BillingMode="PROVISIONED", **units)
    assert message == f"{INVALID}Tables with vector indexes must be in PAY_PER_REQUEST mode"
    update(caller, {"Delete": {"IndexName": "near"}})
    caller.call("UpdateTable", TableName="things", BillingMode="PROVISIONED", **units)
    message = refused_by(caller, "UpdateTable", VectorIndexUpdates=[{"Create": index()}])
    assert message == (f"{INVALID}Vector indexes are only supported for PAY_PER_REQUEST tables")


def test_no_other_index_has_vectors_in_its_key(caller: Caller) -> None:
    created(caller, index())
    by_v = {
        "IndexName": "by-v",
        "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    message = refused_by(
        caller,
        "UpdateTable",
        GlobalSecondaryIndexUpdates=[{"Create": by_v}],
        AttributeDefinitions=[{"AttributeName": "v", "AttributeType": "S"}],
    )
    assert message == (
        f"{INVALID}Attributes cannot be redefined. Please check that your attribute has the same"
        " type as previously defined. Existing schema: VectorIndexSchema:[VectorAttribute:"
        " key{v:L:3}] New schema: Schema:[SchemaElement: key{v:S:HASH}]"
    )
