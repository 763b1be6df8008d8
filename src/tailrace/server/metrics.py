"""`/metrics`: what consumers and functions in this server count, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tailrace.delivery.metrics import CONTENT_TYPE, Measured, exposition

__all__ = ["metrics_route"]


def metrics_route(measure: Callable[[], Measured]) -> Route:
    """The route; `measure` is called on the server's loop."""

    async def metrics(request: Request) -> Response:
        del request
        return Response(exposition(measure()), media_type=CONTENT_TYPE)

    return Route("/metrics", metrics, methods=["GET"])
