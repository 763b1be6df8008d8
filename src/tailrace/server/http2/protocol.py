"""HTTP/2 with prior knowledge, beside HTTP/1.1 on the same port: the same gateway answers API
calls, the same ASGI app the rest, many at once."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.utils import get_local_addr, get_remote_addr

from tailrace.server.gateway import Gateway
from tailrace.server.http2.connection import BodyPart, Connection, Gone, Happening, Opened
from tailrace.server.http2.exchange import Exchange
from tailrace.server.http2.requests import http_scope
from tailrace.server.idle import IdleClosing

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState

    from tailrace.wire.call import Reply

__all__ = ["Http2Protocol"]

# Bytes of bodies that are handed to the transport at a time; it says when it has had enough.
_WRITE_BYTES = 256 * 1024


class Http2Protocol(IdleClosing, asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(
        self,
        gateway: Gateway,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._gateway = gateway
        self._app: Any = cast("Any", config).loaded_app
        self._server_state = server_state
        self._place: dict[str, Any] = {"root_path": config.root_path, "state": app_state}
        self.loop = loop
        self._connection = Connection()
        self._exchanges: dict[int, Exchange] = {}
        self._progress = 0
        self._flushing = False
        self._paused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self._place |= {
            "scheme": "http",
            "server": get_local_addr(transport),
            "client": get_remote_addr(transport),
        }
        self._server_state.connections.add(self)  # type: ignore[arg-type]
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._watch_no_longer()
        self._server_state.connections.discard(self)  # type: ignore[arg-type]
        for exchange in self._exchanges.values():
            exchange.leave()

    @property
    def _busy(self) -> bool:
        return self._connection.busy

    def _close(self) -> None:
        self._connection.leave()
        self._flush()
        if self._paused:
            self.transport.abort()  # nobody reads what is on its way
        else:
            self.transport.close()

    def shutdown(self) -> None:
        """Take no more requests, and close when those that came were answered."""
        self._connection.leave()
        self._flush()

    def pause_writing(self) -> None:
        # A client that does not read its answers is not read from either.
        self._paused = True
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        if not self.transport.is_closing():
            self.transport.resume_reading()
            self._flush()

    def data_received(self, data: bytes) -> None:
        for happening in self._connection.receive(data):
            self._take(happening)
        self._flush()

    def _take(self, happening: Happening) -> None:
        match happening:
            case Opened():
                self._begin_exchange(happening)
            case BodyPart(stream_id, data, window, last):
                exchange = self._exchanges.get(stream_id)
                if exchange is None:
                    self._connection.consumed(stream_id, window)
                else:
                    exchange.feed(data, window, last)
            case Gone(stream_id):
                self._exchanges[stream_id].leave()

    def _begin_exchange(self, opened: Opened) -> None:
        stream_id, request = opened.stream_id, opened.request
        exchange = Exchange(
            stream_id,
            request.method,
            self._connection,
            self._server_state.default_headers,
            self._flush_soon,
        )
        self._exchanges[stream_id] = exchange
        scope = http_scope(request, self._place)
        task = self.loop.create_task(exchange.run(self._app, scope))
        self._server_state.tasks.add(task)
        task.add_done_callback(functools.partial(self._end_exchange, stream_id))

    def _end_exchange(self, stream_id: int, task: asyncio.Task[None]) -> None:
        del self._exchanges[stream_id]
        self._server_state.tasks.discard(task)
        self._server_state.total_requests += 1

    def _answer_calls(self) -> None:
        while (call := self._connection.next_call()) is not None:
            stream_id, request = call
            self._gateway.handle(request, functools.partial(self._respond, stream_id))

    def _respond(self, stream_id: int, reply: Reply) -> None:
        self._server_state.total_requests += 1
        fields = self._gateway.fields(reply, self._server_state.default_headers)
        self._connection.answer(stream_id, reply.status, fields, reply.body)
        self._flush_soon()

    def _flush_soon(self) -> None:
        """Send what there is, once for all that is answered together."""
        if not self._flushing:
            self._flushing = True
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self.transport.is_closing():
            return
        self._flushing = True
        while not self._paused:
            self._answer_calls()
            data = self._connection.output(_WRITE_BYTES)
            if not data:
                break
            self.transport.write(data)
        self._flushing = False
        if self._connection.progress != self._progress:
            self._progress = self._connection.progress
            self._last_active = self.loop.time()
        for exchange in self._exchanges.values():
            exchange.sent()
        if self._connection.finished and not self._paused:
            self.transport.close()
