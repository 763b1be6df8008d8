"""Proves that a bulk put is worth as much as its lines put one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrace import limits
from tailrace.testing.calling import Caller, CallRefused
from tests.tables.transfer.bulk_puts import STREAM, done, write

_KEYS = st.sampled_from("abcd")
_NUMBERS = st.integers(0, 3).map(lambda number: {"N": str(number)})
_CONDITIONS = st.sampled_from(
    [
        {},
        {"ConditionExpression": "attribute_not_exists(pk)"},
        {"ConditionExpression": "attribute_exists(n) AND n < :n"},
        {"ConditionExpression": "n <>"},
    ]
)


@st.composite
def _lines(draw: st.DrawFn) -> dict[str, Any]:
    number = draw(_NUMBERS)
    line = {"Item": {"pk": {"S": draw(_KEYS)}, "n": number}, **draw(_CONDITIONS)}
    if ":n" in line.get("ConditionExpression", ""):
        line["ExpressionAttributeValues"] = {":n": number}
    return line


def _changes(caller: Caller) -> list[Any]:
    """What the stream says, item by item in the order of the changes."""
    records = [record["dynamodb"] | {"kind": record["eventName"]} for record in caller.records()]
    records.sort(key=lambda record: (record["Keys"]["pk"]["S"], int(record["SequenceNumber"])))
    shown = ("kind", "Keys", "OldImage", "NewImage")
    return [[record.get(name) for name in shown] for record in records]


def _filled(directory: Path) -> Caller:
    caller = Caller(s3_directory=directory)
    caller.create(StreamSpecification=STREAM)
    caller.put("a", n={"N": "1"})
    return caller


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines=st.lists(_lines(), max_size=14), cut=st.integers(0, 14), per_commit=st.integers(1, 4))
def test_lines_are_put_as_if_one_by_one(
    bucket: Path, lines: list[dict[str, Any]], cut: int, per_commit: int
) -> None:
    one_by_one = _filled(bucket.parent)
    refused: list[str] = []
    for line in lines:
        try:
            one_by_one.call("PutItem", TableName="things", **line)
        except CallRefused as error:
            refused.append(error.code)
    write(bucket, "in/1.json", *lines[:cut])
    write(bucket, "in/2.json", *lines[cut:])
    at_once = _filled(bucket.parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "COPY_ITEMS_PER_COMMIT", per_commit)
        found = done(at_once)
    assert sorted(at_once.scan(), key=str) == sorted(one_by_one.scan(), key=str)
    assert _changes(at_once) == _changes(one_by_one)
    assert found["ProcessedItemCount"] == len(lines)
    assert found["FailedItemCount"] == refused.count("ValidationException")
