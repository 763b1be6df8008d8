"""The HTTP protocol: uvicorn's, with a short way for API calls.

A request with an `X-Amz-Target` header becomes no ASGI scope and no task: its body is gathered
here, the gateway answers it, and the response is one write. Every other request, and the one whose
response is a stream, goes on to the ASGI app as uvicorn would do it. Requests of one connection are
answered one after the other, in order. A connection that opens with HTTP/2's preface is handed over
to the protocol of `http2/`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tailrace import limits
from tailrace.server.gateway import Gateway, HttpRequest
from tailrace.server.idle import IdleClosing
from tailrace.server.preface import REFUSAL, http2_protocol, is_preface
from tailrace.server.subscriptions import SUBSCRIBE_TARGET
from tailrace.server.upgrades import without_upgrade

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState

    from tailrace.wire.call import Reply

__all__ = ["CallProtocol"]

# Of a request's head, and of trailers; as much as HTTP/2's default. A signed call has less than 1
# KiB.
_HEAD_BYTES = 64 * 1024
_HEAD_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"connection: close\r\ncontent-length: 0\r\n\r\n"
)
_INVALID = "Invalid HTTP request received."
# Requests that one connection may have read ahead of their answers before it is not read any
# further.
_READ_AHEAD = 32


class CallProtocol(IdleClosing, HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        gateway: Gateway,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._gateway = gateway
        self._request: HttpRequest | None = None
        self._chunks: list[bytes] = []
        self._body_bytes = 0
        # Bytes since the last that were a body's or completed a head.
        self._head_bytes = 0
        self._target: bytes | None = None
        self._authorization: bytes | None = None
        self._encoding: bytes | None = None
        self._answering: HttpRequest | None = None
        self._cycling: RequestResponseCycle | None = None
        self._waiting: deque[HttpRequest | tuple[RequestResponseCycle, Any]] = deque()
        self._closing = False
        # The head of a request that asked for another protocol, until it is read again.
        self._unheard = b""
        # Until the first bytes tell that this is HTTP/1.1 there is no parser.
        self._first = b""
        self._http1: HttpRequestParser | None = self.parser
        self.parser = None  # type: ignore[assignment]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._watch_no_longer()
        self._http1 = None
        self._closing = True
        self._waiting.clear()
        super().connection_lost(exc)

    def _close(self) -> None:
        self.transport.close()

    @property
    def _busy(self) -> bool:
        """Whether a request is being answered."""
        return self._answering is not None or self._cycling is not None

    def shutdown(self) -> None:
        """Stop after the answer under way, if there is one."""
        self._closing = True
        self._waiting.clear()
        if self._cycling is not None:
            self._cycling.keep_alive = False
        elif self._answering is None:
            self.transport.close()

    def pause_writing(self) -> None:
        # A client that does not read its answers is not read from either.
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.flow.resume_reading()

    def data_received(self, data: bytes) -> None:
        self._last_active = self.loop.time()
        if self.parser is not None:
            self._feed(data)
        elif self._http1 is not None:
            self._open(self._first + data)

    def _open(self, first: bytes) -> None:
        """Take a connection's first bytes: all of them so far."""
        speaks_http2 = is_preface(first)
        if speaks_http2 is None:
            self._first = first
            return
        self._first = b""
        parser, self._http1 = self._http1, None
        if speaks_http2:
            self._hand_over(first)
        elif parser is not None:
            self.parser = parser
            self._feed(first)

    def _feed(self, data: bytes) -> None:
        """Parse; refuse a head that goes on and on."""
        self._head_bytes += len(data)
        while data:
            data = self._parse(data)
        if self._head_bytes > _HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_HEAD_TOO_LARGE)
            self.transport.close()

    def _parse(self, data: bytes) -> bytes:
        """Parse; what is to be read again, by another parser: a request that asks for another
        protocol, as if it had not, and what follows its head."""
        parser = self.parser
        assert parser is not None  # it lives as long as the connection
        try:
            parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            # The parser has taken it for the end of HTTP/1.1.
            head, self._unheard = self._unheard, b""
            if head:
                self.parser = HttpRequestParser(self)
                # As uvicorn's own.
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                return head + data[upgrade.args[0] :]
        except HttpParserError:
            self.logger.warning(_INVALID)
            self.send_400_response(_INVALID)
        return b""

    def _hand_over(self, first: bytes) -> None:
        """Leave the connection to HTTP/2."""
        protocol = http2_protocol()
        if protocol is None:
            self.transport.write(REFUSAL)
            self.transport.close()
            return
        self._watch_no_longer()
        self.connections.discard(self)
        heir = protocol(self._gateway, self.config, self.server_state, self.app_state, self.loop)
        self.transport.set_protocol(heir)
        heir.connection_made(self.transport)
        heir.data_received(first)

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._target = self._authorization = self._encoding = None
        self._request = None

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"x-amz-target":
            self._target = value
        elif name == b"authorization":
            self._authorization = value
        elif name == b"content-encoding":
            self._encoding = value
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._head_bytes = 0
        parser = self.parser
        assert parser is not None
        if parser.should_upgrade() and parser.get_method() != b"CONNECT":
            version = parser.get_http_version()
            self._unheard = without_upgrade(parser.get_method(), self.url, version, self.headers)
            return
        if self._target is None or self._target == SUBSCRIBE_TARGET:
            self._begin_asgi()
            return
        self._request = HttpRequest(
            parser.get_method(),
            self.url,
            self._target,
            self._authorization,
            self._encoding,
            self.headers,
            parser.should_keep_alive(),
        )
        self._chunks = []
        self._body_bytes = 0
        if self.expect_100_continue and not self._busy:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _begin_asgi(self) -> None:
        """Hand over to uvicorn's own way, with what was read so far."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        # Else uvicorn would queue it in a pipeline of its own.
        self.cycle = cast("RequestResponseCycle", None)
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self._busy or self._waiting:
            self._wait((cycle, app))
        else:
            self._cycling = cycle
            super()._start_asgi_task(cycle, app)

    def _wait(self, turn: HttpRequest | tuple[RequestResponseCycle, Any]) -> None:
        self._waiting.append(turn)
        if len(self._waiting) >= _READ_AHEAD:
            self.flow.pause_reading()

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
        request = self._request
        if request is None:
            super().on_body(body)
            return
        self._body_bytes += len(body)
        if self._body_bytes <= limits.REQUEST_BYTES:
            self._chunks.append(body)
        else:
            request.too_large = True
            self._chunks.clear()

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        request = self._request
        if request is None:
            if not self._unheard:
                super().on_message_complete()
            return
        self._request = None
        chunks = self._chunks
        request.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if self._busy or self._waiting:
            self._wait(request)
        else:
            self._answer(request)

    def _answer(self, request: HttpRequest) -> None:
        self._answering = request
        self._gateway.handle(request, self._respond)

    def _respond(self, reply: Reply) -> None:
        request = self._answering
        self._answering = None
        self.server_state.total_requests += 1
        if request is None or self.transport.is_closing():
            return
        keep_alive = request.keep_alive and not self._closing and not request.too_large
        self.transport.write(
            self._gateway.response(reply, keep_alive, self.server_state.default_headers)
        )
        self._last_active = self.loop.time()
        if not keep_alive:
            self.transport.close()
        elif self._waiting:
            # Not from here: a long pipeline answered at once would recurse.
            self.loop.call_soon(self._answer_next)

    def _answer_next(self) -> None:
        if not self._waiting or self._busy or self._closing:
            return
        turn = self._waiting.popleft()
        if len(self._waiting) < _READ_AHEAD:
            self.flow.resume_reading()
        if isinstance(turn, HttpRequest):
            self._answer(turn)
        else:
            self._cycling = turn[0]
            super()._start_asgi_task(*turn)

    def on_response_complete(self) -> None:
        """An answer of the ASGI app is complete."""
        self._cycling = None
        self.server_state.total_requests += 1
        self._last_active = self.loop.time()
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self._answer_next()
