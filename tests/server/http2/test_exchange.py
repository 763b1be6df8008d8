"""The ASGI app's answers over HTTP/2: what it is told of the request and of a client that left, and
what becomes of its failures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from tailrace.server.http2.connection import BodyPart, Gone, Opened
from tailrace.server.http2.exchange import Exchange
from tailrace.server.http2.requests import http_scope
from tests.server.http2.peer import Pair

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
PLACE: dict[str, Any] = {
    "root_path": "",
    "state": {},
    "scheme": "http",
    "server": ("127.0.0.1", 80),
    "client": ("127.0.0.1", 1),
}
START = {"type": "http.response.start", "status": 200, "headers": [(b"X-Name", b"value")]}


class Served:
    """A pair whose requests an app answers, step by step."""

    def __init__(self, app: App, settings: dict[SettingCodes, int] | None = None) -> None:
        self.pair = Pair(settings)
        self.app = app
        self.scopes: list[dict[str, Any]] = []
        self.exchanges: dict[int, Exchange] = {}
        self.tasks: list[asyncio.Task[None]] = []

    async def step(self) -> None:
        """Carry everything to and fro until nobody has anything to say."""
        for _ in range(10):
            self.pair.talk()
            for happening in self.pair.happenings:
                match happening:
                    case Opened(stream_id, request):
                        exchange = Exchange(
                            stream_id, request.method, self.pair.connection, [], lambda: None
                        )
                        self.exchanges[stream_id] = exchange
                        self.scopes.append(http_scope(request, PLACE))
                        run = exchange.run(self.app, self.scopes[-1])
                        self.tasks.append(asyncio.create_task(run))
                    case BodyPart(stream_id, data, window, last):
                        self.exchanges[stream_id].feed(data, window, last)
                    case Gone(stream_id):
                        self.exchanges[stream_id].leave()
            self.pair.happenings.clear()
            for exchange in self.exchanges.values():
                exchange.sent()
            await asyncio.sleep(0)


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    await send(START)
    await send({"type": "http.response.body", "body": body})


def test_the_scope_tells_the_request() -> None:
    async def run() -> None:
        served = Served(echo)
        stream_id = served.pair.peer.open("GET", "/a%20b/c?d=e%20f", ("X-Other".lower(), "1"))
        await served.step()
        (scope,) = served.scopes
        assert (scope["type"], scope["http_version"]) == ("http", "2")
        assert (scope["method"], scope["path"]) == ("GET", "/a b/c")
        assert (scope["raw_path"], scope["query_string"]) == (b"/a%20b/c", b"d=e%20f")
        assert scope["headers"] == [(b"host", b"localhost"), (b"x-other", b"1")]
        assert scope["scheme"] == "http"
        assert served.pair.peer.response(stream_id).headers["x-name"] == "value"

    asyncio.run(run())


def test_a_body_comes_in_parts_and_goes_back() -> None:
    async def run() -> None:
        served = Served(echo)
        stream_id = served.pair.peer.open("POST", "/", last=False)
        await served.step()
        for part in (b"one", b"", b"two"):
            served.pair.peer.h2.send_data(stream_id, part)
            await served.step()
        served.pair.peer.h2.end_stream(stream_id)
        await served.step()
        assert served.pair.peer.response(stream_id).body == b"onetwo"

    asyncio.run(run())


def test_an_app_waits_while_its_client_does_not_read() -> None:
    sent: list[int] = []

    async def endless(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send(START)
        for n in range(100):
            await send({"type": "http.response.body", "body": bytes(10_000), "more_body": True})
            sent.append(n)
        await send({"type": "http.response.body"})

    async def run() -> None:
        served = Served(endless, {SettingCodes.INITIAL_WINDOW_SIZE: 0})
        served.pair.peer.reads = False
        stream_id = served.pair.peer.open("GET", "/")
        await served.step()
        assert len(sent) == 7, "64 KiB, and what goes beyond"
        served.pair.peer.h2.increment_flow_control_window(50_000, stream_id)
        await served.step()
        assert len(sent) == 12
        served.pair.peer.h2.reset_stream(stream_id)
        await served.step()
        assert served.tasks[0].done()

    asyncio.run(run())


def test_an_app_hears_of_a_client_that_left() -> None:
    heard: list[str] = []

    async def listening(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send(START)
        while not heard or heard[-1] != "http.disconnect":
            heard.append((await receive())["type"])
        await send({"type": "http.response.body", "body": b"to nobody"})

    async def run() -> None:
        served = Served(listening)
        stream_id = served.pair.peer.open("POST", "/")
        await served.step()
        assert heard == ["http.request"]
        served.pair.peer.h2.reset_stream(stream_id, ErrorCodes.CANCEL)
        await served.step()
        assert heard == ["http.request", "http.disconnect"]
        assert served.tasks[0].done()
        assert not served.pair.connection.busy
        assert served.pair.peer.goaway is None

    asyncio.run(run())


async def fails_at_once(scope: dict[str, Any], receive: Any, send: Any) -> None:
    raise ValueError("secret")


async def says_nothing(scope: dict[str, Any], receive: Any, send: Any) -> None:
    return


async def has_a_bad_header(scope: dict[str, Any], receive: Any, send: Any) -> None:
    headers = [(b"x-good", b"new"), (b"x-bad", b"a\r\nb")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


@pytest.mark.parametrize("app", [fails_at_once, says_nothing, has_a_bad_header])
def test_a_failure_is_a_500_without_details(app: App, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        served = Served(app)
        streams = [served.pair.peer.open("GET", "/why") for _ in range(2)]
        await served.step()
        for stream_id in streams:
            response = served.pair.peer.response(stream_id)
            assert (response.status, response.body) == (500, b"Internal Server Error")
        assert not served.pair.connection.busy

    asyncio.run(run())
    assert "An answer failed: GET /why" in caplog.text


def test_a_failure_amid_an_answer_breaks_it_off(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        raise ValueError

    async def run() -> None:
        served = Served(app)
        stream_id = served.pair.peer.open("GET", "/")
        await served.step()
        assert stream_id not in served.pair.peer.ended
        assert served.pair.peer.resets == {stream_id: ErrorCodes.INTERNAL_ERROR}

    asyncio.run(run())
    assert "An answer failed" in caplog.text


def test_a_cancelled_app_breaks_its_answer_off() -> None:
    async def waits(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send(START)
        await asyncio.Event().wait()

    async def run() -> None:
        served = Served(waits)
        stream_id = served.pair.peer.open("GET", "/")
        await served.step()
        served.tasks[0].cancel()
        await served.step()
        assert served.pair.peer.resets == {stream_id: ErrorCodes.INTERNAL_ERROR}

    asyncio.run(run())
