"""ListEventSourceMappings."""

from __future__ import annotations

from typing import Final

import msgspec

from tailrace.api.functions.mappings import mapping_members
from tailrace.api.functions.names import parse_function_name
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer
from tailrace.api.functions.pages import page

__all__ = ["LIST_EVENT_SOURCE_MAPPINGS"]

_PAGE_MAPPINGS: Final = 100


class ListEventSourceMappingsInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """The request: those of a function, of a stream, of both, or all."""

    event_source_arn: str | None = None
    function_name: str | None = None
    marker: str | None = None
    max_items: int | None = None


async def run(call: HttpCall, request: ListEventSourceMappingsInput) -> Answer:
    """The caller's mappings, by UUID."""
    desk, scope = call.desk, call.scope
    wanted = None
    if request.function_name is not None:
        wanted = parse_function_name(request.function_name, scope).arn
    entries = [
        (uuid, mapping_members(mapping, desk.mappings.state(mapping)))
        for uuid, mapping in sorted(desk.book.mappings.items())
        if (mapping.account, mapping.region) == (scope.account, scope.region)
        and wanted in (None, mapping.function_arn)
        and request.event_source_arn in (None, mapping.source_arn)
    ]
    reply = page("EventSourceMappings", entries, request.marker, request.max_items, _PAGE_MAPPINGS)
    return json_answer(reply)


LIST_EVENT_SOURCE_MAPPINGS = FunctionsOperation(
    name="ListEventSourceMappings",
    method="GET",
    path="/2015-03-31/event-source-mappings",
    status=200,
    input=ListEventSourceMappingsInput,
    run=run,
)
