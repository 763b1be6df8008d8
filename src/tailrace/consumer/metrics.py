"""`/metrics` for a process that only consumes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tailrace.delivery.metrics import CONTENT_TYPE

__all__ = ["serve_metrics"]

_TIMEOUT_S = 5.0
_LINE_BYTES = 8192


async def serve_metrics(port: int, text: Callable[[], str], host: str = "") -> asyncio.Server:
    """Answer `GET /metrics` on a port, 0 for any, until the server is closed. `text` is asked anew
    each time. An empty host listens on all addresses, as those who scrape expect."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                request = await reader.readline()
                while (await reader.readline()).strip():
                    pass
                found = request.split()[:2] == [b"GET", b"/metrics"]
                writer.write(_response(text() if found else None))
                await writer.drain()
        except (OSError, TimeoutError, ValueError):
            pass  # whoever asked is gone, or sends no request
        finally:
            writer.close()

    return await asyncio.start_server(answer, host or None, port, limit=_LINE_BYTES)


def _response(text: str | None) -> bytes:
    status = "200 OK" if text is not None else "404 Not Found"
    body = (text if text is not None else "see /metrics\n").encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body
