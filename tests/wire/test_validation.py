"""Proves that broken constraints are told together, in the service's words and order."""

import json
from typing import Any

import pytest

from tailrace.errors import ValidationException
from tailrace.wire.echo import ECHO_CHARACTERS
from tailrace.wire.validation import VIOLATIONS_REPORTED, explain

NAME = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
NULL = "Member must not be null"
CAPACITY = "Member must satisfy enum value set: [INDEXES, TOTAL, NONE]"
METRICS = "Member must satisfy enum value set: [SIZE, NONE]"
RETURN_VALUES = (
    "Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]"
)
OPERATORS = (
    "Member must satisfy enum value set: [IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, "
    "NOT_NULL, NE, LE, BEGINS_WITH, "
    "GE, CONTAINS]"
)


def at_least(number: int, what: str = "length") -> str:
    return f"Member must have {what} greater than or equal to {number}"


def at_most(number: int, what: str = "length") -> str:
    return f"Member must have {what} less than or equal to {number}"


def answer(operation: str, request: dict[str, Any], service: str = "dynamodb") -> str | None:
    error = explain(service, operation, json.dumps(request).encode())
    assert error is None or isinstance(error, ValidationException)
    return error and error.message


def violations(*found: tuple[str | None, str, str]) -> str:
    """The message for (value or None for null, path, constraint)s."""
    told = [
        f"Value {'null' if value is None else repr(value)} at '{path}' failed to satisfy "
        f"constraint: {constraint}"
        for value, path, constraint in found
    ]
    return f"{len(told)} validation error{'s' * (len(told) > 1)} detected: {'; '.join(told)}"


LONG = "a" * 256


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (None, violations((None, "tableName", NULL))),
        ("", violations(("", "tableName", at_least(1)))),
        ("ab", None),
        (LONG, violations((LONG, "tableName", at_most(255)))),
        ("bad table!@#", violations(("bad table!@#", "tableName", NAME))),
        ("arn:aws:dynamodb:us-east-1:123456789012:table/x", None),
        ("arn:" + "a" * 1021, violations(("arn:" + "a" * 1021, "tableName", at_most(1024)))),
    ],
)
@pytest.mark.parametrize("operation", ["PutItem", "GetItem"])
def test_table_names_in_item_operations(operation: str, table: str | None, expected: str | None):
    assert answer(operation, {"TableName": table, "Item": {}, "Key": {}}) == expected


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (None, "The parameter 'TableName' is required but was not present in the request"),
        ("", violations(("", "tableName", at_least(3)), ("", "tableName", NAME))),
        ("ab", violations(("ab", "tableName", at_least(3)))),
        (LONG, violations((LONG, "tableName", at_most(255)))),
        ("abc;", violations(("abc;", "tableName", NAME))),
    ],
)
@pytest.mark.parametrize("operation", ["DescribeTable", "DeleteTable", "UpdateTable"])
def test_table_names_in_table_operations(operation: str, table: str | None, expected: str):
    assert answer(operation, {"TableName": table}) == expected


def test_missing_members_are_told_together():
    assert answer("PutItem", {}) == violations((None, "tableName", NULL), (None, "item", NULL))
    assert answer("CreateTable", {"TableName": "abc;"}) == violations(
        (None, "attributeDefinitions", NULL), ("abc;", "tableName", NAME), (None, "keySchema", NULL)
    )


def test_the_order_seen_on_aws():
    enums = {
        "ReturnValues": "INVALID",
        "ReturnConsumedCapacity": "INVALID",
        "ReturnItemCollectionMetrics": "INVALID",
    }
    first = ("INVALID", "returnValues", RETURN_VALUES)
    second = ("INVALID", "returnConsumedCapacity", CAPACITY)
    third = ("INVALID", "returnItemCollectionMetrics", METRICS)
    assert answer("PutItem", {"TableName": "abc", "Item": {}, **enums}) == violations(
        first, second, third
    )
    assert answer("DeleteItem", {"TableName": "abc", "Key": {}, **enums}) == violations(
        first, second, third
    )
    assert answer("UpdateItem", {"TableName": "abc", "Key": {}, **enums}) == violations(
        second, third, first
    )
    assert answer(
        "PutItem", {"TableName": "", "Item": {}, "ReturnValues": "INVALID"}
    ) == violations(first, ("", "tableName", at_least(1)))


