"""Proves that filters choose what exports write, of items and of changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tailrace.testing.calling import Caller
from tests.api.dynamodb.exports import MINUTE_US, done, lines

FILTERS: list[tuple[dict[str, Any], list[int], set[str]]] = [
    ({}, list(range(20)), {"pk", "n", "more"}),
    (
        {
            "FilterExpression": "#n >= :n AND pk <> :pk",
            "ExpressionAttributeNames": {"#n": "n"},
            "ExpressionAttributeValues": {":n": {"N": "15"}, ":pk": {"S": "17"}},
        },
        [15, 16, 18, 19],
        {"pk", "n", "more"},
    ),
    ({"ProjectionExpression": "n, more[0], absent"}, list(range(20)), {"n", "more"}),
    (
        {
            "KeyConditionExpression": "pk = :pk",
            "FilterExpression": "n = :n",
            "ProjectionExpression": "n",
            "ExpressionAttributeValues": {":n": {"N": "7"}, ":pk": {"S": "7"}},
        },
        [7],
        {"n"},
    ),
    (
        {
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": "absent"}},
        },
        [],
        set(),
    ),
]


@pytest.mark.parametrize(("filter_", "numbers", "names"), FILTERS)
def test_only_what_the_filter_chooses_is_exported(
    exporter: Caller, bucket: Path, filter_: dict[str, Any], numbers: list[int], names: set[str]
) -> None:
    for number in range(20):
        more = {"L": [{"S": "a"}, {"S": "b"}]}
        exporter.put(str(number), n={"N": str(number)}, more=more)
    found = done(exporter, FilterSpecification=filter_)
    assert found["FilterSpecification"] == filter_
    items = [json.loads(line)["Item"] for line in lines(bucket, found)]
    assert sorted(int(item["n"]["N"]) for item in items) == numbers
    assert found["ItemCount"] == len(numbers)
    assert all(set(item) == names for item in items)


def test_a_filter_on_keys_reads_no_others(exporter: Caller) -> None:
    for number in range(20):
        exporter.put(str(number), n={"N": "1"})
    whole = done(exporter)["BilledSizeBytes"]
    filtered = {"FilterExpression": "n = :n", "ExpressionAttributeValues": {":n": {"N": "2"}}}
    by_key = {
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "1"}},
    }
    assert done(exporter, FilterSpecification=filtered)["BilledSizeBytes"] == whole
    assert 0 < done(exporter, FilterSpecification=by_key)["BilledSizeBytes"] < whole / 10


def test_changes_are_filtered_by_what_they_lead_to(exporter: Caller, bucket: Path) -> None:
    from_us = exporter.clock.now_us()
    for key, values in {"a": "12", "b": "21", "c": "21", "gone": "1", "other": "2"}.items():
        for value in values:
            exporter.put(key, n={"N": value}, m={"N": value})
    exporter.clock.advance(10 * MINUTE_US)
    half_us = exporter.clock.now_us()
    for key in ("gone", "other"):
        exporter.call("DeleteItem", TableName="things", Key={"pk": {"S": key}})
    exporter.put("b", n={"N": "2"}, m={"N": "9"})
    exporter.clock.advance(20 * MINUTE_US)
    to_us = exporter.clock.now_us()
    chosen = {
        "FilterExpression": "n = :n",
        "ProjectionExpression": "m",
        "ExpressionAttributeValues": {":n": {"N": "1"}},
    }

    def exported(since_us: int) -> dict[str, Any]:
        window = {"ExportFromTime": since_us / 1e6, "ExportToTime": to_us / 1e6}
        found = done(
            exporter,
            ExportType="INCREMENTAL_EXPORT",
            IncrementalExportSpecification=window,
            FilterSpecification=chosen,
        )
        return {
            record["Keys"]["pk"]["S"]: (
                record.get("OldImage", {}).get("m"),
                record.get("NewImage", {}).get("m"),
            )
            for record in map(json.loads, lines(bucket, found))
        }

    # b goes from 1 to 2; what is deleted goes by what it was, if it was.
    assert exported(half_us) == {"gone": ({"N": "1"}, None)}
    assert exported(from_us) == {"c": (None, {"N": "1"})}
