"""The data directory: its lock, its file, the key that encrypts it, and connections to it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

import apsw

from tailrace.engines.sqlite.connection import Connection, connect
from tailrace.engines.sqlite.statements import migrations
from tailrace.errors import ConfigurationError

__all__ = ["FILE_NAME", "Store", "rekey"]

FILE_NAME: Final = "tailrace.db"
_LOCK_NAME: Final = "tailrace.lock"
_APPLICATION_ID: Final = 0x5461_696C
_MAGIC: Final = b"SQLite format 3\0"
_SALT_BYTES: Final = 16
_HEADER_BYTES: Final = 100
_APPLICATION: Final = slice(68, 72)  # of the header (sqlite.org/fileformat2.html)

# Measured with items of 550 bytes and records of 1.2 KB: 4096 costs more calls, 16384 more bytes to
# the log.
_PAGE_BYTES: Final = 8192
_WRITER_CACHE_KIB: Final = 64 * 1024
_READER_CACHE_KIB: Final = 8 * 1024
_BUSY_MS: Final = 5000
# Steps of SQLite's machine between two reports of progress: some milliseconds.
_PROGRESS_STEPS: Final = 100_000
# The log's file is cut down to this when it begins anew.
_LOG_FILE_BYTES: Final = 192 * 1024 * 1024

_READ: Final = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_NOMUTEX
_WRITE: Final = (
    apsw.SQLITE_OPEN_READWRITE
    | apsw.SQLITE_OPEN_CREATE
    | apsw.SQLITE_OPEN_NOMUTEX
    | apsw.SQLITE_OPEN_URI
)

_WRITER_PRAGMAS: Final = (
    ("journal_mode", "wal"),
    ("synchronous", "full"),
    ("secure_delete", "off"),  # overwriting what is removed doubles the work of trimming
    ("cache_size", -_WRITER_CACHE_KIB),
    ("journal_size_limit", _LOG_FILE_BYTES),
)


class Store:
    """An opened data directory. While it is open, no other process, and no other `Store`, can open
    it.
    """

    def __init__(self, directory: Path, key: bytes | None) -> None:
        """Lock `directory` (made when missing), and make the store when there is none.

        `key` encrypts the file and everything SQLite writes beside it. Raises ConfigurationError,
        having changed nothing, when another process has the store, when the key is wrong, missing
        or not wanted, or when the file is not ours.
        """
        self._file = directory.absolute() / FILE_NAME
        self._fresh = self._file.with_name(f"{FILE_NAME}.new")
        self._log = self._file.with_name(f"{FILE_NAME}-wal")
        self._secret: str | None = None
        self._lock = _lock(directory)
        try:
            if not self._file.exists():
                self._make(key)
            self._secret = _checked_secret(self._file, self._log, key)
            self._clear()
        except (apsw.Error, OSError) as failure:
            self._lock.close()
            raise ConfigurationError(f"Cannot open {self._file}: {failure}") from failure
        except BaseException:
            self._lock.close()
            raise

    def writer(self) -> Connection:
        """A connection that writes, each commit of it durable; it never checkpoints by itself. The
        first one brings the schema up to date.

        Raises ConfigurationError, having changed nothing, when the schema is from a later version.
        """
        connection = self._connect(self._file, _WRITE)
        try:
            version = int(connection.pragma("user_version"))
            if version > len(migrations()):
                raise ConfigurationError(f"{self._file} was written by a later version of Tailrace")
            for name, value in _WRITER_PRAGMAS:
                connection.pragma(name, value)
            connection.wal_autocheckpoint(0)
            _upgrade(connection, version)
        except BaseException:
            connection.close()
            raise
        return connection

    def reader(self) -> Connection:
        """A connection that only reads."""
        connection = self._connect(self._file, _READ)
        connection.pragma("cache_size", -_READER_CACHE_KIB)
        return connection

    def checkpointer(self) -> Connection:
        """A connection that moves the write-ahead log into the file, and does nothing else."""
        connection = self._connect(self._file, _WRITE)
        # Which reads the file: before, the connection would not know of a log to move.
        connection.pragma("journal_mode", "wal")
        connection.wal_autocheckpoint(0)
        return connection

    def close(self) -> None:
        """Let others open the directory. All connections must have been closed."""
        self._lock.close()

    def _connect(self, file: Path, flags: int) -> Connection:
        connection = connect(str(file), flags)
        if self._secret is not None:
            connection.pragma("key", self._secret)
        connection.set_busy_timeout(_BUSY_MS)
        connection.pragma("temp_store", "memory")
        return connection

    def rewrite(self, key: bytes | None, progress: Callable[[float], None]) -> None:
        """Encrypt the store with another key, or with none: a copy is made and takes its place
        whole, so that a crash leaves the one or the other. No other connection may be open.

        `progress` is called now and then with the part that is done, 0 to 1. Raises
        ConfigurationError, the store being as it was, when the copy cannot be made.
        """
        self._clear()
        secret = _new_secret(key)
        connection = self.writer()
        try:
            pages = int(connection.pragma("page_count"))
            connection.set_progress_handler(
                lambda: progress(min(1.0, self._fresh_pages() / pages)), _PROGRESS_STEPS
            )
            connection.execute("VACUUM INTO ?", (f"{self._fresh.as_uri()}?key={secret or ''}",))
        except apsw.Error as failure:
            self._clear()
            raise ConfigurationError(f"Cannot rewrite {self._file}: {failure}") from failure
        finally:
            connection.close()
        if self._log.exists():
            # It would be taken for the copy's.
            self._clear()
            raise ConfigurationError(f"Cannot rewrite {self._file}: {self._log.name} stays")
        self._put_in_place()
        self._secret = secret
        progress(1.0)

    def _fresh_pages(self) -> int:
        return self._fresh.stat().st_size // _PAGE_BYTES if self._fresh.exists() else 0

    def _make(self, key: bytes | None) -> None:
        """Make an empty store, which is there whole or not at all."""
        if self._log.exists():
            raise ConfigurationError(f"{self._file} is missing, but {self._log.name} is there")
        self._clear()
        self._secret = _new_secret(key)
        connection = self._connect(self._fresh, _WRITE)
        try:
            connection.pragma("page_size", _PAGE_BYTES)
            connection.pragma("application_id", _APPLICATION_ID)
            _upgrade(connection, 0)
        finally:
            connection.close()
        self._put_in_place()

    def _put_in_place(self) -> None:
        _sync(self._fresh)
        self._fresh.rename(self._file)
        _sync(self._file.parent)

    def _clear(self) -> None:
        """Remove what was begun and not put in place."""
        for leftover in (self._fresh, self._fresh.with_name(f"{self._fresh.name}-journal")):
            leftover.unlink(missing_ok=True)


def rekey(
    directory: Path,
    key: bytes | None,
    new_key: bytes | None,
    progress: Callable[[float], None] = lambda part: None,
) -> None:
    """Encrypt the store in `directory`, which no engine may have open, with `new_key` instead of
    `key`; None is no encryption. As `Store.rewrite` does it. Raises ConfigurationError."""
    if not (directory / FILE_NAME).exists():
        raise ConfigurationError(f"There is no store in {directory}")
    store = Store(directory, key)
    try:
        store.rewrite(new_key, progress)
    finally:
        store.close()


def _upgrade(connection: Connection, version: int) -> None:
    for number, script in enumerate(migrations()[version:], version + 1):
        connection.execute(
            f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT"
        ).fetchall()


def _lock(directory: Path) -> IO[bytes]:
    """The directory's lock, held until it is closed."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / _LOCK_NAME).open("ab")
    except OSError as failure:
        raise ConfigurationError(
            f"Cannot use {directory} as data directory: {failure.strerror}"
        ) from failure
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as failure:
        lock.close()
        raise ConfigurationError(f"{directory} is in use by another process") from failure
    return lock


