"""Proves that boto3 makes, fills, searches and removes vector indexes of a running server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailrace.app import Tailrace
from tailrace.settings import Settings

Connect = Callable[[Tailrace], Any]
INDEX: dict[str, Any] = {
    "IndexName": "near",
    "VectorAttribute": {"AttributeName": "v"},
    "Dimensions": 4,
    "DistanceFunction": "EUCLIDEAN",
    "Projection": {"ProjectionType": "ALL"},
    "SearchSchema": [{"AttributeName": "shelf", "SearchSchemaElementType": "HASH"}],
}
TYPES = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "shelf")]


def numbers(*values: float) -> list[dict[str, str]]:
    return [{"N": str(value)} for value in values]


@pytest.mark.parametrize("durable", [False, True])
def test_a_round_trip(connect: Connect, tmp_path: Path, durable: bool) -> None:
    with Tailrace(Settings(data=tmp_path / "data" if durable else None, port=0)) as tailrace:
        client = connect(tailrace)
        client.create_table(
            TableName="books",
            AttributeDefinitions=TYPES,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            VectorIndexes=[INDEX],
        )
        # More than one step of a search looks at.
        for start in range(0, 600, 25):
            client.batch_write_item(
                RequestItems={
                    "books": [
                        {
                            "PutRequest": {
                                "Item": {
                                    "pk": {"S": f"b{place}"},
                                    "shelf": {"S": "low" if place % 3 else "high"},
                                    "v": {"L": numbers(place, 0, 0, 1)},
                                }
                            }
                        }
                        for place in range(start, start + 25)
                    ]
                }
            )
        search: dict[str, Any] = {
            "TableName": "books",
            "SearchVector": numbers(400.25, 0, 0, 1),
            "TopK": 3,
            "SearchConditionExpression": "shelf = :s",
            "ExpressionAttributeValues": {":s": {"S": "low"}},
        }
        found = client.search_vectors(IndexName="near", **search)["SearchResults"]
        assert [(each["Item"]["pk"]["S"], each["Score"]) for each in found] == [
            ("b400", 0.25),
            ("b401", 0.75),
            ("b398", 2.25),
        ]
        client.update_table(
            TableName="books",
            AttributeDefinitions=TYPES,
            VectorIndexUpdates=[{"Create": INDEX | {"IndexName": "late"}}],
        )
        _wait_for_index(client, "late")
        again = client.search_vectors(IndexName="late", **search)["SearchResults"]
        assert again == found
        client.update_table(
            TableName="books", VectorIndexUpdates=[{"Delete": {"IndexName": "near"}}]
        )
        with pytest.raises(client.exceptions.ClientError, match="does not have the specified"):
            client.search_vectors(IndexName="near", **search)


def _wait_for_index(client: Any, name: str) -> None:
    for _ in range(10_000):
        indexes = client.describe_table(TableName="books")["Table"]["VectorIndexes"]
        if all(index["IndexStatus"] == "ACTIVE" for index in indexes if index["IndexName"] == name):
            return
    raise AssertionError(f"{name} did not become ACTIVE")
