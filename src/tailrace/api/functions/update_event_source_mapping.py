"""UpdateEventSourceMapping."""

from __future__ import annotations

import msgspec

from tailrace.api.functions.create_event_source_mapping import check_function
from tailrace.api.functions.mappings import (
    MappingMembers,
    check_members,
    given_members,
    mapping_members,
)
from tailrace.api.functions.names import FunctionName, parse_function_name
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer

__all__ = ["UPDATE_EVENT_SOURCE_MAPPING"]


class UpdateEventSourceMappingInput(
    MappingMembers, rename="pascal", frozen=True, gc=False, kw_only=True
):
    """The request; what it leaves out stays."""

    uuid: str = msgspec.field(name="UUID")
    function_name: str | None = None
    enabled: bool | None = None


async def run(call: HttpCall, request: UpdateEventSourceMappingInput) -> Answer:
    """The mapping with other settings, from its positions on."""
    desk, scope = call.desk, call.scope
    async with desk.book.changing:
        before = desk.book.mapping(request.uuid, scope.account, scope.region)
        if request.function_name is None:
            name = FunctionName(scope.account, scope.region, before.function, before.qualifier)
        else:
            name = parse_function_name(request.function_name, scope)
            check_function(call, name)
        members = {**before.members, **given_members(request)}
        check_members(members)
        enabled = before.enabled if request.enabled is None else request.enabled
        mapping = msgspec.structs.replace(
            before,
            function=name.name,
            qualifier=name.qualifier,
            enabled=enabled,
            members=members,
            modified_us=desk.clock.now_us(),
        )
        desk.mappings.check(mapping)
        await desk.book.keep_mapping(mapping)
        await desk.mappings.changed(mapping)
    transition = "Updating"
    if enabled != before.enabled:
        transition = "Enabling" if enabled else "Disabling"
    return json_answer(mapping_members(mapping, desk.mappings.state(mapping), transition))


UPDATE_EVENT_SOURCE_MAPPING = FunctionsOperation(
    name="UpdateEventSourceMapping",
    method="PUT",
    path="/2015-03-31/event-source-mappings/{UUID}",
    status=202,
    input=UpdateEventSourceMappingInput,
    run=run,
)
