"""Records appended to a file, one line of JSON each: the record as Lambda's event carries it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from tailrace.delivery.ports import Batch, Failure
from tailrace.sinks.threads import run_to_end

__all__ = ["JsonLinesSink"]

_encode = msgspec.json.encode
_TAIL_BYTES: Final = 64 * 1024


class JsonLinesSink:
    """Appends to `path`; what is written is synced to the disk before it counts.

    With `rotate_bytes`, a file that has reached that size is renamed (`changes.jsonl` to
    `changes.000001.jsonl` and so on) and a new one begun. A last line that a crash has torn is cut
    off when the file is opened. At least once: after a crash or a failed write lines may repeat; a
    record's `eventID` tells.
    """

    def __init__(self, path: Path, *, rotate_bytes: int | None = None) -> None:
        self._path = path
        self._rotate_bytes = rotate_bytes
        self._file: int | None = None
        self._size = 0
        self._lock = asyncio.Lock()

    async def write(self, batch: Batch) -> Sequence[Failure]:
        """Append a batch, durably. Raises OSError when the disk takes it not; the file is then as
        it was."""
        async with self._lock:
            await run_to_end(self._append, batch)
        return ()

    async def close(self) -> None:
        """Close the file."""
        async with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _append(self, batch: Batch) -> None:
        lines = b"".join(_encode(record.event) + b"\n" for record in batch.records)
        file = self._open()
        try:
            _write_all(file, lines)
            os.fsync(file)
        except OSError:
            os.ftruncate(file, self._size)
            raise
        self._size += len(lines)

    def _open(self) -> int:
        file = self._attach() if self._file is None else self._file
        if not self._is_full():
            return file
        os.close(file)
        self._file = None
        self._rotate()
        return self._attach()

    def _attach(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        self._size = _cut_torn_line(self._file)
        _sync_directory(self._path.parent)
        return self._file

    def _is_full(self) -> bool:
        return self._rotate_bytes is not None and self._size >= self._rotate_bytes

    def _rotate(self) -> None:
        number = 1
        while (target := self._numbered(number)).exists():
            number += 1
        self._path.rename(target)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.stem}.{number:06d}{self._path.suffix}")


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def _cut_torn_line(file: int) -> int:
    """Cut off what follows the last end of a line; the size that remains."""
    size = end = os.fstat(file).st_size
    while end:
        start = max(end - _TAIL_BYTES, 0)
        at = os.pread(file, end - start, start).rfind(b"\n")
        if at >= 0:
            end = start + at + 1
            break
        end = start
    if end != size:
        os.ftruncate(file, end)
        os.fsync(file)
    return end


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
