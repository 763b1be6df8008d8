"""Calls from within the process: the dispatcher as a `Caller`, without HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from tailrace.api.dispatch import Dispatcher
from tailrace.sources.caller import checked_body
from tailrace.wire.call import Call, Reply, Scope

__all__ = ["InProcessCaller"]


class InProcessCaller:
    """Makes calls on the server's loop, in the name of an account and a region."""

    def __init__(self, dispatcher: Dispatcher, scope: Scope) -> None:
        self._dispatch = dispatcher.dispatch
        self._scope = scope

    async def call(self, target: str, params: dict[str, Any]) -> bytes:
        """The JSON body of the answer. Raises the call's AwsError."""
        answered: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def respond(reply: Reply) -> None:
            # Whoever was cancelled while the commit was under way no longer waits.
            if not answered.done():
                answered.set_result(reply)

        self._dispatch(Call(target, msgspec.json.encode(params), self._scope), respond)
        reply = await answered
        return checked_body(reply.status, reply.body)
