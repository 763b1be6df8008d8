"""Which stream is meant: by its ARN, its table's ARN or its table's name."""

from __future__ import annotations

from typing import Any

import msgspec

from tailrace.errors import ConfigurationError
from tailrace.model.arns import parse_stream_arn, parse_table_arn
from tailrace.sources.caller import Caller

__all__ = ["StreamOf", "find_stream", "latest_stream"]


class StreamOf(msgspec.Struct, frozen=True):
    """A table's stream."""

    table: str
    arn: str
    region: str


async def find_stream(caller: Caller, name: str) -> StreamOf:
    """The stream that a stream's ARN, a table's ARN or a table's name stands for: of a table its
    newest. Raises ConfigurationError when it never had one, and what DescribeTable raises."""
    arn = name
    if parse_stream_arn(name) is None:
        table = parse_table_arn(name)
        arn = await latest_stream(caller, name if table is None else table[2])
    parsed = parse_stream_arn(arn)
    if parsed is None:
        raise ConfigurationError(f"{arn} is no DynamoDB stream")
    return StreamOf(parsed.table, arn, parsed.region)


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
