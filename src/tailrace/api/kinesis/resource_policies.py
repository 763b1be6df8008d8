"""PutResourcePolicy, GetResourcePolicy and DeleteResourcePolicy: policies of streams, of their
consumers and of queues, kept and returned; nothing is decided by them here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import msgspec

from tailrace.api.kinesis import access, consumers, queues
from tailrace.api.kinesis.inputs import StreamArn, StreamId
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import InvalidArgumentException, ResourceNotFoundException
from tailrace.tables import kinesis_streams
from tailrace.tables.kinesis_streams import Change, KinesisStream

__all__ = [
    "DELETE_RESOURCE_POLICY",
    "GET_RESOURCE_POLICY",
    "PUT_RESOURCE_POLICY",
    "PutResourcePolicyInput",
    "ResourceRef",
]

_POLICY: Final = "Policy"
# What is answered where there is no policy.
_EMPTY: Final = "{}"
# Resource-based policies of IAM are at most so long (reference_iam-quotas.html).
_MAX_BYTES: Final = 20 * 1024


# What becomes of what is stored of a stream or a consumer; it raises to refuse.
_Step = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class ResourceRef(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    """A stream or a consumer."""

    resource_arn: StreamArn = msgspec.field(name="ResourceARN")
    stream_id: StreamId | None = None


class PutResourcePolicyInput(ResourceRef, frozen=True, kw_only=True):
    policy: str


def put_resource_policy(context: Context, request: PutResourcePolicyInput) -> Altered:
    _check(request.policy)
    return _changed(context, request, lambda settings: {**settings, _POLICY: request.policy})


def get_resource_policy(context: Context, request: ResourceRef) -> bytes:
    arn = request.resource_arn
    if queues.is_queue(arn):
        known = queues.by_arn(context, arn).settings
        return access.reply_of({"Policy": known.get(_POLICY, _EMPTY)})
    found = kinesis_streams.found(context.catalog(), *access.owner_by_arn(arn))
    settings = found.settings
    if consumers.is_consumer(arn):
        settings = consumers.by_arn(found, arn, context.service.clock.now_us())
    return access.reply_of({"Policy": settings.get(_POLICY, _EMPTY)})


def delete_resource_policy(context: Context, request: ResourceRef) -> Altered:
    def step(settings: Mapping[str, Any]) -> Mapping[str, Any]:
        if _POLICY not in settings:
            raise ResourceNotFoundException(
                f"No resource policy found for resource ARN {request.resource_arn}"
            )
        return {name: value for name, value in settings.items() if name != _POLICY}

    return _changed(context, request, step)


def _changed(context: Context, request: ResourceRef, step: _Step) -> Altered:
    arn = request.resource_arn
    if queues.is_queue(arn):
        return queues.changed(arn, step)
    change = _of_stream(step)
    if consumers.is_consumer(arn):
        change = consumers.changing(arn, step, context.service.clock.now_us())
    return access.altered(kinesis_streams.update(access.owner_by_arn(arn), change, beside=True))


def _of_stream(step: _Step) -> Callable[[KinesisStream], Change]:
    return lambda found: Change(settings=step(found.settings))


def _check(policy: str) -> None:
    """Raise InvalidArgumentException for what is no policy document."""
    if len(policy.encode("utf-8", "surrogatepass")) > _MAX_BYTES:
        raise InvalidArgumentException(f"Policy exceeds the maximum size of {_MAX_BYTES} bytes.")
    try:
        document = msgspec.json.decode(policy, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        raise InvalidArgumentException("Policy is not valid JSON.") from None
    statements = document.get("Statement")
    listed = cast("list[Any]", statements if isinstance(statements, list) else [statements])
    if not listed or not all(isinstance(statement, dict) for statement in listed):
        raise InvalidArgumentException("Policy has no statements.")
    for statement in cast("list[dict[str, Any]]", listed):
        for names in (("Effect",), ("Principal", "NotPrincipal"), ("Action", "NotAction")):
            if not any(name in statement for name in names):
                raise InvalidArgumentException(f"Policy has a statement without {names[0]}.")


PUT_RESOURCE_POLICY = Operation("PutResourcePolicy", PutResourcePolicyInput, put_resource_policy)
GET_RESOURCE_POLICY = Operation("GetResourcePolicy", ResourceRef, get_resource_policy)
DELETE_RESOURCE_POLICY = Operation("DeleteResourcePolicy", ResourceRef, delete_resource_policy)
