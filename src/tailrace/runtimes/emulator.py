"""A function behind an HTTP endpoint of the runtime interface emulator: a container image that is
run by hand, say (images-test.html)."""

from __future__ import annotations

import asyncio
import http.client
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from tailrace.delivery.ports import SinkUnavailable
from tailrace.errors import ConfigurationError
from tailrace.runtimes.function import Invocation, Outcome, failed

__all__ = ["EmulatedFunction"]

_PATH: Final = "/2015-03-31/functions/function/invocations"
_OK: Final = 200


class EmulatedFunction:
    """Calls the function at `url`, e.g. `http://localhost:9000`; it may take `timeout_s`."""

    def __init__(self, url: str, *, timeout_s: float = 900.0) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:
            raise ConfigurationError(f"{url} is no address of an emulator: http://HOST:PORT")
        self._host = parts.hostname
        self._port = parts.port or 80
        self._path = parts.path if len(parts.path) > 1 else _PATH
        self._timeout_s = timeout_s

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Call the function. Raises SinkUnavailable when nobody answers."""
        try:
            status, body = await asyncio.to_thread(self._post, invocation)
        except TimeoutError:
            message = f"Task timed out after {self._timeout_s:.2f} seconds"
            return failed("Sandbox.Timedout", f"RequestId: {invocation.request_id} {message}")
        except (OSError, http.client.HTTPException) as error:
            raise SinkUnavailable(f"{self._host}:{self._port}: {error}") from error
        if status != _OK:
            raise SinkUnavailable(f"{self._host}:{self._port} answered with status {status}")
        return Outcome(payload=body, error="Unhandled" if _is_error(body) else None)

    async def close(self) -> None:
        """Nothing is kept open."""

    def _post(self, invocation: Invocation) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        try:
            headers = {"Content-Type": "application/json"}
            if invocation.client_context is not None:
                headers["X-Amz-Client-Context"] = invocation.client_context
            connection.request("POST", self._path, invocation.payload, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def _is_error(body: bytes) -> bool:
    """Whether an answer is an error's: the emulator tells it by nothing else."""
    try:
        answer: Any = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return False
    return isinstance(answer, dict) and "errorType" in answer and "errorMessage" in answer
