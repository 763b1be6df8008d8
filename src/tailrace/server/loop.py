"""The server's loop: uvicorn with our protocol, on a thread of its own or on the caller's."""

from __future__ import annotations

import asyncio
import functools
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias, cast

import uvicorn
from starlette.applications import Starlette

from tailrace.errors import ConfigurationError
from tailrace.server.gateway import Gateway
from tailrace.server.protocol import CallProtocol

__all__ = ["Ending", "LoopDelivery", "Ready", "Server"]

_START_TIMEOUT_S = 30.0
# How long answers under way may take when the server is told to stop.
_GRACE_S = 10
_BACKLOG = 2048

Ready: TypeAlias = Callable[[asyncio.AbstractEventLoop], None]
Ending: TypeAlias = Callable[[], Awaitable[None]]


class LoopDelivery:
    """Carries the outcomes of a commit to the server's loop, with one wake-up for all of them;
    before the loop runs and after it ended, outcomes are reported where they came up."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The server's loop. Raises ConfigurationError when it does not run."""
        if self._loop is None:
            raise ConfigurationError("the server does not run")
        return self._loop

    def attach(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Report outcomes on this loop from now on."""
        self._loop = loop

    def __call__(self, reports: Sequence[tuple[Callable[[Any], None], Any]]) -> None:
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(_report, reports)
                return
            except RuntimeError:  # the loop was closed meanwhile
                self._loop = None
        _report(reports)


def _report(reports: Sequence[tuple[Callable[[Any], None], Any]]) -> None:
    for done, outcome in reports:
        done(outcome)


class Server:
    """Listens on one port. Bound at once, so that `port` is known and clients that connect early
    wait."""

    def __init__(self, gateway: Gateway, app: Starlette, host: str, port: int) -> None:
        self._socket = _listening(host, port)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            # Asked for as a class, but any factory does.
            http=cast("Any", functools.partial(CallProtocol, gateway)),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None
        self._started = threading.Event()

    @property
    def stopping(self) -> bool:
        """Whether the server was told to stop."""
        return self._server.should_exit

    async def serve(self, ready: Ready, ending: Ending | None = None) -> None:
        """Serve until `stop`, or until a signal when on the main thread; `ready` is called with the
        loop before the first request, `ending` when the last was answered."""
        ready(asyncio.get_running_loop())
        self._started.set()
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            if ending is not None:
                await ending()

    def run(self, ready: Ready, ending: Ending | None = None) -> None:
        """Serve on this thread, with the fastest loop there is."""
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(self.serve(ready, ending))

    def start(self, ready: Ready, ending: Ending | None = None) -> None:
        """Serve on a thread of its own; returns when requests are answered."""
        self._thread = threading.Thread(
            target=self.run, args=(ready, ending), name="tailrace-server", daemon=True
        )
        self._thread.start()
        if not self._started.wait(_START_TIMEOUT_S):
            raise ConfigurationError("the server did not start")

    def stop(self) -> None:
        """Answer what is under way, then stop; waits for it when the server has a thread of its
        own."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._socket.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:  # not to be had on Windows
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {error.strerror or error}"
        ) from error
    return listener
