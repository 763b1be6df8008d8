"""Proves that the memory engine, the oracle of the others, keeps the engine contract."""

from __future__ import annotations

from pathlib import Path

from tailrace.clock import Clock
from tailrace.engines.memory import MemoryEngine
from tailrace.testing.contracts.engine import EngineContract


class TestMemoryEngine(EngineContract):
    def make(self, path: Path, clock: Clock) -> MemoryEngine:
        return MemoryEngine(clock)
