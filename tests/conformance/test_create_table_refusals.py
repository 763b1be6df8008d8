"""CreateTable: the words of each refusal, and which comes first."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.shapes import definitions, index, keys

INVALID = "One or more parameter values were invalid: "
A = definitions(("a", "S"))
AB = definitions(("a", "S"), ("b", "S"))
ABC = definitions(("a", "S"), ("b", "S"), ("c", "S"))
ON_DEMAND: Json = {"BillingMode": "PAY_PER_REQUEST"}
UNITS: Json = {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}


def key(*pairs: tuple[str, str]) -> list[Json]:
    return [{"AttributeName": name, "KeyType": role} for name, role in pairs]


def local(*indexes: Json, **more: Any) -> Json:
    return {
        "AttributeDefinitions": AB,
        "KeySchema": keys("a", "b"),
        "LocalSecondaryIndexes": list(indexes),
        **ON_DEMAND,
        **more,
    }


def global_(*indexes: Json, **more: Any) -> Json:
    return {
        "AttributeDefinitions": AB,
        "KeySchema": keys("a", "b"),
        "GlobalSecondaryIndexes": list(indexes),
        **ON_DEMAND,
        **more,
    }


def with_keys(name: str, *pairs: tuple[str, str]) -> Json:
    return {**index(name), "KeySchema": key(*pairs)}


def projecting(**projection: Any) -> Json:
    return {**index("idx", "a", "b"), "Projection": projection}


EIGHT = ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")
MANY = definitions(*((name, "S") for name in EIGHT))
UNDEFINED = "Invalid KeySchema: Some index key attribute have no definition"
SAME_NAME = "Both the Hash Key and the Range Key element in the KeySchema have the same name"
COUNT = (
    "Number of attributes in KeySchema does not exactly match number of attributes defined in"
    " AttributeDefinitions"
)
TWICE = "The KeySchema contains multiple key attributes with the same name"

REFUSALS: dict[str, tuple[Json, str]] = {
    "no throughput": (
        {"AttributeDefinitions": A, "KeySchema": keys("a")},
        INVALID
        + "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is"
        " PROVISIONED",
    ),
    "throughput on demand": (
        {"AttributeDefinitions": A, "KeySchema": keys("a"), **ON_DEMAND, **UNITS},
        INVALID
        + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is"
        " PAY_PER_REQUEST",
    ),
    "enormous read throughput": (
        {
            "AttributeDefinitions": [],
            "KeySchema": keys("a"),
            "ProvisionedThroughput": {
                "ReadCapacityUnits": 1_000_000_000_001,
                "WriteCapacityUnits": 1_000_000_000_001,
            },
        },
        "Given value 1000000000001 for ReadCapacityUnits is out of bounds",
    ),
    "enormous write throughput": (
        {
            "AttributeDefinitions": [],
            "KeySchema": keys("a"),
            "ProvisionedThroughput": {
                "ReadCapacityUnits": 1_000_000_000_000,
                "WriteCapacityUnits": 1_000_000_000_001,
            },
        },
        "Given value 1000000000001 for WriteCapacityUnits is out of bounds",
    ),
    "on-demand limits on a provisioned table": (
        {
            "AttributeDefinitions": A,
            "KeySchema": keys("a"),
            **UNITS,
            "OnDemandThroughput": {"MaxReadRequestUnits": 1},
        },
        INVALID
        + "MaxReadRequestUnits for OnDemandThroughput cannot be specified when table BillingMode"
        " is PROVISIONED.",
    ),
    "on-demand limit of nothing": (
        {
            "AttributeDefinitions": A,
            "KeySchema": keys("a"),
            **ON_DEMAND,
            "OnDemandThroughput": {"MaxReadRequestUnits": 0},
        },
        INVALID
        + "Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid"
        " range",
    ),
    "no definitions": (
        {"AttributeDefinitions": [], "KeySchema": keys("a"), **ON_DEMAND},
        UNDEFINED,
    ),
    "fewer definitions than keys": (
        {"AttributeDefinitions": A, "KeySchema": keys("a", "b"), **ON_DEMAND},
        UNDEFINED,
    ),
    "one attribute as both keys": (
        {"AttributeDefinitions": A, "KeySchema": keys("a", "a"), **ON_DEMAND},
        UNDEFINED,
    ),
    "a key without a definition": (
        {"AttributeDefinitions": A, "KeySchema": keys("z"), **ON_DEMAND},
        INVALID + "Some index key attributes are not defined in AttributeDefinitions. Keys: [z],"
        " AttributeDefinitions: [a]",
    ),
    "two keys of one name": (
        {"AttributeDefinitions": AB, "KeySchema": keys("a", "a"), **ON_DEMAND},
        SAME_NAME,
    ),
    "two keys of one name and role": (
        {
            "AttributeDefinitions": AB,
            "KeySchema": key(("a", "HASH"), ("a", "HASH")),
            **ON_DEMAND,
        },
        SAME_NAME,
    ),
    "two partition keys": (
        {
            "AttributeDefinitions": AB,
            "KeySchema": key(("a", "HASH"), ("b", "HASH")),
            **ON_DEMAND,
        },
        "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
    ),
    "sort key first": (
        {
            "AttributeDefinitions": AB,
            "KeySchema": key(("a", "RANGE"), ("b", "HASH")),
            **ON_DEMAND,
        },
        "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
    ),
    "a definition that no key uses": (
        {"AttributeDefinitions": AB, "KeySchema": keys("a"), **ON_DEMAND},
        INVALID + COUNT,
    ),
    "one definition twice": (
        {"AttributeDefinitions": A + A, "KeySchema": keys("a"), **ON_DEMAND},
        "Attribute Name is duplicated: a",
    ),
    "no local indexes in the list": (local(), INVALID + "List of LocalSecondaryIndexes is empty"),
    "no global indexes in the list": (
        global_(),
        INVALID + "List of GlobalSecondaryIndexes is empty",
    ),
    "a definition that no index uses": (
        global_(
            index("idx", "b", kind="KEYS_ONLY"),
            AttributeDefinitions=definitions(("s", "S"), ("a", "S"), ("b", "S")),
        ),
        INVALID
        + "Some AttributeDefinitions are not used. AttributeDefinitions: [a, b, s], keys used:"
        " [a, b]",
    ),
    "unused definitions come before what is wrong with an index": (
        global_({**index("idx", "b"), "Projection": {}}, AttributeDefinitions=ABC),
        INVALID
        + "Some AttributeDefinitions are not used. AttributeDefinitions: [a, b, c], keys used:"
        " [a, b]",
    ),
    "local index on a table without sort key": (
        local(index("idx", "a", "b"), KeySchema=keys("a")),
        INVALID + "Table KeySchema does not have a range key, which is required when specifying a"
        " LocalSecondaryIndex",
    ),
    "local index without sort key": (
        local(index("idx", "a")),
        INVALID + "Index KeySchema does not have a range key for index: idx",
    ),
    "local index of another partition key": (
        local(index("idx", "b", "a")),
        INVALID
        + "Index KeySchema does not have the same leading hash key as table KeySchema for index:"
        " idx. index hash key: b, table hash key: a",
    ),
    "local index over an undefined attribute": (
        local(index("idx", "a", "z")),
        INVALID + "Some index key attributes are not defined in AttributeDefinitions. Keys: [a, z],"
        " AttributeDefinitions: [a, b]",
    ),
    "local index with the sort key first": (
        local(with_keys("idx", ("a", "RANGE"), ("b", "HASH"))),
        "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
    ),
    "local index with two partition keys": (
        local(with_keys("idx", ("a", "HASH"), ("b", "HASH"))),
        "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
    ),
    "local index with one attribute twice": (local(index("idx", "a", "a")), SAME_NAME),
    "six local indexes": (
        local(*(index(f"idx{n}", "a", "b") for n in range(6))),
        INVALID + "Number of LocalSecondaryIndexes exceeds per-table limit of 5",
    ),
    "two indexes of one name": (
        local(index("idx", "a", "b"), index("idx", "a", "b")),
        INVALID + "Duplicate index name: idx",
    ),
    "a local and a global index of one name": (
        local(index("idx", "a", "b"), GlobalSecondaryIndexes=[index("idx", "b")]),
        INVALID + "Duplicate index name: idx",
    ),
    "21 global indexes": (
        global_(*(index(f"idx{n}", "b") for n in range(21))),
        INVALID + "GlobalSecondaryIndex count exceeds the per-table limit of 20",
    ),
    "no projection type": (
        local(projecting()),
        INVALID + "Unknown ProjectionType: null",
    ),
    "attributes for all": (
        local(projecting(ProjectionType="ALL", NonKeyAttributes=["x"])),
        INVALID + "ProjectionType is ALL, but NonKeyAttributes is specified",
    ),
    "attributes for keys only": (
        global_(projecting(ProjectionType="KEYS_ONLY", NonKeyAttributes=["x"])),
        INVALID + "ProjectionType is KEYS_ONLY, but NonKeyAttributes is specified",
    ),
    "no attributes to include": (
        global_(projecting(ProjectionType="INCLUDE")),
        INVALID + "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
    ),
    "an attribute included twice": (
        global_(projecting(ProjectionType="INCLUDE", NonKeyAttributes=["x", "x"])),
        INVALID + "Duplicate element in NonKeyAttributes: x",
    ),
    "global index with throughput on demand": (
        global_({**index("idx", "b"), **UNITS}),
        INVALID + "ProvisionedThroughput should not be specified for index: idx when BillingMode is"
        " PAY_PER_REQUEST",
    ),
    "global index without throughput": (
        {
            "AttributeDefinitions": AB,
            "KeySchema": keys("a", "b"),
            "GlobalSecondaryIndexes": [index("idx", "b")],
            **UNITS,
        },
        INVALID + "ProvisionedThroughput is not specified for index: idx",
    ),
    "global index with the sort key first": (
        global_(with_keys("idx", ("a", "RANGE"), ("b", "HASH"))),
        "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
    ),
    "global index with a partition key after a sort key": (
        global_(
            with_keys("idx", ("a", "HASH"), ("b", "RANGE"), ("c", "HASH")),
            AttributeDefinitions=ABC,
        ),
        INVALID + "All HASH key attributes must precede RANGE key attributes in the KeySchema",
    ),
    "global index with one attribute twice": (
        global_(with_keys("idx", ("a", "HASH"), ("b", "HASH"), ("a", "RANGE"))),
        TWICE,
    ),
    "five partition keys": (
        global_(
            with_keys("idx", *((name, "HASH") for name in EIGHT[:5])),
            AttributeDefinitions=MANY[:5],
        ),
        INVALID + "The KeySchema exceeds the maximum allowed number of HASH key attributes",
    ),
    "five sort keys": (
        global_(
            with_keys("idx", ("a", "HASH"), *((name, "RANGE") for name in EIGHT[1:6])),
            AttributeDefinitions=MANY[:6],
        ),
        INVALID + "The KeySchema exceeds the maximum allowed number of RANGE key attributes",
    ),
    "a stream without view type": (
        {
            "AttributeDefinitions": A,
            "KeySchema": keys("a"),
            **ON_DEMAND,
            "StreamSpecification": {"StreamEnabled": True},
        },
        INVALID + "Table is being created with a stream enabled, UpdateViewType is required",
    ),
    "a view type without a stream": (
        {
            "AttributeDefinitions": A,
            "KeySchema": keys("a"),
            **ON_DEMAND,
            "StreamSpecification": {"StreamEnabled": False, "StreamViewType": "NEW_IMAGE"},
        },
        INVALID
        + "Table is being created with a stream disabled, UpdateViewType should not be specified",
    ),
    "encryption type without encryption": (
        {
            "AttributeDefinitions": A,
            "KeySchema": keys("a"),
            **ON_DEMAND,
            "SSESpecification": {"Enabled": False, "SSEType": "KMS"},
        },
        INVALID + "SSEType can not be specified if Enabled is false",
    ),
    "an encryption type that is not to be had": (
        {
            "AttributeDefinitions": A,
            "KeySchema": keys("a"),
            **ON_DEMAND,
            "SSESpecification": {"Enabled": True, "SSEType": "AES256"},
        },
        INVALID + "SSEType AES256 is not supported",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_it_refuses(db: Client, case: str) -> None:
    definition, message = REFUSALS[case]
    answer = db.send("CreateTable", {"TableName": db.new_name(), **definition})
    assert (answer.status, answer.code, answer.message) == (400, "ValidationException", message)


def test_the_throughput_of_the_table_is_checked_before_its_keys(db: Client) -> None:
    answer = db.send(
        "CreateTable",
        {"TableName": db.new_name(), "AttributeDefinitions": [], "KeySchema": keys("z")},
    )
    assert answer.message.endswith("must both be specified when BillingMode is PROVISIONED")
