"""Load by wrk: some connections, each of which sends a request when the last was answered."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CONNECTIONS", "Load", "LoadFailed", "run_load", "wrk_path"]

CONNECTIONS = 16
# Enough keys that nearly every put makes a new item.
NEW_KEYS = 1_000_000_000
_THREADS = 2
_SCRIPTS = Path(__file__).parent / "wrk"
_SEEDS = itertools.count(1)


class LoadFailed(Exception):
    """wrk could not run, or requests failed, so that its figures would mean nothing."""


@dataclass(frozen=True)
class Load:
    """What a run measured: requests per second, mean size of an answer with its head, latencies."""

    requests: int
    per_s: float
    answer_bytes: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


def wrk_path() -> str | None:
    """Where wrk is, or None."""
    return shutil.which("wrk")


def run_load(script: str, port: int, table: str, seconds: float, keys: int = NEW_KEYS) -> Load:
    """Run `wrk/<script>.lua` on a table; raises LoadFailed unless every request succeeded."""
    wrk = wrk_path()
    if wrk is None:
        raise LoadFailed("wrk is not installed")
    command = [
        wrk, f"-t{_THREADS}", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s",
        "--timeout", "10s", "-s", f"{script}.lua", f"http://127.0.0.1:{port}/",
        "--", table, str(next(_SEEDS)), str(keys),
    ]  # fmt: skip
    run = subprocess.run(command, cwd=_SCRIPTS, capture_output=True, text=True, check=False)
    lines = [line for line in run.stdout.splitlines() if line.startswith("RESULT ")]
    if run.returncode != 0 or len(lines) != 1:
        raise LoadFailed(
            f"wrk {script} ended with {run.returncode}: {run.stdout[-300:]} {run.stderr[-300:]}"
        )
    figures = json.loads(lines[0].removeprefix("RESULT "))
    failed = {kind: figures[kind] for kind in ("refused", "broken", "timeouts") if figures[kind]}
    if failed:
        raise LoadFailed(f"wrk {script}: of {figures['requests']} requests failed {failed}")
    if not figures["requests"]:
        raise LoadFailed(f"wrk {script}: no request was answered in {seconds:g} s")
    return Load(
        requests=figures["requests"],
        per_s=figures["requests"] / (figures["duration_us"] / 1e6),
        answer_bytes=figures["bytes"] / figures["requests"],
        p50_ms=figures["p50_us"] / 1000,
        p90_ms=figures["p90_us"] / 1000,
        p99_ms=figures["p99_us"] / 1000,
        p999_ms=figures["p999_us"] / 1000,
        max_ms=figures["max_us"] / 1000,
    )
