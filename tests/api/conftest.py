"""A store in memory with a clock that tests move, and its operations as one calls them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tailrace.api.controls import run_control
from tailrace.api.operation import Altered, Context, Operation, Service
from tailrace.api.streams.describe_stream import DESCRIBE_STREAM
from tailrace.api.streams.get_records import GET_RECORDS
from tailrace.api.streams.get_shard_iterator import GET_SHARD_ITERATOR
from tailrace.api.streams.list_streams import LIST_STREAMS
from tailrace.clock import ManualClock, SequentialIds
from tailrace.engines.memory import MemoryEngine
from tailrace.model.schema import StreamViewType, Table
from tailrace.streams.retention import horizon
from tailrace.tables import life, stream_life
from tailrace.testing.builders import item, put_write
from tailrace.testing.driving import alter, make_table, settled
from tailrace.wire.call import Scope

SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US

_BY_NAME: dict[str, Operation[Any]] = {
    operation.name: operation
    for operation in (DESCRIBE_STREAM, GET_RECORDS, GET_SHARD_ITERATOR, LIST_STREAMS)
}


class StreamDesk:
    """Tables with streams, and the stream operations and controls of one caller."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.engine = MemoryEngine(self.clock)
        self.service = Service(self.engine, self.clock, SequentialIds(), b"secret")
        self.scope = Scope("000000000000", "us-east-1")

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """The reply to a call. Raises the call's error."""
        known = _BY_NAME[operation]
        request = msgspec.json.decode(msgspec.json.encode(members), type=known.input)
        result = known.run(Context(self.service, self.scope), request)
        assert isinstance(result, bytes)
        return msgspec.json.decode(result)

    def control(self, name: str, **members: Any) -> dict[str, Any]:
        """The reply to a test control."""
        body = msgspec.json.encode(members)
        result = run_control(Context(self.service, self.scope), name, body)
        if isinstance(result, Altered):
            result = result.reply(alter(self.engine, result.decide))
        assert isinstance(result, bytes)
        return msgspec.json.decode(result)

    def table(self, name: str = "things", partitions: int = 1, sort: bool = False) -> Table:
        """A new table with an enabled stream."""
        table = make_table(self.engine, name, partitions=partitions, streamed=False, sort=sort)
        return self.enable(table)

    def enable(self, table: Table) -> Table:
        view = StreamViewType.NEW_AND_OLD_IMAGES
        decide = stream_life.enable_stream(table.id, view, self.clock.now_us())
        return alter(self.engine, decide).tables[table.id]

    def disable(self, table: Table) -> None:
        alter(self.engine, stream_life.disable_stream(table.id, self.clock.now_us()))

    def delete(self, table: Table) -> None:
        """Drop a table; its stream is disabled and stays."""
        place = (table.account, table.region, table.name)
        alter(self.engine, life.delete_table(place, self.clock.now_us()))

    def put(self, table: Table, *keys: str, **attributes: str | int) -> None:
        """Put items by key, one record for each that changes."""
        now = self.engine.catalog().tables[table.id]
        for key in keys:
            settled(self.engine, put_write(now, item(key, **attributes)))

    def keep(self) -> None:
        """Remove all that has aged out from the store, as its housekeeping does."""
        now_us, retention_ms = self.clock.now_us(), self.service.stream_retention_ms
        while self.engine.log.trim(horizon(now_us, retention_ms), 1000):
            pass
        alter(self.engine, stream_life.retire(now_us, retention_ms))

    def arn(self, table: Table) -> str:
        stream = self.engine.catalog().tables[table.id].stream or table.stream
        assert stream is not None
        return stream.arn

    def shards(self, arn: str) -> list[dict[str, Any]]:
        return self.call("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"]

    def iterator(self, arn: str, shard_id: str, kind: str = "TRIM_HORIZON", **more: Any) -> str:
        return self.call(
            "GetShardIterator", StreamArn=arn, ShardId=shard_id, ShardIteratorType=kind, **more
        )["ShardIterator"]

    def only_iterator(self, arn: str, kind: str = "TRIM_HORIZON", **more: Any) -> str:
        """An iterator on the only shard of a stream."""
        (shard,) = self.shards(arn)
        return self.iterator(arn, shard["ShardId"], kind, **more)

    def read(self, iterator: str, limit: int | None = None) -> tuple[list[str], str | None]:
        """The keys of a page's records, and the next iterator."""
        page = self.call("GetRecords", ShardIterator=iterator, Limit=limit)
        keys = [record["dynamodb"]["Keys"]["pk"]["S"] for record in page["Records"]]
        return keys, page.get("NextShardIterator")


@pytest.fixture
def desk() -> StreamDesk:
    return StreamDesk()
