"""Checkpoints in memory meet the contract of checkpoints."""

from __future__ import annotations

from collections.abc import Callable

from tailrace.delivery.ports import Checkpoints
from tailrace.sources.memory_checkpoints import MemoryCheckpoints
from tailrace.testing.contracts.checkpoints import CheckpointsContract


class TestMemoryCheckpoints(CheckpointsContract):
    def make(self) -> Callable[[], Checkpoints]:
        checkpoints = MemoryCheckpoints()
        return lambda: checkpoints
