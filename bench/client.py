"""A small DynamoDB client on one kept-alive connection, for what the load generator cannot do."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator
from typing import Any, TypeAlias

__all__ = [
    "Client",
    "Json",
    "RequestFailed",
    "count_items",
    "create_table",
    "load_items",
    "make_item",
    "open_shards",
    "read_shard",
]

Json: TypeAlias = dict[str, Any]

_HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20250314T092653Z",
    # Servers without credentials look at the form of a signature at most.
    "Authorization": "AWS4-HMAC-SHA256 Credential=bench/20250314/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=" + "0" * 64,
}
_NEXT_ITERATOR = re.compile(rb'"NextShardIterator"\s*:\s*"([^"]+)"')
_RECORD = b'"eventID"'
_BATCH_ITEMS = 25
_ACTIVE_TIMEOUT_S = 30.0


class RequestFailed(Exception):
    """A server answered with something other than 200."""


class Client:
    """Calls to one server, one at a time. Not for several threads."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def call(self, operation: str, body: Json) -> Json:
        """Call a table operation; raises RequestFailed for any error."""
        return json.loads(
            self.call_bytes(f"DynamoDB_20120810.{operation}", json.dumps(body).encode())
        )

    def call_streams(self, operation: str, body: Json) -> Json:
        """Call a streams operation; raises RequestFailed for any error."""
        return json.loads(
            self.call_bytes(f"DynamoDBStreams_20120810.{operation}", json.dumps(body).encode())
        )

    def call_bytes(self, target: str, body: bytes) -> bytes:
        """Call without decoding the answer."""
        return self._post("/", target, body, {**_HEADERS, "X-Amz-Target": target})

    def control(self, name: str, body: Json) -> Json:
        """Call a test control of a Tailrace that answers them; raises RequestFailed."""
        return json.loads(self._post(f"/_tailrace/{name}", name, json.dumps(body).encode(), {}))

    def close(self) -> None:
        self._connection.close()

    def _post(self, path: str, name: str, body: bytes, headers: dict[str, str]) -> bytes:
        self._connection.request("POST", path, body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RequestFailed(
                f"{name} answered {response.status}: {answer[:300].decode('utf-8', 'replace')}"
            )
        return answer


def create_table(client: Client, name: str, *, stream: bool) -> str | None:
    """Create a table with keys pk and sk and wait until it is active; gives its stream's ARN."""
    request: Json = {
        "TableName": name,
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }
    if stream:
        request["StreamSpecification"] = {
            "StreamEnabled": True,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
    client.call("CreateTable", request)
    deadline = time.monotonic() + _ACTIVE_TIMEOUT_S
    while True:
        table = client.call("DescribeTable", {"TableName": name})["Table"]
        if table["TableStatus"] == "ACTIVE":
            return table.get("LatestStreamArn")
        if time.monotonic() > deadline:
            raise RequestFailed(
                f"table {name} is {table['TableStatus']} after {_ACTIVE_TIMEOUT_S:.0f} s"
            )
        time.sleep(0.02)


def load_items(client: Client, table: str, count: int) -> None:
    """Put the items with numbers 0 to count-1, under the keys that wrk/get.lua asks for."""
    for first in range(0, count, _BATCH_ITEMS):
        numbers = range(first, min(first + _BATCH_ITEMS, count))
        left: Json = {table: [{"PutRequest": {"Item": make_item(number)}} for number in numbers]}
        while left:
            left = (
                client.call("BatchWriteItem", {"RequestItems": left}).get("UnprocessedItems") or {}
            )


def make_item(number: int) -> Json:
    """The item of a number, like those that the load scripts make."""
    line = {"M": {"sku": {"S": f"A-100-{number % 1_000_000:06d}"}, "count": {"N": "3"}}}
    address = {
        "street": {"S": "Untere Donaustrasse 11"},
        "city": {"S": "Wien"},
        "zip": {"S": "1020"},
    }
    return {
        "pk": {"S": f"customer#{number:010d}"},
        "sk": {"S": f"order#{number:010d}"},
        "status": {"S": "placed"},
        "total": {"N": f"{1000 + number % 9000}.25"},
        "currency": {"S": "EUR"},
        "paid": {"BOOL": True},
        "placed": {"S": "2025-03-14T09:26:53Z"},
        "tags": {"SS": ["express", "gift", "winter"]},
        "address": {"M": address},
        "lines": {"L": [line, line]},
        "note": {
            "S": f"please leave the parcel with the neighbour on the second floor, {number:012d}"
        },
    }


def count_items(client: Client, table: str) -> int:
    """How many items a table holds, by reading all of it."""
    count = 0
    request: Json = {"TableName": table, "Select": "COUNT"}
    while True:
        page = client.call("Scan", request)
        count += page["Count"]
        if "LastEvaluatedKey" not in page:
            return count
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def open_shards(client: Client, stream_arn: str) -> list[str]:
    """The ids of all shards the stream lists, oldest page first."""
    shards: list[str] = []
    request: Json = {"StreamArn": stream_arn}
    while True:
        description = client.call_streams("DescribeStream", request)["StreamDescription"]
        shards += [shard["ShardId"] for shard in description["Shards"]]
        last = description.get("LastEvaluatedShardId")
        if last is None:
            return shards
        request["ExclusiveStartShardId"] = last


def read_shard(
    client: Client, stream_arn: str, shard_id: str, start: str
) -> Iterator[tuple[int, int]]:
    """Pages of a shard from `start` (TRIM_HORIZON or LATEST) on, as (records, bytes of answer).

    Ends only where the shard ends: at the tip of an open shard pages are empty.
    """
    request = {"StreamArn": stream_arn, "ShardId": shard_id, "ShardIteratorType": start}
    iterator: str | None = client.call_streams("GetShardIterator", request)["ShardIterator"]
    while iterator is not None:
        body = json.dumps({"ShardIterator": iterator, "Limit": 1000}).encode()
        page = client.call_bytes("DynamoDBStreams_20120810.GetRecords", body)
        yield page.count(_RECORD), len(page)
        found = _NEXT_ITERATOR.search(page)
        iterator = found.group(1).decode() if found else None
