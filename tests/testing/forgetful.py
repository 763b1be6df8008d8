"""A store that forgets everything, for tests of what should notice it; proves nothing itself."""

from __future__ import annotations

from pathlib import Path

from tailrace.clock import Clock
from tailrace.engines.memory import MemoryEngine


def open_store(path: Path, clock: Clock) -> MemoryEngine:
    del path
    return MemoryEngine(clock)
