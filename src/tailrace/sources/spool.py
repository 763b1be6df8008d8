"""A spool in a directory: one SQLite file for each group and stream, synced to the disk."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import sys
import threading
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw
import msgspec

from tailrace.delivery.leases.spool import SpoolFull, SpoolState
from tailrace.delivery.ports import Record
from tailrace.errors import ConfigurationError, TailraceError

__all__ = ["SPOOL_BYTES", "DirectorySpool", "spool_directory", "spool_path"]

# A setting; 10 GiB hold a day of a hundred records of 1 KB a second.
SPOOL_BYTES: Final = 10 * 1024**3
PAGE_BYTES: Final = 8192
BUSY_MS: Final = 10_000
DELETED_AT_ONCE: Final = 2000
VACUUMED_AT_ONCE: Final = 2000
# More digits than any service's sequence numbers have, so that they sort as text.
_DIGITS: Final = 64
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS spool (id TEXT NOT NULL, form INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS shards (
    shard TEXT PRIMARY KEY, last TEXT, read_ms INTEGER NOT NULL,
    ended INTEGER NOT NULL, lossy INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS records (
    shard TEXT NOT NULL, sequence TEXT NOT NULL, created_ms INTEGER NOT NULL, event BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS places ON records (shard, sequence);
"""
_STATES: Final = """
SELECT s.shard, s.last, s.read_ms, s.ended, s.lossy, r.sequence, r.created_ms
FROM shards s LEFT JOIN records r ON r.rowid = (
    SELECT rowid FROM records WHERE shard = s.shard ORDER BY sequence LIMIT 1
)
"""
_FORM: Final = 1
_encode: Final = msgspec.json.encode
_Result = TypeVar("_Result")


def spool_directory() -> Path:
    """Where the user's programs keep what outlives them. Raises ConfigurationError for a user
    without a home."""
    state = os.environ.get("XDG_STATE_HOME")
    if state:
        return Path(state) / "tailrace" / "spool"
    try:
        return Path.home() / ".local" / "state" / "tailrace" / "spool"
    except RuntimeError as error:
        raise ConfigurationError(f"give a directory for the spool, or none: {error}") from error


def spool_path(directory: Path, group: str, identity: str) -> Path:
    """The file of a group; `identity` tells groups of the same name apart."""
    digest = hashlib.blake2b(identity.encode(), digest_size=8).hexdigest()
    return directory / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', group)[:80]}-{digest}.spool"


