"""A worker: a process that keeps a handler loaded, and the thread that speaks with it."""

from __future__ import annotations

import asyncio
import datetime
import math
import os
import queue
import secrets
import threading
import time
from typing import Any, Final

from tailrace.runtimes.environment import process_environment
from tailrace.runtimes.function import FunctionSpec, Invocation, Outcome, failed
from tailrace.runtimes.process import Death, WorkerDied, WorkerProcess

__all__ = ["MAX_RESPONSE_BYTES", "Worker"]

# gettingstarted-limits.html: 6 MB, and what Lambda's own framing takes.
MAX_RESPONSE_BYTES: Final = 6 * 1024 * 1024 + 100
# Lambda grants ten seconds for the imports; one that takes longer begins anew within the call's
# own time.
INIT_S: Final = 10.0

_Job = tuple[Invocation, asyncio.AbstractEventLoop, "asyncio.Future[Outcome]"]


class Worker:
    """Runs one invocation at a time. A process that died is replaced at the next one."""

    def __init__(self, spec: FunctionSpec) -> None:
        self._spec = spec
        self._inbox: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._process: WorkerProcess | None = None
        self._init_ms: float | None = None
        self._starting = threading.Lock()
        self._killed = False
        self._thread = threading.Thread(
            target=self._work, name=f"tailrace-worker-{spec.name}", daemon=True
        )

    def start(self) -> None:
        """Begin to load the handler."""
        self._thread.start()

    async def run(self, invocation: Invocation) -> Outcome:
        """The outcome of an invocation. A worker whose call is cancelled must be killed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._inbox.put((invocation, loop, future))
        return await future

    def kill(self) -> None:
        """End at once, whatever it is doing. From any thread."""
        with self._starting:
            self._killed = True
            process = self._process
        if process is not None:
            process.kill()
        self._inbox.put(None)

    def join(self, timeout_s: float) -> None:
        """Wait until it has ended."""
        self._thread.join(timeout_s)

    # On the worker's own thread -------------------------------------------------------------------

    def _work(self) -> None:
        # A process is killed when the thread that started it ends, so this one outlives it.
        self._prepare()
        while (job := self._inbox.get()) is not None:
            invocation, loop, future = job
            try:
                outcome = self._invoke(invocation)
            except Exception as error:  # a program that cannot be started, say
                outcome = failed("Runtime.ExitError", f"{type(error).__name__}: {error}")
            try:
                loop.call_soon_threadsafe(_settle, future, outcome)
            except RuntimeError:
                break  # the loop is closed, nobody waits
        self._drop()

    def _prepare(self) -> None:
        """Load the handler before it is needed. What is wrong with it is told at the call."""
        try:
            if self._begin("", INIT_S) is not None:
                self._drop()
        except (OSError, WorkerDied):
            self._drop()

    def _begin(self, request_id: str, timeout_s: float) -> Outcome | None:
        """Start a process; None when its handler is loaded, else the outcome of the call that
        needed it. Raises WorkerDied."""
        spec = self._spec
        with self._starting:
            if self._killed:
                raise WorkerDied(Death.EXIT, -9)
            environment = process_environment(spec, _log_stream(spec.version))
            process = WorkerProcess(environment, str(spec.directory), spec.memory_mb)
            self._process = process
        began = time.perf_counter()
        head, body = process.first_answer(timeout_s)
        self._init_ms = (time.perf_counter() - began) * 1000
        if head["ok"]:
            return None
        payload = body.replace(b'"requestId": ""', b'"requestId": "%b"' % request_id.encode(), 1)
        return Outcome(payload=payload, error="Unhandled")

    def _invoke(self, invocation: Invocation) -> Outcome:
        """Run a call to its end, with the lines that Lambda logs around what it prints."""
        spec, request_id = self._spec, invocation.request_id
        began = time.perf_counter()
        process, printed, peak_kb, status = self._process, b"", 0, ""
        try:
            if process is None or not process.is_alive():
                self._drop()
                refusal = self._begin(request_id, INIT_S + spec.timeout_s)
                if refusal is not None:
                    printed = self._log_of(self._process)
                    self._drop()
                    return _logged(
                        spec, request_id, refusal, printed, self._cost(began, 0, "error")
                    )
            process = self._process
            assert process is not None
            began = time.perf_counter()
            outcome, peak_kb = self._exchange(process, invocation)
            printed = process.take_log()
        except WorkerDied as death:
            printed = self._log_of(self._process)
            peak_kb = 0 if self._process is None else self._process.seen_kb
            self._drop()
            outcome, line, status = _outcome_of_death(death, spec, request_id)
            printed += line
        return _logged(spec, request_id, outcome, printed, self._cost(began, peak_kb, status))

    def _exchange(self, process: WorkerProcess, invocation: Invocation) -> tuple[Outcome, int]:
        spec = self._spec
        head: dict[str, Any] = {
            "request_id": invocation.request_id,
            "arn": invocation.arn,
            "remaining_s": spec.timeout_s,
            "client_context": invocation.client_context,
            "trace_id": _trace_id(),
        }
        told, body = process.request(head, invocation.payload, spec.timeout_s)
        if len(body) > MAX_RESPONSE_BYTES:
            message = (
                "Response payload size exceeded maximum allowed payload size"
                f" ({MAX_RESPONSE_BYTES} bytes)."
            )
            return failed("Function.ResponseSizeTooLarge", message), told["peak_kb"]
        error = None if told["ok"] else "Unhandled"
        return Outcome(payload=body, error=error), told["peak_kb"]

    def _cost(self, began: float, peak_kb: int, status: str) -> str:
        """What the REPORT line tells; the first call's tells how long loading took, too."""
        spec = self._spec
        took_ms = (time.perf_counter() - began) * 1000
        if status == Death.TIMEOUT.value:
            took_ms = spec.timeout_s * 1000
        used_mb = math.ceil(peak_kb / 1024)
        parts = [
            f"Duration: {took_ms:.2f} ms",
            f"Billed Duration: {math.ceil(took_ms)} ms",
            f"Memory Size: {spec.memory_mb} MB",
            f"Max Memory Used: {used_mb} MB",
        ]
        if self._init_ms is not None:
            parts.append(f"Init Duration: {self._init_ms:.2f} ms")
            self._init_ms = None
        if status:
            parts.append(f"Status: {status}")
        return "\t".join(parts)

    def _log_of(self, process: WorkerProcess | None) -> bytes:
        return b"" if process is None else process.take_log()

    def _drop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.close()


