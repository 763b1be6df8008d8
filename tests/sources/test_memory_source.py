"""The source in memory meets the contract of sources."""

from __future__ import annotations

from tailrace.delivery.ports import Source
from tailrace.testing.contracts.source import SourceContract, SourceWorld
from tailrace.testing.memory_source import MemorySource


class World:
    def __init__(self) -> None:
        self.memory = MemorySource()
        self.source: Source = self.memory
        self.shard_id = "shard-0"
        self.memory.open(self.shard_id)

    async def put(self, *names: str) -> None:
        for name in names:
            event = {
                "eventName": "INSERT",
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "eventSourceARN": self.source.arn,
                "dynamodb": {
                    "ApproximateCreationDateTime": 1_789_651_658.0,
                    "Keys": {"pk": {"S": name}},
                },
            }
            self.memory.put(self.shard_id, event, created_ms=1_789_651_658_000)

    async def rotate(self) -> None:
        parent, self.shard_id = self.shard_id, self.shard_id + "-child"
        self.memory.open(self.shard_id, parent)
        self.memory.end(parent)

    async def trim(self) -> None:
        self.memory.trim(self.shard_id, 10**9)


class TestMemorySource(SourceContract):
    async def make(self) -> SourceWorld:
        return World()
