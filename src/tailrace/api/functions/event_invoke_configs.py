"""PutFunctionEventInvokeConfig, UpdateFunctionEventInvokeConfig, GetFunctionEventInvokeConfig,
DeleteFunctionEventInvokeConfig and ListFunctionEventInvokeConfigs: how asynchronous invocations are
handled."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tailrace.api.functions.errors import FunctionNotFound, InvalidParameterValueException
from tailrace.api.functions.names import (
    LATEST,
    FunctionName,
    function_arn,
    parse_function_name,
)
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall, json_answer
from tailrace.api.functions.pages import page
from tailrace.api.functions.records import EventInvokeConfig, Function

__all__ = [
    "DELETE_FUNCTION_EVENT_INVOKE_CONFIG",
    "GET_FUNCTION_EVENT_INVOKE_CONFIG",
    "LIST_FUNCTION_EVENT_INVOKE_CONFIGS",
    "PUT_FUNCTION_EVENT_INVOKE_CONFIG",
    "UPDATE_FUNCTION_EVENT_INVOKE_CONFIG",
]

_PATH: Final = "/2019-09-25/functions/{FunctionName}/event-invoke-config"
_SERVICES: Final = ("sqs", "sns", "lambda", "events", "s3")


class DestinationInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """`OnSuccess` or `OnFailure`; an empty destination is none."""

    destination: str | None = None


class DestinationsInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """`DestinationConfig`."""

    on_success: DestinationInput | None = None
    on_failure: DestinationInput | None = None


class ConfigInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """What Put and Update are asked for."""

    function_name: str
    qualifier: str | None = None
    maximum_retry_attempts: int | None = None
    maximum_event_age_in_seconds: int | None = None
    destination_config: DestinationsInput | None = None


class QualifiedInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """A function, or one of its versions or aliases."""

    function_name: str
    qualifier: str | None = None


class ListInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """A function, and a page."""

    function_name: str
    marker: str | None = None
    max_items: int | None = None


async def put(call: HttpCall, request: ConfigInput) -> Answer:
    """A configuration in the place of the one before; what it leaves out is as by default."""
    return await _set(call, request, None)


async def update(call: HttpCall, request: ConfigInput) -> Answer:
    """A configuration with some settings other than before."""
    name = parse_function_name(request.function_name, call.scope, request.qualifier)
    return await _set(call, request, _found(call, name)[1])


async def get(call: HttpCall, request: QualifiedInput) -> Answer:
    """A configuration."""
    name = parse_function_name(request.function_name, call.scope, request.qualifier)
    function, config = _found(call, name)
    return json_answer(_members(function, name.qualifier or LATEST, config))


async def delete(call: HttpCall, request: QualifiedInput) -> Answer:
    """No configuration."""
    desk = call.desk
    name = parse_function_name(request.function_name, call.scope, request.qualifier)
    async with desk.book.changing:
        function, _ = _found(call, name)
        qualifier = name.qualifier or LATEST
        left = {key: each for key, each in function.event_configs.items() if key != qualifier}
        await desk.book.keep(msgspec.structs.replace(function, event_configs=left))
    return Answer()


async def list_all(call: HttpCall, request: ListInput) -> Answer:
    """A function's configurations."""
    function = call.desk.book.function(parse_function_name(request.function_name, call.scope))
    entries = [
        (qualifier, _members(function, qualifier, config))
        for qualifier, config in sorted(function.event_configs.items())
    ]
    members = page("FunctionEventInvokeConfigs", entries, request.marker, request.max_items)
    return json_answer(members)


async def _set(call: HttpCall, request: ConfigInput, before: EventInvokeConfig | None) -> Answer:
    desk = call.desk
    name = parse_function_name(request.function_name, call.scope, request.qualifier)
    given = _given(call, name, request)
    async with desk.book.changing:
        function = desk.book.function(name)
        desk.book.version(name)
        now_us = desk.clock.now_us()
        start = before or EventInvokeConfig(modified_us=now_us)
        config = msgspec.structs.replace(start, modified_us=now_us, **given)
        qualifier = name.qualifier or LATEST
        configs = {**function.event_configs, qualifier: config}
        await desk.book.keep(msgspec.structs.replace(function, event_configs=configs))
    return json_answer(_members(function, qualifier, config))


