"""GetFunction."""

from __future__ import annotations

from typing import Any

import msgspec

from tailrace.api.functions.configuration import configuration
from tailrace.api.functions.names import parse_function_name
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer

__all__ = ["CODE_PATH", "GET_FUNCTION"]

# Where a function's zip file is to be had, by the name of its bundle, which nobody can guess.
CODE_PATH = "/_functions/code/{bundle}"


class GetFunctionInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """The request."""

    function_name: str
    qualifier: str | None = None


async def run(call: HttpCall, request: GetFunctionInput) -> Answer:
    """A version's configuration, where its code is, and the function's tags."""
    name = parse_function_name(request.function_name, call.scope, request.qualifier)
    function, version = call.desk.book.function(name), call.desk.book.version(name)
    if version.code.bundle is not None:
        location = call.host + CODE_PATH.replace("{bundle}", version.code.bundle)
    else:
        location = f"file://{version.code.directory}"
    members: dict[str, Any] = {
        "Configuration": configuration(function, version, name.qualifier),
        "Code": {"RepositoryType": "S3", "Location": location},
    }
    if function.tags:
        members["Tags"] = dict(function.tags)
    if function.concurrency is not None:
        members["Concurrency"] = {"ReservedConcurrentExecutions": function.concurrency}
    return json_answer(members)


GET_FUNCTION = FunctionsOperation(
    name="GetFunction",
    method="GET",
    path="/2015-03-31/functions/{FunctionName}",
    status=200,
    input=GetFunctionInput,
    run=run,
)
