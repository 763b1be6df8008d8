"""Seeing that code was saved."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

__all__ = ["CodeDirectory"]

# A directory is looked through at each question, up to so many files, for no longer than this share
# of the time.
_FILES_LOOKED_AT: Final = 5000
_SCAN_SHARE: Final = 0.05
_PASSED_OVER: Final = frozenset({"__pycache__", "node_modules", ".git", ".venv", "venv"})


class CodeDirectory:
    """What a directory's files were when last looked at; `generation` counts the changes seen. Of
    interest are files whose names end with `suffix`."""

    def __init__(self, directory: Path, suffix: str = "") -> None:
        self.generation = 0
        self._directory = directory
        self._suffix = suffix
        self._seen = _fingerprint(directory, suffix)
        self._next_look = 0.0

    def changed(self) -> bool:
        """Whether any file came, went or was saved since the last call of this."""
        began = time.monotonic()
        if began < self._next_look:
            return False
        now = _fingerprint(self._directory, self._suffix)
        ended = time.monotonic()
        self._next_look = ended + (ended - began) / _SCAN_SHARE
        if now == self._seen:
            return False
        self._seen = now
        self.generation += 1
        return True


def _fingerprint(directory: Path, suffix: str) -> frozenset[tuple[str, int, int]]:
    found: set[tuple[str, int, int]] = set()
    for root, directories, files in os.walk(directory):
        directories[:] = sorted(name for name in directories if name not in _PASSED_OVER)
        for name in files:
            if not name.endswith(suffix):
                continue
            path = os.path.join(root, name)  # noqa: PTH118
            try:
                status = os.stat(path)  # noqa: PTH116
            except OSError:
                continue
            found.add((path, status.st_mtime_ns, status.st_size))
            if len(found) >= _FILES_LOOKED_AT:
                return frozenset(found)
    return frozenset(found)
