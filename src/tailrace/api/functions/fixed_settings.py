"""What tools ask of every function and nobody can change here: code signing, recursion, runtime
management. Infrastructure tools read them after each change."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tailrace.api.functions.names import FunctionName, parse_function_name
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer

__all__ = ["FIXED_SETTINGS"]

# gettingstarted-limits.html: what an account has at first.
_ACCOUNT_LIMIT: Final = {
    "TotalCodeSize": 80_530_636_800,
    "CodeSizeUnzipped": 262_144_000,
    "CodeSizeZipped": 52_428_800,
    "ConcurrentExecutions": 1000,
    "UnreservedConcurrentExecutions": 1000,
}


class FunctionInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """A function by its name."""

    function_name: str


class QualifiedInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """A function, or one of its versions or aliases."""

    function_name: str
    qualifier: str | None = None


class NothingInput(msgspec.Struct, frozen=True, gc=False):
    """A request without members."""


async def code_signing(call: HttpCall, request: FunctionInput) -> Answer:
    """Code is not signed."""
    return json_answer({"FunctionName": _found(call, request.function_name).name})


async def recursion(call: HttpCall, request: FunctionInput) -> Answer:
    """Lambda's own setting: what calls itself in a circle is stopped."""
    _found(call, request.function_name)
    return json_answer({"RecursiveLoop": "Terminate"})


async def runtime_management(call: HttpCall, request: QualifiedInput) -> Answer:
    """The runtime is the one that is installed."""
    name = _found(call, request.function_name, request.qualifier)
    return json_answer({"UpdateRuntimeOn": "Auto", "FunctionArn": name.arn})


async def account_settings(call: HttpCall, request: NothingInput) -> Answer:
    """The account's limits, and what it has of them."""
    del request
    scope = call.scope
    functions = call.desk.book.functions_of(scope.account, scope.region)
    sizes = [version.code.size for function in functions for version in function.versions]
    usage = {"TotalCodeSize": sum(sizes), "FunctionCount": len(functions)}
    return json_answer({"AccountLimit": _ACCOUNT_LIMIT, "AccountUsage": usage})


def _found(call: HttpCall, function_name: str, qualifier: str | None = None) -> FunctionName:
    name = parse_function_name(function_name, call.scope, qualifier)
    call.desk.book.version(name)
    return name


def _get(operation: str, path: str, request: type[Any], run: Any) -> FunctionsOperation[Any]:
    return FunctionsOperation(
        name=operation, method="GET", path=path, status=200, input=request, run=run
    )


FIXED_SETTINGS: Final = (
    _get(
        "GetFunctionCodeSigningConfig",
        "/2020-06-30/functions/{FunctionName}/code-signing-config",
        FunctionInput,
        code_signing,
    ),
    _get(
        "GetFunctionRecursionConfig",
        "/2024-08-31/functions/{FunctionName}/recursion-config",
        FunctionInput,
        recursion,
    ),
    _get(
        "GetRuntimeManagementConfig",
        "/2021-07-20/functions/{FunctionName}/runtime-management-config",
        QualifiedInput,
        runtime_management,
    ),
    _get("GetAccountSettings", "/2016-08-19/account-settings", NothingInput, account_settings),
)
