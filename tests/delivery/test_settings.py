"""Delivery settings have Lambda's names, defaults and ranges, and refuse with its errors."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.delivery.settings import (
    DeliverySettings,
    InvalidParameterValueException,
    StartingPosition,
    settings_from_aws,
)
from tailrace.errors import ValidationException


def test_defaults() -> None:
    assert settings_from_aws({"StartingPosition": "TRIM_HORIZON"}) == DeliverySettings()


def test_every_member_is_taken() -> None:
    settings = settings_from_aws(
        {
            "StartingPosition": "LATEST",
            "BatchSize": 10_000,
            "MaximumBatchingWindowInSeconds": 300,
            "ParallelizationFactor": 10,
            "MaximumRecordAgeInSeconds": 604_800,
            "MaximumRetryAttempts": 0,
            "BisectBatchOnFunctionError": True,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "FunctionName": "f",
        }
    )
    assert settings.starting_position is StartingPosition.LATEST
    assert settings.reports_item_failures
    assert settings.batch_size == 10_000
    assert settings.maximum_retry_attempts == 0


@pytest.mark.parametrize(
    ("member", "value", "must"),
    [
        ("BatchSize", 0, "have value greater than or equal to 1"),
        ("BatchSize", 10_001, "have value less than or equal to 10000"),
        ("MaximumBatchingWindowInSeconds", 301, "have value less than or equal to 300"),
        ("ParallelizationFactor", 11, "have value less than or equal to 10"),
        ("MaximumRecordAgeInSeconds", -2, "have value greater than or equal to -1"),
        ("MaximumRetryAttempts", 10_001, "have value less than or equal to 10000"),
    ],
)
def test_what_is_out_of_range_is_refused(member: str, value: int, must: str) -> None:
    with pytest.raises(ValidationException) as refused:
        settings_from_aws({"StartingPosition": "LATEST", member: value})
    name = member[0].lower() + member[1:]
    assert refused.value.message == (
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint:"
        f" Member must {must}"
    )


def test_all_violations_are_told_together() -> None:
    with pytest.raises(ValidationException, match=r"^2 validation errors detected: .*; Value"):
        DeliverySettings(batch_size=0, parallelization_factor=0)


def test_an_unknown_response_type_is_refused() -> None:
    with pytest.raises(ValidationException) as refused:
        DeliverySettings(function_response_types=("Everything",))
    assert refused.value.message.endswith(
        "Member must satisfy constraint: [Member must satisfy enum value set:"
        " [ReportBatchItemFailures]]"
    )


@pytest.mark.parametrize("seconds", [0, 59])
def test_a_record_age_between_unlimited_and_a_minute_is_refused(seconds: int) -> None:
    with pytest.raises(InvalidParameterValueException):
        DeliverySettings(maximum_record_age_in_seconds=seconds)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({}, InvalidParameterValueException),
        ({"StartingPosition": "MIDDLE"}, ValidationException),
        ({"StartingPosition": "LATEST", "BatchSize": "many"}, ValidationException),
    ],
)
def test_what_is_missing_or_mistyped_is_refused(
    request_: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        settings_from_aws(request_)
