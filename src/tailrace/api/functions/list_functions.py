"""ListFunctions."""

from __future__ import annotations

import msgspec

from tailrace.api.functions.configuration import configuration
from tailrace.api.functions.names import LATEST
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer
from tailrace.api.functions.pages import page

__all__ = ["LIST_FUNCTIONS"]


class ListFunctionsInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """The request; `FunctionVersion` ALL lists published versions, too."""

    function_version: str | None = None
    marker: str | None = None
    max_items: int | None = None


async def run(call: HttpCall, request: ListFunctionsInput) -> Answer:
    """The caller's functions, by name."""
    scope, everything = call.scope, request.function_version == "ALL"
    entries = [
        (
            f"{function.name} {version.version}",
            configuration(function, version, LATEST if everything and not place else None),
        )
        for function in call.desk.book.functions_of(scope.account, scope.region)
        for place, version in enumerate(function.versions)
        if everything or not place
    ]
    return json_answer(page("Functions", entries, request.marker, request.max_items))


LIST_FUNCTIONS = FunctionsOperation(
    name="ListFunctions",
    method="GET",
    path="/2015-03-31/functions",
    status=200,
    input=ListFunctionsInput,
    run=run,
)
