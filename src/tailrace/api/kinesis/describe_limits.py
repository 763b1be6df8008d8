"""DescribeLimits: how many shards and streams an account may have, and has."""

from __future__ import annotations

import msgspec

from tailrace import limits
from tailrace.api.kinesis import access
from tailrace.api.operation import Context, Operation
from tailrace.tables import kinesis_streams

__all__ = ["DESCRIBE_LIMITS", "DescribeLimitsInput"]


class DescribeLimitsInput(msgspec.Struct, rename="pascal", frozen=True):
    """An operation without parameters."""


def describe_limits(context: Context, request: DescribeLimitsInput) -> bytes:
    del request
    catalog, scope = context.catalog(), context.scope
    streams = kinesis_streams.of_owner(catalog, scope.account, scope.region)
    shards = [
        shard
        for found in streams
        for shard in catalog.shards_of.get(found.stream.id, ())
        if shard.open
    ]
    return access.reply_of(
        {
            "ShardLimit": limits.KINESIS_SHARDS,
            "OpenShardCount": len(shards),
            "OnDemandStreamCount": sum(access.mode_of(found) == "ON_DEMAND" for found in streams),
            "OnDemandStreamCountLimit": limits.KINESIS_ON_DEMAND_STREAMS,
        }
    )


DESCRIBE_LIMITS = Operation("DescribeLimits", DescribeLimitsInput, describe_limits)
