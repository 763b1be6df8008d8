"""The test controls: operations of Tailrace's own that make happen what AWS won't show on demand.

They are answered below `/_tailrace/` by servers that were asked for them, and never else. Each is
an operation like any other, and its input is JSON with members in Pascal case.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Final, Protocol, runtime_checkable

import msgspec

from tailrace.api.faults import FAULT_CODES
from tailrace.api.operation import Altered, Context, Operation, Result
from tailrace.api.streams import access
from tailrace.api.streams.describe_stream import described_shard
from tailrace.errors import UnknownOperationException, ValidationException
from tailrace.streams.log import Shard
from tailrace.streams.sequence import clock_at, from_sequence_number, sequence_number
from tailrace.tables import stream_life
from tailrace.tables.catalog import Alter, Catalog

__all__ = [
    "CONTROLS",
    "AdvanceClockInput",
    "DelayShardsInput",
    "NoInput",
    "RefuseCallsInput",
    "ReshardInput",
    "SetTransitionTimeInput",
    "TrimInput",
    "run_control",
]

_DONE: Final = b"{}"
_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
_Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=100 * 365 * 86_400_000)]
# 2100-01-01: clock values, which are times shifted, have room until 2112.
_LAST_US: Final = 4_102_444_800_000_000


@runtime_checkable
class _Movable(Protocol):
    def advance(self, us: int) -> None: ...


class NoInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operation without parameters."""


class AdvanceClockInput(msgspec.Struct, rename="pascal", frozen=True, forbid_unknown_fields=True):
    """How far time moves forward, in milliseconds."""

    milliseconds: _Milliseconds


class ReshardInput(msgspec.Struct, rename="pascal", frozen=True, forbid_unknown_fields=True):
    """One open shard of a stream, or all of them."""

    stream_arn: access.StreamArn
    shard_id: str | None = None


class TrimInput(msgspec.Struct, rename="pascal", frozen=True, forbid_unknown_fields=True):
    """Records of a stream below a sequence number, or older than an age in milliseconds; without
    either all that it holds."""

    stream_arn: access.StreamArn
    sequence_number: access.SequenceNumber | None = None
    older_than_milliseconds: _Milliseconds | None = None


class RefuseCallsInput(msgspec.Struct, rename="pascal", frozen=True, forbid_unknown_fields=True):
    """The next `Calls` calls, of one operation or of all, and the AWS code to refuse them with."""

    calls: _Count
    operation: str | None = None
    code: str | None = None


class DelayShardsInput(msgspec.Struct, rename="pascal", frozen=True, forbid_unknown_fields=True):
    """How long DescribeStream leaves out shards that have a parent, and shows closed ones as
    open."""

    children_milliseconds: _Milliseconds = 0
    ends_milliseconds: _Milliseconds = 0


class SetTransitionTimeInput(
    msgspec.Struct, rename="pascal", frozen=True, forbid_unknown_fields=True
):
    """How long tables, indexes, streams and their like are being created, changed and deleted."""

    milliseconds: _Milliseconds


