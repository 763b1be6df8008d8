"""Dead letters in a directory: files of JSON lines, one letter a line, for people and their tools.

Every process appends to a file of its own. Letters that were dropped stand in `dropped.txt`, by id,
so that no file is rewritten while somebody appends to it.
"""

from __future__ import annotations

import asyncio
import datetime
import os
import uuid
from collections.abc import AsyncGenerator, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tailrace.delivery.dead_letters import StoredLetter, stored
from tailrace.delivery.ports import DeadLetter

__all__ = ["DirectoryDeadLetters"]

DROPPED: Final = "dropped.txt"
_encode: Final = msgspec.json.encode
_decode: Final = msgspec.json.Decoder(StoredLetter).decode


class DirectoryDeadLetters:
    """Keeps dead letters below a directory, which is made when it is needed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        today = datetime.datetime.now(datetime.UTC)
        self._path = directory / f"{today:%Y-%m-%d}-{uuid.uuid4().hex[:8]}.jsonl"
        self._lock = asyncio.Lock()

    async def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Append the letters; they are on the disk when this returns."""
        lines = [_encode(stored(letter)) for letter in letters]
        async with self._lock:
            await asyncio.to_thread(_append, self._path, lines)

    async def letters(self) -> AsyncGenerator[StoredLetter, None]:
        """All letters that were not dropped, by file and line. A line that was torn by the end of
        its writer is passed over: that letter was not kept."""
        dropped = await asyncio.to_thread(_lines, self._directory / DROPPED)
        gone = {line.decode() for line in dropped}
        for path in sorted(self._directory.glob("*.jsonl")):
            for line in await asyncio.to_thread(_lines, path):
                try:
                    letter = _decode(line)
                except msgspec.MsgspecError:
                    continue
                if letter.id not in gone:
                    yield letter

    async def remove(self, ids: Sequence[str]) -> None:
        """Drop letters."""
        async with self._lock:
            lines = [each.encode() for each in ids]
            await asyncio.to_thread(_append, self._directory / DROPPED, lines)


def _append(path: Path, lines: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        # What a torn write left behind must not spoil the next line.
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(b"".join(line + b"\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.exists() else []