def _given(call: HttpCall, name: FunctionName, request: ConfigInput) -> dict[str, Any]:
    """The settings of a request. Raises InvalidParameterValueException for none at all, and for
    destinations that make no sense."""
    given: dict[str, Any] = {
        "maximum_retry_attempts": request.maximum_retry_attempts,
        "maximum_event_age_s": request.maximum_event_age_in_seconds,
    }
    given = {member: value for member, value in given.items() if value is not None}
    destinations = request.destination_config
    if destinations is None:
        if not given:
            raise InvalidParameterValueException(
                "You must specify at least one of error handling or destination setting."
            )
        return given
    for member, wanted in (
        ("on_success", destinations.on_success),
        ("on_failure", destinations.on_failure),
    ):
        if wanted is not None:
            if wanted.destination:
                _check_destination(call, name, wanted.destination, member)
            given[member] = wanted.destination or None
    return given


def _check_destination(call: HttpCall, name: FunctionName, arn: str, member: str) -> None:
    invalid = InvalidParameterValueException(f"The destination ARN {arn} is invalid.")
    parts = arn.split(":", 5)
    service = parts[2] if len(parts) == 6 else ""
    if service not in _SERVICES or arn.endswith(".fifo"):
        raise invalid
    if service == "s3" and member == "on_success":
        raise invalid
    if service == "lambda":
        try:
            function = call.desk.book.function(parse_function_name(arn, call.scope))
        except FunctionNotFound:
            raise invalid from None
        if function.place == name.place:
            raise InvalidParameterValueException(
                "You can't specify the function as a destination for itself."
            )


def _found(call: HttpCall, name: FunctionName) -> tuple[Function, EventInvokeConfig]:
    function = call.desk.book.function(name)
    config = function.event_configs.get(name.qualifier or LATEST)
    if config is None:
        arn = function_arn(name.place, name.qualifier or LATEST)
        raise FunctionNotFound(f"The function {arn} doesn't have an EventInvokeConfig")
    return function, config


def _members(function: Function, qualifier: str, config: EventInvokeConfig) -> dict[str, Any]:
    members: dict[str, Any] = {
        "LastModified": config.modified_us / 1e6,
        "FunctionArn": function_arn(function.place, qualifier),
        "DestinationConfig": {
            "OnSuccess": _destination(config.on_success),
            "OnFailure": _destination(config.on_failure),
        },
    }
    if config.maximum_retry_attempts is not None:
        members["MaximumRetryAttempts"] = config.maximum_retry_attempts
    if config.maximum_event_age_s is not None:
        members["MaximumEventAgeInSeconds"] = config.maximum_event_age_s
    return members


def _destination(arn: str | None) -> dict[str, str]:
    return {"Destination": arn} if arn else {}


PUT_FUNCTION_EVENT_INVOKE_CONFIG = FunctionsOperation(
    name="PutFunctionEventInvokeConfig",
    method="PUT",
    path=_PATH,
    status=200,
    input=ConfigInput,
    run=put,
)
UPDATE_FUNCTION_EVENT_INVOKE_CONFIG = FunctionsOperation(
    name="UpdateFunctionEventInvokeConfig",
    method="POST",
    path=_PATH,
    status=200,
    input=ConfigInput,
    run=update,
)
GET_FUNCTION_EVENT_INVOKE_CONFIG = FunctionsOperation(
    name="GetFunctionEventInvokeConfig",
    method="GET",
    path=_PATH,
    status=200,
    input=QualifiedInput,
    run=get,
)
DELETE_FUNCTION_EVENT_INVOKE_CONFIG = FunctionsOperation(
    name="DeleteFunctionEventInvokeConfig",
    method="DELETE",
    path=_PATH,
    status=204,
    input=QualifiedInput,
    run=delete,
)
LIST_FUNCTION_EVENT_INVOKE_CONFIGS = FunctionsOperation(
    name="ListFunctionEventInvokeConfigs",
    method="GET",
    path=_PATH + "/list",
    status=200,
    input=ListInput,
    run=list_all,
)
