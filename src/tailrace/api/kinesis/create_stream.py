"""CreateStream and DeleteStream: done when they are answered, unless transitions take time."""

from __future__ import annotations

import msgspec

from tailrace import limits
from tailrace.api.kinesis import access, on_demand
from tailrace.api.kinesis.inputs import StreamModeDetails, StreamName, StreamRef
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import ValidationException
from tailrace.tables import kinesis_streams

__all__ = ["CREATE_STREAM", "DELETE_STREAM", "CreateStreamInput", "DeleteStreamInput"]


class CreateStreamInput(msgspec.Struct, rename="pascal", frozen=True):
    stream_name: StreamName
    shard_count: int | None = None
    stream_mode_details: StreamModeDetails | None = None
    tags: dict[str, str] | None = None
    warm_throughput_mi_bps: int | None = msgspec.field(name="WarmThroughputMiBps", default=None)
    max_record_size_in_ki_b: int | None = msgspec.field(name="MaxRecordSizeInKiB", default=None)
    record_distribution_strategy: str | None = None


def create_stream(context: Context, request: CreateStreamInput) -> Altered:
    details = request.stream_mode_details
    mode = "PROVISIONED" if details is None else details.stream_mode
    shards = request.shard_count
    if mode == "ON_DEMAND":
        shards = on_demand.warm_shards(request.warm_throughput_mi_bps or 0)
    if shards is None:
        raise ValidationException(
            "1 validation error detected: Value null at 'shardCount' failed to satisfy constraint:"
            " Member must not be null"
        )
    settings = {
        "StreamMode": mode,
        "Tags": request.tags or {},
        "MaxRecordSizeInKiB": request.max_record_size_in_ki_b or limits.KINESIS_RECORD_KIB,
        **on_demand.settings_of(
            context, mode, request.warm_throughput_mi_bps, request.record_distribution_strategy
        ),
    }
    scope, now_us = context.scope, context.service.clock.now_us()
    owner = (scope.account, scope.region, request.stream_name)
    transition = context.transition(now_us)
    return access.altered(kinesis_streams.create(owner, shards, settings, now_us, transition))


class DeleteStreamInput(StreamRef, frozen=True, kw_only=True):
    enforce_consumer_deletion: bool | None = None


def delete_stream(context: Context, request: DeleteStreamInput) -> Altered:
    enforce = bool(request.enforce_consumer_deletion)
    owner, now_us = access.owner_of(context, request), context.service.clock.now_us()
    transition = context.transition(now_us)
    return access.altered(kinesis_streams.delete(owner, enforce, now_us, transition))


CREATE_STREAM = Operation("CreateStream", CreateStreamInput, create_stream)
DELETE_STREAM = Operation("DeleteStream", DeleteStreamInput, delete_stream)
