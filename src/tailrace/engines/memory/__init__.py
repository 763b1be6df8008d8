"""The naive engine: obviously right, so that the others can be measured by it; also `--memory`."""

from __future__ import annotations

from tailrace.engines.memory.engine import MemoryEngine
from tailrace.engines.memory.log import MemoryLog

__all__ = ["MemoryEngine", "MemoryLog"]
