"""What all parts of the engine contract stand on: a store under test."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import pytest

from tailrace.clock import Clock, ManualClock
from tailrace.tables.engine import Engine

__all__ = ["StoreContract"]


class StoreContract(ABC):
    """The fixtures: `clock`, a clock that moves when told to, and `engine`, a new store."""

    @abstractmethod
    def make(self, path: Path, clock: Clock) -> Engine:
        """Open the store in the directory `path`, which exists; an empty one is a new store."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def engine(self, tmp_path: Path, clock: ManualClock) -> Iterator[Engine]:
        engine = self.make(tmp_path, clock)
        yield engine
        engine.close()
