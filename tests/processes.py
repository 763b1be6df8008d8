"""Whether a process runs, for tests of what must not outlive its parent."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["runs"]


def runs(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return _answers(pid)  # it is gone, or the system has no /proc
    return state != "Z"


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