def advance_clock(context: Context, request: AdvanceClockInput) -> bytes:
    """Move time forward. Raises ValidationException when the server runs on a clock that can't be
    moved, or not that far."""
    clock = context.service.clock
    if not isinstance(clock, _Movable):
        raise ValidationException("This server's clock cannot be moved")
    if clock.now_us() + request.milliseconds * 1000 > _LAST_US:
        raise ValidationException("The clock cannot be moved beyond the year 2099")
    clock.advance(request.milliseconds * 1000)
    return msgspec.json.encode({"Now": clock.now_us() // 1000 / 1000})


def rotate_shards(context: Context, request: ReshardInput) -> Altered:
    """Close shards and open one child for each; answers with the children."""
    shards = _open_shards(context, request)
    return _resharded(stream_life.rotate, shards)


def split_shards(context: Context, request: ReshardInput) -> Altered:
    """Close shards and open two children for each; answers with the children."""
    shards = _open_shards(context, request)
    return _resharded(stream_life.split, shards)


def trim_stream(context: Context, request: TrimInput) -> bytes:
    """Count records of a stream as trimmed; answers with the first sequence number that is kept."""
    service = context.service
    found = access.find_stream(context, request.stream_arn)
    if request.sequence_number is not None:
        before = from_sequence_number(request.sequence_number)
    elif request.older_than_milliseconds is not None:
        age_us = request.older_than_milliseconds * 1000
        before = clock_at(max(service.clock.now_us() - age_us, 0))
    else:
        log = service.engine.log
        before = 1 + max((log.tip(shard.id) for shard in found.shards), default=0)
    service.faults.trim(found.stream.id, before)
    kept = max(before, found.horizon)
    return msgspec.json.encode({"SequenceNumber": sequence_number(kept)})


def expire_iterators(context: Context, request: NoInput) -> bytes:
    """Make all shard iterators issued so far expire at once."""
    del request
    context.service.faults.expire_iterators()
    return _DONE


def throttle_calls(context: Context, request: RefuseCallsInput) -> bytes:
    """Refuse the next calls as AWS throttles."""
    return _refused(context, request, "ProvisionedThroughputExceededException")


def fail_calls(context: Context, request: RefuseCallsInput) -> bytes:
    """Refuse the next calls with an internal error of the service."""
    return _refused(context, request, "InternalServerError")


def delay_shards(context: Context, request: DelayShardsInput) -> bytes:
    """Let DescribeStream lag behind what happened to the shards."""
    faults = context.service.faults
    faults.child_delay_us = request.children_milliseconds * 1000
    faults.end_delay_us = request.ends_milliseconds * 1000
    return _DONE


def set_transition_time(context: Context, request: SetTransitionTimeInput) -> bytes:
    """Let what is created, changed or deleted from now on take so long."""
    context.service.faults.transition_us = request.milliseconds * 1000
    return _DONE


def clear_faults(context: Context, request: NoInput) -> bytes:
    """Refuse no more calls and delay no more shards."""
    del request
    context.service.faults.clear()
    return _DONE


def _refused(context: Context, request: RefuseCallsInput, default_code: str) -> bytes:
    code = request.code or default_code
    if code not in FAULT_CODES:
        raise ValidationException(f"Code must be one of {', '.join(FAULT_CODES)}")
    context.service.faults.refuse(code, request.calls, request.operation)
    return _DONE


def _open_shards(context: Context, request: ReshardInput) -> tuple[Shard, ...]:
    """The shards to close. Raises ResourceNotFoundException for a shard that isn't there, and
    ValidationException for one that is closed."""
    found = access.find_stream(context, request.stream_arn)
    if request.shard_id is None:
        return tuple(shard for shard in found.shards if shard.open)
    shard = access.find_shard(found, request.shard_id)
    if not shard.open:
        raise ValidationException(f"Shard {shard.name} is closed")
    return (shard,)


class _Reshard(Protocol):
    def __call__(self, shard_ids: Collection[int]) -> Alter: ...


def _resharded(step: _Reshard, shards: tuple[Shard, ...]) -> Altered:
    parents = {shard.name for shard in shards}
    streams = {shard.stream_id for shard in shards}

    def reply(catalog: Catalog) -> bytes:
        children = [
            described_shard(shard)
            for stream_id in streams
            for shard in catalog.shards_of.get(stream_id, ())
            if shard.parent in parents
        ]
        return msgspec.json.encode({"Shards": children})

    return Altered(step([shard.id for shard in shards]), reply)


_OPERATIONS: Final[tuple[Operation[Any], ...]] = (
    Operation("AdvanceClock", AdvanceClockInput, advance_clock),
    Operation("ClearFaults", NoInput, clear_faults),
    Operation("DelayShards", DelayShardsInput, delay_shards),
    Operation("ExpireIterators", NoInput, expire_iterators),
    Operation("FailCalls", RefuseCallsInput, fail_calls),
    Operation("RotateShards", ReshardInput, rotate_shards),
    Operation("SetTransitionTime", SetTransitionTimeInput, set_transition_time),
    Operation("SplitShards", ReshardInput, split_shards),
    Operation("ThrottleCalls", RefuseCallsInput, throttle_calls),
    Operation("TrimStream", TrimInput, trim_stream),
)

# By name, which is the last part of their path: `/_tailrace/AdvanceClock`.
CONTROLS: Final[dict[str, Operation[Any]]] = {
    operation.name: operation for operation in _OPERATIONS
}


def run_control(context: Context, name: str, body: bytes) -> Result:
    """Decode and run a control. An empty body stands for no parameters.

    Raises UnknownOperationException for a name that is none, ValidationException for a body that is
    not the control's input, and what the control raises.
    """
    operation = CONTROLS.get(name)
    if operation is None:
        raise UnknownOperationException(f"{name} is not a test control")
    try:
        request = msgspec.json.decode(body or b"{}", type=operation.input)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValidationException(f"{name}: {error}") from None
    return operation.run(context, request)
