"""Broken requests for tests of robustness: valid ones, damaged in the ways that clients, networks
and attackers damage them.

Everything follows from the seed: the same seed gives the same requests in the same order, on every
machine.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

__all__ = ["VALID_REQUESTS", "MutatedRequest", "ValidRequest", "mutated_requests"]

_DYNAMODB: Final = "DynamoDB_20120810"
_STREAMS: Final = "DynamoDBStreams_20120810"
_STREAM_ARN: Final = (
    "arn:aws:dynamodb:us-east-1:000000000000:table/mutants/stream/2026-10-01T00:00:00.000"
)


class ValidRequest(msgspec.Struct, frozen=True):
    """A request that the service understands. `target` is the `X-Amz-Target` header, `body` the
    JSON's value."""

    target: str
    body: dict[str, Any]


class MutatedRequest(msgspec.Struct, frozen=True):
    """A damaged request. `damage` names what was done to it, for the failing test's message."""

    target: str
    body: bytes
    damage: str


_ITEM: Final[dict[str, Any]] = {
    "id": {"S": "one"},
    "n": {"N": "1.50"},
    "b": {"B": "aGVsbG8="},
    "yes": {"BOOL": True},
    "no": {"NULL": True},
    "m": {"M": {"a": {"L": [{"S": "x"}, {"M": {"b": {"N": "-7"}}}]}}},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["1", "2.5"]},
    "bs": {"BS": ["YQ==", "Yg=="]},
    "v": {"L": [{"N": "1"}, {"N": "-0.5"}]},
}
_KEY: Final[dict[str, Any]] = {"id": {"S": "one"}}
_NAMES: Final = {"#n": "n"}
_VALUES: Final[dict[str, Any]] = {":v": {"N": "1"}}
_VECTOR_INDEX: Final[dict[str, Any]] = {
    "IndexName": "near",
    "VectorAttribute": {"AttributeName": "v"},
    "Dimensions": 2,
    "DistanceFunction": "COSINE",
    "Projection": {"ProjectionType": "ALL"},
}

