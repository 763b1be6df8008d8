"""What only on-demand streams have: throughput that is there before it is needed
(UpdateStreamWarmThroughput), and records spread over the shards whatever their keys are
(UpdateStreamRecordDistributionStrategy)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.api.kinesis import access
from tailrace.api.kinesis.account_settings import check_committed
from tailrace.api.kinesis.inputs import StreamArn, StreamId, StreamRef
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import InvalidArgumentException, LimitExceededException
from tailrace.tables import kinesis_resharding, kinesis_streams
from tailrace.tables.catalog import Catalog
from tailrace.tables.kinesis_streams import Change, KinesisStream

__all__ = [
    "AUTO",
    "UPDATE_STREAM_RECORD_DISTRIBUTION_STRATEGY",
    "UPDATE_STREAM_WARM_THROUGHPUT",
    "StrategyInput",
    "WarmThroughputInput",
    "described",
    "distributes",
    "settings_of",
    "warm_shards",
    "without",
]

AUTO: Final = "AUTO"
ON_DEMAND: Final = "ON_DEMAND"
_WARM: Final = "WarmThroughputMiBps"
_STRATEGY: Final = "RecordDistributionStrategy"
_BY_KEY: Final = "USER_PARTITION_KEY"


class WarmThroughputInput(StreamRef, frozen=True, kw_only=True):
    warm_throughput_mi_bps: int = msgspec.field(name="WarmThroughputMiBps")


class StrategyInput(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    stream_arn: StreamArn = msgspec.field(name="StreamARN")
    stream_id: StreamId | None = None
    record_distribution_strategy: str


def settings_of(
    context: Context, mode: str, warm_mibps: int | None, strategy: str | None
) -> dict[str, Any]:
    """The settings of a stream that is made with, or changed to, a mode. Raises
    InvalidArgumentException for what its mode or its owner does not have."""
    if warm_mibps is not None:
        _check_mode(mode, "Warm throughput")
        _check_warm(context, warm_mibps)
    if strategy == AUTO:
        _check_mode(mode, f"{_STRATEGY} {AUTO}")
    given = {_WARM: warm_mibps, _STRATEGY: strategy}
    return {name: value for name, value in given.items() if value is not None}


def warm_shards(warm_mibps: int) -> int:
    """The open shards that a warm stream has at least: each takes one MiB in a second."""
    return max(limits.KINESIS_ON_DEMAND_SHARDS, warm_mibps)


def without(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a stream that is on demand no longer."""
    return {name: value for name, value in settings.items() if name not in (_WARM, _STRATEGY)}


def distributes(found: KinesisStream) -> bool:
    """Whether records go to any shard, whatever their keys are."""
    return found.settings.get(_STRATEGY) == AUTO


def described(found: KinesisStream) -> dict[str, Any]:
    """The members of an on-demand stream's summary."""
    if access.mode_of(found) != ON_DEMAND:
        return {}
    members: dict[str, Any] = {_STRATEGY: found.settings.get(_STRATEGY, _BY_KEY)}
    warm = found.settings.get(_WARM)
    if warm is not None:
        members["WarmThroughput"] = {"TargetMiBps": warm, "CurrentMiBps": warm}
    return members


def update_stream_warm_throughput(context: Context, request: WarmThroughputInput) -> Altered:
    found = access.find(context, request)
    warm = request.warm_throughput_mi_bps
    _check_mode(access.mode_of(found), "Warm throughput")
    _check_warm(context, warm)
    owner = access.owner_of(context, request)
    decide = kinesis_resharding.warm(
        owner,
        warm_shards(warm),
        {_WARM: warm},
        context.transition(context.service.clock.now_us()),
    )

    def reply(catalog: Catalog) -> bytes:
        del catalog
        before = found.settings.get(_WARM, limits.KINESIS_ON_DEMAND_SHARDS)
        return access.reply_of(
            {
                "StreamARN": found.stream.arn,
                "StreamName": found.stream.table_name,
                "WarmThroughput": {"TargetMiBps": warm, "CurrentMiBps": before},
            }
        )

    return Altered(decide, reply)


def update_strategy(context: Context, request: StrategyInput) -> Altered:
    strategy = request.record_distribution_strategy

    def change(found: KinesisStream) -> Change:
        if strategy == AUTO:
            _check_mode(access.mode_of(found), f"{_STRATEGY} {AUTO}")
        return Change(settings={**found.settings, _STRATEGY: strategy})

    owner = access.owner_by_arn(request.stream_arn)
    # Without a transition: the service makes this change at once.
    return access.altered(kinesis_streams.update(owner, change, beside=True))


def _check_mode(mode: str, what: str) -> None:
    if mode != ON_DEMAND:
        raise InvalidArgumentException(
            f"{what} is only supported for data streams with the on-demand capacity mode."
        )


def _check_warm(context: Context, mibps: int) -> None:
    check_committed(context)
    if mibps > limits.KINESIS_WARM_MIBPS:
        raise LimitExceededException(
            f"Requested warm throughput of {mibps} MiBps exceeds the limit of"
            f" {limits.KINESIS_WARM_MIBPS} MiBps for an on-demand stream."
        )


UPDATE_STREAM_WARM_THROUGHPUT = Operation(
    "UpdateStreamWarmThroughput", WarmThroughputInput, update_stream_warm_throughput
)
UPDATE_STREAM_RECORD_DISTRIBUTION_STRATEGY = Operation(
    "UpdateStreamRecordDistributionStrategy", StrategyInput, update_strategy
)
