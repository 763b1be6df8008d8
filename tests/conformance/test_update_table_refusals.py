"""UpdateTable: what may come together, and the words of the refusals."""

from __future__ import annotations

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import definitions, index, keys
from tests.conformance.table_changes import (
    BLOCKED,
    CLASS,
    ENCRYPT,
    INVALID,
    LIMITS,
    NOTHING,
    ONE,
    PROTECT,
    STREAM,
    WARM,
    B,
    changes,
    create,
    remove,
    update,
)

# Refusals of requests about a table on demand, with the global index `idx` and a local one, `loc`.
REFUSALS: dict[str, tuple[Json, str]] = {
    "nothing": ({}, NOTHING),
    "definitions alone": (B, NOTHING),
    "an empty list alone": (changes(), NOTHING),
    "an empty list beside a change": (
        {**changes(), **LIMITS},
        INVALID + "List of GlobalSecondaryIndexUpdates is empty",
    ),
    "an update of nothing": (
        changes({}),
        INVALID + "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create,"
        " GlobalSecondaryIndexUpdate.Delete must not be null",
    ),
    "two actions in one": (
        changes({**update("idx"), **remove("idx")}),
        INVALID
        + "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
    ),
    "one index twice": (
        changes(update("idx"), remove("idx")),
        INVALID
        + "Only one global secondary index update per index is allowed simultaneously. Index: idx",
    ),
    "protection and limits": (
        {**PROTECT, **LIMITS},
        INVALID + "DeletionProtection modification must be the only operation in the request",
    ),
    "encryption before class and protection": (
        {**ENCRYPT, **CLASS, **PROTECT},
        INVALID + "Server-Side Encryption modification must be the only operation in the request",
    ),
    "class before protection": (
        {**CLASS, **PROTECT},
        INVALID + "TableClass modification must be the only operation in the request",
    ),
    "limits and a stream": (
        {**LIMITS, "StreamSpecification": STREAM},
        INVALID
        + "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
    ),
    "limits and warmth": (
        {**LIMITS, **WARM},
        INVALID
        + "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
    ),
    "warmth and a stream": (
        {**WARM, "StreamSpecification": STREAM},
        INVALID + "WarmThroughput must be the only operation in the request",
    ),
    "warmth and an index": (
        {**WARM, **B, **create()},
        INVALID + "Create global secondary index cannot be specified when updating WarmThroughput",
    ),
    "a stream and throughput": (
        {
            "StreamSpecification": STREAM,
            "BillingMode": "PROVISIONED",
            "ProvisionedThroughput": ONE,
        },
        INVALID + "You cannot modify stream status while updating table IOPS",
    ),
    "an index and throughput": (
        {**B, **create(), "ProvisionedThroughput": ONE},
        INVALID + "You cannot create or delete index while updating table IOPS",
    ),
    "an index and a stream": (
        {**B, **create(), "StreamSpecification": STREAM},
        INVALID + "You cannot create or delete index while changing stream status",
    ),
    "throughput on demand": (
        {"ProvisionedThroughput": ONE},
        INVALID
        + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is"
        " PAY_PER_REQUEST",
    ),
    "enormous throughput": (
        {"ProvisionedThroughput": {"ReadCapacityUnits": 10**12 + 1, "WriteCapacityUnits": 1}},
        "Given value 1000000000001 for ReadCapacityUnits is out of bounds",
    ),
    "provisioned without throughput": (
        {"BillingMode": "PROVISIONED"},
        INVALID + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
    ),
    "provisioned without the index's throughput": (
        {"BillingMode": "PROVISIONED", "ProvisionedThroughput": ONE},
        INVALID + "ProvisionedThroughput must be specified for index: idx",
    ),
    "index throughput on demand": (
        changes(update("idx")),
        INVALID
        + "The only Updates for index: idx when TableThroughputMode is PAY_PER_REQUEST can be to"
        " OnDemandThroughput, WarmThroughput",
    ),
    "enormous index throughput": (
        changes(update("idx", {"ReadCapacityUnits": 10**12 + 1, "WriteCapacityUnits": 1})),
        BLOCKED,
    ),
    "removing a local index": (
        changes(remove("loc")),
        "Cannot delete an index that is not a GlobalSecondaryIndex: loc",
    ),
    "changing a local index": (
        changes(update("loc")),
        "Cannot update an index that is not a GlobalSecondaryIndex: loc",
    ),
    "an index that is there": (
        {**B, **create("idx")},
        "Attempting to create an index which already exists",
    ),
    "an index over an undefined attribute": (
        changes({"Create": index("new", "x")}),
        INVALID + "AttributeDefinitions is not specified for index: new",
    ),
    "a new index with throughput on demand": (
        {**B, **create(ProvisionedThroughput=ONE)},
        INVALID
        + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: new when"
        " BillingMode is PAY_PER_REQUEST",
    ),
    "a new index without projection type": (
        {**B, **create(Projection={})},
        INVALID + "Unknown ProjectionType: null",
    ),
    "limits of nothing": (
        {"OnDemandThroughput": {"MaxWriteRequestUnits": 0}},
        INVALID
        + "Requested MaxWriteRequestUnits for OnDemandThroughput for table is outside of valid"
        " range",
    ),
    "less warmth": (
        {"WarmThroughput": {"WriteUnitsPerSecond": 100}},
        INVALID + "Requested WriteUnitsPerSecond for WarmThroughput for table is lower than current"
        " WarmThroughput, decreasing WarmThroughput is not supported",
    ),
    "no encryption where there is none": (
        {"SSESpecification": {"Enabled": False}},
        INVALID + "Table is already encrypted by default",
    ),
    "a stream without view type": (
        {"StreamSpecification": {"StreamEnabled": True}},
        INVALID + "If stream is being enabled then UpdateViewType is required",
    ),
    "a view type without stream": (
        {"StreamSpecification": {"StreamEnabled": False, "StreamViewType": "KEYS_ONLY"}},
        INVALID + "If stream is being disabled, then UpdateViewType must not be specified",
    ),
}


