"""SplitShard, MergeShards and UpdateShardCount: done when they are answered, though the stream may
be UPDATING for a while. They are for provisioned streams; others are resharded by themselves."""

from __future__ import annotations

from tailrace.api.kinesis import access
from tailrace.api.kinesis.inputs import ShardId, StreamRef
from tailrace.api.kinesis.on_demand import ON_DEMAND
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import InvalidArgumentException, ValidationException
from tailrace.tables import kinesis_resharding, kinesis_streams
from tailrace.tables.catalog import Alter, Alteration, Catalog, Tick

__all__ = [
    "MERGE_SHARDS",
    "SPLIT_SHARD",
    "UPDATE_SHARD_COUNT",
    "MergeShardsInput",
    "SplitShardInput",
    "UpdateShardCountInput",
]


class SplitShardInput(StreamRef, frozen=True, kw_only=True):
    shard_to_split: ShardId
    new_starting_hash_key: str


def split_shard(context: Context, request: SplitShardInput) -> Altered:
    owner = access.owner_of(context, request)
    hash_key = access.decimal(request.new_starting_hash_key)
    transition = context.transition(context.service.clock.now_us())
    split = kinesis_resharding.split_shard(owner, request.shard_to_split, hash_key, transition)
    return access.altered(_provisioned(owner, split))


class MergeShardsInput(StreamRef, frozen=True, kw_only=True):
    shard_to_merge: ShardId
    adjacent_shard_to_merge: ShardId


def merge_shards(context: Context, request: MergeShardsInput) -> Altered:
    owner = access.owner_of(context, request)
    transition = context.transition(context.service.clock.now_us())
    merge = kinesis_resharding.merge_shards(
        owner, request.shard_to_merge, request.adjacent_shard_to_merge, transition
    )
    return access.altered(_provisioned(owner, merge))


class UpdateShardCountInput(StreamRef, frozen=True, kw_only=True):
    target_shard_count: int
    scaling_type: str


def update_shard_count(context: Context, request: UpdateShardCountInput) -> Altered:
    found = access.find(context, request)
    target = request.target_shard_count
    before = sum(shard.open for shard in access.view(context, found).shards)

    def check(current: int) -> None:
        counts = f"Current open shard count: {current} Target shard count: {target}"
        if target > 2 * current:
            raise InvalidArgumentException(
                f"UpdateShardCount cannot scale up over double your current open shard count."
                f" {counts}"
            )
        if 2 * target < current:
            raise InvalidArgumentException(
                f"UpdateShardCount cannot scale down below half your current open shard count."
                f" {counts}"
            )

    def reply(catalog: Catalog) -> bytes:
        del catalog
        return access.reply_of(
            {
                "StreamName": found.stream.table_name,
                "CurrentShardCount": before,
                "TargetShardCount": target,
                "StreamARN": found.stream.arn,
            }
        )

    owner = access.owner_of(context, request)
    transition = context.transition(context.service.clock.now_us())
    scale = kinesis_resharding.uniform(owner, target, check, transition)
    return Altered(_provisioned(owner, scale), reply)


def _provisioned(owner: tuple[str, str, str], decide: Alter) -> Alter:
    """Do as `decide`, in provisioned streams only."""

    def checked(catalog: Catalog, tick: Tick) -> Alteration:
        alteration = decide(catalog, tick)
        if access.mode_of(kinesis_streams.found(catalog, *owner)) == ON_DEMAND:
            raise ValidationException(
                "The operation is only supported for data streams with the provisioned capacity"
                " mode."
            )
        return alteration

    return checked


SPLIT_SHARD = Operation("SplitShard", SplitShardInput, split_shard)
MERGE_SHARDS = Operation("MergeShards", MergeShardsInput, merge_shards)
UPDATE_SHARD_COUNT = Operation("UpdateShardCount", UpdateShardCountInput, update_shard_count)
