"""RegisterStreamConsumer and its family: the names under which readers get a shard's records
pushed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tailrace import limits
from tailrace.api.kinesis import access
from tailrace.api.kinesis.inputs import StreamArn, StreamId, StreamName, StreamRef
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import (
    InvalidArgumentException,
    LimitExceededException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from tailrace.tables import kinesis_streams
from tailrace.tables.catalog import Catalog
from tailrace.tables.kinesis_streams import Change, KinesisStream, consumers_of

__all__ = [
    "DEREGISTER_STREAM_CONSUMER",
    "DESCRIBE_STREAM_CONSUMER",
    "LIST_STREAM_CONSUMERS",
    "REGISTER_STREAM_CONSUMER",
    "ConsumerRef",
    "ListStreamConsumersInput",
    "RegisterStreamConsumerInput",
    "by_arn",
    "changing",
    "check_serving",
    "is_consumer",
]

# A consumer as it is stored: the members of its description, and its Tags.
_Consumer = Mapping[str, Any]


class RegisterStreamConsumerInput(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    stream_arn: StreamArn = msgspec.field(name="StreamARN")
    consumer_name: StreamName
    stream_id: StreamId | None = None
    tags: dict[str, str] | None = None


class ConsumerRef(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    """A consumer by its ARN, or by its stream's ARN and its name."""

    stream_arn: StreamArn | None = msgspec.field(name="StreamARN", default=None)
    consumer_name: StreamName | None = None
    consumer_arn: str | None = msgspec.field(name="ConsumerARN", default=None)
    stream_id: StreamId | None = None