@pytest.fixture(scope="module")
def table(db: Client) -> str:
    return db.new_table(
        AttributeDefinitions=definitions(("a", "S"), ("b", "S")),
        KeySchema=keys("a", "b"),
        GlobalSecondaryIndexes=[index("idx", "b")],
        LocalSecondaryIndexes=[index("loc", "a", "b")],
    )


@pytest.mark.parametrize("case", REFUSALS)
def test_it_refuses_and_changes_nothing(
    db: Client, table: str, refuses: Refuses, case: str
) -> None:
    request, message = REFUSALS[case]
    before = db.describe(table)
    refuses("UpdateTable", {"TableName": table, **request}, message)
    assert db.describe(table) == before


def test_tables_that_are_not_there(db: Client, refuses: Refuses) -> None:
    name = db.new_name()
    refuses(
        "UpdateTable",
        {"TableName": name, **PROTECT},
        f"Requested resource not found: Table: {name} not found",
        "ResourceNotFoundException",
    )
    refuses("UpdateTable", {"TableName": name}, NOTHING)


def test_indexes_that_are_not_there(table: str, refuses: Refuses) -> None:
    message = f"Requested resource not found: Index none for table {table}"
    for change in (remove("none"), update("none"), update("none", None)):
        refuses(
            "UpdateTable",
            {"TableName": table, **changes(change)},
            message,
            "ResourceNotFoundException",
        )


def test_one_index_at_a_time(table: str, refuses: Refuses) -> None:
    message = (
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously"
        " per table"
    )
    for pair in ((remove("idx"), remove("none")), (*create("xyz").popitem()[1], remove("idx"))):
        refuses(
            "UpdateTable", {"TableName": table, **changes(*pair)}, message, "LimitExceededException"
        )


def test_twenty_global_indexes_are_enough(db: Client, refuses: Refuses) -> None:
    name = db.new_table(
        AttributeDefinitions=definitions(("a", "S")),
        KeySchema=keys("a"),
        GlobalSecondaryIndexes=[index(f"idx{n}", "a") for n in range(20)],
    )
    refuses(
        "UpdateTable",
        {"TableName": name, **changes({"Create": index("one-more", "a")})},
        "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of"
        " 20",
        "LimitExceededException",
    )
