"""Uploaded code in a directory: the zip file of each bundle, and beside it what was in it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import re
import shutil
import tempfile
import uuid
import zipfile
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import IO, Final

from tailrace.api.functions.ports import BadBundle
from tailrace.api.functions.records import Code

__all__ = ["DirectoryBundles"]

# gettingstarted-limits.html, "Deployment package size": 250 MB unzipped.
MAX_UNZIPPED_BYTES: Final = 262_144_000
MAX_FILES: Final = 65_535
_ARCHIVE: Final = "code.zip"
_CODE: Final = "code"
_NAME: Final = re.compile(r"[0-9a-f]{32}")


class DirectoryBundles:
    """Bundles below `root`, each named by a number that nobody can guess; None: below a directory
    that goes when this is closed."""

    def __init__(self, root: Path | None) -> None:
        # Functions run elsewhere, so a relative path would lead them astray.
        self._given = None if root is None else root.absolute()
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._new: set[str] = set()

    @property
    def _root(self) -> Path:
        if self._given is not None:
            return self._given
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(
                prefix="tailrace-", ignore_cleanup_errors=True
            )
        return Path(self._temporary.name)

    async def close(self) -> None:
        """Drop what was not to last."""
        if self._temporary is not None:
            await asyncio.to_thread(self._temporary.cleanup)
            self._temporary = None

    async def keep(self, archive: bytes) -> Code:
        """Keep and unpack a zip file. Raises BadBundle."""
        name = uuid.uuid4().hex
        # Not in use before it is in a function's document.
        self._new.add(name)
        await asyncio.to_thread(self._keep, self._root / name, archive)
        digest = base64.b64encode(hashlib.sha256(archive).digest()).decode()
        return Code(bundle=name, size=len(archive), sha256=digest)

    async def read(self, bundle: str) -> bytes | None:
        """The zip file of a bundle."""
        if not _NAME.fullmatch(bundle):
            return None
        try:
            return await asyncio.to_thread((self._root / bundle / _ARCHIVE).read_bytes)
        except FileNotFoundError:
            return None

    def directory(self, bundle: str) -> Path:
        """Where a bundle was unpacked."""
        return self._root / bundle / _CODE

    async def retain(self, bundles: Collection[str]) -> None:
        """Drop all bundles but these, and those that are not in use yet."""
        self._new.difference_update(bundles)
        keep = {*bundles, *self._new}
        if self._given is not None or self._temporary is not None:
            await asyncio.to_thread(self._retain, keep)

    def _retain(self, keep: Collection[str]) -> None:
        if self._root.is_dir():
            for path in self._root.iterdir():
                if path.name not in keep:
                    shutil.rmtree(path, ignore_errors=True)

    def _keep(self, place: Path, archive: bytes) -> None:
        code = place / _CODE
        code.mkdir(parents=True)
        try:
            (place / _ARCHIVE).write_bytes(archive)
            _unpack(archive, code)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        # One call for many files; each by itself would take longer.
        os.sync()


def _unpack(archive: bytes, directory: Path) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as content:
            entries = content.infolist()
            _check(entries)
            for entry in entries:
                path = directory / PurePosixPath(entry.filename)
                if entry.is_dir():
                    path.mkdir(parents=True, exist_ok=True)
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                with content.open(entry) as packed, path.open("wb") as file:
                    _copy(packed, file, entry.file_size)
                if entry.external_attr >> 16 & 0o111:
                    path.chmod(0o755)
    except (zipfile.BadZipFile, RuntimeError, EOFError, OSError, ValueError) as error:
        raise BadBundle from error


def _check(entries: list[zipfile.ZipInfo]) -> None:
    size = sum(entry.file_size for entry in entries)
    if size > MAX_UNZIPPED_BYTES:
        raise BadBundle(f"Unzipped size must be smaller than {MAX_UNZIPPED_BYTES} bytes")
    if len(entries) > MAX_FILES:
        raise BadBundle(f"A zip file may have no more than {MAX_FILES} files")
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts:
            raise BadBundle(f"A file's name leads out of the zip file: {entry.filename}")


def _copy(packed: IO[bytes], file: IO[bytes], size: int) -> None:
    """Copy what the entry says it has, and no more than that."""
    left = size
    while left > 0 and (chunk := packed.read(min(left, 1 << 20))):
        file.write(chunk)
        left -= len(chunk)
    if left or packed.read(1):
        raise BadBundle
