"""SQLite's errors, translated: the one place where they become ours."""

from __future__ import annotations

import apsw

from tailrace.errors import AwsError, InternalServerError

__all__ = ["CLOSED", "translated"]

CLOSED = "The store is closed"
_WORDS: dict[type[Exception], str] = {
    apsw.FullError: "The store's disk is full",
    apsw.IOError: "The store could not be read or written",
    apsw.CorruptError: "The store's file is damaged",
    apsw.NotADBError: "The store's file is damaged",
    apsw.ReadOnlyError: "The store's file cannot be written",
    apsw.ConnectionClosedError: CLOSED,
}


def translated(failure: Exception) -> AwsError:
    """What callers are told: refusals as they are, anything else as a fault of the store, with its
    cause.
    """
    if isinstance(failure, AwsError):
        return failure
    fault = InternalServerError(_WORDS.get(type(failure), "Internal server error"))
    fault.__cause__ = failure
    return fault
