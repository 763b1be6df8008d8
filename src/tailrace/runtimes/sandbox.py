"""A process that runs a function's code, whatever speaks with it: started in a group of its own,
looked at, read out and ended. Everything here blocks and belongs to one thread, but for `kill`."""

from __future__ import annotations

import contextlib
import enum
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import Final

from tailrace.errors import TailraceError
from tailrace.runtimes.memory import resident_kb

__all__ = ["LOOK_S", "Death", "Sandbox", "WorkerDied"]

# How often a process at work is looked at: whether it is still there, and how much memory it has.
LOOK_S: Final = 0.05
# How much of what one call prints is kept: the end of it.
MAX_LOG_BYTES: Final = 256 * 1024
_CHUNK: Final = 1 << 18
_MEGABYTE: Final = 1024 * 1024


class Death(enum.Enum):
    """What a process died of."""

    TIMEOUT = "timeout"
    MEMORY = "memory"
    EXIT = "exit"


class WorkerDied(TailraceError):
    """The process is gone. `status` is as subprocess tells it: negative for a signal."""

    def __init__(self, death: Death, status: int) -> None:
        super().__init__(f"the process ended: {death.value}, status {status}")
        self.death = death
        self.status = status


class Sandbox:
    """`memory_mb` is how much the process and its children may have resident; `seen_kb` is the most
    that they were seen to have, looked at now and then."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        directory: str,
        memory_mb: int,
        descriptors: Sequence[int] = (),
    ) -> None:
        self.seen_kb = 0
        self.memory_bytes = memory_mb * _MEGABYTE
        self._log = bytearray()
        self._ending = threading.Lock()
        self._gone = False
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=dict(environment),
            pass_fds=descriptors,
            # A group of its own, so that what it starts ends with it, and Ctrl-C spares it.
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self.printed = self._process.stdout
        os.set_blocking(self.printed.fileno(), False)

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return not self._gone and self._process.poll() is None

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
        self.printed.close()

    def look(self) -> None:
        """Raise WorkerDied when it is over, or has more memory than it may: then it is killed."""
        if self._process.poll() is not None:
            raise self.died(Death.EXIT)
        limit_kb = self.memory_bytes // 1024
        resident = resident_kb(self._process.pid, limit_kb)
        if resident is None:
            return
        self.seen_kb = max(self.seen_kb, resident)
        if resident > limit_kb:
            raise self.died(Death.MEMORY)

    def died(self, death: Death) -> WorkerDied:
        """End it, and tell how it came to that."""
        if death is Death.EXIT:
            # A channel may be closed a moment before the process is over.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
        self.kill()
        self.read_log()
        return WorkerDied(death, self._process.returncode)

    def read_log(self) -> bool:
        """Take what was printed so far; False when nothing will be printed any more."""
        while True:
            try:
                chunk = self.printed.read(_CHUNK)
            except (OSError, ValueError):
                return False
            if not chunk:
                return chunk is None
            self._log += chunk
            if len(self._log) > MAX_LOG_BYTES:
                del self._log[:-MAX_LOG_BYTES]

    def take_log(self) -> bytes:
        """What was printed since this was last asked."""
        printed = bytes(self._log)
        self._log.clear()
        return printed
