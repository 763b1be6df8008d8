"""Types that the inputs of several Kinesis operations share, with the bounds of the service model
(kinesis, 2013-12-02)."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

__all__ = [
    "Blob",
    "IteratorType",
    "PartitionKey",
    "ShardId",
    "StreamArn",
    "StreamId",
    "StreamModeDetails",
    "StreamName",
    "StreamRef",
]

StreamName: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
StreamArn: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
StreamId: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=24)]
ShardId: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
PartitionKey: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Blob: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=0, max_length=10_485_760)]
IteratorType: TypeAlias = Literal[
    "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"
]


class StreamRef(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    """A stream by its name or its ARN. The id is taken and not looked at: a name has one stream."""

    stream_name: StreamName | None = None
    stream_arn: StreamArn | None = msgspec.field(name="StreamARN", default=None)
    stream_id: StreamId | None = None


class StreamModeDetails(msgspec.Struct, rename="pascal", frozen=True):
    stream_mode: str
