"""Proves that the SQLite engine answers whatever is asked of it as the memory engine does."""

from __future__ import annotations

from pathlib import Path

from tailrace.clock import Clock
from tailrace.engines.sqlite import SqliteEngine
from tailrace.testing.contracts.oracle import OracleMachine


class SqliteOracle(OracleMachine):
    def make(self, path: Path, clock: Clock) -> SqliteEngine:
        return SqliteEngine(path, clock)


TestSqliteOracle = SqliteOracle.TestCase
