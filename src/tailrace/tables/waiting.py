"""Waiting for an engine, for callers that have nothing else to do: background work, tests, embedded
use.

Never from the thread on which the engine reports outcomes: the wait would be for oneself.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Generic, TypeVar

from tailrace.errors import AwsError, TailraceError
from tailrace.tables.catalog import Alter, Catalog
from tailrace.tables.engine import Engine, Outcome, Write

__all__ = ["Waiter", "alter_and_wait", "commit_and_wait"]

_Result = TypeVar("_Result")


class Waiter(Generic[_Result]):
    """Takes one result on any thread; `wait` gives it on another."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._results: list[_Result] = []

    def __call__(self, result: _Result) -> None:
        self._results.append(result)
        self._event.set()

    def wait(self, timeout_s: float | None = None) -> _Result:
        """The result. Raises TailraceError when it does not come in time."""
        if not self._event.wait(timeout_s):
            raise TailraceError(f"no result within {timeout_s} s")
        return self._results[0]


def commit_and_wait(
    engine: Engine, unit: Sequence[Write], timeout_s: float | None = None
) -> Outcome:
    """Submit a unit and wait for its outcome."""
    waiter: Waiter[Outcome] = Waiter()
    engine.submit(unit, waiter)
    return waiter.wait(timeout_s)


def alter_and_wait(engine: Engine, decide: Alter, timeout_s: float | None = None) -> Catalog:
    """Alter the catalog and wait for the new one. Raises the refusal."""
    waiter: Waiter[Catalog | AwsError] = Waiter()
    engine.alter(decide, waiter)
    result = waiter.wait(timeout_s)
    if isinstance(result, AwsError):
        raise result
    return result
