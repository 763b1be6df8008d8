"""DescribeTable, ListTables and DeleteTable, and how tables may be named."""

from __future__ import annotations

import time

import pytest

from tests.conformance.client import Client
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import definitions, keys

A = definitions(("a", "S"))
PATTERN = "failed to satisfy constraint: Member must satisfy regular expression pattern"
LEAST = "failed to satisfy constraint: Member must have length greater than or equal to 3"
MOST = "failed to satisfy constraint: Member must have length less than or equal to 255"
ONE = "1 validation error detected: "


@pytest.mark.parametrize("operation", ["DescribeTable", "DeleteTable"])
def test_tables_that_are_not_there(db: Client, refuses: Refuses, operation: str) -> None:
    name = db.new_name()
    refuses(
        operation,
        {"TableName": name},
        f"Requested resource not found: Table: {name} not found",
        "ResourceNotFoundException",
    )


@pytest.mark.parametrize("operation", ["CreateTable", "DescribeTable", "DeleteTable"])
def test_a_name_is_required(refuses: Refuses, operation: str) -> None:
    body = {"AttributeDefinitions": A, "KeySchema": keys("a")} if operation[0] == "C" else {}
    refuses(
        operation, body, "The parameter 'TableName' is required but was not present in the request"
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ab", f"{ONE}Value 'ab' at 'tableName' {LEAST}"),
        ("abc;", f"{ONE}Value 'abc;' at 'tableName' {PATTERN}: [a-zA-Z0-9_.-]+"),
        ("a" * 256, f"{ONE}Value '{'a' * 256}' at 'tableName' {MOST}"),
    ],
    ids=["short", "odd", "long"],
)
def test_names_have_a_form(refuses: Refuses, name: str, message: str) -> None:
    refuses("DescribeTable", {"TableName": name}, message)


def test_names_are_case_sensitive_and_may_have_every_letter_allowed(db: Client) -> None:
    name = db.new_name() + "._-Az09"
    lower = name.lower()
    for each in (name, lower):
        db.adopt(each)
        db.call(
            "CreateTable",
            {
                "TableName": each,
                "AttributeDefinitions": A,
                "KeySchema": keys("a"),
                "BillingMode": "PAY_PER_REQUEST",
            },
        )
        db.await_active(each)
    assert db.describe(name)["TableId"] != db.describe(lower)["TableId"]


def test_a_table_may_be_named_by_its_arn(db: Client, simple: str) -> None:
    arn = db.describe(simple)["TableArn"]
    assert db.describe(arn)["TableName"] == simple
    item = {"a": {"S": "by-arn"}}
    db.put(arn, item)
    assert db.get(arn, item) == item


def test_items_are_counted(db: Client) -> None:
    name = db.new_table(AttributeDefinitions=A, KeySchema=keys("a"))
    db.put(name, {"a": {"S": "1"}}, {"a": {"S": "22"}, "n": {"N": "1"}})
    table = db.describe(name)
    if table["ItemCount"] == 0:
        pytest.skip("the service counts about every six hours")
    assert (table["ItemCount"], table["TableSizeBytes"]) == (2, 8)


def test_a_deleted_table_is_gone_and_its_name_free(db: Client) -> None:
    name = db.new_table(AttributeDefinitions=A, KeySchema=keys("a"))
    first = db.describe(name)
    db.put(name, {"a": {"S": "old"}})
    description = db.call("DeleteTable", {"TableName": name})["TableDescription"]
    assert description["TableStatus"] == "DELETING"
    assert description["TableId"] == first["TableId"]
    while db.send("DescribeTable", {"TableName": name}).status == 200:
        time.sleep(0.05)
    answer = db.send("GetItem", {"TableName": name, "Key": {"a": {"S": "old"}}})
    assert (answer.code, answer.message) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )
    db.call(
        "CreateTable",
        {
            "TableName": name,
            "AttributeDefinitions": A,
            "KeySchema": keys("a"),
            "BillingMode": "PAY_PER_REQUEST",
        },
    )
    second = db.await_active(name)
    assert second["TableArn"] == first["TableArn"]
    assert second["TableId"] != first["TableId"]
    assert db.get(name, {"a": {"S": "old"}}) is None


# ListTables --------------------------------------------------------------------------------------


def test_tables_are_listed_in_order_a_page_at_a_time(db: Client) -> None:
    made = sorted(db.new_table(AttributeDefinitions=A, KeySchema=keys("a")) for _ in range(3))
    start = made[0][:-1]
    first = db.call("ListTables", {"ExclusiveStartTableName": start, "Limit": 1})
    assert len(first["TableNames"]) == 1
    assert first["LastEvaluatedTableName"] == first["TableNames"][0]
    names: list[str] = []
    body = {"Limit": 2}
    while True:
        page = db.call("ListTables", body)
        names += page["TableNames"]
        if "LastEvaluatedTableName" not in page:
            break
        body = {"Limit": 2, "ExclusiveStartTableName": page["LastEvaluatedTableName"]}
    assert names == sorted(names, key=str.encode)
    assert set(made) <= set(names)


def test_a_page_that_ends_with_the_last_table_says_nothing_of_more(db: Client) -> None:
    names = db.call("ListTables", {})["TableNames"]
    last = db.call("ListTables", {"ExclusiveStartTableName": names[-2], "Limit": 1})
    assert last == {"TableNames": [names[-1]]}


def test_list_refusals(refuses: Refuses) -> None:
    refuses(
        "ListTables",
        {"Limit": 0},
        f"{ONE}Value '0' at 'limit' failed to satisfy constraint: Member must have value greater"
        " than or equal to 1",
    )
    refuses(
        "ListTables",
        {"Limit": 101},
        f"{ONE}Value '101' at 'limit' failed to satisfy constraint: Member must have value less"
        " than or equal to 100",
    )
    refuses(
        "ListTables",
        {"ExclusiveStartTableName": "a;"},
        f"2 validation errors detected: Value 'a;' at 'exclusiveStartTableName' {PATTERN}:"
        f" [a-zA-Z0-9_.-]+; Value 'a;' at 'exclusiveStartTableName' {LEAST}",
    )
