"""Proves that type faults are worded as the service words them, and that it forgives what the
service forgives."""

import json
from typing import Any

import pytest

from tailrace.errors import AwsError, SerializationException
from tailrace.wire.parsing import understood
from tailrace.wire.shapes import input_shape
from tailrace.wire.validation import explain

MAP = "Start of structure or map found where not expected"


def message(operation: str, document: Any) -> str | None:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    error = explain("dynamodb", operation, body)
    return error.message if isinstance(error, SerializationException) else None


def reading(operation: str, document: dict[str, Any]) -> dict[str, Any]:
    shape = input_shape("dynamodb", operation)
    assert shape is not None
    return understood(shape, document)


@pytest.mark.parametrize(
    ("member", "value", "expected"),
    [
        ("TableName", 23, "NUMBER_VALUE cannot be converted to String"),
        ("TableName", -2147483648, "NUMBER_VALUE cannot be converted to String"),
        ("TableName", 34.56, "DECIMAL_VALUE cannot be converted to String"),
        ("TableName", True, "TRUE_VALUE cannot be converted to String"),
        ("TableName", False, "FALSE_VALUE cannot be converted to String"),
        ("TableName", {}, MAP),
        ("TableName", [], ""),
        ("Limit", "23", "STRING_VALUE cannot be converted to Integer"),
        ("Limit", True, "TRUE_VALUE cannot be converted to Integer"),
        ("Limit", {}, MAP),
        ("Limit", [], ""),
        ("ConsistentRead", "23", "Unexpected token received from parser"),
        ("ConsistentRead", 23, "NUMBER_VALUE cannot be converted to Boolean"),
        ("ConsistentRead", 34.56, "DECIMAL_VALUE cannot be converted to Boolean"),
        ("ConsistentRead", {}, MAP),
        ("AttributesToGet", "23", "Unexpected field type"),
        ("AttributesToGet", 23, "Unexpected field type"),
        ("AttributesToGet", {}, MAP),
        ("AttributesToGet", [1], "NUMBER_VALUE cannot be converted to String"),
        ("ExpressionAttributeNames", True, "Unexpected field type"),
        ("ExpressionAttributeNames", [], ""),
        ("ExpressionAttributeNames", {"#a": 5}, "NUMBER_VALUE cannot be converted to String"),
        ("ScanFilter", {"a": 5}, "Unexpected value type in payload"),
        ("ScanFilter", {"a": []}, ""),
    ],
)
def test_members_of_the_wrong_type(member: str, value: Any, expected: str):
    assert message("Scan", {member: value}) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", "Unexpected value type in payload"),
        ([], ""),
        ({"S": 5}, "NUMBER_VALUE cannot be converted to String"),
        ({"N": 1.5}, "DECIMAL_VALUE cannot be converted to String"),
        ({"S": {"S": "x"}}, MAP),
        ({"B": 5}, "only base-64-encoded strings are convertible to bytes"),
        ({"B": "23456"}, "Base64 encoded length is expected a multiple of 4 bytes but found: 5"),
        ({"B": "=+/="}, "Invalid last non-pad Base64 character dectected"),
        ({"B": "+/+="}, "Invalid last non-pad Base64 character dectected"),
        ({"B": "a!=="}, "Unexpected value type in payload"),
        ({"BOOL": 1}, "NUMBER_VALUE cannot be converted to Boolean"),
        ({"NULL": "no"}, "Unexpected token received from parser"),
        ({"SS": "a"}, "Unexpected field type"),
        ({"NS": [1]}, "NUMBER_VALUE cannot be converted to String"),
        ({"BS": [True]}, "only base-64-encoded strings are convertible to bytes"),
        ({"L": {}}, MAP),
        ({"L": ["x"]}, "Unexpected value type in payload"),
        ({"M": []}, ""),
        ({"M": {"a": {"L": [{"N": 5}]}}}, "NUMBER_VALUE cannot be converted to String"),
    ],
)
def test_attribute_values_of_the_wrong_type(value: Any, expected: str):
    assert message("PutItem", {"TableName": "abc", "Item": {"a": value}}) == expected


def test_containers_inside_containers():
    assert message("BatchWriteItem", {"RequestItems": {"t": 5}}) == ""
    assert message("BatchWriteItem", {"RequestItems": {"t": {}}}) == MAP
    assert (
        message("BatchWriteItem", {"RequestItems": {"t": [5]}})
        == "Unexpected value type in payload"
    )
    assert message("BatchGetItem", {"RequestItems": {"t": {"Keys": [5]}}}) == ""
    throughput = {"ProvisionedThroughput": {"ReadCapacityUnits": "5"}}
    assert message("UpdateTable", throughput) == "STRING_VALUE cannot be converted to Long"
    assert message("UpdateTable", {"ProvisionedThroughput": "a"}) == "Unexpected field type"


def test_the_first_fault_in_the_body_is_told():
    assert (
        message("Scan", b'{"Limit":"5","IndexName":5}')
        == "STRING_VALUE cannot be converted to Integer"
    )
    assert (
        message("Scan", b'{"IndexName":5,"Limit":"5"}')
        == "NUMBER_VALUE cannot be converted to String"
    )


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"hi", b"{", b"[]", b"null", b"7", b'"x"', b"{}{}", b'{"a":\xff}'),
        *(b'{"a":"\xed\xa0\x80"}', b'{"a":"\\ud800"}', b'{"TableName":1e999}'),
        *(b"[" * 100_000, b'{"a":' * 100_000),
    ],
)
def test_what_is_no_json_object_gets_no_message(body: bytes):
    assert message("GetItem", body) == ""


@pytest.mark.parametrize("depth", [63, 200, 480, 20_000])
def test_deep_documents_are_refused_without_a_crash(depth: int):
    value = b'{"L":[' * depth + b'{"S":"x"}' + b"]}" * depth
    body = b'{"TableName":"abc","Item":{"a":%b}}' % value
    assert message("PutItem", body) == ""


def test_the_deepest_legal_item_is_understood():
    value = b'{"M":{"a":' * 32 + b'{"S":"x"}' + b"}}" * 32
    body = b'{"TransactItems":[{"Put":{"TableName":"abc","Item":{"a":%b}}}]}' % value
    assert explain("dynamodb", "TransactWriteItems", body) is None


def test_nulls_and_unknown_members_are_absent():
    request = {"TableName": "abc", "IndexName": None, "Unknown": [5], "ScanFilter": None}
    assert reading("Scan", request) == {"TableName": "abc"}
    item = {"a": {"S": "x", "N": None, "unknown": 1}, "b": None}
    assert reading("PutItem", {"Item": item}) == {"Item": {"a": {"S": "x"}, "b": {}}}


def test_numbers_and_booleans_are_converted():
    assert reading("Scan", {"Limit": 5.9, "Segment": -0.5}) == {"Limit": 5, "Segment": 0}
    assert reading("Scan", {"Limit": 10**30, "Segment": -1e300}) == {
        "Limit": 2**31 - 1,
        "Segment": -(2**31),
    }
    assert reading("Scan", {"ConsistentRead": "TRUE"}) == {"ConsistentRead": True}
    assert reading("Scan", {"ConsistentRead": "false"}) == {"ConsistentRead": False}


def test_timestamps_are_numbers():
    body = b'{"Timestamp":"2026-10-01T00:00:00Z"}'
    error = explain("dynamodbstreams", "GetShardIterator", body)
    assert isinstance(error, AwsError)
    assert error.message == "STRING_VALUE cannot be converted to Date"
