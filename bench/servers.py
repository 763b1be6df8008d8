"""The servers that are compared: how each is found, started on a free port, and stopped."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.client import Client

__all__ = [
    "Kind",
    "NotInstalled",
    "Server",
    "cache_dir",
    "find_kinds",
    "running",
    "running_in",
    "scratch_dir",
    "stop",
]

DYNAMODB_LOCAL_VERSION = "2.6.1"
_PEERS = Path(__file__).parent / "peers"
_READY_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 20.0
_POLL_S = 0.002
# A server that idles uses less of a processor than this share.
_SETTLED_SHARE = 0.05
_SETTLE_LOOK_S = 1.0
_SETTLE_LIMIT_S = 30.0


class NotInstalled(Exception):
    """Why a server cannot take part, in words for the report."""


@dataclass(frozen=True)
class Kind:
    """A server that can be started; `command` takes a port and a directory to make and use."""

    name: str
    version: str
    storage: str
    command: Callable[[int, Path], list[str]]

    def with_options(self, *options: str) -> Kind:
        """The same server with more options on its command line."""
        return dataclasses.replace(
            self, command=lambda port, data: [*self.command(port, data), *options]
        )


@dataclass(frozen=True)
class Server:
    """A server that runs. `start_s` is the time from its fork to its first successful answer."""

    kind: Kind
    pid: int
    port: int
    data: Path
    start_s: float

    def memory_mb(self) -> float:
        """Resident memory of the process and its children, in 10^6 bytes."""
        return sum(_resident(pid) for pid in _family(self.pid)) / 1e6

    def settle(self) -> None:
        """Wait until the process and its children have nothing left to do, or for a while."""
        deadline = time.monotonic() + _SETTLE_LIMIT_S
        before, busy_s = self._cpu_s(), _SETTLE_LOOK_S
        while busy_s > _SETTLED_SHARE * _SETTLE_LOOK_S and time.monotonic() < deadline:
            time.sleep(_SETTLE_LOOK_S)
            now = self._cpu_s()
            before, busy_s = now, now - before

    def _cpu_s(self) -> float:
        return sum(_cpu_s(pid) for pid in _family(self.pid))


def cache_dir() -> Path:
    """Where downloads and scratch data go: outside the repository."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tailrace-bench"


@contextmanager
def scratch_dir() -> Iterator[Path]:
    """A directory on the cache's disk, removed afterwards.

    Not where the system keeps temporary files: that may be memory, where syncing is free.
    """
    cache_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=cache_dir(), prefix="data-", ignore_cleanup_errors=True
    ) as path:
        yield Path(path)


def find_kinds() -> tuple[list[Kind], dict[str, str]]:
    """All servers that can be started here, and the reasons why others cannot, by name."""
    found: list[Kind] = []
    missing: dict[str, str] = {}
    for name, find in (
        ("Tailrace", _tailrace),
        ("DynamoDB Local", _dynamodb_local),
        ("Dynoxide", _dynoxide),
    ):
        try:
            found.append(find())
        except NotInstalled as reason:
            missing[name] = str(reason)
    return found, missing


def _tailrace() -> Kind:
    if importlib.util.find_spec("tailrace.__main__") is None:
        raise NotInstalled("this Python cannot run `python -m tailrace`")
    version = importlib.metadata.version("tailrace")

    def command(port: int, data: Path) -> list[str]:
        return [sys.executable, "-m", "tailrace", "serve", "--port", str(port), "--data", str(data)]

    return Kind("Tailrace", version, "on disk, synced", command)


def _dynamodb_local() -> Kind:
    java = shutil.which("java")
    if java is None:
        raise NotInstalled("there is no java")
    home = cache_dir() / f"dynamodb-local-{DYNAMODB_LOCAL_VERSION}"
    library = home / "lib"
    if not (library / f"DynamoDBLocal-{DYNAMODB_LOCAL_VERSION}.jar").exists():
        _fetch_dynamodb_local(library)
    main = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"

    def command(port: int, data: Path) -> list[str]:
        return [
            java, f"-Djava.library.path={library}", "-cp", f"{library}/*", main,
            "-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port),
        ]  # fmt: skip

    return Kind("DynamoDB Local", DYNAMODB_LOCAL_VERSION, "in memory", command)


def _fetch_dynamodb_local(library: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NotInstalled("its jars are not in the cache and there is no mvn to fetch them")
    goal = [
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
        f"-DoutputDirectory={library}",
    ]
    run = subprocess.run(
        [maven, "-q", "-B", *goal], cwd=_PEERS, capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        raise NotInstalled(f"Maven could not fetch it: {run.stdout.strip().splitlines()[:1]}")


def _dynoxide() -> Kind:
    cargo = Path.home() / ".cargo" / "bin" / "dynoxide"
    program = shutil.which("dynoxide") or (str(cargo) if cargo.exists() else None)
    if program is None:
        raise NotInstalled("there is no dynoxide; `cargo install dynoxide-rs` brings it")
    run = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"\d+(\.\d+)+", run.stdout)

    def command(port: int, data: Path) -> list[str]:
        return [program, "--port", str(port)]

    return Kind("Dynoxide", version.group() if version else "unknown", "in memory", command)


@contextmanager
def running(kind: Kind) -> Iterator[Server]:
    """Start a server with nothing stored, stop it at the end; RuntimeError if it stays down."""
    with scratch_dir() as scratch, running_in(kind, scratch) as server:
        yield server


@contextmanager
def running_in(kind: Kind, scratch: Path) -> Iterator[Server]:
    """Like `running`, in a directory of the caller's, where its data stays."""
    port, data, log_path = _free_port(), scratch / "data", scratch / "log"
    with log_path.open("wb") as log:
        command = kind.command(port, data)
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=scratch, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
        try:
            start_s = _await_answer(process, port, begin, log_path)
            yield Server(kind, process.pid, port, data, start_s)
        finally:
            stop(process)


def _await_answer(process: subprocess.Popen[bytes], port: int, begin: float, log: Path) -> float:
    while time.perf_counter() - begin < _READY_TIMEOUT_S and process.poll() is None:
        client = Client(port)
        try:
            client.call("ListTables", {})
            return time.perf_counter() - begin
        except OSError:
            time.sleep(_POLL_S)
        finally:
            client.close()
    tail = log.read_text(errors="replace")[-1000:]
    raise RuntimeError(f"the server did not come up (exit status {process.poll()}): {tail}")


def stop(process: subprocess.Popen[Any]) -> None:
    """Ask a process to stop, and end it if it does not."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    below = [int(child) for child in children.read_text().split()] if children.exists() else []
    return [pid, *(member for child in below for member in _family(child))]


def _resident(pid: int) -> int:
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0


def _cpu_s(pid: int) -> float:
    # After the command's name, in parentheses, which may have any characters.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
