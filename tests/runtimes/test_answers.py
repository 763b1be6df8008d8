"""A function's answer fails the records it names, or the batch when it makes no sense."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tailrace.delivery.ports import Batch, Record
from tailrace.runtimes.answers import HandlerFailed, check_marshals, reported_failures

BATCH = Batch("id", "arn", "shard", [Record.of(10**20 + n, 0, {}) for n in (1, 2, 3)], 1)
SECOND = "100000000000000000002"


def item(identifier: Any) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": identifier}]}


@pytest.mark.parametrize(
    "answer",
    [None, [], {}, "", {"batchItemFailures": []}, {"batchItemFailures": None}, {"other": 1}],
)
def test_success(answer: Any) -> None:
    assert not reported_failures(answer, BATCH)


def test_named_records_failed() -> None:
    (failure,) = reported_failures(item(SECOND), BATCH)
    assert failure.sequence == 10**20 + 2


@pytest.mark.parametrize(
    "answer",
    [
        item("100000000000000000009"),
        item(""),
        item(None),
        item(10**20 + 2),
        item("x"),
        item("٣"),
        {"batchItemFailures": [{"wrong": SECOND}]},
        {"batchItemFailures": [SECOND]},
        {"batchItemFailures": SECOND},
        {"batchItemFailures": [{"itemIdentifier": SECOND}, {}]},
        "done",
        7,
        [1],
    ],
)
def test_nonsense_fails_the_batch(answer: Any) -> None:
    with pytest.raises(HandlerFailed):
        reported_failures(answer, BATCH)


def test_what_is_no_json_fails_the_batch() -> None:
    check_marshals({"n": Decimal("1.5"), "l": [None, True, "é"]})
    cycle: list[Any] = []
    cycle.append(cycle)
    for answer in ({1, 2}, b"bytes", {"x": object()}, cycle):
        with pytest.raises(HandlerFailed, match="MarshalError"):
            check_marshals(answer)
