"""Tags of streams and of their consumers, by both families of operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tailrace import limits
from tailrace.api.kinesis import access, channels, consumers, queues
from tailrace.api.kinesis.inputs import StreamArn, StreamId, StreamRef
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import InvalidArgumentException
from tailrace.tables import kinesis_streams
from tailrace.tables.kinesis_streams import Change, KinesisStream

__all__ = [
    "ADD_TAGS_TO_STREAM",
    "LIST_TAGS_FOR_RESOURCE",
    "LIST_TAGS_FOR_STREAM",
    "REMOVE_TAGS_FROM_STREAM",
    "TAG_RESOURCE",
    "UNTAG_RESOURCE",
    "AddTagsInput",
    "ListTagsForResourceInput",
    "ListTagsForStreamInput",
    "RemoveTagsInput",
    "TagResourceInput",
    "UntagResourceInput",
]

_Tags = dict[str, str]


class AddTagsInput(StreamRef, frozen=True, kw_only=True):
    tags: _Tags


class RemoveTagsInput(StreamRef, frozen=True, kw_only=True):
    tag_keys: list[str]


class ListTagsForStreamInput(StreamRef, frozen=True, kw_only=True):
    exclusive_start_tag_key: str | None = None
    limit: int | None = None


class ListTagsForResourceInput(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    resource_arn: StreamArn = msgspec.field(name="ResourceARN")
    stream_id: StreamId | None = None


class TagResourceInput(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    tags: _Tags
    resource_arn: StreamArn = msgspec.field(name="ResourceARN")
    stream_id: StreamId | None = None


class UntagResourceInput(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    tag_keys: list[str]
    resource_arn: StreamArn = msgspec.field(name="ResourceARN")
    stream_id: StreamId | None = None


def add_tags_to_stream(context: Context, request: AddTagsInput) -> Altered:
    return access.updated(context, request, _of_stream(_adding(request.tags)), beside=True)


def remove_tags_from_stream(context: Context, request: RemoveTagsInput) -> Altered:
    return access.updated(context, request, _of_stream(_removing(request.tag_keys)), beside=True)


def list_tags_for_stream(context: Context, request: ListTagsForStreamInput) -> bytes:
    tags = sorted(_stored(access.find(context, request).settings).items())
    after = request.exclusive_start_tag_key
    left = [pair for pair in tags if after is None or pair[0] > after]
    page = left[: request.limit or limits.KINESIS_TAGS]
    members = {"Tags": _listed(dict(page)), "HasMoreTags": len(left) > len(page)}
    return access.reply_of(members)


def tag_resource(context: Context, request: TagResourceInput) -> Altered:
    return _resource_changed(context, request.resource_arn, _adding(request.tags))


def untag_resource(context: Context, request: UntagResourceInput) -> Altered:
    return _resource_changed(context, request.resource_arn, _removing(request.tag_keys))


def list_tags_for_resource(context: Context, request: ListTagsForResourceInput) -> bytes:
    if channels.is_channel(request.resource_arn):
        stored = channels.settings_of(context, request.resource_arn)
        return access.reply_of({"Tags": _listed(_stored(stored))})
    if queues.is_queue(request.resource_arn):
        queue = queues.by_arn(context, request.resource_arn)
        return access.reply_of({"Tags": _listed(_stored(queue.settings))})
    owner = access.owner_by_arn(request.resource_arn)
    found = kinesis_streams.found(context.catalog(), *owner)
    settings = found.settings
    if consumers.is_consumer(request.resource_arn):
        now_us = context.service.clock.now_us()
        settings = consumers.by_arn(found, request.resource_arn, now_us)
    return access.reply_of({"Tags": _listed(_stored(settings))})


# What a change makes of the tags of something; it raises to refuse.
_Step = Callable[[_Tags, str], _Tags]


def _adding(more: _Tags) -> _Step:
    def add(tags: _Tags, place: str) -> _Tags:
        merged = tags | more
        if len(merged) > limits.KINESIS_TAGS:
            raise InvalidArgumentException(
                f"Failed to add tags to {place} because a given stream cannot have more than"
                f" {limits.KINESIS_TAGS} tags associated with it."
            )
        return merged

    return add


def _removing(names: list[str]) -> _Step:
    def remove(tags: _Tags, place: str) -> _Tags:
        missing = [name for name in names if name not in tags]
        if missing:
            raise InvalidArgumentException(
                f"Failed to remove tags from {place} because the tags [{', '.join(missing)}] do"
                " not exist."
            )
        return {name: value for name, value in tags.items() if name not in names}

    return remove


def _of_stream(step: _Step) -> Callable[[KinesisStream], Change]:
    def change(found: KinesisStream) -> Change:
        place = f"stream {found.stream.table_name} under account {found.stream.account}"
        tags = step(_stored(found.settings), place)
        return Change(settings={**found.settings, "Tags": tags})

    return change


def _resource_changed(context: Context, arn: str, step: _Step) -> Altered:
    if channels.is_channel(arn):
        return channels.changed(arn, lambda stored: {**stored, "Tags": step(_stored(stored), arn)})
    if queues.is_queue(arn):
        return queues.changed(arn, lambda stored: {**stored, "Tags": step(_stored(stored), arn)})
    change = _of_stream(step)
    if consumers.is_consumer(arn):
        change = consumers.changing(
            arn,
            lambda consumer: {**consumer, "Tags": step(_stored(consumer), arn)},
            context.service.clock.now_us(),
        )
    return access.altered(kinesis_streams.update(access.owner_by_arn(arn), change, beside=True))


def _stored(settings: Mapping[str, Any]) -> _Tags:
    return dict(settings.get("Tags", {}))


def _listed(tags: _Tags) -> list[dict[str, str]]:
    return [{"Key": name, "Value": value} for name, value in sorted(tags.items())]


ADD_TAGS_TO_STREAM = Operation("AddTagsToStream", AddTagsInput, add_tags_to_stream)
REMOVE_TAGS_FROM_STREAM = Operation(
    "RemoveTagsFromStream", RemoveTagsInput, remove_tags_from_stream
)
LIST_TAGS_FOR_STREAM = Operation("ListTagsForStream", ListTagsForStreamInput, list_tags_for_stream)
TAG_RESOURCE = Operation("TagResource", TagResourceInput, tag_resource)
UNTAG_RESOURCE = Operation("UntagResource", UntagResourceInput, untag_resource)
LIST_TAGS_FOR_RESOURCE = Operation(
    "ListTagsForResource", ListTagsForResourceInput, list_tags_for_resource
)
