"""CreateQueue and its family: queues that deliver a stream's records one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import msgspec

from tailrace import limits
from tailrace.api.kinesis import access
from tailrace.api.kinesis.inputs import StreamArn, StreamName
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import InvalidArgumentException, ValidationException
from tailrace.tables import kinesis_queues, kinesis_streams
from tailrace.tables.catalog import Catalog
from tailrace.tables.kinesis_queues import Queue

__all__ = [
    "CREATE_QUEUE",
    "DELETE_QUEUE",
    "DESCRIBE_QUEUE",
    "LIST_QUEUES",
    "UPDATE_QUEUE",
    "CreateQueueInput",
    "DeadLetterConfiguration",
    "ListQueuesInput",
    "QueueArn",
    "QueueAttributes",
    "QueueRef",
    "StartingPosition",
    "StreamConfiguration",
    "StreamFilter",
    "UpdateQueueInput",
    "VisibilitySeconds",
    "by_arn",
    "changed",
    "is_queue",
    "most_receives",
    "place_of",
    "visibility_s",
]

QueueArn = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
VisibilitySeconds = Annotated[int, msgspec.Meta(ge=0, le=43_200)]
_VISIBILITY: Final = "VisibilityTimeoutSeconds"
_DEAD_LETTERS: Final = "DeadLetterConfiguration"
_MAX_RECEIVES: Final = "MaxReceiveCount"
_NO_LETTERS: Final = "NONE"


class StartingPosition(msgspec.Struct, rename="pascal", frozen=True):
    type: str
    timestamp: float | None = None


class StreamConfiguration(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    stream_arn: StreamArn = msgspec.field(name="StreamARN")
    starting_position: StartingPosition | None = None


class DeadLetterConfiguration(msgspec.Struct, rename="pascal", frozen=True):
    target_type: str
    max_receive_count: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None


class QueueAttributes(msgspec.Struct, rename="pascal", frozen=True):
    visibility_timeout_seconds: VisibilitySeconds | None = None
    dead_letter_configuration: DeadLetterConfiguration | None = None


class CreateQueueInput(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    queue_name: StreamName
    stream_configuration_list: list[StreamConfiguration]
    queue_attributes: QueueAttributes | None = None
    tags: dict[str, str] | None = None


class QueueRef(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    queue_arn: QueueArn = msgspec.field(name="QueueARN")


class UpdateQueueInput(QueueRef, frozen=True, kw_only=True):
    queue_attributes: QueueAttributes


class StreamFilter(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    stream_arn: StreamArn = msgspec.field(name="StreamARN")
    stream_creation_timestamp: float | None = None


class ListQueuesInput(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    max_results: int | None = None
    next_token: str | None = None
    stream_filter: list[StreamFilter] | None = None


def create_queue(context: Context, request: CreateQueueInput) -> Altered:
    configurations = request.stream_configuration_list
    if len(configurations) != 1:
        raise InvalidArgumentException("A queue delivers records from exactly one stream.")
    (configuration,) = configurations
    stream_owner = access.owner_by_arn(configuration.stream_arn)
    found = kinesis_streams.found(context.catalog(), *stream_owner)
    if access.mode_of(found) != "ON_DEMAND":
        raise InvalidArgumentException(
            "Queues are only supported on data streams with the on-demand capacity mode."
        )
    scope, service = context.scope, context.service
    start = configuration.starting_position or StartingPosition("LATEST")
    settings = _with_attributes({}, request.queue_attributes or QueueAttributes())
    settings |= {"Tags": request.tags or {}, "Start": _shown_start(start)}
    owner, queue_id = (scope.account, scope.region, request.queue_name), service.ids.uuid()
    decide = kinesis_queues.create(
        owner, queue_id, stream_owner, settings, _start(start), service.clock.now_us()
    )
    place = (scope.account, scope.region, queue_id)
    return Altered(decide, lambda catalog: _described(catalog, place, "CREATING"))


def _start(position: StartingPosition) -> int | None:
    """The clock behind which a queue begins; None for the tip."""
    if (position.timestamp is not None) != (position.type == "AT_TIMESTAMP"):
        raise ValidationException("Timestamp must be given with AT_TIMESTAMP, and only with it.")
    if position.timestamp is not None:
        return access.clock_of_time(position.timestamp) - 1
    return None if position.type == "LATEST" else 0


def _shown_start(position: StartingPosition) -> dict[str, Any]:
    shown: dict[str, Any] = {"Type": position.type}
    return shown if position.timestamp is None else {**shown, "Timestamp": position.timestamp}


def update_queue(context: Context, request: UpdateQueueInput) -> Altered:
    place = place_of(request.queue_arn)
    del context

    def step(settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return _with_attributes(settings, request.queue_attributes)

    decide = kinesis_queues.update(*place, step)
    return Altered(decide, lambda catalog: _described(catalog, place, "UPDATING"))


def _with_attributes(settings: Mapping[str, Any], attributes: QueueAttributes) -> dict[str, Any]:
    """What is stored of a queue with new attributes; those that are not given stay."""
    after = dict(settings)
    if attributes.visibility_timeout_seconds is not None:
        after[_VISIBILITY] = attributes.visibility_timeout_seconds
    letters = attributes.dead_letter_configuration
    if letters is not None:
        if letters.target_type != _NO_LETTERS and letters.max_receive_count is None:
            raise InvalidArgumentException("MaxReceiveCount is required with BUILT_IN.")
        shown: dict[str, Any] = {"TargetType": letters.target_type}
        if letters.target_type != _NO_LETTERS:
            shown[_MAX_RECEIVES] = letters.max_receive_count
        after[_DEAD_LETTERS] = shown
    return after


def delete_queue(context: Context, request: QueueRef) -> Altered:
    del context
    return access.altered(kinesis_queues.delete(*place_of(request.queue_arn)))


def describe_queue(context: Context, request: QueueRef) -> bytes:
    return _described(context.catalog(), place_of(request.queue_arn), "ACTIVE")


def list_queues(context: Context, request: ListQueuesInput) -> bytes:
    scope, catalog = context.scope, context.catalog()
    streams = None
    if request.stream_filter is not None:
        streams = {access.owner_by_arn(each.stream_arn)[2] for each in request.stream_filter}
    left = [
        queue
        for queue in kinesis_queues.of_owner(catalog, scope.account, scope.region)
        # A token is the last name of its page: names are no secret to their owner.
        if queue.name > (request.next_token or "")
        and (streams is None or queue.stream_name in streams)
    ]
    most = min(request.max_results or limits.KINESIS_LIST_PAGE, limits.KINESIS_LIST_PAGE)
    reply: dict[str, Any] = {"QueueSummaries": [_summary(catalog, each) for each in left[:most]]}
    if len(left) > most:
        reply["NextToken"] = left[most - 1].name
    return access.reply_of(reply)


def is_queue(arn: str) -> bool:
    """Whether an ARN is a queue's."""
    return arn.split(":", 5)[-1].startswith("queue/")