def _checked_secret(file: Path, log: Path, key: bytes | None) -> str | None:
    """What SQLite is to be given as key for `file`, tried without touching anything."""
    with file.open("rb") as opened:
        header = opened.read(_HEADER_BYTES)
    encrypted = not header.startswith(_MAGIC)
    if len(header) < _HEADER_BYTES:
        raise ConfigurationError(f"{file} is not a store of Tailrace's")
    if encrypted and key is None:
        raise ConfigurationError(f"{file} is encrypted or damaged, and no key was given")
    if not encrypted and key is not None:
        raise ConfigurationError(f"{file} is not encrypted, but a key was given")
    if key is None:
        if header[_APPLICATION] != _APPLICATION_ID.to_bytes(4, "big"):
            raise ConfigurationError(f"{file} is not a store of Tailrace's")
        return None
    # An encrypted file begins with the salt that was drawn when it was made.
    secret = _secret(key, header[:_SALT_BYTES])
    if not _fits(f"{file.as_uri()}?immutable=1", secret) and not _fits_log(file, log, secret):
        raise ConfigurationError(f"The key given is not that of {file}")
    return secret


def _fits(uri: str, secret: str) -> bool:
    """Whether a key opens a file's first page. An immutable file is neither locked nor changed, and
    its write-ahead log is not looked at, so a wrong key cannot spoil it."""
    connection = connect(uri, _READ | apsw.SQLITE_OPEN_URI)
    try:
        connection.pragma("key", secret)
        # A crash while the log was being moved can leave a file shorter than its first page says.
        connection.pragma("writable_schema", "on")
        return connection.pragma("application_id") == _APPLICATION_ID
    except apsw.NotADBError:
        return False
    finally:
        connection.close()


def _fits_log(file: Path, log: Path, secret: str) -> bool:
    """Whether a key opens the first page in the write-ahead log: that in the file may be torn when
    power failed while the log was being moved. Tried on copies, since trying changes them."""
    if not log.exists():
        return False
    with tempfile.TemporaryDirectory(dir=file.parent, prefix="tailrace-key-") as name:
        copy = Path(name) / file.name
        with file.open("rb") as opened:
            copy.write_bytes(opened.read(_PAGE_BYTES))
        shutil.copyfile(log, copy.with_name(log.name))
        return _fits(copy.as_uri(), secret)


def _secret(key: bytes, salt: bytes) -> str:
    """The raw key of SQLite3 Multiple Ciphers. Stretched here, once, and not again for each
    connection.

    The parameters are those of RFC 7914 for interactive use: 16 MB, some 40 ms.
    """
    return f"raw:{hashlib.scrypt(key, salt=salt, n=2**14, r=8, p=1, dklen=32).hex()}"


def _new_secret(key: bytes | None) -> str | None:
    """The raw key for a new file, and the salt that it is to begin with."""
    if key is None:
        return None
    salt = os.urandom(_SALT_BYTES)
    return f"{_secret(key, salt)}{salt.hex()}"


def _sync(file: Path) -> None:
    """Make a file, or the names in a directory, survive power loss."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
