"""ListTags, TagResource and UntagResource, for functions and event source mappings."""

from __future__ import annotations

from typing import Final

import msgspec

from tailrace.api.functions.errors import InvalidParameterValueException
from tailrace.api.functions.names import parse_function_name, parse_mapping_arn
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer
from tailrace.api.functions.records import EventSourceMapping, Function

__all__ = ["LIST_TAGS", "TAG_RESOURCE", "UNTAG_RESOURCE"]

_PATH: Final = "/2017-03-31/tags/{Resource}"
# configuration-tags.html: how many a resource may have.
MAX_TAGS: Final = 50


class ResourceInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """A function or a mapping by its ARN."""

    resource: str


class TagInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """Tags to add, or to replace those of the same keys."""

    resource: str
    tags: dict[str, str]


class UntagInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """Keys whose tags go."""

    resource: str
    tag_keys: list[str]


async def list_tags(call: HttpCall, request: ResourceInput) -> Answer:
    """A resource's tags."""
    return json_answer({"Tags": dict(_found(call, request.resource).tags)})


async def tag(call: HttpCall, request: TagInput) -> Answer:
    """More tags."""
    async with call.desk.book.changing:
        found = _found(call, request.resource)
        await _keep(call, found, {**found.tags, **request.tags})
    return Answer()


async def untag(call: HttpCall, request: UntagInput) -> Answer:
    """Fewer tags."""
    async with call.desk.book.changing:
        found = _found(call, request.resource)
        left = {key: tag for key, tag in found.tags.items() if key not in request.tag_keys}
        await _keep(call, found, left)
    return Answer()


def _found(call: HttpCall, resource: str) -> Function | EventSourceMapping:
    scope, mapping = call.scope, parse_mapping_arn(resource)
    if mapping is None:
        return call.desk.book.function(parse_function_name(resource, scope))
    account, region, uuid = mapping
    if (account, region) != (scope.account, scope.region):
        account = region = ""  # nobody's
    return call.desk.book.mapping(uuid, account, region)


async def _keep(call: HttpCall, found: Function | EventSourceMapping, tags: dict[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise InvalidParameterValueException(
            f"The number of tags exceeds the limit: {MAX_TAGS} tags for each resource."
        )
    book = call.desk.book
    if isinstance(found, Function):
        await book.keep(msgspec.structs.replace(found, tags=tags))
    else:
        await book.keep_mapping(msgspec.structs.replace(found, tags=tags))


LIST_TAGS = FunctionsOperation(
    name="ListTags", method="GET", path=_PATH, status=200, input=ResourceInput, run=list_tags
)
TAG_RESOURCE = FunctionsOperation(
    name="TagResource", method="POST", path=_PATH, status=204, input=TagInput, run=tag
)
UNTAG_RESOURCE = FunctionsOperation(
    name="UntagResource", method="DELETE", path=_PATH, status=204, input=UntagInput, run=untag
)
