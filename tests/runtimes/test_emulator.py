"""A function behind the runtime interface emulator is called over HTTP; its errors are told apart,
and who does not answer is unavailable."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tailrace.delivery.ports import SinkUnavailable
from tailrace.errors import ConfigurationError
from tailrace.runtimes.emulator import EmulatedFunction
from tailrace.runtimes.function import Invocation, Outcome


class Emulator(BaseHTTPRequestHandler):
    """Returns the event; 'fail' fails, 'hang' takes too long, 'down' is the server's fault."""

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer, status = {"event": event, "path": self.path}, 200
        if event == "fail":
            answer = {"errorType": "ValueError", "errorMessage": "as asked"}
        elif event == "hang":
            self.server.released.wait(10)
        elif event == "down":
            status = 502
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Emulator)
    server.released = threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


def call(url: str, event: object, timeout_s: float = 10.0) -> Outcome:
    async def main() -> Outcome:
        function = EmulatedFunction(url, timeout_s=timeout_s)
        payload = json.dumps(event).encode()
        try:
            return await function.invoke(Invocation(request_id="r", payload=payload, arn="arn"))
        finally:
            await function.close()

    return asyncio.run(main())


def test_the_answer_is_what_the_function_returned(url: str) -> None:
    outcome = call(url, {"a": "é"})
    path = "/2015-03-31/functions/function/invocations"
    assert json.loads(outcome.payload) == {"event": {"a": "é"}, "path": path}
    assert outcome.error is None
    assert json.loads(call(url + "/own/path", 1).payload)["path"] == "/own/path"


def test_an_error_is_told_by_its_members(url: str) -> None:
    outcome = call(url, "fail")
    assert outcome.error == "Unhandled"
    assert json.loads(outcome.payload)["errorMessage"] == "as asked"


def test_a_call_that_takes_too_long_has_failed(url: str) -> None:
    outcome = call(url, "hang", timeout_s=0.1)
    assert json.loads(outcome.payload)["errorType"] == "Sandbox.Timedout"


def test_who_does_not_answer_is_unavailable(url: str) -> None:
    with pytest.raises(SinkUnavailable, match="status 502"):
        call(url, "down")
    with pytest.raises(SinkUnavailable, match="Connection refused"):
        call("http://127.0.0.1:1", 1)


def test_addresses_are_checked() -> None:
    for url in ("localhost:9000", "https://localhost:9000", "http://"):
        with pytest.raises(ConfigurationError):
            EmulatedFunction(url)
