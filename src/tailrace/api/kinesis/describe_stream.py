"""DescribeStream, with its shards page by page, and DescribeStreamSummary, without them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tailrace import limits
from tailrace.api.kinesis import access, on_demand
from tailrace.api.kinesis.inputs import ShardId, StreamRef
from tailrace.api.operation import Context, Operation
from tailrace.streams.log import Shard
from tailrace.tables.kinesis_streams import KinesisStream, channels_of, consumers_of, queues_of

__all__ = [
    "DESCRIBE_STREAM",
    "DESCRIBE_STREAM_SUMMARY",
    "DescribeStreamInput",
    "DescribeStreamSummaryInput",
]


class DescribeStreamInput(StreamRef, frozen=True, kw_only=True):
    limit: int | None = None
    exclusive_start_shard_id: ShardId | None = None


def describe_stream(context: Context, request: DescribeStreamInput) -> bytes:
    found = access.find(context, request)
    limit = min(request.limit or limits.KINESIS_LIST_PAGE, limits.KINESIS_LIST_PAGE)
    after = request.exclusive_start_shard_id or ""
    shards = [shard for shard in _shown_shards(context, found) if shard.name > after]
    description = _described(found)
    description["Shards"] = [access.described_shard(shard) for shard in shards[:limit]]
    description["HasMoreShards"] = len(shards) > limit
    return access.reply_of({"StreamDescription": description})


class DescribeStreamSummaryInput(StreamRef, frozen=True, kw_only=True):
    pass


def describe_stream_summary(context: Context, request: DescribeStreamSummaryInput) -> bytes:
    found = access.find(context, request)
    summary = _described(found)
    shards = _shown_shards(context, found)
    summary["OpenShardCount"] = sum(shard.open for shard in shards)
    summary["ConsumerCount"] = len(consumers_of(found, context.service.clock.now_us()))
    summary["MaxRecordSizeInKiB"] = found.settings["MaxRecordSizeInKiB"]
    catalog = context.service.engine.catalog()
    summary["ChannelCount"] = len(channels_of(catalog, found.stream.id))
    summary["QueueCount"] = len(queues_of(catalog, found.stream.id))
    summary |= on_demand.described(found)
    return access.reply_of({"StreamDescriptionSummary": summary})


def _shown_shards(context: Context, found: KinesisStream) -> Sequence[Shard]:
    """A stream that does not serve yet, or no longer, has none to show."""
    return access.view(context, found).shards if found.table.available else ()


def _described(found: KinesisStream) -> dict[str, Any]:
    key_id = found.settings.get("KeyId")
    description: dict[str, Any] = {
        "StreamName": found.stream.table_name,
        "StreamARN": found.stream.arn,
        "StreamStatus": found.status.value,
        "StreamModeDetails": {"StreamMode": access.mode_of(found)},
        "RetentionPeriodHours": found.retention_hours,
        "StreamCreationTimestamp": access.seconds(found.stream.created_us),
        "EnhancedMonitoring": [{"ShardLevelMetrics": found.settings.get("ShardLevelMetrics", [])}],
        "EncryptionType": "NONE" if key_id is None else "KMS",
    }
    if key_id is not None:
        description["KeyId"] = key_id
    return description


DESCRIBE_STREAM = Operation("DescribeStream", DescribeStreamInput, describe_stream)
DESCRIBE_STREAM_SUMMARY = Operation(
    "DescribeStreamSummary", DescribeStreamSummaryInput, describe_stream_summary
)
