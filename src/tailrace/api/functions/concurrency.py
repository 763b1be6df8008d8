"""PutFunctionConcurrency, GetFunctionConcurrency and DeleteFunctionConcurrency: how many calls of a
function may run at once."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tailrace.api.functions.names import parse_function_name
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer

__all__ = [
    "DELETE_FUNCTION_CONCURRENCY",
    "GET_FUNCTION_CONCURRENCY",
    "PUT_FUNCTION_CONCURRENCY",
]

_PATH: Final = "/2017-10-31/functions/{FunctionName}/concurrency"


class FunctionInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """A function by its name."""

    function_name: str


class ConcurrencyInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """How many calls at once; 0 means that none is made."""

    function_name: str
    reserved_concurrent_executions: int


async def put(call: HttpCall, request: ConcurrencyInput) -> Answer:
    """Another limit."""
    await _set(call, request.function_name, request.reserved_concurrent_executions)
    return json_answer(_members(request.reserved_concurrent_executions))


async def get(call: HttpCall, request: FunctionInput) -> Answer:
    """The limit, if there is one."""
    function = call.desk.book.function(parse_function_name(request.function_name, call.scope))
    return json_answer(_members(function.concurrency))


async def delete(call: HttpCall, request: FunctionInput) -> Answer:
    """No limit but the server's own."""
    await _set(call, request.function_name, None)
    return Answer()


async def _set(call: HttpCall, function_name: str, limit: int | None) -> None:
    desk = call.desk
    async with desk.book.changing:
        function = desk.book.function(parse_function_name(function_name, call.scope))
        function = msgspec.structs.replace(function, concurrency=limit)
        await desk.book.keep(function)
        await desk.functions.changed(function)


def _members(limit: int | None) -> dict[str, Any]:
    return {} if limit is None else {"ReservedConcurrentExecutions": limit}


PUT_FUNCTION_CONCURRENCY = FunctionsOperation(
    name="PutFunctionConcurrency",
    method="PUT",
    path=_PATH,
    status=200,
    input=ConcurrencyInput,
    run=put,
)
GET_FUNCTION_CONCURRENCY = FunctionsOperation(
    name="GetFunctionConcurrency",
    method="GET",
    path="/2019-09-30/functions/{FunctionName}/concurrency",
    status=200,
    input=FunctionInput,
    run=get,
)
DELETE_FUNCTION_CONCURRENCY = FunctionsOperation(
    name="DeleteFunctionConcurrency",
    method="DELETE",
    path=_PATH,
    status=204,
    input=FunctionInput,
    run=delete,
)
