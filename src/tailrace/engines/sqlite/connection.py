"""The part of apsw that this engine uses, with types: apsw's own are not complete before Python
3.12.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Protocol, cast

import apsw

__all__ = ["Connection", "Cursor", "connect", "integers"]

# More than there are, with those for several rows in each of their sizes.
_STATEMENTS_PREPARED: Final = 256


class Cursor(Protocol):
    """A cursor. Rows are tuples; blobs come as bytes."""

    def execute(self, statements: str, bindings: Sequence[object] | None = None) -> Cursor: ...

    def executemany(self, statements: str, bindings: Iterable[Sequence[object]]) -> Cursor: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...

    @property
    def get(self) -> Any:
        """What is left, in its simplest form: one value for one column of one row, None for
        nothing.
        """
        ...

    @property
    def connection(self) -> Connection: ...


class Connection(Protocol):
    """A connection. It may go from thread to thread, but only one may use it at a time."""

    def cursor(self) -> Cursor: ...

    def execute(self, statements: str, bindings: Sequence[object] | None = None) -> Cursor: ...

    def pragma(self, name: str, value: str | int | None = None) -> Any: ...

    def changes(self) -> int: ...

    @property
    def in_transaction(self) -> bool: ...

    def set_busy_timeout(self, milliseconds: int) -> None: ...

    def set_wal_hook(self, hook: Callable[[Any, str, int], int] | None, /) -> None: ...

    def set_progress_handler(self, handler: Callable[[], object], steps: int, /) -> None:
        """Call `handler` now and then while a statement runs; a true result would end it."""
        ...

    def wal_autocheckpoint(self, n: int) -> None: ...

    def wal_checkpoint(self) -> tuple[int, int]:
        """Pages in the write-ahead log, and how many of them the database file has."""
        ...

    def close(self) -> None: ...


def connect(name: str, flags: int) -> Connection:
    """Open a file, or with SQLITE_OPEN_URI the file that a URI names. Raises apsw.Error."""
    return cast(
        Connection, apsw.Connection(name, flags=flags, statementcachesize=_STATEMENTS_PREPARED)
    )


def integers(values: array[int]) -> object:
    """What binds 64-bit integers, at least one, to the argument of SQL's `carray`."""
    return cast(Any, apsw).carray(values, flags=apsw.SQLITE_CARRAY_INT64)
