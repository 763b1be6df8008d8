"""ListVersionsByFunction."""

from __future__ import annotations

import msgspec

from tailrace.api.functions.configuration import configuration
from tailrace.api.functions.names import parse_function_name
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer
from tailrace.api.functions.pages import page

__all__ = ["LIST_VERSIONS_BY_FUNCTION"]


class ListVersionsByFunctionInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """The request."""

    function_name: str
    marker: str | None = None
    max_items: int | None = None


async def run(call: HttpCall, request: ListVersionsByFunctionInput) -> Answer:
    """All versions of a function, the changing one first."""
    function = call.desk.book.function(parse_function_name(request.function_name, call.scope))
    entries = [
        (version.version, configuration(function, version, version.version))
        for version in function.versions
    ]
    return json_answer(page("Versions", entries, request.marker, request.max_items))


LIST_VERSIONS_BY_FUNCTION = FunctionsOperation(
    name="ListVersionsByFunction",
    method="GET",
    path="/2015-03-31/functions/{FunctionName}/versions",
    status=200,
    input=ListVersionsByFunctionInput,
    run=run,
)
