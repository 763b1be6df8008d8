"""What the server answers beside API calls: liveness, and AWS's own words for requests that name no
operation."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from tailrace.clock import Ids
from tailrace.errors import AwsError, MissingAuthenticationTokenException, UnknownOperationException
from tailrace.wire.faults import fault

__all__ = ["asgi_app"]


def asgi_app(ids: Ids, routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The ASGI app; `routes` are those of other rooms, e.g. test controls."""

    async def alive(request: Request) -> Response:
        del request
        return PlainTextResponse("healthy: dynamodb\n")

    async def no_operation(request: Request) -> Response:
        signed = "authorization" in request.headers
        error: AwsError = (
            UnknownOperationException()
            if signed
            else MissingAuthenticationTokenException("Request is missing Authentication Token")
        )
        reply = fault(error)
        return Response(
            reply.body,
            reply.status,
            {"x-amzn-RequestId": ids.request_id()},
            media_type="application/x-amz-json-1.0",
        )

    return Starlette(
        routes=[
            Route("/", alive, methods=["GET"]),
            Route("/health", alive, methods=["GET"]),
            *routes,
            Route("/{path:path}", no_operation, methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
        ]
    )