def test_at_most_ten_are_told():
    request = {
        "TableName": "abc;",
        "ReturnConsumedCapacity": "hi",
        "AttributesToGet": [],
        "IndexName": "abc;",
        "Select": "hi",
        "Limit": -1,
        "KeyConditions": {"a": {}, "b": {"ComparisonOperator": ""}},
        "ConditionalOperator": "AN",
        "QueryFilter": {"a": {}, "b": {"ComparisonOperator": ""}},
    }
    select = "[SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]"
    assert answer("Query", request) == violations(
        ("hi", "select", f"Member must satisfy enum value set: {select}"),
        ("abc;", "indexName", NAME),
        ("hi", "returnConsumedCapacity", CAPACITY),
        (None, "queryFilter.a.member.comparisonOperator", NULL),
        ("", "queryFilter.b.member.comparisonOperator", OPERATORS),
        ("abc;", "tableName", NAME),
        ("AN", "conditionalOperator", "Member must satisfy enum value set: [OR, AND]"),
        ("[]", "attributesToGet", at_least(1)),
        ("-1", "limit", at_least(1, "value")),
        (None, "keyConditions.a.member.comparisonOperator", NULL),
    )
    assert VIOLATIONS_REPORTED == 10


def test_create_table():
    key = {"AttributeName": "a", "KeyType": "HASH"}
    request = {
        "TableName": "abc",
        "AttributeDefinitions": [{}],
        "KeySchema": [{"AttributeName": "a", "KeyType": "Woop"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": -1, "WriteCapacityUnits": -1},
        "BillingMode": "A",
    }
    assert answer("CreateTable", request) == violations(
        (None, "attributeDefinitions.1.member.attributeType", NULL),
        (None, "attributeDefinitions.1.member.attributeName", NULL),
        ("A", "billingMode", "Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]"),
        ("-1", "provisionedThroughput.writeCapacityUnits", at_least(1, "value")),
        ("-1", "provisionedThroughput.readCapacityUnits", at_least(1, "value")),
        ("Woop", "keySchema.1.member.keyType", "Member must satisfy enum value set: [HASH, RANGE]"),
    )
    shown = "KeySchemaElement(attributeName=a, keyType=HASH)"
    schema = {"TableName": "abc", "AttributeDefinitions": [], "KeySchema": [key] * 3}
    assert answer("CreateTable", schema) == violations(
        (f"[{shown}, {shown}, {shown}]", "keySchema", at_most(2))
    )
    encryption = {**schema, "KeySchema": [key], "SSESpecification": {"KMSMasterKeyId": None}}
    assert answer("CreateTable", encryption) is None


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ({}, "The Tag Key provided is invalid, Key: null"),
        ({"Value": "v"}, "The Tag Key provided is invalid, Key: null"),
        ({"Key": "k"}, "The Tag Value provided is invalid, Value: null"),
        ({"Key": "k", "Value": ""}, None),
    ],
)
def test_tags_are_refused_in_words_of_their_own(tag: dict[str, str], expected: str | None):
    assert answer("TagResource", {"ResourceArn": "arn", "Tags": [tag]}) == expected


def test_index_names_of_an_update():
    create = {"IndexName": "", "KeySchema": [], "Projection": {}}
    path = "globalSecondaryIndexUpdates.1.member.create."
    updates = {"TableName": "abc", "GlobalSecondaryIndexUpdates": [{"Create": create}]}
    assert answer("UpdateTable", updates) == violations(
        ("", path + "indexName", at_least(3)),
        ("", path + "indexName", NAME),
        ("[]", path + "keySchema", at_least(1)),
    )


def test_batches():
    assert answer("BatchWriteItem", {}) == violations((None, "requestItems", NULL))
    for operation in ("BatchWriteItem", "BatchGetItem"):
        expected = f"The requestItems parameter is required for {operation}"
        assert answer(operation, {"RequestItems": {}}) == expected
    keys = f"Map keys must satisfy constraint: [{at_most(255)}, {at_least(1)}, {NAME}]"
    values = f"Map value must satisfy constraint: [{at_most(25)}, {at_least(1)}]"
    request = {"RequestItems": {"aa;": [{"PutRequest": {}, "DeleteRequest": {}}], "abc": []}}
    shown = (
        "{aa;=[WriteRequest(putRequest=PutRequest(item=null, workloadProfileName=null), "
        "deleteRequest=DeleteRequest(key=null))], abc=[]}"
    )
    assert answer("BatchWriteItem", request) == violations(
        (shown, "requestItems", keys),
        (shown, "requestItems", values),
        (None, "requestItems.aa;.member.1.member.deleteRequest.key", NULL),
        (None, "requestItems.aa;.member.1.member.putRequest.item", NULL),
    )
    gets = {"RequestItems": {"abc": {"Keys": []}, "abd": {}}}
    assert answer("BatchGetItem", gets) == violations(
        ("[]", "requestItems.abc.member.keys", at_least(1)),
        (None, "requestItems.abd.member.keys", NULL),
    )


