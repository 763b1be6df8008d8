"""Operations as one calls them in tests: through the dispatcher, on an engine of one's own, with a
clock that tests move."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from tailrace.api.dispatch import Dispatcher
from tailrace.api.operation import Service
from tailrace.api.registry import OPERATIONS, SERVICES
from tailrace.api.throttling import enforced
from tailrace.clock import ManualClock, SequentialIds
from tailrace.engines.buckets import DirectoryBuckets
from tailrace.engines.memory import MemoryEngine
from tailrace.engines.sqlite import SqliteEngine
from tailrace.model.schema import Table
from tailrace.tables.engine import Engine
from tailrace.tables.keeping import Policy, keep
from tailrace.tables.transfer.step import Transfers
from tailrace.testing.driving import WAIT_S
from tailrace.wire.call import Call, Reply, Scope

__all__ = ["CallRefused", "Caller"]

_OK = 200


class CallRefused(Exception):
    """A call's error: its code without namespace, its message, and the whole body."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.code = str(body["__type"]).partition("#")[2]
        self.message = str(body.get("message", body.get("Message", "")))
        self.body = body
        super().__init__(f"{self.code}: {self.message}")


class Caller:
    """One caller of a store: in memory, or in the directory `data`."""

    def __init__(
        self,
        data: Path | None = None,
        *,
        clock: ManualClock | None = None,
        s3_directory: Path | None = None,
        enforce_throughput: bool = False,
    ) -> None:
        self.clock = clock or ManualClock()
        self.engine: Engine = (
            MemoryEngine(self.clock) if data is None else SqliteEngine(data, self.clock)
        )
        self.service = Service(self.engine, self.clock, SequentialIds(), b"secret")
        self.transfers = Transfers(DirectoryBuckets(s3_directory))
        self.scope = Scope("000000000000", "us-east-1")
        operations = enforced(OPERATIONS) if enforce_throughput else OPERATIONS
        self._dispatcher = Dispatcher(self.service, operations, SERVICES)

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """The reply to a call, of DynamoDB, of its streams, or with the target's prefix of any
        service. Raises CallRefused."""
        target = operation if "." in operation else f"DynamoDB_20120810.{operation}"
        if target not in OPERATIONS:
            target = f"DynamoDBStreams_20120810.{operation}"
        body = msgspec.json.encode(members)
        replies: list[Reply] = []
        answered = threading.Event()

        def respond(reply: Reply) -> None:
            replies.append(reply)
            answered.set()

        self._dispatcher.dispatch(Call(target, body, self.scope), respond)
        if not answered.wait(WAIT_S):
            raise TimeoutError(f"{operation} was not answered within {WAIT_S} s")
        reply = replies[0]
        answer = msgspec.json.decode(reply.body or b"{}")
        if reply.status != _OK:
            raise CallRefused(answer)
        return answer

    def refused(self, operation: str, **members: Any) -> CallRefused:
        """The error of a call that must fail."""
        try:
            answer = self.call(operation, **members)
        except CallRefused as refusal:
            return refusal
        raise AssertionError(f"{operation} was answered: {answer}")

    def create(self, name: str = "things", *, sort: bool = False, **more: Any) -> Table:
        """A table with the key `pk`, and the sort key `sk`, of strings, on demand."""
        names = ("pk", "sk") if sort else ("pk",)
        members: dict[str, Any] = {
            "TableName": name,
            "AttributeDefinitions": [
                {"AttributeName": each, "AttributeType": "S"} for each in names
            ],
            "KeySchema": [
                {"AttributeName": each, "KeyType": kind}
                for each, kind in zip(names, ("HASH", "RANGE"), strict=False)
            ],
            "BillingMode": "PAY_PER_REQUEST",
        }
        self.call("CreateTable", **members | more)
        return self.table(name)

    def table(self, name: str = "things") -> Table:
        """A table as the catalog has it."""
        return self.engine.catalog().by_name[self.scope.account, self.scope.region, name]

    def put(self, pk: str, table: str = "things", **attributes: dict[str, Any]) -> None:
        """Put an item of the key `pk`."""
        self.call("PutItem", TableName=table, Item={"pk": {"S": pk}, **attributes})

    def get(self, pk: str, table: str = "things") -> dict[str, Any] | None:
        """The item of the key `pk`."""
        return self.call("GetItem", TableName=table, Key={"pk": {"S": pk}}).get("Item")

    def scan(self, table: str = "things") -> Sequence[dict[str, Any]]:
        """All items of a small table."""
        return self.call("Scan", TableName=table)["Items"]

    def records(self, table: str = "things") -> list[dict[str, Any]]:
        """All records of a table's stream, shard by shard."""
        stream = self.call("DescribeTable", TableName=table)["Table"]["LatestStreamArn"]
        shards = self.call("DescribeStream", StreamArn=stream)["StreamDescription"]["Shards"]
        found: list[dict[str, Any]] = []
        for shard in shards:
            iterator = self.call(
                "GetShardIterator",
                StreamArn=stream,
                ShardId=shard["ShardId"],
                ShardIteratorType="TRIM_HORIZON",
            )["ShardIterator"]
            found += self.call("GetRecords", ShardIterator=iterator)["Records"]
        return found

    def keep(self) -> None:
        """Do all housekeeping that is due."""
        while self.keep_step():
            pass

    def keep_step(self) -> bool:
        """Do one step of what is due; whether there is more."""
        return keep(self.engine, Policy(), self.clock.now_us(), self.transfers)

    def close(self) -> None:
        """Let go of the store."""
        self.transfers.close()
        self.engine.close()
