"""What a function's return value says about its batch
(services-ddb-batchfailurereporting.html, "Success and failure conditions")."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

from tailrace.delivery.ports import Batch, Failure, WindowAnswer
from tailrace.errors import TailraceError

__all__ = ["HandlerFailed", "check_marshals", "reported_failures", "window_answer"]


class HandlerFailed(TailraceError):
    """A function failed, took too long, or answered what makes no sense."""


def check_marshals(answer: Any) -> None:
    """Raise HandlerFailed for a return value that is no JSON; on Lambda such a call failed."""
    if answer is None or answer is True or answer is False:
        return
    try:
        json.dumps(answer, default=_decimal)
    except (TypeError, ValueError, RecursionError) as error:
        raise HandlerFailed(f"Runtime.MarshalError: Unable to marshal response: {error}") from error


def _decimal(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def reported_failures(answer: Any, batch: Batch) -> Sequence[Failure]:
    """The records a function reports as failed under ReportBatchItemFailures.

    Nothing, an empty answer and an empty or null list are success. Raises HandlerFailed, which
    fails the whole batch, for identifiers that are empty, null, no string or of no record of the
    batch, and for whatever else is no such report.
    """
    if answer is None or answer in ("", [], {}):
        return ()
    if not isinstance(answer, dict):
        raise HandlerFailed(f"the answer is no batch response: {_short(answer)}")
    entries = cast("dict[Any, Any]", answer).get("batchItemFailures")
    if entries is None:
        return ()
    if not isinstance(entries, (list, tuple)):
        raise HandlerFailed(f"batchItemFailures is no list: {_short(entries)}")
    known = {record.sequence for record in batch.records}
    return [_failure(entry, known) for entry in cast("list[Any]", entries)]


def window_answer(answer: Any, batch: Batch, *, reports: bool) -> WindowAnswer:
    """What a function answers to a call of a tumbling window: the state for the next one and, when
    it `reports`, the records that failed. What it answers to the last call is dropped.

    Raises HandlerFailed for an answer without a `state`.
    """
    if batch.window is not None and batch.window.final:
        return WindowAnswer((), None)
    if not isinstance(answer, dict) or "state" not in answer:
        raise HandlerFailed(f"the answer has no state: {_short(answer)}")
    state = json.dumps(cast("dict[Any, Any]", answer)["state"], default=_decimal)
    failures = reported_failures(answer, batch) if reports else ()
    return WindowAnswer(failures, state.encode())


def _failure(entry: Any, known: set[int]) -> Failure:
    identifier = (
        cast("dict[Any, Any]", entry).get("itemIdentifier") if isinstance(entry, dict) else None
    )
    if not isinstance(identifier, str) or not identifier:
        raise HandlerFailed(f"no itemIdentifier in {_short(entry)}")
    if not (identifier.isascii() and identifier.isdigit() and int(identifier) in known):
        raise HandlerFailed(f"itemIdentifier {identifier[:50]!r} is of no record in the batch")
    return Failure(int(identifier), "reported by the function")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else text[:97] + "..."
