"""Batches, of which a part may be refused: it comes back as unprocessed, or as the errors of single
statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from tailrace.api.dynamodb.batch_get_item import BatchGetItemInput, KeysAndAttributes
from tailrace.api.dynamodb.batch_write_item import BatchWriteItemInput, WriteRequest
from tailrace.api.dynamodb.tables import find_table
from tailrace.api.operation import Committed, Context, Result
from tailrace.api.throttling.requests import Run, guarded
from tailrace.api.throttling.throughput import Limit, Meter, cancellation_reason, refusal
from tailrace.api.throttling.usage import metered, read_usage, shown, with_members, write_usage
from tailrace.errors import (
    AwsError,
    ProvisionedThroughputExceededException,
    ThrottlingException,
)
from tailrace.tables.capacity import read_units
from tailrace.tables.engine import Outcome, Write

__all__ = ["batch_get", "batch_statements", "batch_write"]


def batch_write(run: Run, meter: Meter) -> Run:
    """BatchWriteItem: the requests that there is no throughput for are UnprocessedItems; when there
    is none for any, the batch is refused."""

    def throttled(context: Context, request: BatchWriteItemInput) -> Result:
        def admit(committed: Committed) -> Result:
            verdicts = [_refused(meter, context, unit) for unit in committed.units]
            first = next((verdict for verdict in verdicts if verdict is not None), None)
            if first is None:
                return committed
            if None not in verdicts:
                raise refusal(first)
            kept, left = _parted(request.request_items, verdicts)
            rest = run(context, msgspec.structs.replace(request, request_items=kept))
            assert isinstance(rest, Committed)
            reply = rest.reply

            def with_left(outcomes: Sequence[Outcome]) -> bytes:
                body = reply(outcomes)
                assert isinstance(body, bytes)
                return with_members(body, UnprocessedItems=left)

            return Committed(rest.units, with_left)

        return guarded(run(context, request), admit)

    return throttled


def _refused(meter: Meter, context: Context, unit: Sequence[Write]) -> Limit | None:
    """Take what a unit of one write uses; the limit that refuses it."""
    usage = write_usage(context, unit[0])
    if usage is None:
        return None
    return meter.take((usage,), context.service.clock.now_us(), writes=True)


def _parted(
    items: Mapping[str, list[WriteRequest]], verdicts: Sequence[Limit | None]
) -> tuple[dict[str, list[WriteRequest]], dict[str, list[Any]]]:
    """The requests by table that are carried out, and those that are not, as they were given."""
    kept: dict[str, list[WriteRequest]] = {}
    left: dict[str, list[Any]] = {}
    verdict = iter(verdicts)
    for ref, requests in items.items():
        for request, refused in zip(requests, islice(verdict, len(requests)), strict=True):
            if refused is None:
                kept.setdefault(ref, []).append(request)
            else:
                left.setdefault(ref, []).append(_given(request))
    return kept, left


def _given(part: msgspec.Struct) -> dict[str, Any]:
    members: dict[str, Any] = msgspec.to_builtins(part)
    return {name: value for name, value in members.items() if value is not None}


def batch_get(run: Run, meter: Meter) -> Run:
    """BatchGetItem: as many keys of a table are read as there are units for, were all items small;
    the others are UnprocessedKeys. When there is throughput for no key, the batch is refused."""

    def throttled(context: Context, request: BatchGetItemInput) -> Result:
        whole = run(context, metered(request))
        assert isinstance(whole, bytes)
        now_us = context.service.clock.now_us()
        refused: Limit | None = None
        kept: dict[str, KeysAndAttributes] = {}
        left: dict[str, KeysAndAttributes] = {}
        for ref, part in request.request_items.items():
            found = meter.left(find_table(context, ref), now_us, writes=False)
            count = len(part.keys)
            if found is not None:
                count = int(max(found[1], 0) / read_units(0, bool(part.consistent_read)))
            if count < len(part.keys) and found is not None:
                refused = found[0]
                left[ref] = msgspec.structs.replace(part, keys=part.keys[count:])
            if count:
                kept[ref] = msgspec.structs.replace(part, keys=part.keys[:count])
        if refused is not None and not kept:
            raise refusal(refused)
        if refused is not None:
            whole = run(context, metered(msgspec.structs.replace(request, request_items=kept)))
            assert isinstance(whole, bytes)
            whole = _with_keys(whole, left)
        meter.charge(read_usage(context, whole), now_us, writes=False)
        return shown(whole, request.return_consumed_capacity)

    return throttled


def _with_keys(body: bytes, left: Mapping[str, KeysAndAttributes]) -> bytes:
    """An answer with more keys among those that were not read."""
    unread: dict[str, Any] = msgspec.json.decode(body)["UnprocessedKeys"]
    for ref, part in left.items():
        before = unread.get(ref, {}).get("Keys", [])
        unread[ref] = {**_given(part), "Keys": [*before, *part.keys]}
    return with_members(body, UnprocessedKeys=unread)


def batch_statements(run: Run, meter: Meter) -> Run:
    """BatchExecuteStatement: each statement that there is no throughput for has its error in its
    place of the answer."""

    def throttled(context: Context, request: Any) -> Result:
        result = run(context, metered(request))
        if isinstance(result, bytes):
            return shown(_read(meter, context, result), request.return_consumed_capacity)
        return guarded(run(context, request), lambda writes: _written(meter, context, writes))

    return throttled


def _read(meter: Meter, context: Context, body: bytes) -> bytes:
    members = msgspec.json.decode(body, type=dict[str, list[Any]])
    used = iter(zip(read_usage(context, body), members.get("ConsumedCapacity", ()), strict=True))
    responses: list[Any] = []
    consumed: list[Any] = []
    for response in members["Responses"]:
        if "Error" in response:
            responses.append(response)
            continue
        usage, entry = next(used)
        refused = meter.take((usage,), context.service.clock.now_us(), writes=False)
        if refused is None:
            responses.append(response)
            consumed.append(entry)
        else:
            error = cancellation_reason(refused)
            responses.append({"TableName": response["TableName"], "Error": error})
    if len(consumed) == len(members.get("ConsumedCapacity", ())):
        return body
    return with_members(body, Responses=responses, ConsumedCapacity=consumed)


def _written(meter: Meter, context: Context, committed: Committed) -> Committed:
    errors: list[AwsError | None] = [
        None if refused is None else _bare(refused)
        for refused in [_refused(meter, context, unit) for unit in committed.units]
    ]
    kept = [unit for unit, error in zip(committed.units, errors, strict=True) if error is None]
    if len(kept) == len(errors):
        return committed

    def reply(outcomes: Sequence[Outcome]) -> Result:
        carried_out = iter(outcomes)
        return committed.reply(
            [next(carried_out) if error is None else (error,) for error in errors]
        )

    return Committed(kept, reply)


def _bare(limit: Limit) -> AwsError:
    """A statement's error, which has a code and a message and nothing else."""
    kind = ThrottlingException if limit.on_demand else ProvisionedThroughputExceededException
    return kind(cancellation_reason(limit)["Message"])
