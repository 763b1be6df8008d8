"""One worker process from its parent's side: starting it, a request and its answer, its end.

Everything here blocks and belongs to one thread, but for `kill`.
"""

from __future__ import annotations

import contextlib
import enum
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from tailrace.errors import TailraceError
from tailrace.runtimes.worker import LENGTHS

__all__ = ["Death", "WorkerDied", "WorkerProcess"]

# How much of what one call prints is kept: the end of it.
MAX_LOG_BYTES: Final = 256 * 1024
_CHUNK: Final = 1 << 18
_BUFFER_BYTES: Final = 1 << 20
# How often a process at work is looked at: whether it is still there, and how much memory it has.
_LOOK_S: Final = 0.05
_PAGE_BYTES: Final = os.sysconf("SC_PAGESIZE")
_MEGABYTE: Final = 1024 * 1024


class Death(enum.Enum):
    """What a worker died of."""

    TIMEOUT = "timeout"
    MEMORY = "memory"
    EXIT = "exit"


class WorkerDied(TailraceError):
    """The process is gone. `status` is as subprocess tells it: negative for a signal."""

    def __init__(self, death: Death, status: int) -> None:
        super().__init__(f"the worker ended: {death.value}, status {status}")
        self.death = death
        self.status = status


class WorkerProcess:
    """A process that runs `runtimes.worker`. `memory_mb` is how much it may have resident;
    `seen_kb` is the most it was seen to have, looked at now and then."""

    def __init__(self, environment: Mapping[str, str], directory: str, memory_mb: int) -> None:
        self.log = bytearray()
        self.seen_kb = 0
        self._memory_bytes = memory_mb * _MEGABYTE
        self._incoming = bytearray()
        self._ending = threading.Lock()
        self._gone = False
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                _command(theirs.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=dict(environment),
                pass_fds=[theirs.fileno()],
                # A group of its own, so that what it starts ends with it, and Ctrl-C spares it.
                start_new_session=True,
            )
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        self._channel = ours
        assert self._process.stdout is not None
        self._printed = self._process.stdout
        os.set_blocking(self._printed.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._channel, selectors.EVENT_READ)
        self._selector.register(self._printed, selectors.EVENT_READ)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return not self._gone and self._process.poll() is None

    def first_answer(self, timeout_s: float) -> tuple[dict[str, Any], bytes]:
        """What it tells when it is ready, or why it never will be. Raises WorkerDied."""
        return self._exchange(b"", b"", timeout_s)

    def request(
        self, head: dict[str, Any], body: bytes, timeout_s: float
    ) -> tuple[dict[str, Any], bytes]:
        """Its answer to a request, as head and body; afterwards `log` holds what it printed.

        Raises WorkerDied when it took too long or too much memory, for which it is killed, or
        ended.
        """
        told = json.dumps(head).encode()
        answer = self._exchange(LENGTHS.pack(len(told), len(body)) + told, body, timeout_s)
        if answer[0]["peak_kb"] * 1024 > self._memory_bytes:
            raise self._died(Death.MEMORY)
        return answer

    def kill(self) -> None:
        """End it, and what it started, at once. From any thread."""
        with self._ending:
            if self._gone:
                return
            # Before it is waited for: until then the number is nobody else's.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._gone = True

    def close(self) -> None:
        """End it and let go of everything."""
        self.kill()
        self._selector.close()
        self._channel.close()
        self._printed.close()

    def take_log(self) -> bytes:
        """What was printed since this was last asked."""
        printed = bytes(self.log)
        self.log.clear()
        return printed

    def _exchange(self, head: bytes, body: bytes, timeout_s: float) -> tuple[dict[str, Any], bytes]:
        deadline = time.monotonic() + timeout_s
        # Two views rather than one copy: an event may have megabytes.
        outgoing = [memoryview(part) for part in (head, body) if part]
        self._await_room(bool(outgoing))
        while (frame := self._frame()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._died(Death.TIMEOUT)
            events = self._selector.select(min(left, _LOOK_S))
            if not events:
                self._look()
            for key, mask in events:
                if key.fileobj is self._printed:
                    self._read_log()
                    continue
                if mask & selectors.EVENT_WRITE:
                    self._write(outgoing)
                if mask & selectors.EVENT_READ:
                    self._read()
        self._read_log()
        return frame

    def _await_room(self, wanted: bool) -> None:
        mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0)
        self._selector.modify(self._channel, mask)

    def _write(self, outgoing: list[memoryview]) -> None:
        try:
            while outgoing:
                sent = self._channel.send(outgoing[0])
                if sent == len(outgoing[0]):
                    outgoing.pop(0)
                else:
                    outgoing[0] = outgoing[0][sent:]
        except BlockingIOError:
            return
        except OSError:
            raise self._died(Death.EXIT) from None
        self._await_room(False)

    def _read(self) -> None:
        try:
            chunk = self._channel.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            raise self._died(Death.EXIT)
        self._incoming += chunk

    def _frame(self) -> tuple[dict[str, Any], bytes] | None:
        incoming = self._incoming
        if len(incoming) < LENGTHS.size:
            return None
        head_bytes, body_bytes = LENGTHS.unpack_from(incoming)
        body_at = LENGTHS.size + head_bytes
        if len(incoming) < body_at + body_bytes:
            return None
        head = json.loads(incoming[LENGTHS.size : body_at])
        body = bytes(incoming[body_at : body_at + body_bytes])
        del incoming[: body_at + body_bytes]
        return head, body

    def _read_log(self) -> None:
        """Take what was printed. What came before an answer is in the pipe when the answer is."""
        while True:
            try:
                chunk = self._printed.read(_CHUNK)
            except OSError:
                return
            if not chunk:
                if chunk == b"" and self._printed.fileno() in self._selector.get_map():
                    self._selector.unregister(self._printed)
                return
            self.log += chunk
            if len(self.log) > MAX_LOG_BYTES:
                del self.log[:-MAX_LOG_BYTES]

    def _look(self) -> None:
        if self._process.poll() is not None:
            raise self._died(Death.EXIT)
        try:
            with open(f"/proc/{self.pid}/statm", "rb") as file:  # noqa: PTH123
                resident = int(file.read().split()[1]) * _PAGE_BYTES
        except (OSError, IndexError):
            return  # not Linux: the peak that comes with the answer has to do
        self.seen_kb = max(self.seen_kb, resident // 1024)
        if resident > self._memory_bytes:
            raise self._died(Death.MEMORY)

    def _died(self, death: Death) -> WorkerDied:
        if death is Death.EXIT:
            # The channel may be closed a moment before the process is over.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
        self.kill()
        self._read_log()
        return WorkerDied(death, self._process.returncode)


def _command(channel: int) -> list[str]:
    # -P: the code's directory comes to the path only when the worker has imported its own parts.
    program = [sys.executable, "-P", "-u", "-m", "tailrace.runtimes.worker"]
    return [*program, str(channel), str(os.getpid())]