class DirectorySpool:
    """Keeps records in the file `path`, whose directory is made when it is needed; about
    `max_bytes` of them at most. Processes of one machine may share it. What was dropped gives its
    room back."""

    def __init__(self, path: Path, max_bytes: int = SPOOL_BYTES) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._id: str | None = None
        self._connection: Any = None
        self._lock = threading.Lock()

    @property
    def id(self) -> str | None:
        """What tells it from all other spools; None as long as it is not open."""
        return self._id

    async def open(self, *, create: bool) -> None:
        """Open the file if it is there; with `create` make it. Raises TailraceError."""
        if self._id is None:
            await asyncio.to_thread(self._open, create)

    async def states(self) -> Mapping[str, SpoolState]:
        """What there is, by shard id."""
        rows = await self._run(lambda db: db.execute(_STATES).fetchall())
        return {row[0]: _state(row) for row in rows}

    async def state(self, shard_id: str) -> SpoolState | None:
        """What there is of one shard."""
        return await self._run(lambda db: _state_of(db, shard_id))

    async def append(
        self,
        shard_id: str,
        after: int | None,
        records: Sequence[Record],
        *,
        now_ms: int,
        ended: bool = False,
        lossy: bool = False,
    ) -> SpoolState:
        """Keep records that follow the number `after`, unless another process was quicker."""
        rows = [
            (shard_id, _digits(record.sequence), record.created_ms, _encode(record.event))
            for record in records
        ]
        last = rows[-1][1] if rows else None if after is None else _digits(after)

        def work(db: Any) -> SpoolState:
            with _writing(db):
                state = _state_of(db, shard_id)
                if state is not None and state.last != after:
                    return state
                if rows and _used_bytes(db) >= self._max_bytes:
                    raise SpoolFull(
                        f"the spool {self._path} has reached its {self._max_bytes:,} bytes: what is"
                        " to come stays in the stream"
                    )
                db.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", rows)
                db.execute(
                    "INSERT INTO shards VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (shard) DO UPDATE"
                    " SET last = ?2, read_ms = ?3, ended = ended | ?4, lossy = lossy | ?5",
                    (shard_id, last, now_ms, int(ended), int(lossy)),
                )
                return _state_of(db, shard_id) or SpoolState()

        return await self._run(work)

    async def read(self, shard_id: str, after: int, max_records: int) -> Sequence[Record]:
        """Records behind a number, in order."""
        query = (
            "SELECT sequence, created_ms, event FROM records WHERE shard = ? AND sequence > ?"
            " ORDER BY sequence LIMIT ?"
        )
        bindings = (shard_id, "" if after < 0 else _digits(after), max_records)
        rows = await self._run(lambda db: db.execute(query, bindings).fetchall())
        return [Record(int(number), made_ms, len(event), event) for number, made_ms, event in rows]

    async def trim(self, shard_id: str, upto: int) -> None:
        """Drop records up to a number, and give their room back."""
        await self._delete(shard_id, "AND sequence <= ?", _digits(upto))

    async def drop(self, shard_id: str) -> None:
        """Forget a shard. Its mark goes first: what is left of its records is nobody's."""
        await self._run(lambda db: db.execute("DELETE FROM shards WHERE shard = ?", (shard_id,)))
        await self._delete(shard_id)

    async def close(self) -> None:
        """Close the file."""
        await asyncio.to_thread(self._close)

    async def _delete(self, shard_id: str, which: str = "", *bindings: object) -> None:
        """Delete records and give their room back, so many at a time that nobody waits long."""
        statement = (
            "DELETE FROM records WHERE rowid IN"
            f" (SELECT rowid FROM records WHERE shard = ? {which} LIMIT {DELETED_AT_ONCE})"
        )

        def work(db: Any) -> bool:
            with _writing(db):
                db.execute(statement, (shard_id, *bindings))
                is_more = db.changes() == DELETED_AT_ONCE
            db.execute(f"PRAGMA incremental_vacuum({VACUUMED_AT_ONCE})").fetchall()
            return is_more or db.execute("PRAGMA freelist_count").get > 0

        while await self._run(work):
            pass

    async def _run(self, work: Callable[[Any], _Result]) -> _Result:
        def locked() -> _Result:
            with self._lock, self._translated():
                if self._connection is None:
                    raise TailraceError(f"the spool {self._path} is not open")
                return work(self._connection)

        return await asyncio.to_thread(locked)

    @contextlib.contextmanager
    def _translated(self) -> Generator[None, None, None]:
        """What goes wrong in the file, or on its disk, as an error of ours."""
        try:
            yield
        except (apsw.Error, OSError) as error:
            raise TailraceError(f"the spool {self._path}: {error}") from error

    def _open(self, create: bool) -> None:
        with self._lock, self._translated():
            if self._id is not None or not (create or self._path.exists()):
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            db: Any = apsw.Connection(str(self._path))
            db.set_busy_timeout(BUSY_MS)
            db.execute(f"PRAGMA page_size = {PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL")
            db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL").fetchall()
            with _writing(db):
                db.execute(_SCHEMA)
                found = db.execute("SELECT id FROM spool").get
                if found is None:
                    found = uuid.uuid4().hex
                    db.execute("INSERT INTO spool VALUES (?, ?)", (found, _FORM))
            _sync_directory(self._path.parent)
            self._connection, self._id = db, found

    def _close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = self._id = None


@contextlib.contextmanager
def _writing(db: Any) -> Generator[None, None, None]:
    """A transaction that writes."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _sync_directory(path: Path) -> None:
    if sys.platform == "win32":  # directories cannot be opened there
        return
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _state_of(db: Any, shard_id: str) -> SpoolState | None:
    for row in db.execute(_STATES + "WHERE s.shard = ?", (shard_id,)):
        return _state(row)
    return None


def _state(row: Sequence[Any]) -> SpoolState:
    _, last, read_ms, ended, lossy, first, oldest_ms = row
    return SpoolState(
        first=None if first is None else int(first),
        oldest_ms=oldest_ms,
        last=None if last is None else int(last),
        read_ms=read_ms,
        ended=bool(ended),
        lossy=bool(lossy),
    )


def _used_bytes(db: Any) -> int:
    pages = db.execute("PRAGMA page_count").get - db.execute("PRAGMA freelist_count").get
    return int(pages) * PAGE_BYTES


def _digits(sequence: int) -> str:
    return str(sequence).zfill(_DIGITS)
