"""What Lambda itself logs of a call, and how it words the end of a process."""

from __future__ import annotations

import datetime
import math
import os
import secrets
import time
from typing import Final

from tailrace.runtimes.function import FunctionSpec, Outcome, failed
from tailrace.runtimes.sandbox import Death, WorkerDied

__all__ = [
    "MAX_RESPONSE_BYTES",
    "cost",
    "log_stream",
    "logged",
    "outcome_of_death",
    "too_large",
    "trace_id",
]

# gettingstarted-limits.html: 6 MB, and what Lambda's own framing takes.
MAX_RESPONSE_BYTES: Final = 6 * 1024 * 1024 + 100
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


def outcome_of_death(
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


def too_large() -> Outcome:
    """The outcome of a call that returned more than it may."""
    return failed(
        "Function.ResponseSizeTooLarge",
        "Response payload size exceeded maximum allowed payload size"
        f" ({MAX_RESPONSE_BYTES} bytes).",
    )


def cost(
    spec: FunctionSpec, took_ms: float, peak_kb: int, init_ms: float | None, status: str
) -> str:
    """What the REPORT line tells; the first call's tells how long loading took, too."""
    if status == Death.TIMEOUT.value:
        took_ms = spec.timeout_s * 1000
    parts = [
        f"Duration: {took_ms:.2f} ms",
        f"Billed Duration: {math.ceil(took_ms)} ms",
        f"Memory Size: {spec.memory_mb} MB",
        # No sandbox of Lambda's gets more than it may have.
        f"Max Memory Used: {min(math.ceil(peak_kb / 1024), spec.memory_mb)} MB",
    ]
    if init_ms is not None:
        parts.append(f"Init Duration: {init_ms:.2f} ms")
    if status:
        parts.append(f"Status: {status}")
    return "\t".join(parts)


def logged(
    spec: FunctionSpec, request_id: str, outcome: Outcome, printed: bytes, report: str
) -> Outcome:
    """The outcome with its log."""
    if printed and not printed.endswith(b"\n"):
        printed += b"\n"
    log = (
        f"START RequestId: {request_id} Version: {spec.version}\n".encode()
        + printed
        + f"END RequestId: {request_id}\nREPORT RequestId: {request_id}\t{report}\n".encode()
    )
    return Outcome(payload=outcome.payload, error=outcome.error, log=log)


def log_stream(version: str) -> str:
    """A log stream's name."""
    today = datetime.datetime.now(datetime.UTC).strftime("%Y/%m/%d")
    return f"{today}/[{version}]{secrets.token_hex(16)}"


def trace_id() -> str:
    """An X-Ray trace that is not sampled."""
    random = os.urandom(20).hex()
    return f"Root=1-{int(time.time()):08x}-{random[:24]};Parent={random[24:]};Sampled=0"
