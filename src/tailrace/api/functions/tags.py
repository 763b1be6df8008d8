"""ListTags, TagResource and UntagResource, for functions."""

from __future__ import annotations

from typing import Final

import msgspec

from tailrace.api.functions.names import parse_function_name
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer
from tailrace.api.functions.records import Function

__all__ = ["LIST_TAGS", "TAG_RESOURCE", "UNTAG_RESOURCE"]

_PATH: Final = "/2017-03-31/tags/{Resource}"


class ResourceInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """A function by its ARN."""

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
    """A function's tags."""
    return json_answer({"Tags": dict(_function(call, request.resource).tags)})


async def tag(call: HttpCall, request: TagInput) -> Answer:
    """More tags."""
    async with call.desk.book.changing:
        function = _function(call, request.resource)
        tags = {**function.tags, **request.tags}
        await call.desk.book.keep(msgspec.structs.replace(function, tags=tags))
    return Answer()


async def untag(call: HttpCall, request: UntagInput) -> Answer:
    """Fewer tags."""
    async with call.desk.book.changing:
        function = _function(call, request.resource)
        tags = {key: tag for key, tag in function.tags.items() if key not in request.tag_keys}
        await call.desk.book.keep(msgspec.structs.replace(function, tags=tags))
    return Answer()


def _function(call: HttpCall, resource: str) -> Function:
    return call.desk.book.function(parse_function_name(resource, call.scope))


LIST_TAGS = FunctionsOperation(
    name="ListTags", method="GET", path=_PATH, status=200, input=ResourceInput, run=list_tags
)
TAG_RESOURCE = FunctionsOperation(
    name="TagResource", method="POST", path=_PATH, status=204, input=TagInput, run=tag
)
UNTAG_RESOURCE = FunctionsOperation(
    name="UntagResource", method="DELETE", path=_PATH, status=204, input=UntagInput, run=untag
)
