"""Workers: a process that keeps a handler loaded, and the thread that speaks with it."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from abc import ABC, abstractmethod
from typing import Any, Final

from tailrace.runtimes.environment import process_environment
from tailrace.runtimes.function import FunctionSpec, Invocation, Outcome, failed
from tailrace.runtimes.process import WorkerProcess
from tailrace.runtimes.reports import (
    MAX_RESPONSE_BYTES,
    cost,
    log_stream,
    logged,
    outcome_of_death,
    too_large,
    trace_id,
)
from tailrace.runtimes.sandbox import Death, Sandbox, WorkerDied

__all__ = ["INIT_S", "PythonWorker", "Worker"]

# Lambda grants ten seconds for the imports; one that takes longer begins anew within the call's
# own time.
INIT_S: Final = 10.0
_KILLED: Final = -9

_Job = tuple[Invocation, asyncio.AbstractEventLoop, "asyncio.Future[Outcome]"]


class Worker(ABC):
    """Runs one invocation at a time. A process that died is replaced at the next one."""

    def __init__(self, spec: FunctionSpec) -> None:
        self.spec = spec
        self._inbox: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._init_ms: float | None = None
        self._sandbox: Sandbox | None = None
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
            sandbox = self._sandbox
        if sandbox is not None:
            sandbox.kill()
        self._inbox.put(None)

    def join(self, timeout_s: float) -> None:
        """Wait until it has ended."""
        self._thread.join(timeout_s)

    # What differs, on the worker's own thread -----------------------------------------------------

    @abstractmethod
    def open(self, environment: dict[str, str]) -> Sandbox:
        """Start a process."""

    @abstractmethod
    def load(self, request_id: str, timeout_s: float) -> Outcome | None:
        """Wait until the process is ready; None when it is, else the outcome of the call that
        needed it. Raises WorkerDied."""

    @abstractmethod
    def exchange(self, invocation: Invocation) -> tuple[Outcome, int]:
        """The outcome of a call, and the most memory the process had, in KiB. Raises
        WorkerDied."""

    @abstractmethod
    def release(self) -> None:
        """End the process and let go of what it was spoken with."""

    # On the worker's own thread -------------------------------------------------------------------

    def _work(self) -> None:
        # A process is killed when the thread that started it ends, so this one outlives it.
        self._prepare()
        while (job := self._inbox.get()) is not None:
            invocation, loop, future = job
            try:
                outcome = self._invoke(invocation)
            except Exception as error:  # a program that cannot be started, say
                self._drop()
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
        spec = self.spec
        with self._starting:
            if self._killed:
                raise WorkerDied(Death.EXIT, _KILLED)
            self._sandbox = self.open(process_environment(spec, log_stream(spec.version)))
        began = time.perf_counter()
        refusal = self.load(request_id, timeout_s)
        self._init_ms = (time.perf_counter() - began) * 1000
        return refusal

    def _invoke(self, invocation: Invocation) -> Outcome:
        """Run a call to its end, with the lines that Lambda logs around what it prints."""
        spec, request_id = self.spec, invocation.request_id
        began = time.perf_counter()
        printed, peak_kb, status = b"", 0, ""
        try:
            outcome = self._ready(request_id)
            if outcome is None:
                began = time.perf_counter()
                outcome, peak_kb = self.exchange(invocation)
                printed = self._printed()
            else:
                printed, status = self._printed(), "error"
                self._drop()
        except WorkerDied as death:
            printed = self._printed()
            peak_kb = 0 if self._sandbox is None else self._sandbox.seen_kb
            self._drop()
            outcome, line, status = outcome_of_death(death, spec, request_id)
            printed += line
        took_ms = (time.perf_counter() - began) * 1000
        init_ms, self._init_ms = self._init_ms, None
        report = cost(spec, took_ms, peak_kb, init_ms, status)
        return logged(spec, request_id, outcome, printed, report)

    def _ready(self, request_id: str) -> Outcome | None:
        """None when the handler is loaded, else why it cannot be."""
        if self._sandbox is not None and self._sandbox.is_alive():
            return None
        self._drop()
        return self._begin(request_id, INIT_S + self.spec.timeout_s)

    def _printed(self) -> bytes:
        return b"" if self._sandbox is None else self._sandbox.take_log()

    def _drop(self) -> None:
        if self._sandbox is not None:
            self._sandbox = None
            self.release()


class PythonWorker(Worker):
    """Runs a Python handler by `runtimes.worker`."""

    def __init__(self, spec: FunctionSpec) -> None:
        super().__init__(spec)
        self._process: WorkerProcess | None = None

    def open(self, environment: dict[str, str]) -> Sandbox:
        """Start the worker program."""
        spec = self.spec
        self._process = WorkerProcess(environment, str(spec.directory), spec.memory_mb)
        return self._process.sandbox

    def load(self, request_id: str, timeout_s: float) -> Outcome | None:
        """Wait until the handler is imported."""
        head, body = self._opened().first_answer(timeout_s)
        if head["ok"]:
            return None
        payload = body.replace(b'"requestId": ""', b'"requestId": "%b"' % request_id.encode(), 1)
        return Outcome(payload=payload, error="Unhandled")

    def exchange(self, invocation: Invocation) -> tuple[Outcome, int]:
        """Have the handler called."""
        head: dict[str, Any] = {
            "request_id": invocation.request_id,
            "arn": invocation.arn,
            "remaining_s": self.spec.timeout_s,
            "client_context": invocation.client_context,
            "trace_id": trace_id(),
        }
        told, body = self._opened().request(head, invocation.payload, self.spec.timeout_s)
        if len(body) > MAX_RESPONSE_BYTES:
            return too_large(), told["peak_kb"]
        error = None if told["ok"] else "Unhandled"
        return Outcome(payload=body, error=error), told["peak_kb"]

    def release(self) -> None:
        """End the worker program."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _opened(self) -> WorkerProcess:
        assert self._process is not None  # `open` comes first
        return self._process


def _settle(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)
