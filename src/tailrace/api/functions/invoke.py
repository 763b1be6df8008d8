"""Invoke: synchronously, later, or not at all."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import random
from typing import Final

import msgspec

from tailrace.api.functions.errors import (
    FunctionNotFound,
    InvalidParameterValueException,
    InvalidRequestContentException,
    RequestEntityTooLarge,
)
from tailrace.api.functions.names import FunctionName, parse_function_name
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall
from tailrace.api.functions.ports import Called
from tailrace.api.functions.records import Function, Version

__all__ = ["INVOKE", "MAX_EVENT_BYTES", "MAX_PAYLOAD_BYTES"]

# gettingstarted-limits.html, "Invocation payload": 6 MB synchronously, 1 MB asynchronously.
MAX_PAYLOAD_BYTES: Final = 6 * 1024 * 1024
MAX_EVENT_BYTES: Final = 1024 * 1024
LOG_TAIL_BYTES: Final = 4 * 1024
# invocation-async-error-handling.html: tried again after one minute, and two minutes after that.
RETRY_AFTER_S: Final = (60.0, 120.0)
_ACCEPTED: Final = 202
_NO_CONTENT: Final = 204

_log = logging.getLogger("tailrace.functions")


class InvokeInput(msgspec.Struct, rename="pascal", frozen=True, gc=False):
    """The request, but for its payload. `ClientContext` is base64 of JSON."""

    function_name: str
    qualifier: str | None = None
    invocation_type: str = "RequestResponse"
    log_type: str = "None"
    client_context: str | None = None


async def run(call: HttpCall, request: InvokeInput) -> Answer:
    """What the function returned; its error, when it failed, is an answer, too."""
    name = parse_function_name(request.function_name, call.scope, request.qualifier)
    function = call.desk.book.function(name)
    version = _chosen(call, function, name)
    payload = _checked(call.payload, request.invocation_type)
    context = _client_context(request.client_context)
    if request.invocation_type == "DryRun":
        return Answer(status=_NO_CONTENT)
    if request.invocation_type == "Event":
        call.later(_eventually(call, name, payload))
        return Answer(status=_ACCEPTED)
    called = await call.desk.functions.call(
        function,
        version,
        payload,
        request_id=call.request_id,
        arn=name.arn,
        client_context=context,
    )
    return Answer(called.payload, _headers(version, called, request.log_type == "Tail"))


def _chosen(call: HttpCall, function: Function, name: FunctionName) -> Version:
    """The version that is called: of an alias with weights, each with its share of the calls."""
    alias = None if name.qualifier is None else function.aliases.get(name.qualifier)
    if alias is not None:
        draw = random.random()  # no secret depends on it
        for number, weight in alias.weights.items():
            if draw < weight and number in function.published:
                return function.published[number]
            draw -= weight
    return call.desk.book.version(name)


def _headers(version: Version, called: Called, with_log: bool) -> dict[str, str]:
    headers = {"X-Amz-Executed-Version": version.version}
    if called.error is not None:
        headers["X-Amz-Function-Error"] = called.error
    if with_log:
        tail = called.log[-LOG_TAIL_BYTES:]
        headers["X-Amz-Log-Result"] = base64.b64encode(tail).decode()
    return headers


def _checked(payload: bytes, kind: str) -> bytes:
    """The event; none at all is an empty object. Raises for one that is too large or no JSON."""
    limit = MAX_EVENT_BYTES if kind == "Event" else MAX_PAYLOAD_BYTES
    if len(payload) > limit:
        raise RequestEntityTooLarge(
            f"{len(payload)} byte payload is too large for the {kind} invocation type (limit"
            f" {limit} bytes)",
        )
    if not payload:
        return b"{}"
    try:
        msgspec.json.decode(payload, type=msgspec.Raw)
        payload.decode()
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidRequestContentException(
            f"Could not parse request body into json: Could not parse payload into json: {error}",
        ) from None
    return payload


def _client_context(given: str | None) -> str | None:
    if not given:
        return None
    try:
        context = base64.b64decode(given, validate=True)
        msgspec.json.decode(context, type=dict)
        return context.decode()
    except (binascii.Error, UnicodeError, msgspec.MsgspecError):
        raise InvalidRequestContentException(
            "Client context must be a valid Base64-encoded JSON object."
        ) from None


async def _eventually(call: HttpCall, name: FunctionName, payload: bytes) -> None:
    """Call the function, and again when it failed, with the code it has by then."""
    for delay_s in (*RETRY_AFTER_S, None):
        try:
            function = call.desk.book.function(name)
            called = await call.desk.functions.call(
                function,
                _chosen(call, function, name),
                payload,
                request_id=call.request_id,
                arn=name.arn,
            )
        except (FunctionNotFound, InvalidParameterValueException):
            return  # deleted meanwhile
        if called.error is None:
            return
        if delay_s is not None:
            await asyncio.sleep(delay_s)
    _log.warning("the event %s of %s was given up", call.request_id, name.arn)


INVOKE = FunctionsOperation(
    name="Invoke",
    method="POST",
    path="/2015-03-31/functions/{FunctionName}/invocations",
    status=200,
    input=InvokeInput,
    run=run,
    headers={
        "x-amz-invocation-type": "InvocationType",
        "x-amz-log-type": "LogType",
        "x-amz-client-context": "ClientContext",
    },
    has_payload=True,
)
