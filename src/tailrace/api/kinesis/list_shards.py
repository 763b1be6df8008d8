"""ListShards: a stream's shards, all of them or those of a filter, page by page."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Final

import msgspec

from tailrace import limits
from tailrace.api.kinesis import access
from tailrace.api.kinesis.inputs import ShardId, StreamRef
from tailrace.api.operation import Context, Operation
from tailrace.errors import ExpiredNextTokenException, InvalidArgumentException
from tailrace.streams.log import Shard
from tailrace.tables.kinesis_streams import check_active

__all__ = ["LIST_SHARDS", "ListShardsInput", "ShardFilter"]

_TOKEN_LIFE_US: Final = 300 * 1_000_000


class ShardFilter(msgspec.Struct, rename="pascal", frozen=True):
    type: str
    shard_id: ShardId | None = None
    timestamp: float | None = None


class ListShardsInput(StreamRef, frozen=True, kw_only=True):
    next_token: str | None = None
    exclusive_start_shard_id: ShardId | None = None
    max_results: int | None = None
    stream_creation_timestamp: float | None = None
    shard_filter: ShardFilter | None = None


class _Token(msgspec.Struct, frozen=True):
    """Where a listing goes on. It is no secret and grants nothing, so it isn't signed."""

    arn: str
    after: str
    issued_us: int
    shard_filter: ShardFilter | None


def list_shards(context: Context, request: ListShardsInput) -> bytes:
    now_us = context.service.clock.now_us()
    ref, after, chosen = (
        StreamRef(stream_name=request.stream_name, stream_arn=request.stream_arn),
        (request.exclusive_start_shard_id or ""),
        request.shard_filter,
    )
    if request.next_token is not None:
        token = _token(request, now_us)
        ref, after, chosen = StreamRef(stream_arn=token.arn), token.after, token.shard_filter
    found = access.find(context, ref)
    check_active(found, updating=True)
    seen = access.view(context, found)
    accepts = _accepts(chosen, seen.horizon)
    shards = [shard for shard in seen.shards if shard.name > after and accepts(shard)]
    limit = min(request.max_results or limits.KINESIS_SHARD_PAGE, limits.KINESIS_SHARD_PAGE)
    reply: dict[str, Any] = {"Shards": [access.described_shard(shard) for shard in shards[:limit]]}
    if len(shards) > limit:
        following = _Token(found.stream.arn, shards[limit - 1].name, now_us, chosen)
        reply["NextToken"] = base64.b64encode(msgspec.json.encode(following)).decode()
    return access.reply_of(reply)


def _token(request: ListShardsInput, now_us: int) -> _Token:
    if request.stream_name is not None or request.stream_arn is not None:
        raise InvalidArgumentException("NextToken and StreamName cannot be provided together.")
    try:
        data = base64.b64decode(request.next_token or "", validate=True)
        token = msgspec.json.decode(data, type=_Token)
    except ValueError:
        raise InvalidArgumentException("NextToken is invalid.") from None
    if now_us - token.issued_us > _TOKEN_LIFE_US:
        raise ExpiredNextTokenException("The NextToken has expired.")
    return token


def _accepts(chosen: ShardFilter | None, horizon: int) -> Callable[[Shard], bool]:
    """Which shards a filter lets through; those that are trimmed away don't come here."""
    if chosen is None:
        return _all
    match chosen.type:
        case "AFTER_SHARD_ID":
            name = _given(chosen.shard_id, "ShardId", chosen.type)
            return lambda shard: shard.name > name
        case "AT_TRIM_HORIZON":
            return lambda shard: _began(shard) <= horizon
        case "FROM_TRIM_HORIZON":
            return _all
        case "AT_LATEST":
            return lambda shard: shard.open
        case kind:
            time_s = _given(chosen.timestamp, "Timestamp", kind)
            clock = access.clock_of_time(time_s)
            from_then_on = kind == "FROM_TIMESTAMP"
            return lambda shard: (
                (shard.end is None or shard.end >= clock)
                and (from_then_on or _began(shard) <= clock)
            )


def _all(shard: Shard) -> bool:
    del shard
    return True


def _began(shard: Shard) -> int:
    """The clock from which on a shard was open; a stream's first shards were there always."""
    return 0 if shard.parent is None else shard.start


def _given(value: Any, name: str, kind: str) -> Any:
    if value is None:
        raise InvalidArgumentException(
            f"Must specify {name} for ShardFilter of type {kind}. Current request has no {name}."
        )
    return value


LIST_SHARDS = Operation("ListShards", ListShardsInput, list_shards)
