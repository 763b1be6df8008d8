"""Proves that a guarded server dies with whoever started it, even by kill -9."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.processes import runs

GUARD = str(Path(__file__).with_name("guard.py"))
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
DEADLINE_S = 20


def _has_ended(pid: int) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if not runs(pid):
            return True
        time.sleep(0.02)
    return False


def _start(log: Path, command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, GUARD, str(log), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def _child(guard: subprocess.Popen[bytes]) -> int:
    assert guard.stdout
    return int(guard.stdout.readline())


def test_the_child_ends_when_the_input_closes(tmp_path: Path) -> None:
    with _start(tmp_path / "log", SLEEPER) as guard:
        child = _child(guard)
        assert guard.stdin
        guard.stdin.close()
        assert guard.wait(DEADLINE_S) == signal.SIGKILL
    assert _has_ended(child)


def test_the_child_ends_when_the_guard_is_terminated(tmp_path: Path) -> None:
    with _start(tmp_path / "log", SLEEPER) as guard:
        child = _child(guard)
        guard.terminate()
        assert guard.wait(DEADLINE_S) == signal.SIGKILL
    assert _has_ended(child)


def test_the_child_ends_when_its_holder_is_killed(tmp_path: Path) -> None:
    holder_code = (
        "import subprocess, sys, time\n"
        f"guard = subprocess.Popen([{sys.executable!r}, {GUARD!r}, {str(tmp_path / 'log')!r},"
        f" *{SLEEPER!r}], stdin=subprocess.PIPE)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", holder_code]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        child = _child(holder)
        holder.kill()
    assert _has_ended(child)


def test_status_and_output_are_the_childs(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with _start(log, [sys.executable, "-c", "print('said'); raise SystemExit(3)"]) as guard:
        assert guard.wait(DEADLINE_S) == 3
    assert log.read_text() == "said\n"