def _outcome_of_death(
    death: WorkerDied, spec: FunctionSpec, request_id: str
) -> tuple[Outcome, bytes, str]:
    """The outcome of a call whose process died, the line it leaves in the log, and its status."""
    prefix = f"RequestId: {request_id} Error: "
    if death.death is Death.TIMEOUT:
        message = f"Task timed out after {spec.timeout_s:.2f} seconds"
        now = datetime.datetime.now(datetime.UTC)
        moment = now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"
        line = f"{moment} {request_id} {message}\n\n"
        return failed("Sandbox.Timedout", prefix + message), line.encode(), "timeout"
    if death.death is Death.MEMORY:
        kind, message = "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"
    elif death.status == 0:
        kind, message = "Runtime.ExitError", "Runtime exited without providing a reason"
    elif death.status < 0:
        name = _SIGNALS.get(-death.status, str(-death.status))
        kind, message = "Runtime.ExitError", f"Runtime exited with error: signal: {name}"
    else:
        kind = "Runtime.ExitError"
        message = f"Runtime exited with error: exit status {death.status}"
    line = f"{prefix}{message}\n{kind}\n"
    return failed(kind, prefix + message), line.encode(), f"error\tError Type: {kind}"


# As Go, in which Lambda's supervisor is written, names them.
_SIGNALS: Final = {
    4: "illegal instruction",
    6: "aborted",
    7: "bus error",
    8: "floating point exception",
    9: "killed",
    11: "segmentation fault",
    15: "terminated",
}


def _logged(
    spec: FunctionSpec, request_id: str, outcome: Outcome, printed: bytes, cost: str
) -> Outcome:
    """The outcome with its log."""
    if printed and not printed.endswith(b"\n"):
        printed += b"\n"
    log = (
        f"START RequestId: {request_id} Version: {spec.version}\n".encode()
        + printed
        + f"END RequestId: {request_id}\nREPORT RequestId: {request_id}\t{cost}\n".encode()
    )
    return Outcome(payload=outcome.payload, error=outcome.error, log=log)


def _log_stream(version: str) -> str:
    today = datetime.datetime.now(datetime.UTC).strftime("%Y/%m/%d")
    return f"{today}/[{version}]{secrets.token_hex(16)}"


def _trace_id() -> str:
    random = os.urandom(20).hex()
    return f"Root=1-{int(time.time()):08x}-{random[:24]};Parent={random[24:]};Sampled=0"


def _settle(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)
