"""Requests in HTTP/2's form, as the gateway and the ASGI app know them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote

from tailrace.server.gateway import HttpRequest

__all__ = ["http_request", "http_scope", "wants_to_continue"]

_AUTHORITY: Final = b":authority"


def http_request(fields: Iterable[tuple[bytes, bytes]]) -> HttpRequest:
    """A request of its header fields, with an empty body. Its target is empty when it has none; the
    authority is its `host`, as signatures have it."""
    headers: list[tuple[bytes, bytes]] = []
    known: dict[bytes, bytes] = {}
    for name, value in fields:
        known[name] = value
        if name == _AUTHORITY:
            headers.append((b"host", value))
        elif not name.startswith(b":") and not (name == b"host" and _AUTHORITY in known):
            headers.append((name, value))
    return HttpRequest(
        known[b":method"],
        known.get(b":path", b""),
        known.get(b"x-amz-target", b""),
        known.get(b"authorization"),
        known.get(b"content-encoding"),
        headers,
        True,
    )


def wants_to_continue(request: HttpRequest) -> bool:
    """Whether the client waits for a word before it sends the body."""
    return any(
        name == b"expect" and value.lower() == b"100-continue" for name, value in request.headers
    )


def http_scope(request: HttpRequest, place: dict[str, Any]) -> dict[str, Any]:
    """The ASGI scope of a request; `place` is what its connection knows: addresses, state, and the
    path that the app is mounted at."""
    raw_path, _, query = request.url.partition(b"?")
    root: str = place["root_path"]
    return {
        **place,
        "type": "http",
        # Of uvicorn's own HTTP/1.1, on which it depends how Starlette hears of a client that left.
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "2",
        "method": request.method.decode("ascii", "replace"),
        "path": root + unquote(raw_path.decode("ascii", "replace")),
        "raw_path": root.encode() + raw_path,
        "query_string": query,
        "headers": request.headers,
        "state": place["state"].copy(),
    }
