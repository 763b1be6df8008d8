"""A Python worker from its parent's side: a request to `runtimes.worker`, and its answer."""

from __future__ import annotations

import json
import os
import selectors
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from tailrace.runtimes.sandbox import LOOK_S, Death, Sandbox, WorkerDied
from tailrace.runtimes.worker import LENGTHS

__all__ = ["WorkerProcess"]

_CHUNK: Final = 1 << 18
_BUFFER_BYTES: Final = 1 << 20


class WorkerProcess:
    """A process that runs `runtimes.worker`, in a sandbox."""

    def __init__(self, environment: Mapping[str, str], directory: str, memory_mb: int) -> None:
        self._incoming = bytearray()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self.sandbox = Sandbox(
                    _command(theirs.fileno()), environment, directory, memory_mb, [theirs.fileno()]
                )
        except OSError:  # its directory is gone, say
            ours.close()
            raise
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        self._channel = ours
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._channel, selectors.EVENT_READ)
        self._selector.register(self.sandbox.printed, selectors.EVENT_READ)

    def first_answer(self, timeout_s: float) -> tuple[dict[str, Any], bytes]:
        """What it tells when it is ready, or why it never will be. Raises WorkerDied."""
        return self._exchange(b"", b"", timeout_s)

    def request(
        self, head: dict[str, Any], body: bytes, timeout_s: float
    ) -> tuple[dict[str, Any], bytes]:
        """Its answer to a request, as head and body.

        Raises WorkerDied when it took too long or too much memory, for which it is killed, or
        ended.
        """
        told = json.dumps(head).encode()
        answer = self._exchange(LENGTHS.pack(len(told), len(body)) + told, body, timeout_s)
        if answer[0]["peak_kb"] * 1024 > self.sandbox.memory_bytes:
            raise self.sandbox.died(Death.MEMORY)
        return answer

    def close(self) -> None:
        """End it and let go of everything."""
        self.sandbox.kill()
        self._selector.close()
        self._channel.close()
        self.sandbox.close()

    def _exchange(self, head: bytes, body: bytes, timeout_s: float) -> tuple[dict[str, Any], bytes]:
        deadline = time.monotonic() + timeout_s
        next_look = time.monotonic() + LOOK_S
        # Two views rather than one copy: an event may have megabytes.
        outgoing = [memoryview(part) for part in (head, body) if part]
        self._await_room(bool(outgoing))
        while (frame := self._frame()) is None:
            now = time.monotonic()
            if now >= deadline:
                raise self.sandbox.died(Death.TIMEOUT)
            if now >= next_look:
                self.sandbox.look()
                next_look = now + LOOK_S
            for key, mask in self._selector.select(min(deadline, next_look) - now):
                if key.fileobj is self.sandbox.printed:
                    self._read_log()
                    continue
                if mask & selectors.EVENT_WRITE:
                    self._write(outgoing)
                if mask & selectors.EVENT_READ:
                    self._read()
        # What was printed before an answer is in the pipe when the answer is here.
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
            raise self._ended() from None
        self._await_room(False)

    def _read(self) -> None:
        try:
            chunk = self._channel.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            raise self._ended()
        self._incoming += chunk

    def _ended(self) -> WorkerDied:
        return self.sandbox.died(Death.EXIT)

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
        if not self.sandbox.read_log() and self.sandbox.printed in self._selector.get_map():
            self._selector.unregister(self.sandbox.printed)


def _command(channel: int) -> list[str]:
    # -P: the code's directory comes to the path only when the worker has imported its own parts.
    program = [sys.executable, "-P", "-u", "-m", "tailrace.runtimes.worker"]
    return [*program, str(channel), str(os.getpid())]
