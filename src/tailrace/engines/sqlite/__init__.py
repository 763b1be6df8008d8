"""The default engine: one SQLite file, one writer, commits shared by everything that waits."""

from __future__ import annotations

from tailrace.engines.sqlite.engine import SqliteEngine
from tailrace.engines.sqlite.store import rekey

__all__ = ["SqliteEngine", "rekey"]