def place_of(arn: str) -> tuple[str, str, str]:
    """(account, region, id) of a queue by its ARN. Raises InvalidArgumentException for what is no
    queue's."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "kinesis" or not is_queue(arn):
        raise InvalidArgumentException(f"Invalid ARN: {arn}")
    return parts[4], parts[3], parts[5].removeprefix("queue/")


def by_arn(context: Context, arn: str) -> Queue:
    """The queue of an ARN. Raises ResourceNotFoundException."""
    return kinesis_queues.find(context.catalog(), *place_of(arn))


def changed(arn: str, step: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Altered:
    """Change what is stored of a queue and answer with nothing."""
    return access.altered(kinesis_queues.update(*place_of(arn), step))


def visibility_s(queue: Queue) -> int:
    """How long a record that was received stays out of sight."""
    return int(queue.settings.get(_VISIBILITY, limits.KINESIS_QUEUE_VISIBILITY_S))


def most_receives(queue: Queue) -> int | None:
    """After how many receives a record is dead; None when it never is."""
    return _letters(queue).get(_MAX_RECEIVES)


def _letters(queue: Queue) -> Mapping[str, Any]:
    default = {"TargetType": "BUILT_IN", _MAX_RECEIVES: limits.KINESIS_QUEUE_RECEIVES}
    return queue.settings.get(_DEAD_LETTERS, default)


def _arn(queue: Queue) -> str:
    return f"arn:aws:kinesis:{queue.region}:{queue.account}:queue/{queue.id}"


def _identity(queue: Queue, status: str) -> dict[str, Any]:
    return {
        "QueueName": queue.name,
        "QueueARN": _arn(queue),
        "QueueStatus": status,
        "QueueCreationTimestamp": access.seconds(queue.table.created_us),
    }


def _stream_arn(catalog: Catalog, queue: Queue) -> tuple[str, int]:
    stream = catalog.streams[queue.stream_id]
    return stream.arn, stream.created_us


def _described(catalog: Catalog, place: tuple[str, str, str], status: str) -> bytes:
    queue = kinesis_queues.find(catalog, *place)
    configuration = {
        "StreamARN": _stream_arn(catalog, queue)[0],
        "StartingPosition": queue.settings["Start"],
    }
    attributes = {_VISIBILITY: visibility_s(queue), _DEAD_LETTERS: _letters(queue)}
    description = {
        **_identity(queue, status),
        "StreamConfigurationList": [configuration],
        "QueueAttributes": attributes,
    }
    return access.reply_of({"QueueDescription": description})


def _summary(catalog: Catalog, queue: Queue) -> dict[str, Any]:
    arn, created_us = _stream_arn(catalog, queue)
    stream = {"StreamARN": arn, "StreamCreationTimestamp": access.seconds(created_us)}
    return {**_identity(queue, "ACTIVE"), "Streams": [stream]}


CREATE_QUEUE = Operation("CreateQueue", CreateQueueInput, create_queue)
DELETE_QUEUE = Operation("DeleteQueue", QueueRef, delete_queue)
DESCRIBE_QUEUE = Operation("DescribeQueue", QueueRef, describe_queue)
LIST_QUEUES = Operation("ListQueues", ListQueuesInput, list_queues)
UPDATE_QUEUE = Operation("UpdateQueue", UpdateQueueInput, update_queue)
