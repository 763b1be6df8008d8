"""`/_tailrace/<control>`: the test controls over HTTP, for servers started with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tailrace.api.dispatch import Dispatcher
from tailrace.wire.call import Call, Reply, Scope

__all__ = ["control_route"]


def control_route(dispatcher: Dispatcher, scope: Scope, after: Callable[[], None]) -> Route:
    """The route of all controls; the body is the control's JSON, `{}` when empty. `after` is called
    when one was carried out."""

    async def carry_out(request: Request) -> Response:
        answered: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def respond(reply: Reply) -> None:
            if not answered.done():
                answered.set_result(reply)

        name = request.path_params["name"]
        region = request.query_params.get("region", scope.region)
        body = await request.body()
        dispatcher.control(Call(name, body or b"{}", Scope(scope.account, region)), respond)
        reply = await answered
        after()
        return Response(reply.body, reply.status, media_type="application/x-amz-json-1.0")

    return Route("/_tailrace/{name}", carry_out, methods=["POST"])
