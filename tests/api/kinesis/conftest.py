"""A running Tailrace with a clock that tests move, and a Kinesis client of boto3's for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tailrace.app import Tailrace
from tailrace.clock import ManualClock
from tailrace.settings import Settings


def client_of(url: str, service: str = "kinesis") -> Any:
    """A client that tries once and checks nothing itself: what is wrong is the server's to say."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )


class KinesisDesk:
    """A running Tailrace and a client."""

    def __init__(self, tailrace: Tailrace, clock: ManualClock) -> None:
        self.tailrace = tailrace
        self.clock = clock
        self.client = client_of(tailrace.endpoint_url)

    def stream(self, name: str = "orders", shards: int = 1, **more: Any) -> str:
        """A new stream's name."""
        self.client.create_stream(StreamName=name, ShardCount=shards, **more)
        return name

    def shards(self, name: str = "orders") -> list[dict[str, Any]]:
        return self.client.list_shards(StreamName=name)["Shards"]

    def open_shards(self, name: str = "orders") -> list[dict[str, Any]]:
        """Open shards by their hash keys."""
        chosen = {"Type": "AT_LATEST"}
        found = self.client.list_shards(StreamName=name, ShardFilter=chosen)["Shards"]
        return sorted(found, key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))

    def iterator(
        self, shard_id: str, kind: str = "TRIM_HORIZON", name: str = "orders", **more: Any
    ) -> str:
        return self.client.get_shard_iterator(
            StreamName=name, ShardId=shard_id, ShardIteratorType=kind, **more
        )["ShardIterator"]

    def read(self, shard_id: str, kind: str = "TRIM_HORIZON", **more: Any) -> list[bytes]:
        """The data of one page."""
        page = self.client.get_records(ShardIterator=self.iterator(shard_id, kind, **more))
        return [record["Data"] for record in page["Records"]]

    def put(self, data: str, key: str = "k", name: str = "orders", **more: Any) -> dict[str, Any]:
        return self.client.put_record(StreamName=name, Data=data.encode(), PartitionKey=key, **more)


@pytest.fixture(params=["memory", "sqlite"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KinesisDesk]:
    clock = ManualClock()
    data = tmp_path / "data" if request.param == "sqlite" else None
    with Tailrace(Settings(port=0, data=data), clock=clock) as running:
        yield KinesisDesk(running, clock)
