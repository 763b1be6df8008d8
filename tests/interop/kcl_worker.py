"""The KCL programs of `kcl/`: processes that print what they read."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.interop import programs

__all__ = ["KclWorker", "build", "worker"]

_STOP_S = 60.0


def build(mvn: str, profile: str = "streams") -> Path:
    """The folder with the compiled programs of a profile of the project, and their jars."""
    return programs.build(Path(__file__).with_name("kcl"), programs.maven_goals(mvn, "-P", profile))


class KclWorker:
    """A running worker. What it prints goes to `lines`, which workers may share: then it is in the
    order in which all of them printed it."""

    def __init__(
        self, process: subprocess.Popen[str], lines: queue.SimpleQueue[str] | None = None
    ) -> None:
        self._process = process
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue() if lines is None else lines
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.put(line.strip())

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def stop(self) -> None:
        """End it in good order."""
        if self._process.poll() is None and self._process.stdin is not None:
            self._process.stdin.close()
            deadline = time.monotonic() + _STOP_S
            while self._process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
        self.kill()


@contextmanager
def worker(
    java: str,
    built: Path,
    endpoint_url: str,
    stream: str,
    application: str,
    name: str,
    log: Path,
    lines: queue.SimpleQueue[str] | None = None,
    program: str = "tailrace.StreamReader",
) -> Iterator[KclWorker]:
    """A worker of an application on a stream; stopped at the end."""
    arguments = (endpoint_url, stream, application, name)
    with log.open("w") as errors:
        process = subprocess.Popen(
            programs.java_command(java, built, program, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        running = KclWorker(process, lines)
        try:
            yield running
        finally:
            running.stop()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None and not pipe.closed:
                    pipe.close()
