"""CreateAlias, GetAlias, UpdateAlias, ListAliases and DeleteAlias."""

from __future__ import annotations

from typing import Final

import msgspec

from tailrace.api.functions.configuration import alias_members
from tailrace.api.functions.errors import (
    FunctionNotFound,
    InvalidParameterValueException,
    PreconditionFailedException,
    ResourceConflictException,
)
from tailrace.api.functions.names import LATEST, FunctionName, function_arn, parse_function_name
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer
from tailrace.api.functions.pages import page
from tailrace.api.functions.records import Alias, Function, forgetting

__all__ = ["CREATE_ALIAS", "DELETE_ALIAS", "GET_ALIAS", "LIST_ALIASES", "UPDATE_ALIAS"]

_COLLECTION: Final = "/2015-03-31/functions/{FunctionName}/aliases"
_ONE: Final = _COLLECTION + "/{Name}"


class Routing(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """`AliasRoutingConfiguration`."""

    additional_version_weights: dict[str, float] | None = None


class AliasInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """What CreateAlias is asked for."""

    function_name: str
    name: str
    function_version: str | None = None
    description: str | None = None
    routing_config: Routing | None = None


class UpdateAliasInput(AliasInput, rename="pascal", frozen=True, gc=False):
    """What UpdateAlias is asked for; what it leaves out stays."""

    revision_id: str | None = None


class AliasNameInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """An alias by its name."""

    function_name: str
    name: str


class ListAliasesInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """The request; only those of one version, when one is named."""

    function_name: str
    function_version: str | None = None
    marker: str | None = None
    max_items: int | None = None


async def create(call: HttpCall, request: AliasInput) -> Answer:
    """A new name for a version."""
    desk = call.desk
    async with desk.book.changing:
        function = desk.book.function(parse_function_name(request.function_name, call.scope))
        arn = function_arn(function.place, request.name)
        if request.name in function.aliases:
            raise ResourceConflictException(f"Alias already exists: {arn}")
        alias = Alias(
            name=request.name,
            function_version=request.function_version or "",
            description=request.description or "",
            weights=_weights(request),
            revision_id=desk.ids.uuid(),
        )
        await _keep(call, function, alias)
    return json_answer(alias_members(function, alias))


async def update(call: HttpCall, request: UpdateAliasInput) -> Answer:
    """Another version, description or other weights for an alias."""
    desk = call.desk
    async with desk.book.changing:
        function, alias = _found(call, request.function_name, request.name)
        if request.revision_id and request.revision_id != alias.revision_id:
            raise PreconditionFailedException(
                "The Revision Id provided does not match the latest Revision Id. Call the"
                " GetFunction/GetAlias API to retrieve the latest Revision Id"
            )
        alias = Alias(
            name=alias.name,
            function_version=request.function_version or alias.function_version,
            description=alias.description if request.description is None else request.description,
            weights=alias.weights if request.routing_config is None else _weights(request),
            revision_id=desk.ids.uuid(),
        )
        await _keep(call, function, alias)
    return json_answer(alias_members(function, alias))


async def get(call: HttpCall, request: AliasNameInput) -> Answer:
    """An alias."""
    return json_answer(alias_members(*_found(call, request.function_name, request.name)))


async def list_all(call: HttpCall, request: ListAliasesInput) -> Answer:
    """A function's aliases, by name."""
    function = call.desk.book.function(parse_function_name(request.function_name, call.scope))
    entries = [
        (name, alias_members(function, alias))
        for name, alias in sorted(function.aliases.items())
        if request.function_version in (None, alias.function_version)
    ]
    return json_answer(page("Aliases", entries, request.marker, request.max_items))


async def delete(call: HttpCall, request: AliasNameInput) -> Answer:
    """No alias of that name; deleting one that is not there is no error."""
    desk = call.desk
    async with desk.book.changing:
        function = desk.book.function(parse_function_name(request.function_name, call.scope))
        left = {name: alias for name, alias in function.aliases.items() if name != request.name}
        if left != function.aliases:
            function = forgetting(function, request.name)
            function = msgspec.structs.replace(function, aliases=left)
            await desk.book.keep(function)
    return Answer()


async def _keep(call: HttpCall, function: Function, alias: Alias) -> None:
    for number in (alias.function_version, *alias.weights):
        if number != LATEST and number not in function.published:
            arn = function_arn(function.place, number)
            raise FunctionNotFound(f"Function not found: {arn}")
    aliases = {**function.aliases, alias.name: alias}
    await call.desk.book.keep(msgspec.structs.replace(function, aliases=aliases))


def _found(call: HttpCall, function_name: str, alias_name: str) -> tuple[Function, Alias]:
    name = parse_function_name(function_name, call.scope)
    function = call.desk.book.function(name)
    alias = function.aliases.get(alias_name)
    if alias is None:
        missing = FunctionName(name.account, name.region, name.name, alias_name)
        raise FunctionNotFound(f"Cannot find alias arn: {missing.arn}")
    return function, alias


def _weights(request: AliasInput) -> dict[str, float]:
    routing = request.routing_config
    weights = {} if routing is None else routing.additional_version_weights or {}
    if len(weights) > 1:
        raise InvalidParameterValueException(
            "Number of items in AdditionalVersionWeights cannot be greater than 1"
        )
    if weights and LATEST in (request.function_version, *weights):
        raise InvalidParameterValueException(
            "$LATEST is not supported for an alias pointing to more than 1 version"
        )
    return weights


CREATE_ALIAS = FunctionsOperation(
    name="CreateAlias", method="POST", path=_COLLECTION, status=201, input=AliasInput, run=create
)
LIST_ALIASES = FunctionsOperation(
    name="ListAliases",
    method="GET",
    path=_COLLECTION,
    status=200,
    input=ListAliasesInput,
    run=list_all,
)
GET_ALIAS = FunctionsOperation(
    name="GetAlias", method="GET", path=_ONE, status=200, input=AliasNameInput, run=get
)
UPDATE_ALIAS = FunctionsOperation(
    name="UpdateAlias", method="PUT", path=_ONE, status=200, input=UpdateAliasInput, run=update
)
DELETE_ALIAS = FunctionsOperation(
    name="DeleteAlias", method="DELETE", path=_ONE, status=204, input=AliasNameInput, run=delete
)
