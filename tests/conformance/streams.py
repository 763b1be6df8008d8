"""A stream of changes of one partition key, and calls about it."""

from __future__ import annotations

import time
from typing import Any

from tests.conformance.client import Client, Json
from tests.conformance.shapes import definitions, keys, number, text

__all__ = ["ABSENT_SHARD", "Stream", "places"]

ABSENT_SHARD = "shardId-00000000000000000001-00000001"


class Stream:
    """A table's stream, and calls about it."""

    def __init__(self, db: Client) -> None:
        self.db = db
        self.table = db.new_table(
            AttributeDefinitions=definitions(("a", "S"), ("b", "N")),
            KeySchema=keys("a", "b"),
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        self.arn = db.describe(self.table)["LatestStreamArn"]

    def call(self, operation: str, **body: Any) -> Json:
        return self.db.call(operation, body, service="streams")

    def described(self, **more: Any) -> Json:
        return self.call("DescribeStream", StreamArn=self.arn, **more)["StreamDescription"]

    def put(self, *places: int) -> None:
        """Items of one partition key, which are in one shard."""
        for place in places:
            self.db.put(self.table, {"a": text("one"), "b": number(place)})

    def iterator(self, kind: str, shard: str | None = None, **more: Any) -> str:
        answer = self.call(
            "GetShardIterator",
            StreamArn=self.arn,
            ShardId=shard or self.written()["ShardId"],
            ShardIteratorType=kind,
            **more,
        )
        return answer["ShardIterator"]

    def read(self, iterator: str, count: int, limit: int | None = None) -> list[Json]:
        """The next `count` changes or more behind an iterator; fewer if they don't come."""
        found: list[Json] = []
        end = time.monotonic() + 20
        more = {} if limit is None else {"Limit": limit}
        following: str | None = iterator
        while following is not None and len(found) < count and time.monotonic() < end:
            page = self.call("GetRecords", ShardIterator=following, **more)
            assert limit is None or len(page["Records"]) <= limit
            found += [record["dynamodb"] for record in page["Records"]]
            following = page.get("NextShardIterator")
            if not page["Records"]:
                time.sleep(0.01)
        return found

    def written(self) -> Json:
        """The shard that holds the changes."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            for shard in self.described()["Shards"]:
                iterator = self.iterator("TRIM_HORIZON", shard["ShardId"])
                if self.call("GetRecords", ShardIterator=iterator)["Records"]:
                    return shard
            time.sleep(0.05)
        raise AssertionError("no shard has records")


def places(changes: list[Json]) -> list[int]:
    return [int(change["Keys"]["b"]["N"]) for change in changes]
