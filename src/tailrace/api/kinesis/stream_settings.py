"""What is stored of a stream and described again: mode, encryption, monitoring, record size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from tailrace.api.kinesis import access, on_demand
from tailrace.api.kinesis.inputs import StreamArn, StreamId, StreamModeDetails, StreamRef
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import InvalidArgumentException
from tailrace.tables import kinesis_resharding, kinesis_streams
from tailrace.tables.catalog import Catalog
from tailrace.tables.kinesis_streams import Change, KinesisStream

__all__ = [
    "DISABLE_ENHANCED_MONITORING",
    "ENABLE_ENHANCED_MONITORING",
    "START_STREAM_ENCRYPTION",
    "STOP_STREAM_ENCRYPTION",
    "UPDATE_MAX_RECORD_SIZE",
    "UPDATE_STREAM_MODE",
    "EncryptionInput",
    "MonitoringInput",
    "UpdateMaxRecordSizeInput",
    "UpdateStreamModeInput",
]

_METRICS: Final = (
    "IncomingBytes",
    "IncomingRecords",
    "OutgoingBytes",
    "OutgoingRecords",
    "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded",
    "IteratorAgeMilliseconds",
)


class UpdateStreamModeInput(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    stream_arn: StreamArn = msgspec.field(name="StreamARN")
    stream_id: StreamId | None = None
    stream_mode_details: StreamModeDetails
    warm_throughput_mi_bps: int | None = msgspec.field(name="WarmThroughputMiBps", default=None)


class UpdateMaxRecordSizeInput(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    stream_arn: StreamArn | None = msgspec.field(name="StreamARN", default=None)
    stream_id: StreamId | None = None
    max_record_size_in_ki_b: int = msgspec.field(name="MaxRecordSizeInKiB")


class EncryptionInput(StreamRef, frozen=True, kw_only=True):
    encryption_type: str
    key_id: str


class MonitoringInput(StreamRef, frozen=True, kw_only=True):
    shard_level_metrics: list[str]


def update_stream_mode(context: Context, request: UpdateStreamModeInput) -> Altered:
    mode = request.stream_mode_details.stream_mode
    more = on_demand.settings_of(context, mode, request.warm_throughput_mi_bps, None)
    owner = access.owner_by_arn(request.stream_arn)
    transition = context.transition(context.service.clock.now_us())
    settings = {"StreamMode": mode, **more}
    if mode != "ON_DEMAND":
        found = access.find(context, StreamRef(stream_arn=request.stream_arn))
        kinesis_streams.check_no_queues(context.catalog(), found)
    if request.warm_throughput_mi_bps is not None:
        shards = on_demand.warm_shards(request.warm_throughput_mi_bps)
        return access.altered(kinesis_resharding.warm(owner, shards, settings, transition))

    def change(found: KinesisStream) -> Change:
        kept = found.settings if mode == "ON_DEMAND" else on_demand.without(found.settings)
        return Change(settings={**kept, **settings})

    return access.altered(kinesis_streams.update(owner, change, transition))


def update_max_record_size(context: Context, request: UpdateMaxRecordSizeInput) -> Altered:
    ref = StreamRef(stream_arn=request.stream_arn)
    return access.updated(
        context, ref, _with("MaxRecordSizeInKiB", request.max_record_size_in_ki_b)
    )


def start_stream_encryption(context: Context, request: EncryptionInput) -> Altered:
    _check_type(request)
    return access.updated(context, request, _with("KeyId", request.key_id))


def stop_stream_encryption(context: Context, request: EncryptionInput) -> Altered:
    _check_type(request)

    def change(found: KinesisStream) -> Change:
        kept = {name: value for name, value in found.settings.items() if name != "KeyId"}
        return Change(settings=kept)

    return access.updated(context, request, change)


def _check_type(request: EncryptionInput) -> None:
    if request.encryption_type != "KMS":
        raise InvalidArgumentException("Encryption type cannot be NONE.")


def enable_enhanced_monitoring(context: Context, request: MonitoringInput) -> Altered:
    wanted = _expanded(request.shard_level_metrics)
    return _monitored(context, request, lambda current: {*current, *wanted})


def disable_enhanced_monitoring(context: Context, request: MonitoringInput) -> Altered:
    unwanted = _expanded(request.shard_level_metrics)
    return _monitored(context, request, lambda current: current - unwanted)


def _expanded(metrics: list[str]) -> set[str]:
    return set(_METRICS) if "ALL" in metrics else set(metrics)


def _monitored(
    context: Context, request: MonitoringInput, step: Callable[[set[str]], set[str]]
) -> Altered:
    found = access.find(context, request)
    before = _metrics(found)

    def change(found: KinesisStream) -> Change:
        after = step(set(_metrics(found)))
        metrics = [name for name in _METRICS if name in after]
        return Change(settings={**found.settings, "ShardLevelMetrics": metrics})

    def reply(catalog: Catalog) -> bytes:
        return access.reply_of(
            {
                "StreamName": found.stream.table_name,
                "CurrentShardLevelMetrics": before,
                "DesiredShardLevelMetrics": _metrics(kinesis_streams.found(catalog, *owner)),
                "StreamARN": found.stream.arn,
            }
        )

    owner = access.owner_of(context, request)
    transition = context.transition(context.service.clock.now_us())
    return Altered(kinesis_streams.update(owner, change, transition), reply)


def _metrics(found: KinesisStream) -> list[str]:
    return list(found.settings.get("ShardLevelMetrics", ()))


def _with(name: str, value: Any) -> Callable[[KinesisStream], Change]:
    return lambda found: Change(settings={**found.settings, name: value})


UPDATE_STREAM_MODE = Operation("UpdateStreamMode", UpdateStreamModeInput, update_stream_mode)
UPDATE_MAX_RECORD_SIZE = Operation(
    "UpdateMaxRecordSize", UpdateMaxRecordSizeInput, update_max_record_size
)
START_STREAM_ENCRYPTION = Operation(
    "StartStreamEncryption", EncryptionInput, start_stream_encryption
)
STOP_STREAM_ENCRYPTION = Operation("StopStreamEncryption", EncryptionInput, stop_stream_encryption)
ENABLE_ENHANCED_MONITORING = Operation(
    "EnableEnhancedMonitoring", MonitoringInput, enable_enhanced_monitoring
)
DISABLE_ENHANCED_MONITORING = Operation(
    "DisableEnhancedMonitoring", MonitoringInput, disable_enhanced_monitoring
)
