"""Proves that the SQLite engine loses nothing acknowledged when its process is killed."""

from __future__ import annotations

from tailrace.testing.contracts.crash import CrashContract


class TestSqliteCrash(CrashContract):
    factory = "tailrace.engines.sqlite:SqliteEngine"
