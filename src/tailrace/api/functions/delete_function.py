"""DeleteFunction."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tailrace.api.functions.errors import (
    InvalidParameterValueException,
    ResourceConflictException,
)
from tailrace.api.functions.names import LATEST, parse_function_name
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall
from tailrace.api.functions.records import Alias, forgetting

__all__ = ["DELETE_FUNCTION"]

_NO_CONTENT = 204


class DeleteFunctionInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """The request; `Qualifier` names one published version."""

    function_name: str
    qualifier: str | None = None


async def run(call: HttpCall, request: DeleteFunctionInput) -> Answer:
    """Without a qualifier the function goes, with all its versions and aliases; its mappings stay,
    and fail."""
    desk = call.desk
    name = parse_function_name(request.function_name, call.scope, request.qualifier)
    async with desk.book.changing:
        function = desk.book.function(name)
        if name.qualifier is None:
            await desk.book.drop(function)
            await desk.functions.removed(function)
        elif name.qualifier == LATEST:
            raise InvalidParameterValueException(
                "$LATEST version cannot be deleted without deleting the function."
            )
        elif name.qualifier in function.published:
            _check_unused(function.aliases.values(), name.qualifier)
            left = {
                number: version
                for number, version in function.published.items()
                if number != name.qualifier
            }
            function = forgetting(function, name.qualifier)
            function = msgspec.structs.replace(function, published=left)
            await desk.book.keep(function)
            await desk.functions.changed(function)
    return Answer(status=_NO_CONTENT)


def _check_unused(aliases: Iterable[Alias], number: str) -> None:
    users = [
        alias.name
        for alias in aliases
        if number == alias.function_version or number in alias.weights
    ]
    if users:
        raise ResourceConflictException(
            f"Version {number} cannot be deleted: it is used by the aliases {', '.join(users)}",
        )


DELETE_FUNCTION = FunctionsOperation(
    name="DeleteFunction",
    method="DELETE",
    path="/2015-03-31/functions/{FunctionName}",
    status=200,
    input=DeleteFunctionInput,
    run=run,
)
