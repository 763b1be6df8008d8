"""Which stream is meant: by its ARN, its table's ARN or its table's name."""

from __future__ import annotations

from typing import Any

import msgspec

from tailrace.clock import Clock
from tailrace.delivery.ports import Source
from tailrace.errors import ConfigurationError
from tailrace.model.arns import parse_kinesis_arn, parse_stream_arn, parse_table_arn
from tailrace.sources.caller import Caller
from tailrace.sources.kinesis_api import POLL_S as KINESIS_POLL_S
from tailrace.sources.kinesis_api import KinesisSource
from tailrace.sources.streams_api import POLL_S, StreamsSource

__all__ = ["StreamOf", "find_stream", "latest_stream", "open_stream"]


class StreamOf(msgspec.Struct, frozen=True):
    """A table's stream, or a Kinesis stream, which has no table but a name."""

    name: str
    arn: str
    region: str
    is_kinesis: bool = False


async def find_stream(caller: Caller, name: str) -> StreamOf:
    """The stream that a stream's ARN, a table's ARN or a table's name stands for: of a table its
    newest. Raises ConfigurationError when it never had one, and what DescribeTable raises."""
    kinesis = parse_kinesis_arn(name)
    if kinesis is not None:
        return StreamOf(kinesis[2], name, kinesis[0], is_kinesis=True)
    arn = name
    if parse_stream_arn(name) is None:
        table = parse_table_arn(name)
        arn = await latest_stream(caller, name if table is None else table[2])
    parsed = parse_stream_arn(arn)
    if parsed is None:
        raise ConfigurationError(f"{arn} is no DynamoDB stream")
    return StreamOf(parsed.table, arn, parsed.region)


def open_stream(
    caller: Caller, stream: StreamOf, clock: Clock, poll_s: float | None = None
) -> Source:
    """A source that reads a stream; idle shards are polled every `poll_s` seconds, or as often as
    Lambda does."""
    if stream.is_kinesis:
        seconds = KINESIS_POLL_S if poll_s is None else poll_s
        return KinesisSource(caller, stream.arn, clock, identity_arn="", poll_s=seconds)
    seconds = POLL_S if poll_s is None else poll_s
    return StreamsSource(caller, stream.arn, clock, poll_s=seconds)


async def latest_stream(caller: Caller, table: str) -> str:
    """The ARN of a table's newest stream. Raises ConfigurationError when it never had one."""
    body = await caller.call("DynamoDB_20120810.DescribeTable", {"TableName": table})
    described: dict[str, Any] = msgspec.json.decode(body)
    arn = described["Table"].get("LatestStreamArn")
    if arn is None:
        raise ConfigurationError(
            f"table {table} has no stream: enable one with a StreamSpecification, e.g. aws dynamodb"
            f" update-table --table-name {table} --stream-specification"
            " StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES"
        )
    return str(arn)
