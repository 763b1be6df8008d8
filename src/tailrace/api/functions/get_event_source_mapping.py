"""GetEventSourceMapping and DeleteEventSourceMapping."""

from __future__ import annotations

from typing import Final

import msgspec

from tailrace.api.functions.mappings import mapping_members
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer

__all__ = ["DELETE_EVENT_SOURCE_MAPPING", "GET_EVENT_SOURCE_MAPPING"]

_PATH: Final = "/2015-03-31/event-source-mappings/{UUID}"


class MappingInput(msgspec.Struct, frozen=True, gc=False):
    """A mapping by its name."""

    uuid: str = msgspec.field(name="UUID")


async def get(call: HttpCall, request: MappingInput) -> Answer:
    """A mapping and how it stands."""
    desk, scope = call.desk, call.scope
    mapping = desk.book.mapping(request.uuid, scope.account, scope.region)
    return json_answer(mapping_members(mapping, desk.mappings.state(mapping)))


async def delete(call: HttpCall, request: MappingInput) -> Answer:
    """The mapping is over; what it has in hand is finished."""
    desk, scope = call.desk, call.scope
    async with desk.book.changing:
        mapping = desk.book.mapping(request.uuid, scope.account, scope.region)
        state = desk.mappings.state(mapping)
        await desk.book.drop_mapping(mapping)
        await desk.mappings.removed(mapping)
    return json_answer(mapping_members(mapping, state, "Deleting"))


GET_EVENT_SOURCE_MAPPING = FunctionsOperation(
    name="GetEventSourceMapping",
    method="GET",
    path=_PATH,
    status=200,
    input=MappingInput,
    run=get,
)
DELETE_EVENT_SOURCE_MAPPING = FunctionsOperation(
    name="DeleteEventSourceMapping",
    method="DELETE",
    path=_PATH,
    status=202,
    input=MappingInput,
    run=delete,
)