def test_an_echoed_attribute_value_shows_the_services_own_members():
    put = {"PutRequest": {"Item": {"pk": {"S": "bw-0"}}}}
    message = answer("BatchWriteItem", {"RequestItems": {"abc": [put] * 26}})
    assert message is not None
    shown = (
        "WriteRequest(putRequest=PutRequest(item={pk=AttributeValue(s=bw-0, n=null, "
        "b=null, iNT=null, dECIMAL=null, "
        "dOUBLE=null, sS=null, nS=null, bS=null, iNTSET=null, dECIMALSET=null, "
        "dOUBLESET=null, m=null, l=null, "
        "nULL=null, bOOL=null)}, workloadProfileName=null), deleteRequest=null)"
    )
    assert message.startswith(f"1 validation error detected: Value '{{abc=[{shown}, {shown}")


def test_echoes_are_bounded():
    put = {"PutRequest": {"Item": {"pk": {"L": [{"S": "x" * 1000}] * 1000}}}}
    message = answer("BatchWriteItem", {"RequestItems": {"abc": [put] * 26}})
    assert message is not None
    assert len(message) < ECHO_CHARACTERS + 500


def test_transactions():
    assert answer("TransactWriteItems", {"TransactItems": []}) == violations(
        ("[]", "transactItems", at_least(1))
    )
    put = {"TableName": "bad!name", "Item": {}}
    assert answer("TransactWriteItems", {"TransactItems": [{"Put": put}]}) == violations(
        ("bad!name", "transactItems.1.member.put.tableName", NAME)
    )
    delete = {"Delete": {"TableName": "abc"}, "Put": {"TableName": "abc"}}
    assert answer("TransactWriteItems", {"TransactItems": [delete]}) == violations(
        (None, "transactItems.1.member.delete.key", NULL),
        (None, "transactItems.1.member.put.item", NULL),
    )


def test_constraints_of_list_members_are_told_at_the_list():
    projection = {"NonKeyAttributes": ["a" * 256, "b"], "ProjectionType": "ALL"}
    index = {"IndexName": "abc", "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}]}
    request = {
        "TableName": "abc",
        "AttributeDefinitions": [],
        "KeySchema": index["KeySchema"],
        "GlobalSecondaryIndexes": [{**index, "Projection": projection}],
    }
    assert answer("CreateTable", request) == violations(
        (
            f"[{'a' * 256}, b]",
            "globalSecondaryIndexes.1.member.projection.nonKeyAttributes",
            f"Member must satisfy constraint: [{at_most(255)}, {at_least(1)}]",
        )
    )
    assert answer("Scan", {"TableName": "abc", "AttributesToGet": [None]}) == violations(
        (None, "attributesToGet.1.member", NULL)
    )


def test_list_tables():
    odd = "89hls;;f;d" * 30
    request = {"Limit": 2147483647, "ExclusiveStartTableName": odd}
    assert answer("ListTables", request) == violations(
        ("2147483647", "limit", at_most(100, "value")),
        (odd, "exclusiveStartTableName", NAME),
        (odd, "exclusiveStartTableName", at_most(255)),
    )
    assert answer("ListTables", {}) is None


def test_time_to_live():
    request = {"TableName": "abc", "TimeToLiveSpecification": {}}
    assert answer("UpdateTimeToLive", request) == violations(
        (None, "timeToLiveSpecification.attributeName", NULL),
        (None, "timeToLiveSpecification.enabled", NULL),
    )


def test_streams():
    limits = {"ShardIterator": "x", "Limit": 1001}
    assert answer("GetRecords", limits, "dynamodbstreams") == violations(
        ("1001", "limit", at_most(1000, "value"))
    )
    iterator = {"StreamArn": "x", "ShardId": "y", "ShardIteratorType": "Z"}
    types = "[AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]"
    assert answer("GetShardIterator", iterator, "dynamodbstreams") == violations(
        ("x", "streamArn", at_least(37)),
        ("y", "shardId", at_least(28)),
        ("Z", "shardIteratorType", f"Member must satisfy enum value set: {types}"),
    )


def test_other_services_are_their_models():
    message = answer("GetShardIterator", {"ShardId": "x"}, "kinesis")
    assert message == violations((None, "shardIteratorType", NULL))


def test_unknown_operations_are_not_looked_into():
    assert answer("NoSuchOperation", {"TableName": 5}) is None
