"""The program of a worker process: imports a handler once, then calls it for each request.

Started by `runtimes.process`, with which it speaks over a socket. A frame is two lengths of four
bytes, a JSON head and a body of bytes. The first frame goes to the parent and says whether the
handler could be imported; then each request's frame (head: the invocation; body: the event) is
answered by one (head: `ok`, `peak_kb`; body: what the handler returned, or the error, as Lambda
words it). What the handler prints goes to standard output and error.

Only the standard library is imported, so that a worker starts quickly and a handler sees its own
versions of everything.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from types import SimpleNamespace
from typing import Any, Final

from tailrace.runtimes.context import FunctionIdentity, LambdaContext
from tailrace.runtimes.launcher import die_with, limit_memory

__all__ = ["LENGTHS", "main"]

LENGTHS: Final = struct.Struct(">II")
_CHUNK: Final = 1 << 20
_PARENT_CHECK_S: Final = 1.0
_Handler = Callable[[Any, Any], Any]
_request_id = ""


class _Fault(Exception):
    """What is wrong with the handler itself; `kind` is Lambda's name for it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def main() -> None:
    """Serve the socket given by its number until it is closed."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    _end_with(int(sys.argv[2]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit_memory(int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]))
    root = os.environ.get("LAMBDA_TASK_ROOT", ".")
    sys.argv = [os.path.join(root, "bootstrap")]  # noqa: PTH118
    sys.path.insert(0, root)
    _log_as_lambda()
    try:
        handler = _load(os.environ.get("_HANDLER", ""))
    except BaseException as error:
        _report_and_send(channel, error, {"ok": False}, skipped=_own_frames(error))
        sys.exit(1)
    _send(channel, {"ok": True}, b"")
    while (request := _receive(channel)) is not None:
        _answer(channel, handler, *request)


def _answer(channel: socket.socket, handler: _Handler, head: dict[str, Any], event: bytes) -> None:
    global _request_id
    _request_id = head["request_id"]
    os.environ["_X_AMZN_TRACE_ID"] = head["trace_id"]
    context = _context(head)
    try:
        try:
            parsed = json.loads(event)
        except ValueError as error:
            raise _Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from None
        body = _marshalled(handler(parsed, context))
    except Exception as error:
        _report_and_send(channel, error, _told(ok=False), skipped=_own_frames(error))
        return
    sys.stdout.flush()
    sys.stderr.flush()
    _send(channel, _told(ok=True), body)


def _marshalled(answer: Any) -> bytes:
    try:
        return json.dumps(answer, default=_decimal).encode()
    except (TypeError, ValueError, RecursionError) as error:
        message = f"Unable to marshal response: {error}"
        raise _Fault("Runtime.MarshalError", message) from None


def _decimal(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _told(*, ok: bool) -> dict[str, Any]:
    return {"ok": ok, "peak_kb": _peak_kb()}


def _peak_kb() -> int:
    """The most memory this process had resident, in KiB. What `getrusage` says would count the
    parent's, of which this process is a copy."""
    try:
        with open("/proc/self/status", "rb") as status:  # noqa: PTH123
            for line in status:
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1])
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def _context(head: dict[str, Any]) -> LambdaContext:
    env = os.environ
    identity = FunctionIdentity(
        env["AWS_LAMBDA_FUNCTION_NAME"],
        memory_mb=int(env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]),
        stream=env["AWS_LAMBDA_LOG_STREAM_NAME"],
        version=env["AWS_LAMBDA_FUNCTION_VERSION"],
    )
    identity.arn = head["arn"]
    identity.log_group = env["AWS_LAMBDA_LOG_GROUP_NAME"]
    deadline = time.monotonic() + head["remaining_s"]
    context = LambdaContext(identity, head["request_id"], deadline)
    if head["client_context"]:
        given = json.loads(head["client_context"])
        context.client_context = SimpleNamespace(
            custom=given.get("custom"),
            env=given.get("env"),
            client=SimpleNamespace(**given["client"]) if given.get("client") else None,
        )
    return context


# Importing ---------------------------------------------------------------------------------------


