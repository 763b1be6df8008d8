"""What functions run in ends with the server, whatever that dies of."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import runs

PARENT = textwrap.dedent("""
    import asyncio, json, sys
    from pathlib import Path
    from tailrace.runtimes.function import FunctionSpec, Invocation
    from tailrace.runtimes.runtime_api import CommandWorker
    from tailrace.runtimes.worker_thread import PythonWorker
    from tailrace.runtimes.workers import WorkerPool

    async def main():
        spec = FunctionSpec(
            name="f", handler="index.handler", directory=Path(sys.argv[1]), timeout_s=100,
            environment={"TOLD": sys.argv[2]},
        )
        make = CommandWorker if sys.argv[3] == "program" else PythonWorker
        call = Invocation(request_id="r", payload=b"{}", arn="a")
        await WorkerPool(spec, make=make).invoke(call)

    asyncio.run(main())
""")
BUSY = textwrap.dedent("""
    import os, pathlib
    def handler(event=None, context=None):
        partial = pathlib.Path(os.environ["TOLD"] + ".partial")
        partial.write_text(str(os.getpid()))
        partial.rename(os.environ["TOLD"])
        while True:
            pass
""")


@pytest.mark.parametrize("kind", ["handler", "program"])
def test_processes_end_with_a_parent_that_was_killed(tmp_path: Path, kind: str) -> None:
    (tmp_path / "index.py").write_text(BUSY)
    bootstrap = tmp_path / "bootstrap"
    bootstrap.write_text(f"#!{sys.executable}\n{BUSY}\nhandler()\n")
    bootstrap.chmod(0o755)
    told = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path), str(told), kind])
    try:
        _until(told.exists)
    finally:
        parent.kill()
        parent.wait()
    _until(lambda: not runs(int(told.read_text())))


def test_nothing_is_started_for_a_parent_that_is_gone() -> None:
    command = [sys.executable, "-m", "tailrace.runtimes.launcher"]
    # It is told of another parent than it has: its own was gone before it could look.
    ended = subprocess.run([*command, "1", "true"], capture_output=True, check=False)
    assert ended.returncode == 1


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)
