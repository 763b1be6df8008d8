"""The programs of other languages: built once for each content of their project, run to the end."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

__all__ = ["build", "java_command", "maven_goals", "output_of"]

_BUILD_S = 900
_RUN_S = 120


def build(project: Path, *commands: Sequence[str | Path]) -> Path:
    """A copy of the project in which the commands have run, made once for each content of it.

    Fails with what the command said, so that a registry that does not answer is seen as that.
    """
    sources = sorted(path for path in project.rglob("*") if path.is_file())
    digest = hashlib.sha256(repr(commands).encode())
    for path in sources:
        digest.update(f"{path.relative_to(project)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))
    cache = Path(os.environ.get("TEST_SERVER_CACHE", str(home / "tailrace-tests")))
    cache.mkdir(parents=True, exist_ok=True)
    built = cache / f"{project.name}-{digest.hexdigest()[:12]}"
    with (cache / f"{project.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            partial = cache / f"{project.name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(project, partial)
            for command in commands:
                _run(command, partial, _BUILD_S)
            partial.rename(built)
    return built


def maven_goals(mvn: str, *options: str) -> list[str]:
    """The command that compiles a project of Maven's and puts the jars it needs into `lib`."""
    goals = ["compile", "dependency:copy-dependencies", "-DincludeScope=runtime"]
    return [mvn, "-B", "-q", "-ntp", *options, *goals, "-DoutputDirectory=lib"]


def java_command(java: str, built: Path, *arguments: str) -> list[str]:
    """The command that runs a class of such a project: its name and its arguments."""
    return [
        java,
        "-XX:TieredStopAtLevel=1",
        "-Xmx256m",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-cp",
        f"{built / 'target' / 'classes'}{os.pathsep}{built / 'lib'}/*",
        *arguments,
    ]


def output_of(command: Sequence[str | Path], folder: Path) -> str:
    """What a program prints. It is killed if it goes on for more than two minutes, and fails the
    test, with what it said, if it ends with a status other than 0."""
    return _run(command, folder, _RUN_S)


def _run(command: Sequence[str | Path], folder: Path, patience_s: float) -> str:
    ended = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience_s,
        check=False,
    )
    said = f"{ended.stdout}\n{ended.stderr}"
    assert ended.returncode == 0, f"{command[0]} ended with {ended.returncode}:\n{said}"
    return ended.stdout
