"""A program with boto3's resource API, as people write them: only the endpoint is special."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conformance.client import Client

ORDERS: list[dict[str, Any]] = [
    {
        "customer": f"c{n % 3}",
        "placed": n,
        "status": "open" if n % 2 else "shipped",
        "total": Decimal(n) * Decimal("1.10"),
        "lines": [{"sku": f"s{n}", "count": n}],
        "tags": {"new", f"t{n}"},
        "note": "" if n % 5 else None,
        "gift": n % 4 == 0,
        "blob": bytes([n]),
    }
    for n in range(30)
]


@pytest.fixture(scope="module")
def resource(endpoint: str) -> Any:
    return boto3.resource(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="conformance",
        aws_secret_access_key="conformance",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module")
def orders(resource: Any, db: Client) -> Iterator[Any]:
    table = resource.create_table(
        TableName=db.new_name(),
        AttributeDefinitions=[
            {"AttributeName": "customer", "AttributeType": "S"},
            {"AttributeName": "placed", "AttributeType": "N"},
            {"AttributeName": "status", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "customer", "KeyType": "HASH"},
            {"AttributeName": "placed", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_status",
                "KeySchema": [
                    {"AttributeName": "status", "KeyType": "HASH"},
                    {"AttributeName": "placed", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    table.wait_until_exists()
    with table.batch_writer(overwrite_by_pkeys=["customer", "placed"]) as batch:
        for order in ORDERS:
            batch.put_item(Item=order)
        batch.put_item(Item={"customer": "gone", "placed": 1})
        batch.delete_item(Key={"customer": "gone", "placed": 1})
    yield table
    table.delete()
    table.wait_until_not_exists()


def test_its_description(orders: Any) -> None:
    orders.reload()
    assert orders.table_status == "ACTIVE"
    assert orders.key_schema[0] == {"AttributeName": "customer", "KeyType": "HASH"}
    assert orders.global_secondary_indexes[0]["IndexName"] == "by_status"


def test_items_come_back_as_they_were(orders: Any) -> None:
    for order in ORDERS:
        key = {"customer": order["customer"], "placed": order["placed"]}
        assert orders.get_item(Key=key, ConsistentRead=True)["Item"] == order
    assert "Item" not in orders.get_item(Key={"customer": "gone", "placed": 1})


def test_queries(orders: Any) -> None:
    condition = Key("customer").eq("c1") & Key("placed").between(5, 20)
    found = orders.query(KeyConditionExpression=condition, ScanIndexForward=False)["Items"]
    wanted = [o for o in ORDERS if o["customer"] == "c1" and 5 <= o["placed"] <= 20]
    assert found == wanted[::-1]
    found = orders.query(
        IndexName="by_status",
        KeyConditionExpression=Key("status").eq("open"),
        FilterExpression=Attr("total").gt(10) & ~Attr("tags").contains("t25"),
        ProjectionExpression="placed",
    )["Items"]
    wanted = [
        o["placed"]
        for o in ORDERS
        if o["status"] == "open" and o["total"] > 10 and o["placed"] != 25
    ]
    assert [item["placed"] for item in found] == wanted


def test_scans_page_by_page(orders: Any) -> None:
    found: list[Any] = []
    more: dict[str, Any] = {}
    while True:
        page = orders.scan(Limit=7, FilterExpression=Attr("gift").eq(True), **more)
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            break
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert {item["placed"] for item in found} == {n for n in range(30) if n % 4 == 0}


def test_updates_and_conditions(orders: Any) -> None:
    key = {"customer": "updated", "placed": 1}
    orders.put_item(Item={**key, "n": 1}, ConditionExpression=Attr("customer").not_exists())
    changed = orders.update_item(
        Key=key,
        UpdateExpression="SET #n = #n + :n, #l = :l ADD tags :t",
        ConditionExpression=Attr("n").eq(1),
        ExpressionAttributeNames={"#n": "n", "#l": "lines"},
        ExpressionAttributeValues={":n": Decimal("0.5"), ":l": [1, "x", None], ":t": {1, 2}},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    assert changed == {**key, "n": Decimal("1.5"), "lines": [1, "x", None], "tags": {1, 2}}
    with pytest.raises(ClientError) as refused:
        orders.put_item(Item=key, ConditionExpression=Attr("customer").not_exists())
    assert refused.value.response["Error"] == {
        "Code": "ConditionalCheckFailedException",
        "Message": "The conditional request failed",
    }
    exceptions = orders.meta.client.exceptions
    with pytest.raises(exceptions.ConditionalCheckFailedException):
        orders.delete_item(Key=key, ConditionExpression=Attr("n").lt(0))
    old = orders.delete_item(Key=key, ReturnValues="ALL_OLD")["Attributes"]
    assert old == changed


def test_many_items_at_once(resource: Any, orders: Any) -> None:
    wanted = [{"customer": f"c{n % 3}", "placed": n} for n in range(10)]
    answer = resource.batch_get_item(RequestItems={orders.name: {"Keys": wanted}})
    assert answer["UnprocessedKeys"] == {}
    found = sorted(answer["Responses"][orders.name], key=lambda item: item["placed"])
    assert found == ORDERS[:10]


def test_a_table_that_is_not_there(resource: Any, db: Client) -> None:
    missing = resource.Table(db.new_name())
    with pytest.raises(resource.meta.client.exceptions.ResourceNotFoundException):
        missing.load()
    assert missing.name not in [table.name for table in resource.tables.all()]
