"""The metrics port answers scrapes, and outlives those who send something else."""

from __future__ import annotations

import asyncio

import pytest

from tailrace.consumer.metrics import serve_metrics


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"200 OK"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"\r\n\r\n", b"404 Not Found"),
    ],
)
def test_answers(request_bytes: bytes, status: bytes) -> None:
    async def main() -> None:
        server = await serve_metrics(0, lambda: "tailrace_x 1\n", "127.0.0.1")
        port = server.sockets[0].getsockname()[1]
        _, broken = await asyncio.open_connection("127.0.0.1", port)
        broken.write(b"x" * 20_000)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_bytes)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert (b"tailrace_x 1\n" in answer) == (status == b"200 OK")
        for each in (broken, writer):
            each.close()
        server.close()

    asyncio.run(asyncio.wait_for(main(), 20))
