"""A function as runtimes run it: what it is, a call of it, and what became of the call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from tailrace.delivery.events import event_of
from tailrace.delivery.ports import Batch, Failure, WindowAnswer
from tailrace.runtimes.answers import HandlerFailed, reported_failures, window_answer

__all__ = ["FunctionSink", "FunctionSpec", "Invocation", "Outcome", "Runtime", "failed"]

_encode: Final = msgspec.json.encode


class FunctionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What is run. `directory` holds the code, `environment` is all that its processes see besides
    what every Lambda function sees. With `reload`, code that changed on disk is loaded anew.
    """

    name: str
    handler: str
    directory: Path
    version: str = "$LATEST"
    region: str = "us-east-1"
    account: str = "123456789012"
    runtime: str = "python3"
    environment: Mapping[str, str] = {}
    timeout_s: float = 3.0
    memory_mb: int = 128
    log_group: str | None = None
    log_level: str | None = None
    reload: bool = False

    @property
    def arn(self) -> str:
        """The unqualified ARN."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    """A call. `arn` is the one it was made by; `client_context` the caller's JSON."""

    request_id: str
    payload: bytes
    arn: str
    client_context: str | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a call: what the function returned or, when `error` is set, the JSON of what
    went wrong. `error` is Lambda's word for how it failed, `Unhandled`. `log` is what it printed,
    with the lines of Lambda's own before and after."""

    payload: bytes
    error: str | None = None
    log: bytes = b""


class Runtime(Protocol):
    """A way of running one function."""

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Call the function. Raises `SinkUnavailable` when it could not be called at all."""
        ...

    async def close(self) -> None:
        """Let go of everything; calls under way fail."""
        ...


class _Error(msgspec.Struct, rename="camel"):
    error_type: str = "Error"
    error_message: str = ""


def failed(kind: str, message: str, log: bytes = b"") -> Outcome:
    """The outcome of a call that failed outside of the handler."""
    return Outcome(
        payload=_encode({"errorType": kind, "errorMessage": message}), error="Unhandled", log=log
    )


class FunctionSink:
    """Delivers batches to a function, however it is run, as an event source mapping does. `arn` is
    the function's, qualified as the mapping names it."""

    def __init__(self, runtime: Runtime, arn: str, *, report_item_failures: bool = False) -> None:
        self._runtime = runtime
        self._arn = arn
        self._reports = report_item_failures

    async def write(self, batch: Batch) -> Sequence[Failure]:
        """Call the function with a batch; the records it reports as failed. Raises HandlerFailed
        when it failed, or reports what makes no sense."""
        answer = await self._call(batch)
        return reported_failures(answer(), batch) if self._reports else ()

    async def write_window(self, batch: Batch) -> WindowAnswer:
        """Call the function with a batch of a tumbling window. Raises as `write` does, and when it
        answers with no state."""
        answer = await self._call(batch)
        return window_answer(answer(), batch, reports=self._reports)

    async def _call(self, batch: Batch) -> Callable[[], Any]:
        """What reads the function's answer."""
        payload = _encode(event_of(batch))
        outcome = await self._runtime.invoke(
            Invocation(request_id=batch.request_id, payload=payload, arn=self._arn)
        )
        if outcome.error is not None:
            raise HandlerFailed(_told(outcome.payload))
        return lambda: _answer(outcome.payload)

    async def close(self) -> None:
        """Let go of the function."""
        await self._runtime.close()


def _answer(payload: bytes) -> Any:
    return msgspec.json.decode(payload) if payload else None


def _told(payload: bytes) -> str:
    try:
        error = msgspec.json.decode(payload, type=_Error)
    except msgspec.MsgspecError:
        return "the function failed"
    return f"{error.error_type}: {error.error_message}"