def _load(name: str) -> _Handler:
    """The handler `module.function`; a module in a directory is `directory/module.function`."""
    where, dot, attribute = name.rpartition(".")
    if not dot or not where or not attribute:
        message = f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)"
        raise _Fault("Runtime.MalformedHandlerName", message)
    try:
        module = import_module(where.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{where}': {error}"
        raise _Fault("Runtime.ImportModuleError", message) from error
    except SyntaxError as error:
        message = f"Syntax error in module '{where}': {error}"
        raise _Fault("Runtime.UserCodeSyntaxError", message) from error
    handler = getattr(module, attribute, None)
    if handler is None:
        message = f"Handler '{attribute}' missing on module '{where}'"
        raise _Fault("Runtime.HandlerNotFound", message)
    return handler


# Errors ------------------------------------------------------------------------------------------


def _own_frames(error: BaseException) -> int:
    """How many frames of a traceback are this file's, or the importing machinery's."""
    frames = traceback.extract_tb(error.__traceback__)
    own = 0
    for frame in frames:
        if frame.filename not in (__file__, "<frozen importlib._bootstrap>") and not (
            frame.filename.startswith("<frozen importlib") or "/importlib/" in frame.filename
        ):
            break
        own += 1
    return own


def _report_and_send(
    channel: socket.socket, error: BaseException, head: dict[str, Any], *, skipped: int
) -> None:
    """Print an error and tell it, both as Lambda's Python runtime does."""
    is_fault = isinstance(error, _Fault)
    kind = error.kind if isinstance(error, _Fault) else type(error).__name__
    lines: list[str] = []
    if not is_fault:
        frames = traceback.extract_tb(error.__traceback__)[skipped:]
        lines = traceback.StackSummary.from_list(frames).format()
    elif isinstance(error.__cause__, SyntaxError):
        lines = [f'  File "{error.__cause__.filename}" Line {error.__cause__.lineno}\n']
    told = {
        "errorMessage": str(error),
        "errorType": kind,
        "requestId": _request_id,
        "stackTrace": lines,
    }
    trace = "Traceback (most recent call last):\n" + "".join(lines)
    sys.stdout.write(f"[ERROR] {kind}: {error}\n{trace.rstrip()}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    _send(channel, head, json.dumps(told).encode())


# Logging -----------------------------------------------------------------------------------------


class _LambdaLogHandler(logging.Handler):
    """Prints records of `logging` as Lambda's runtime does, with the request's id."""

    def emit(self, record: logging.LogRecord) -> None:
        record.aws_request_id = _request_id
        sys.stdout.write(self.format(record))


def _log_as_lambda() -> None:
    form = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
    formatter = logging.Formatter(form, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = _LambdaLogHandler()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "")
    if level:
        root.setLevel({"TRACE": "DEBUG", "WARN": "WARNING", "FATAL": "CRITICAL"}.get(level, level))


# The channel -------------------------------------------------------------------------------------


def _send(channel: socket.socket, head: dict[str, Any], body: bytes) -> None:
    told = json.dumps(head).encode()
    channel.sendall(LENGTHS.pack(len(told), len(body)) + told)
    channel.sendall(body)


def _receive(channel: socket.socket) -> tuple[dict[str, Any], bytes] | None:
    """The next frame; None when the parent has closed the channel."""
    lengths = _exactly(channel, LENGTHS.size)
    if lengths is None:
        return None
    head_length, body_length = LENGTHS.unpack(lengths)
    content = _exactly(channel, head_length + body_length)
    if content is None:
        return None
    return json.loads(content[:head_length]), content[head_length:]


def _exactly(channel: socket.socket, length: int) -> bytes | None:
    content = bytearray()
    while len(content) < length:
        chunk = channel.recv(min(length - len(content), _CHUNK))
        if not chunk:
            return None
        content += chunk
    return bytes(content)


def _end_with(parent: int) -> None:
    """End when the parent does, whatever it dies of and whatever the handler is doing."""
    die_with(parent)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_CHECK_S)
        os._exit(1)

    threading.Thread(target=watch, name="tailrace-parent", daemon=True).start()


if __name__ == "__main__":
    main()
