"""GetFunctionConfiguration."""

from __future__ import annotations

import msgspec

from tailrace.api.functions.configuration import configuration
from tailrace.api.functions.names import parse_function_name
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer

__all__ = ["GET_FUNCTION_CONFIGURATION"]


class GetFunctionConfigurationInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """The request."""

    function_name: str
    qualifier: str | None = None


async def run(call: HttpCall, request: GetFunctionConfigurationInput) -> Answer:
    """A version's configuration."""
    name = parse_function_name(request.function_name, call.scope, request.qualifier)
    function, version = call.desk.book.function(name), call.desk.book.version(name)
    return json_answer(configuration(function, version, name.qualifier))


GET_FUNCTION_CONFIGURATION = FunctionsOperation(
    name="GetFunctionConfiguration",
    method="GET",
    path="/2015-03-31/functions/{FunctionName}/configuration",
    status=200,
    input=GetFunctionConfigurationInput,
    run=run,
)
