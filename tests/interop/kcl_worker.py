"""The KCL program of `kcl/`: built once with Maven, run as a process that prints what it reads."""

from __future__ import annotations

import fcntl
import hashlib
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["KclWorker", "build", "worker"]

_PROJECT = Path(__file__).with_name("kcl")
_STOP_S = 60.0


def build(mvn: str) -> Path:
    """The folder with the compiled program and its jars, made once for each content of the
    project."""
    sources = sorted(path for path in _PROJECT.rglob("*") if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    home = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))
    cache = Path(os.environ.get("TEST_SERVER_CACHE", str(home / "tailrace-tests")))
    cache.mkdir(parents=True, exist_ok=True)
    built = cache / f"kcl-{digest}"
    with (cache / "kcl.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            partial = cache / "kcl.partial"
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(_PROJECT, partial)
            goals = ["compile", "dependency:copy-dependencies", "-DincludeScope=runtime"]
            subprocess.run(
                [mvn, "-B", "-q", "-ntp", *goals, "-DoutputDirectory=lib"],
                cwd=partial,
                check=True,
                capture_output=True,
                text=True,
                timeout=600,
            )
            partial.rename(built)
    return built


class KclWorker:
    """A running worker. `lines` are what it printed, with nothing lost."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()
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
    java: str, built: Path, endpoint_url: str, arn: str, application: str, name: str, log: Path
) -> Iterator[KclWorker]:
    """A worker of an application on a stream; stopped at the end."""
    with log.open("w") as errors:
        process = subprocess.Popen(
            [
                java,
                "-XX:TieredStopAtLevel=1",
                "-Xmx256m",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-cp",
                f"{built / 'target' / 'classes'}{os.pathsep}{built / 'lib'}/*",
                "tailrace.StreamReader",
                endpoint_url,
                arn,
                application,
                name,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        running = KclWorker(process)
        try:
            yield running
        finally:
            running.stop()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None and not pipe.closed:
                    pipe.close()