class ListStreamConsumersInput(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    stream_arn: StreamArn = msgspec.field(name="StreamARN")
    next_token: str | None = None
    max_results: int | None = None
    stream_creation_timestamp: float | None = None
    stream_id: StreamId | None = None


def register_stream_consumer(context: Context, request: RegisterStreamConsumerInput) -> Altered:
    owner = access.owner_of(context, StreamRef(stream_arn=request.stream_arn))
    now_us, name = context.service.clock.now_us(), request.consumer_name
    transition = context.transition(now_us)

    def change(found: KinesisStream) -> Change:
        known = consumers_of(found, now_us)
        place = f"stream {found.stream.table_name} under account {found.stream.account}"
        if any(consumer["ConsumerName"] == name for consumer in known):
            raise ResourceInUseException(f"Consumer {name} of {place} already exists.")
        if len(known) >= limits.KINESIS_CONSUMERS:
            raise LimitExceededException(
                f"A {place} cannot have more than {limits.KINESIS_CONSUMERS} consumers."
            )
        consumer = {
            "ConsumerName": name,
            "ConsumerARN": f"{found.stream.arn}/consumer/{name}:{now_us // 1_000_000}",
            "ConsumerStatus": "ACTIVE",
            "ConsumerCreationTimestamp": access.seconds(now_us),
            "Tags": request.tags or {},
        }
        if transition is not None:
            consumer |= {"ConsumerStatus": "CREATING", "SettlesUs": transition.ends_us}
        return Change(settings={**found.settings, "Consumers": [*known, consumer]})

    def reply(catalog: Catalog) -> bytes:
        found = kinesis_streams.found(catalog, *owner)
        consumer = _named(found, name, now_us)
        described = _described(consumer, now_us)
        return access.reply_of({"Consumer": {**described, "ConsumerStatus": "CREATING"}})

    return Altered(kinesis_streams.update(owner, change, beside=True), reply)


def deregister_stream_consumer(context: Context, request: ConsumerRef) -> Altered:
    now_us = context.service.clock.now_us()
    transition = context.transition(now_us)
    owner, find = _finding(request, now_us)

    def change(found: KinesisStream) -> Change:
        gone = find(found)
        _check_active(gone, now_us)
        known = consumers_of(found, now_us)
        kept = [consumer for consumer in known if consumer != gone]
        if transition is not None:
            going = {**gone, "ConsumerStatus": "DELETING", "SettlesUs": transition.ends_us}
            kept = [going if consumer == gone else consumer for consumer in known]
        return Change(settings={**found.settings, "Consumers": kept})

    return access.altered(kinesis_streams.update(owner, change, beside=True))


def describe_stream_consumer(context: Context, request: ConsumerRef) -> bytes:
    now_us = context.service.clock.now_us()
    owner, find = _finding(request, now_us)
    found = kinesis_streams.found(context.catalog(), *owner)
    description = {**_described(find(found), now_us), "StreamARN": found.stream.arn}
    return access.reply_of({"ConsumerDescription": description})


def list_stream_consumers(context: Context, request: ListStreamConsumersInput) -> bytes:
    found = access.find(context, StreamRef(stream_arn=request.stream_arn))
    now_us = context.service.clock.now_us()
    most = min(request.max_results or limits.KINESIS_LIST_PAGE, limits.KINESIS_LIST_PAGE)
    known = sorted(consumers_of(found, now_us), key=lambda consumer: consumer["ConsumerName"])
    left = [one for one in known if one["ConsumerName"] > (request.next_token or "")]
    shown = [_described(consumer, now_us) for consumer in left[:most]]
    reply: dict[str, Any] = {"Consumers": shown}
    if len(left) > most:
        reply["NextToken"] = left[most - 1]["ConsumerName"]
    return access.reply_of(reply)


def is_consumer(arn: str) -> bool:
    """Whether the ARN of a stream or of something below it is a consumer's."""
    return "/consumer/" in arn


def check_serving(found: KinesisStream, arn: str, now_us: int) -> None:
    """Raise ResourceNotFoundException for a consumer that is not registered, ResourceInUseException
    for one that can't read yet, or no longer."""
    _check_active(by_arn(found, arn, now_us), now_us)


def _check_active(consumer: _Consumer, now_us: int) -> None:
    status = _status(consumer, now_us)
    if status != "ACTIVE":
        raise ResourceInUseException(
            f"Consumer {consumer['ConsumerName']} not ACTIVE, instead in state {status}"
        )


def _status(consumer: _Consumer, now_us: int) -> str:
    settling = now_us < consumer.get("SettlesUs", 0)
    return str(consumer["ConsumerStatus"]) if settling else "ACTIVE"


def by_arn(found: KinesisStream, arn: str, now_us: int) -> _Consumer:
    """The consumer of an ARN, as it is stored. Raises ResourceNotFoundException."""
    for consumer in consumers_of(found, now_us):
        if consumer["ConsumerARN"] == arn:
            return consumer
    name = arn.rpartition("/")[2].partition(":")[0]
    raise _missing(found, name)


def changing(
    arn: str, step: Callable[[_Consumer], _Consumer], now_us: int
) -> Callable[[KinesisStream], Change]:
    """The change of a stream that replaces the consumer of an ARN by what `step` makes of it."""

    def change(found: KinesisStream) -> Change:
        old, known = by_arn(found, arn, now_us), consumers_of(found, now_us)
        consumers = [step(old) if other == old else other for other in known]
        return Change(settings={**found.settings, "Consumers": consumers})

    return change


def _finding(
    request: ConsumerRef, now_us: int
) -> tuple[tuple[str, str, str], Callable[[KinesisStream], _Consumer]]:
    """Whose consumer is meant, and what finds it in its stream."""
    arn, name = request.consumer_arn, request.consumer_name
    if arn is not None:
        return access.owner_by_arn(arn), lambda found: by_arn(found, arn, now_us)
    if request.stream_arn is None or name is None:
        raise InvalidArgumentException(
            "Either ConsumerARN, or both StreamARN and ConsumerName must be specified."
        )
    return access.owner_by_arn(request.stream_arn), lambda found: _named(found, name, now_us)


def _named(found: KinesisStream, name: str, now_us: int) -> _Consumer:
    for consumer in consumers_of(found, now_us):
        if consumer["ConsumerName"] == name:
            return consumer
    raise _missing(found, name)


def _missing(found: KinesisStream, name: str) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"Consumer {name}, account {found.stream.account} not found.")


def _described(consumer: _Consumer, now_us: int) -> dict[str, Any]:
    hidden = ("Tags", "SettlesUs", "Policy")
    shown = {name: value for name, value in consumer.items() if name not in hidden}
    return {**shown, "ConsumerStatus": _status(consumer, now_us)}


REGISTER_STREAM_CONSUMER = Operation(
    "RegisterStreamConsumer", RegisterStreamConsumerInput, register_stream_consumer
)
DEREGISTER_STREAM_CONSUMER = Operation(
    "DeregisterStreamConsumer", ConsumerRef, deregister_stream_consumer
)
DESCRIBE_STREAM_CONSUMER = Operation(
    "DescribeStreamConsumer", ConsumerRef, describe_stream_consumer
)
LIST_STREAM_CONSUMERS = Operation(
    "ListStreamConsumers", ListStreamConsumersInput, list_stream_consumers
)
