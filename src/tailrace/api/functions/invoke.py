"""Invoke: synchronously, later, or not at all."""

from __future__ import annotations

import base64
import binascii
from typing import Final

import msgspec

from tailrace.api.functions.errors import InvalidRequestContentException, RequestEntityTooLarge
from tailrace.api.functions.names import parse_function_name
from tailrace.api.functions.operation import Answer, FunctionsOperation, HttpCall
from tailrace.api.functions.ports import Called
from tailrace.api.functions.records import Version

__all__ = ["INVOKE", "MAX_EVENT_BYTES", "MAX_PAYLOAD_BYTES"]

# gettingstarted-limits.html, "Invocation payload": 6 MB synchronously, 1 MB asynchronously.
MAX_PAYLOAD_BYTES: Final = 6 * 1024 * 1024
MAX_EVENT_BYTES: Final = 1024 * 1024
LOG_TAIL_BYTES: Final = 4 * 1024
_ACCEPTED: Final = 202
_NO_CONTENT: Final = 204


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
    version = call.desk.book.chosen(name)
    payload = _checked(call.payload, request.invocation_type)
    context = _client_context(request.client_context)
    if request.invocation_type == "DryRun":
        return Answer(status=_NO_CONTENT)
    if request.invocation_type == "Event":
        await call.desk.events.accept(name, payload, call.request_id)
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
