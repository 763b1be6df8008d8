"""A request over HTTP/2 that the ASGI app answers."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from starlette.requests import ClientDisconnect

from tailrace.server.http2.connection import Connection

__all__ = ["Exchange"]

# What an answer may have waiting before the app has to wait.
_UNSENT_BYTES: Final = 64 * 1024
_FAILED: Final = b"Internal Server Error"
# RFC 9110, 5.1 and 5.5.
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_VALUE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_log: Final = logging.getLogger("tailrace.server")


class Exchange:
    """What the app sees of one stream. `flush` is called when there is something to send."""

    def __init__(
        self,
        stream_id: int,
        method: bytes,
        connection: Connection,
        default_headers: list[tuple[bytes, bytes]],
        flush: Callable[[], None],
    ) -> None:
        self._stream_id = stream_id
        self._silent = method == b"HEAD"
        self._connection = connection
        self._default_headers = default_headers
        self._flush = flush
        self._body = bytearray()
        self._window = 0
        self._whole = False
        self._told = False
        self._gone = False
        self._began = False
        self._ended = False
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    def feed(self, data: bytes, window: int, last: bool) -> None:
        """Take a part of the request's body; pass it over when nobody is going to read it."""
        if self._gone or self._ended:
            self._connection.consumed(self._stream_id, window)
            return
        self._body += data
        self._window += window
        self._whole = self._whole or last
        self._news.set()

    def leave(self) -> None:
        """The client no longer waits."""
        self._gone = True
        self._give_back()
        self._news.set()
        self._room.set()

    def sent(self) -> None:
        """Something was sent: there may be room for more."""
        self._room.set()

    async def run(self, app: Callable[..., Any], scope: dict[str, Any]) -> None:
        """Have the app answer."""
        try:
            await app(scope, self._receive, self._send)
            if not self._ended and not self._gone:
                raise RuntimeError("the app ended before its answer")
        except asyncio.CancelledError:
            self._break_off()
            raise
        except ClientDisconnect:
            self._break_off()
        except Exception:
            _log.exception("An answer failed: %s %s", scope["method"], scope["path"])
            await self._fail()
        finally:
            self._give_back()
            self._connection.release(self._stream_id)
            self._flush()

    async def _fail(self) -> None:
        if self._began:
            self._break_off()
            return
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await self._send({"type": "http.response.start", "status": 500, "headers": headers})
        await self._send({"type": "http.response.body", "body": _FAILED})

    def _break_off(self) -> None:
        if not self._ended:
            self._connection.reset(self._stream_id)
            self._gone = True

    def _give_back(self) -> None:
        """Done with what came of the body so far."""
        self._connection.consumed(self._stream_id, self._window)
        self._window = 0
        self._body.clear()

    async def _receive(self) -> dict[str, Any]:
        while not (self._body or self._gone or self._ended or self._whole is not self._told):
            self._news.clear()
            await self._news.wait()
        if self._gone or self._ended:
            return {"type": "http.disconnect"}
        body = bytes(self._body)
        self._told = self._whole
        self._give_back()
        self._flush()
        return {"type": "http.request", "body": body, "more_body": not self._told}

    async def _send(self, message: dict[str, Any]) -> None:
        while not self._gone and self._connection.unsent(self._stream_id) >= _UNSENT_BYTES:
            self._room.clear()
            await self._room.wait()
        if self._gone or self._ended:
            return
        if message["type"] == "http.response.start":
            fields = [*self._default_headers, *_fields(message.get("headers", ()))]
            self._connection.head(self._stream_id, message["status"], fields, last=self._silent)
            self._began = True
        else:
            self._ended = not message.get("more_body", False)
            self._news.set()
            if not self._silent:
                self._connection.body(self._stream_id, message.get("body", b""), last=self._ended)
        self._flush()


def _fields(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The app's header fields. Raises ValueError for one that can't be: h2 would notice it too late
    for the next answer's compression."""
    fields: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        if not _NAME.fullmatch(name) or _NO_VALUE.search(value):
            raise ValueError(f"not a header field: {name!r}")
        fields.append((name.lower(), value))
    return fields