VALID_REQUESTS: Final[tuple[ValidRequest, ...]] = tuple(
    ValidRequest(f"{prefix}.{operation}", body)
    for prefix, operation, body in (
        (
            _DYNAMODB,
            "CreateTable",
            {
                "TableName": "mutants",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
                "VectorIndexes": [_VECTOR_INDEX],
                "StreamSpecification": {
                    "StreamEnabled": True,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
            },
        ),
        (_DYNAMODB, "DescribeTable", {"TableName": "mutants"}),
        (_DYNAMODB, "ListTables", {"Limit": 10, "ExclusiveStartTableName": "abc"}),
        (_DYNAMODB, "DeleteTable", {"TableName": "no-such-table"}),
        (
            _DYNAMODB,
            "UpdateTable",
            {"TableName": "no-such-table", "StreamSpecification": {"StreamEnabled": False}},
        ),
        (
            _DYNAMODB,
            "PutItem",
            {
                "TableName": "mutants",
                "Item": _ITEM,
                "ConditionExpression": "attribute_not_exists(id) OR #n > :v",
                "ExpressionAttributeNames": _NAMES,
                "ExpressionAttributeValues": _VALUES,
                "ReturnValues": "ALL_OLD",
                "ReturnConsumedCapacity": "TOTAL",
            },
        ),
        (
            _DYNAMODB,
            "GetItem",
            {
                "TableName": "mutants",
                "Key": _KEY,
                "ConsistentRead": True,
                "ProjectionExpression": "id, m.a[0]",
            },
        ),
        (
            _DYNAMODB,
            "UpdateItem",
            {
                "TableName": "mutants",
                "Key": _KEY,
                "UpdateExpression": "SET #n = if_not_exists(#n, :v) + :v REMOVE m.a[0]",
                "ExpressionAttributeNames": _NAMES,
                "ExpressionAttributeValues": _VALUES,
                "ReturnValues": "ALL_NEW",
            },
        ),
        (
            _DYNAMODB,
            "DeleteItem",
            {
                "TableName": "mutants",
                "Key": _KEY,
                "Expected": {"n": {"ComparisonOperator": "GE", "AttributeValueList": [{"N": "1"}]}},
                "ConditionalOperator": "AND",
            },
        ),
        (
            _DYNAMODB,
            "BatchWriteItem",
            {
                "RequestItems": {
                    "mutants": [
                        {"PutRequest": {"Item": _ITEM}},
                        {"DeleteRequest": {"Key": {"id": {"S": "two"}}}},
                    ]
                }
            },
        ),
        (
            _DYNAMODB,
            "BatchGetItem",
            {"RequestItems": {"mutants": {"Keys": [_KEY], "ConsistentRead": False}}},
        ),
        (
            _DYNAMODB,
            "Query",
            {
                "TableName": "mutants",
                "KeyConditionExpression": "id = :v",
                "FilterExpression": "contains(#n, :v) AND NOT (size(m) BETWEEN :v AND :v)",
                "ExpressionAttributeNames": _NAMES,
                "ExpressionAttributeValues": {":v": {"S": "one"}},
                "ExclusiveStartKey": _KEY,
                "Limit": 5,
                "ScanIndexForward": False,
            },
        ),
        (
            _DYNAMODB,
            "Scan",
            {
                "TableName": "mutants",
                "ScanFilter": {"n": {"ComparisonOperator": "NOT_NULL"}},
                "Segment": 0,
                "TotalSegments": 2,
                "Select": "COUNT",
            },
        ),
        (
            _DYNAMODB,
            "SearchVectors",
            {
                "TableName": "mutants",
                "IndexName": "near",
                "SearchVector": _ITEM["v"]["L"],
                "TopK": 5,
                "ProjectionExpression": "id, m.a[0]",
            },
        ),
        (_STREAMS, "ListStreams", {"TableName": "mutants", "Limit": 10}),
        (_STREAMS, "DescribeStream", {"StreamArn": _STREAM_ARN, "Limit": 10}),
        (
            _STREAMS,
            "GetShardIterator",
            {
                "StreamArn": _STREAM_ARN,
                "ShardId": "shardId-00000001789651658000-0a1b2c3d",
                "ShardIteratorType": "AT_SEQUENCE_NUMBER",
                "SequenceNumber": "100000000000000000001",
            },
        ),
        (_STREAMS, "GetRecords", {"ShardIterator": f"{_STREAM_ARN}|1|AAAA", "Limit": 100}),
    )
)

_Random = random.Random


def mutated_requests(
    seed: int, count: int, valid: Sequence[ValidRequest] = VALID_REQUESTS
) -> Iterator[MutatedRequest]:
    """`count` damaged requests, each made of one of `valid` by one or two damages."""
    chance = _Random(seed)
    for _ in range(count):
        request = chance.choice(valid)
        yield _damaged(request, chance)


def _damaged(request: ValidRequest, chance: _Random) -> MutatedRequest:
    body = json.loads(json.dumps(request.body))
    done: list[str] = []
    if chance.random() < 0.7:
        name, damage_value = chance.choice(_VALUE_DAMAGES)
        done.append(name)
        body = damage_value(body, chance)
    data = json.dumps(body).encode()
    if not done or chance.random() < 0.3:
        name, damage_bytes = chance.choice(_BYTE_DAMAGES)
        done.append(name)
        data = damage_bytes(data, chance)
    return MutatedRequest(target=request.target, body=data, damage=" + ".join(done))


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key or position) inside a JSON value."""
    places: list[tuple[Any, Any]] = []
    waiting: list[Any] = [value]
    while waiting:
        container = waiting.pop()
        keys: Any = container if container.__class__ is dict else range(len(container))
        for key in keys:
            places.append((container, key))
            if container[key].__class__ in (dict, list):
                waiting.append(container[key])
    return places


def _replace(make: Callable[[_Random], Any]) -> Callable[[Any, _Random], Any]:
    def damage(body: Any, chance: _Random) -> Any:
        places = _places(body)
        if places:
            container, key = chance.choice(places)
            container[key] = make(chance)
        return body

    return damage


def _another_type(chance: _Random) -> Any:
    kinds: list[Any] = [None, True, False, 0, -1, 5.5, 1e300, "", "x", "5", "tRUE"]
    kinds += [[], [None], [[]], {}, {"S": 1}]
    return chance.choice(kinds)


def _huge_number(chance: _Random) -> Any:
    digits = "9" * chance.choice([20, 40, 400])
    return chance.choice(
        [int(digits), -int(digits), {"N": digits}, {"N": "1e" + digits}, {"NS": [digits]}]
    )


def _odd_text(chance: _Random) -> Any:
    return chance.choice(
        [
            "\0",
            "\ud800",
            "é\u2028" * 3,
            "a" * 300,
            "a" * 5000,
            "(" * 3000,
            "'; DROP TABLE items; --",
            "arn:aws:dynamodb:us-east-1:1:table/../x",
            "${jndi:ldap://x}",
            "NOT " * 500 + "a = :v",
        ]
    )


def _deep(chance: _Random) -> Any:
    value: Any = {"S": "bottom"}
    for _ in range(chance.choice([31, 33, 60, 100, 200])):
        value = chance.choice([{"L": [value]}, {"M": {"k": value}}])
    return value


def _drop(body: Any, chance: _Random) -> Any:
    places = _places(body)
    if places:
        container, key = chance.choice(places)
        del container[key]
    return body


def _rename(body: Any, chance: _Random) -> Any:
    places = [(container, key) for container, key in _places(body) if container.__class__ is dict]
    if places:
        container, key = chance.choice(places)
        name = chance.choice([key.lower(), key + "s", "", "S", "toString", "__proto__"])
        container[name] = container.pop(key)
    return body


def _add(body: Any, chance: _Random) -> Any:
    containers = [body, *(container for container, _ in _places(body))]
    container = chance.choice(containers)
    if container.__class__ is dict:
        container[chance.choice(["Unknown", "N", "M", "#", "TableName"])] = _another_type(chance)
    else:
        container.append(_another_type(chance))
    return body


def _flip(data: bytes, chance: _Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _truncate(data: bytes, chance: _Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _insert(data: bytes, chance: _Random) -> bytes:
    at = chance.randrange(len(data))
    broken_text = [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\\ud800", b"\0"]
    piece = chance.choice([*broken_text, b"}", b"[", b'"', b","])
    return data[:at] + piece + data[at:]


def _repeat_member(data: bytes, chance: _Random) -> bytes:
    member = chance.choice(
        [b'"TableName":"other",', b'"TableName":7,', b'"Item":{},', b'"Limit":0,']
    )
    return b"{" + member + data[1:]


def _nest_brackets(data: bytes, chance: _Random) -> bytes:
    depth = chance.choice([100, 2000, 50_000])
    opened, closed = chance.choice([(b"[", b"]"), (b'{"M":', b"}"), (b'{"L":[', b"]}")])
    inside = opened * depth + b"1" + closed * depth
    return chance.choice([inside, b'{"Item":' + inside + b"," + data[1:], b'{"x":' + inside + b"}"])


def _rubbish(data: bytes, chance: _Random) -> bytes:
    del data
    return chance.choice(
        [
            b"",
            b" ",
            b"null",
            b"[]",
            b'"{}"',
            b"7",
            b"{}",
            b"{",
            b"\xef\xbb\xbf{}",
            b"NaN",
            b"{}{}",
            b"\x1f\x8b",
        ]
    )


_VALUE_DAMAGES: Final[list[tuple[str, Callable[[Any, _Random], Any]]]] = [
    ("another type", _replace(_another_type)),
    ("another type", _replace(_another_type)),
    ("huge number", _replace(_huge_number)),
    ("odd text", _replace(_odd_text)),
    ("deep nesting", _replace(_deep)),
    ("member dropped", _drop),
    ("member renamed", _rename),
    ("member added", _add),
]
_BYTE_DAMAGES: Final[list[tuple[str, Callable[[bytes, _Random], bytes]]]] = [
    ("bits flipped", _flip),
    ("truncated", _truncate),
    ("bytes inserted", _insert),
    ("member repeated", _repeat_member),
    ("brackets nested", _nest_brackets),
    ("rubbish", _rubbish),
]
