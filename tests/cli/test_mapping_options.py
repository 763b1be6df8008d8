"""Options become the members of requests; what was not given is left to Lambda."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from tailrace.cli.mapping_options import mapping_members, starting_members
from tailrace.errors import ConfigurationError

NOTHING: dict[str, Any] = dict.fromkeys(
    (
        *("batch_size", "window", "lanes", "retries", "max_age", "bisect", "tumbling_window"),
        *("report_item_failures", "filters", "on_failure"),
    )
)


def test_nothing_given_is_nothing_asked() -> None:
    assert mapping_members(**NOTHING) == {}


@pytest.mark.parametrize(
    ("given", "members"),
    [
        ({"batch_size": 5, "window": 0}, {"BatchSize": 5, "MaximumBatchingWindowInSeconds": 0}),
        ({"lanes": 2, "retries": -1}, {"ParallelizationFactor": 2, "MaximumRetryAttempts": -1}),
        ({"bisect": False}, {"BisectBatchOnFunctionError": False}),
        ({"max_age": 60}, {"MaximumRecordAgeInSeconds": 60}),
        ({"tumbling_window": 30}, {"TumblingWindowInSeconds": 30}),
        ({"report_item_failures": True}, {"FunctionResponseTypes": ["ReportBatchItemFailures"]}),
        ({"report_item_failures": False}, {"FunctionResponseTypes": []}),
        ({"filters": ["{}"]}, {"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}),
        ({"filters": [""]}, {"FilterCriteria": {}}),
        ({"on_failure": "a"}, {"DestinationConfig": {"OnFailure": {"Destination": "a"}}}),
        ({"on_failure": ""}, {"DestinationConfig": {"OnFailure": {}}}),
    ],
)
def test_members(given: dict[str, Any], members: dict[str, Any]) -> None:
    assert mapping_members(**NOTHING | given) == members


def test_where_to_begin() -> None:
    assert starting_members("latest") == {"StartingPosition": "LATEST"}
    assert starting_members("trim-horizon") == {"StartingPosition": "TRIM_HORIZON"}
    moment = datetime.datetime(2026, 11, 22, 7, tzinfo=datetime.UTC)
    assert starting_members("2026-11-22T07:00:00Z") == {
        "StartingPosition": "AT_TIMESTAMP",
        "StartingPositionTimestamp": moment,
    }
    local = starting_members("2026-11-22T07:00:00")["StartingPositionTimestamp"]
    assert local.tzinfo is not None
    with pytest.raises(ConfigurationError, match="'AT_TIMESTAMP' is no place to begin"):
        starting_members("AT_TIMESTAMP")
