"""The data directory: its lock, its file, the key that encrypts it, and connections to it."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from typing import IO, Final

import apsw

from tailrace.engines.sqlite.connection import Connection, connect
from tailrace.engines.sqlite.statements import migrations
from tailrace.errors import ConfigurationError

__all__ = ["FILE_NAME", "Store"]

FILE_NAME: Final = "tailrace.db"
_LOCK_NAME: Final = "tailrace.lock"
_APPLICATION_ID: Final = 0x5461_696C
_MAGIC: Final = b"SQLite format 3\0"
_SALT_BYTES: Final = 16
_HEADER_BYTES: Final = 100

# Measured with items of 550 bytes and records of 1.2 KB: 4096 costs more calls, 16384 more bytes to
# the log.
_PAGE_BYTES: Final = 8192
_WRITER_CACHE_KIB: Final = 64 * 1024
_READER_CACHE_KIB: Final = 8 * 1024
_BUSY_MS: Final = 5000
# The log's file is cut down to this when it begins anew.
_LOG_FILE_BYTES: Final = 192 * 1024 * 1024

_READ: Final = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_NOMUTEX
_WRITE: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX

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
        self._file = directory / FILE_NAME
        self._secret: str | None = None
        self._lock = _lock(directory)
        try:
            if not self._file.exists():
                self._make(directory / f"{FILE_NAME}.new", key)
            self._secret = _checked_secret(self._file, key)
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

    def _make(self, file: Path, key: bytes | None) -> None:
        """Make an empty store under another name and move it into place, so that it is there whole
        or not at all.
        """
        for leftover in (file, file.with_name(f"{file.name}-journal")):
            leftover.unlink(missing_ok=True)
        if key is not None:
            salt = os.urandom(_SALT_BYTES)
            self._secret = f"{_secret(key, salt)}{salt.hex()}"
        connection = self._connect(file, _WRITE)
        try:
            connection.pragma("page_size", _PAGE_BYTES)
            connection.pragma("application_id", _APPLICATION_ID)
            _upgrade(connection, 0)
        finally:
            connection.close()
        file.rename(self._file)
        _sync_directory(self._file.parent)


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


def _checked_secret(file: Path, key: bytes | None) -> str | None:
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
    # An encrypted file begins with the salt that was drawn when it was made.
    secret = None if key is None else _secret(key, header[:_SALT_BYTES])
    if _application(file, secret) != _APPLICATION_ID:
        raise ConfigurationError(f"{file} is not a store of Tailrace's")
    return secret


def _application(file: Path, secret: str | None) -> int:
    """The application id in a file's first page. Raises ConfigurationError for a wrong key."""
    # Immutable: neither locks nor the write-ahead log are looked at, so a wrong key cannot spoil
    # them.
    connection = connect(f"{file.resolve().as_uri()}?immutable=1", _READ | apsw.SQLITE_OPEN_URI)
    try:
        if secret is not None:
            connection.pragma("key", secret)
        return int(connection.pragma("application_id"))
    except apsw.NotADBError as failure:
        if secret is None:
            raise
        raise ConfigurationError(f"The key given is not that of {file}") from failure
    finally:
        connection.close()


def _secret(key: bytes, salt: bytes) -> str:
    """The raw key of SQLite3 Multiple Ciphers. Stretched here, once, and not again for each
    connection.

    The parameters are those of RFC 7914 for interactive use: 16 MB, some 40 ms.
    """
    return f"raw:{hashlib.scrypt(key, salt=salt, n=2**14, r=8, p=1, dklen=32).hex()}"


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
