"""The Lambda API's place in HTTP: its routes beside the DynamoDB API, on the same port.

Whoever may create functions may run programs here. So a request must be signed, or look it when no
credentials are configured; and nothing that a browser sends in the name of some page is taken.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tailrace.api.functions.errors import (
    FunctionNotFound,
    RequestEntityTooLarge,
)
from tailrace.api.functions.get_function import CODE_PATH
from tailrace.api.functions.operation import Answer, AnyOperation, Desk, HttpCall
from tailrace.api.functions.requests import answer, refusal
from tailrace.errors import (
    AccessDeniedException,
    AwsError,
    MissingAuthenticationTokenException,
)
from tailrace.wire import sigv4
from tailrace.wire.call import Scope

__all__ = ["Callers", "DeskSource", "function_routes"]

# The service's own words: "Request must be smaller than 70167211 bytes for the CreateFunction
# operation".
MAX_BODY_BYTES: Final = 70_167_211
_SIGNING_NAME: Final = "lambda"
_LOCAL_NAMES: Final = ("localhost", "host.docker.internal")

DeskSource: TypeAlias = Callable[[], Awaitable[Desk]]


class Callers(msgspec.Struct, frozen=True, kw_only=True):
    """Who may call. Without `credentials` signatures are only looked at for the region they name;
    then, with `local`, requests must name a host of this machine. `accounts` maps access keys to
    accounts other than `account`."""

    account: str
    region: str
    credentials: Mapping[str, str]
    accounts: Mapping[str, str]
    local: bool

    def scope(self, request: Request, body: bytes, now_us: int) -> Scope:
        """Whose functions a request is about. Raises the AwsError for one that is not allowed."""
        headers = request.headers
        if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
            raise AccessDeniedException("Requests of web pages are not answered")
        authorization = headers.get("authorization", "")
        if not authorization.startswith("AWS4-"):
            raise MissingAuthenticationTokenException("Missing Authentication Token")
        if self.credentials:
            sigv4.verify(
                request.method.encode(),
                request.scope["raw_path"],
                request.scope["query_string"],
                request.scope["headers"],
                body,
                self.credentials,
                now_us,
                _SIGNING_NAME,
            )
        elif self.local and not _is_local(request.url.hostname or ""):
            raise AccessDeniedException("Requests that name another host are not answered")
        access_key, region = sigv4.scope_of(authorization.encode("latin-1"))
        return Scope(self.accounts.get(access_key, self.account), region)


def function_routes(
    operations: Sequence[AnyOperation],
    desk: DeskSource,
    callers: Callers,
) -> list[BaseRoute]:
    """The routes of the Lambda API. `desk` is asked for at each request, and may make it wait."""
    routes: list[BaseRoute] = []
    for operation in operations:
        endpoint = _endpoint(operation, desk, callers)
        paths = (operation.path, operation.path + "/")
        routes += [Route(path, endpoint, methods=[operation.method]) for path in paths]
    routes.append(Route(CODE_PATH, _code(desk), methods=["GET"]))
    return routes


def _endpoint(
    operation: AnyOperation, desk: DeskSource, callers: Callers
) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        here = await desk()
        request_id = here.ids.uuid()
        try:
            body = await _body(request, operation.name)
            scope = callers.scope(request, body, here.clock.now_us())
        except AwsError as error:
            return _response(refusal(error), request_id)
        call = HttpCall(
            here,
            scope,
            request_id,
            f"{request.url.scheme}://{request.url.netloc}",
            body if operation.has_payload else b"",
        )
        result = await answer(
            operation,
            call,
            request.path_params,
            request.query_params.multi_items(),
            request.headers,
            body,
        )
        return _response(result, request_id)

    return respond


async def _body(request: Request, operation: str) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise RequestEntityTooLarge(
                f"Request must be smaller than {MAX_BODY_BYTES} bytes for the {operation} operation"
            )
    return bytes(body)


def _response(result: Answer, request_id: str) -> Response:
    headers = {"x-amzn-RequestId": request_id, **result.headers}
    return Response(result.body, result.status or 200, headers, "application/json")


def _code(desk: DeskSource) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        here = await desk()
        archive = await here.bundles.read(request.path_params["bundle"])
        if archive is None:
            return _response(refusal(FunctionNotFound("No such code")), here.ids.uuid())
        return Response(archive, media_type="application/zip")

    return respond


def _is_local(host: str) -> bool:
    if host in _LOCAL_NAMES or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
