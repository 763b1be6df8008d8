"""`/metrics`: what consumers in this server count, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tailrace.delivery.metrics import CONTENT_TYPE, exposition
from tailrace.delivery.progress import Progress

__all__ = ["Measured", "metrics_route"]

# The labels of consumers, and where each stands.
Measured = Iterable[tuple[Mapping[str, str], Progress]]


def metrics_route(measure: Callable[[], Measured]) -> Route:
    """The route; `measure` is called on the server's loop."""

    async def metrics(request: Request) -> Response:
        del request
        return Response(exposition(measure()), media_type=CONTENT_TYPE)

    return Route("/metrics", metrics, methods=["GET"])
