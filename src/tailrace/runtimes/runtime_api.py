"""Programs that speak the Lambda runtime API (runtimes-api.html): any language's runtime interface
client, or a `bootstrap` of one's own. Each process finds the API at `AWS_LAMBDA_RUNTIME_API`, on a
port of this machine that is its alone."""

from __future__ import annotations

import os
import queue
import re
import sys
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from tailrace.runtimes.function import FunctionSpec, Invocation, Outcome, failed
from tailrace.runtimes.reports import MAX_RESPONSE_BYTES, too_large, trace_id
from tailrace.runtimes.sandbox import LOOK_S, Death, Sandbox
from tailrace.runtimes.worker_thread import Worker

__all__ = ["CommandWorker"]

_NEXT: Final = "/2018-06-01/runtime/invocation/next"
_INIT_ERROR: Final = "/2018-06-01/runtime/init/error"
_ANSWER: Final = re.compile(r"/2018-06-01/runtime/invocation/([^/]+)/(response|error)")
_CHUNK_HEAD_BYTES: Final = 1024
_PASSED_OVER_BYTES: Final = 64 * 1024 * 1024
_PIECE_BYTES: Final = 64 * 1024


class CommandWorker(Worker):
    """Runs a program, by default `bootstrap` in the function's directory."""

    def __init__(self, spec: FunctionSpec, command: Sequence[str] | None = None) -> None:
        super().__init__(spec)
        self._command = command or [str(spec.directory / "bootstrap")]
        self._api: _Api | None = None
        self._process: Sandbox | None = None

    def open(self, environment: dict[str, str]) -> Sandbox:
        """Start the program, and the API it asks."""
        self._api = _Api()
        environment["AWS_LAMBDA_RUNTIME_API"] = self._api.address
        launcher = [sys.executable, "-P", "-m", "tailrace.runtimes.launcher", str(os.getpid())]
        spec = self.spec
        self._process = Sandbox(
            [*launcher, *self._command], environment, str(spec.directory), spec.memory_mb
        )
        return self._process

    def load(self, request_id: str, timeout_s: float) -> Outcome | None:
        """Wait until it asks for the first event, or tells that it never will."""
        told = self._wait(timeout_s)
        if told.kind == "next":
            return None
        body = told.body or failed("Runtime.Unknown", f"RequestId: {request_id}").payload
        return Outcome(payload=body, error="Unhandled")

    def exchange(self, invocation: Invocation) -> tuple[Outcome, int]:
        """Give it an event and wait for the answer."""
        api, process = self._parts()
        deadline_ms = int((time.time() + self.spec.timeout_s) * 1000)
        api.give(invocation, deadline_ms)
        deadline = time.monotonic() + self.spec.timeout_s
        while (told := self._wait(deadline - time.monotonic())).kind == "next":
            pass  # it asks on before it answered: the answer is still to come
        process.look()
        if told.kind == "too large":
            return too_large(), process.seen_kb
        error = None if told.kind == "response" else "Unhandled"
        return Outcome(payload=told.body, error=error), process.seen_kb

    def release(self) -> None:
        """End the program and the API."""
        if self._process is not None:
            self._process.close()
        if self._api is not None:
            self._api.close()
        self._process = self._api = None

    def _wait(self, timeout_s: float) -> _Told:
        """What the program tells next. Raises WorkerDied."""
        api, process = self._parts()
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise process.died(Death.TIMEOUT)
            try:
                told = api.told.get(timeout=min(left, LOOK_S))
            except queue.Empty:
                process.read_log()
                process.look()
                continue
            process.read_log()
            return told

    def _parts(self) -> tuple[_Api, Sandbox]:
        assert self._api is not None
        assert self._process is not None
        return self._api, self._process


class _Told:
    """Something the program told: `kind` is next, response, error, init or too large."""

    def __init__(self, kind: str, body: bytes = b"") -> None:
        self.kind = kind
        self.body = body


class _Api:
    """The runtime API of one process, on threads of its own."""

    def __init__(self) -> None:
        self.told: queue.SimpleQueue[_Told] = queue.SimpleQueue()
        self.events: queue.SimpleQueue[tuple[Invocation, int] | None] = queue.SimpleQueue()
        self.current = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def give(self, invocation: Invocation, deadline_ms: int) -> None:
        """Have an event fetched."""
        self.current = invocation.request_id
        self.events.put((invocation, deadline_ms))

    def close(self) -> None:
        """Answer nobody any more."""
        self.events.put(None)
        self._server.shutdown()
        self._server.server_close()


def _handler(api: _Api) -> type[BaseHTTPRequestHandler]:
    class Handler(_RuntimeHandler):
        """Of this process."""

        desk = api

    return Handler


class _RuntimeHandler(BaseHTTPRequestHandler):
    """One connection of the program."""

    desk: _Api
    protocol_version = "HTTP/1.1"
    # One write for head and body: else the second waits for the first to be acknowledged.
    wbufsize = -1

    def do_GET(self) -> None:
        if self.path != _NEXT:
            self._reply(404, b"{}")
            return
        self.desk.told.put(_Told("next"))
        event = self.desk.events.get()
        if event is None:
            self.close_connection = True
            return
        invocation, deadline_ms = event
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
            "Lambda-Runtime-Trace-Id": trace_id(),
        }
        if invocation.client_context:
            headers["Lambda-Runtime-Client-Context"] = invocation.client_context
        self._reply(200, invocation.payload, headers)

    def do_POST(self) -> None:
        body = self._body()
        answered = _ANSWER.fullmatch(self.path)
        if body is None:
            self.desk.told.put(_Told("too large"))
            self._reply(413, b'{"errorType":"RequestEntityTooLarge"}')
        elif self.path == _INIT_ERROR:
            self.desk.told.put(_Told("init", body))
            self._reply(202, b'{"status":"OK"}')
        elif answered is None:
            self._reply(404, b"{}")
        elif answered[1] != self.desk.current:
            self._reply(
                400, b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}'
            )
        else:
            self.desk.current = ""
            self.desk.told.put(_Told(answered[2], body))
            self._reply(202, b'{"status":"OK"}')

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def _reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _body(self) -> bytes | None:
        """The request's body; None when it is larger than an answer may be."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(min(length, MAX_RESPONSE_BYTES + 1))
        if length > MAX_RESPONSE_BYTES:
            self.close_connection = True
            self._pass_over(length - len(body))
            return None
        return body

    def _pass_over(self, size: int) -> None:
        """Read what is too large and forget it, so that the program hears the answer instead of a
        broken connection; up to a bound."""
        left = min(size, _PASSED_OVER_BYTES)
        while left > 0 and (piece := self.rfile.read(min(left, _PIECE_BYTES))):
            left -= len(piece)

    def _chunks(self) -> bytes | None:
        body = bytearray()
        while size := int(self.rfile.readline(_CHUNK_HEAD_BYTES).partition(b";")[0], 16):
            if len(body) + size > MAX_RESPONSE_BYTES:
                self.close_connection = True
                self._pass_over(size)
                return None
            body += self.rfile.read(size)
            self.rfile.readline(_CHUNK_HEAD_BYTES)
        while self.rfile.readline(_CHUNK_HEAD_BYTES).strip():
            pass  # trailers
        return bytes(body)
