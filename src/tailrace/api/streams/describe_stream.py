"""DescribeStream: a stream with its shards, page by page, or the children of one shard."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tailrace import limits
from tailrace.api.faults import Faults
from tailrace.api.operation import Context, Operation
from tailrace.api.streams import access
from tailrace.errors import ValidationException
from tailrace.model.schema import Stream, StreamKind
from tailrace.streams.lineage import name_time_ms
from tailrace.streams.log import Shard
from tailrace.streams.sequence import sequence_number, time_us

__all__ = ["DESCRIBE_STREAM", "DescribeStreamInput", "ShardFilter", "described_shard"]

_CHILD_SHARDS = "CHILD_SHARDS"


class ShardFilter(msgspec.Struct, rename="pascal", frozen=True):
    """Its members are checked here and not by their types: the service answers with one message."""

    type: str | None = None
    shard_id: str | None = None


class DescribeStreamInput(msgspec.Struct, rename="pascal", frozen=True):
    stream_arn: access.StreamArn
    limit: access.PositiveInteger | None = None
    exclusive_start_shard_id: access.ShardId | None = None
    shard_filter: ShardFilter | None = None


def describe_stream(context: Context, request: DescribeStreamInput) -> bytes:
    limit = access.check_limit(request.limit, limits.STREAM_SHARD_PAGE)
    cursor = request.exclusive_start_shard_id
    if cursor is not None and name_time_ms(cursor) is None:
        raise ValidationException("Invalid ExclusiveStartShardId")
    parent = _filtered_parent(request.shard_filter)
    found = access.find_stream(context, request.stream_arn)
    now_us = context.service.clock.now_us()
    faults = context.service.faults
    shards = [shard for shard in found.shards if _is_listed(shard, faults, now_us)]
    if found.stream.kind is StreamKind.TABLE and _status(found.stream, now_us) == "ENABLING":
        shards = []
    if cursor is not None:
        shards = _behind(shards, cursor)
    if parent is not None:
        shards = [shard for shard in shards if shard.parent == parent]
    description = _described_stream(found.stream, now_us)
    description["Shards"] = [_described(shard, faults, now_us) for shard in shards[:limit]]
    if len(shards) > limit:
        description["LastEvaluatedShardId"] = shards[limit - 1].name
    return msgspec.json.encode({"StreamDescription": description})


def _filtered_parent(shard_filter: ShardFilter | None) -> str | None:
    """The shard whose children are asked for, or None for all shards."""
    if shard_filter is None:
        return None
    if (
        shard_filter.type != _CHILD_SHARDS
        or shard_filter.shard_id is None
        or name_time_ms(shard_filter.shard_id) is None
    ):
        raise ValidationException(
            "Invalid ShardFilter: ShardFilter.Type must be CHILD_SHARDS and ShardFilter.ShardId"
            " must be the ShardId of a shard"
        )
    return shard_filter.shard_id


def _behind(shards: Sequence[Shard], cursor: str) -> list[Shard]:
    """The shards behind the cursor; none when it names no shard of the stream."""
    if all(shard.name != cursor for shard in shards):
        return []
    return [shard for shard in shards if shard.name > cursor]


def _status(stream: Stream, now_us: int) -> str:
    if stream.is_changing(now_us):
        return "ENABLING" if stream.enabled else "DISABLING"
    return "ENABLED" if stream.enabled else "DISABLED"


def _described_stream(stream: Stream, now_us: int) -> dict[str, object]:
    return {
        "StreamArn": stream.arn,
        "StreamLabel": stream.label,
        "StreamStatus": _status(stream, now_us),
        "StreamViewType": stream.view_type.value,
        "CreationRequestDateTime": stream.created_us // 1000 / 1000,
        "TableName": stream.table_name,
        "KeySchema": [
            {"AttributeName": attribute.name, "KeyType": role}
            for role, attributes in (("HASH", stream.keys.hash), ("RANGE", stream.keys.range))
            for attribute in attributes
        ],
    }


def described_shard(shard: Shard) -> dict[str, object]:
    """A shard in the API's form."""
    numbers = {"StartingSequenceNumber": sequence_number(shard.start)}
    if shard.end is not None:
        numbers["EndingSequenceNumber"] = sequence_number(shard.end)
    description: dict[str, object] = {"ShardId": shard.name, "SequenceNumberRange": numbers}
    if shard.parent is not None:
        description["ParentShardId"] = shard.parent
    return description


def _is_listed(shard: Shard, faults: Faults, now_us: int) -> bool:
    delay_us = faults.child_delay_us
    return not delay_us or shard.parent is None or time_us(shard.start) + delay_us <= now_us


def _described(shard: Shard, faults: Faults, now_us: int) -> dict[str, object]:
    delay_us = faults.end_delay_us
    if delay_us and shard.end is not None and time_us(shard.end) + delay_us > now_us:
        return described_shard(msgspec.structs.replace(shard, end=None))
    return described_shard(shard)


DESCRIBE_STREAM = Operation("DescribeStream", DescribeStreamInput, describe_stream)
