"""Proves that the SQLite engine keeps the engine contract, plain and encrypted."""

from __future__ import annotations

from pathlib import Path

from tailrace.clock import Clock
from tailrace.engines.sqlite import SqliteEngine
from tailrace.testing.contracts.engine import DurableEngineContract


class TestSqliteEngine(DurableEngineContract):
    def make(self, path: Path, clock: Clock) -> SqliteEngine:
        return SqliteEngine(path, clock)


class TestEncryptedSqliteEngine(DurableEngineContract):
    def make(self, path: Path, clock: Clock) -> SqliteEngine:
        return SqliteEngine(path, clock, key=b"any bytes may be a key")
