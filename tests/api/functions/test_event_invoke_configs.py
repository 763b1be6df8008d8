"""Configurations of asynchronous invocations are put, changed, listed and deleted as on Lambda."""

from __future__ import annotations

from typing import Any

import pytest

QUEUE = "arn:aws:sqs:us-east-1:000000000000:queue"
TOPIC = "arn:aws:sns:us-east-1:000000000000:topic"


@pytest.fixture(scope="module", autouse=True)
def _function(account: Any) -> None:
    account.create("f")
    account.create("other")
    account.functions.publish_version(FunctionName="f")
    account.functions.create_alias(FunctionName="f", Name="prod", FunctionVersion="1")


def test_put_replaces_and_update_keeps_the_rest(account: Any) -> None:
    functions, arn = account.functions, "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST"
    put = functions.put_function_event_invoke_config(
        FunctionName="f",
        MaximumRetryAttempts=1,
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
    )
    assert (put["FunctionArn"], put["MaximumRetryAttempts"]) == (arn, 1)
    assert put["MaximumEventAgeInSeconds"] == 60
    assert put["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {"Destination": QUEUE}}
    changed = functions.update_function_event_invoke_config(
        FunctionName="f",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnSuccess": {"Destination": TOPIC}},
    )
    assert (changed["MaximumRetryAttempts"], changed["MaximumEventAgeInSeconds"]) == (0, 60)
    assert changed["DestinationConfig"] == {
        "OnSuccess": {"Destination": TOPIC},
        "OnFailure": {"Destination": QUEUE},
    }
    found = functions.get_function_event_invoke_config(FunctionName="f", Qualifier="$LATEST")
    assert found["DestinationConfig"] == changed["DestinationConfig"]
    assert found["LastModified"] == changed["LastModified"] >= put["LastModified"]
    none = {"OnSuccess": {"Destination": ""}}
    functions.update_function_event_invoke_config(FunctionName="f", DestinationConfig=none)
    functions.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=2)
    found = functions.get_function_event_invoke_config(FunctionName="f")
    assert "MaximumEventAgeInSeconds" not in found
    assert found["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}


def test_each_version_and_alias_has_its_own(account: Any) -> None:
    functions = account.functions
    for qualifier in ("$LATEST", "1", "prod"):
        functions.put_function_event_invoke_config(
            FunctionName="f", Qualifier=qualifier, MaximumRetryAttempts=0
        )

    def listed() -> list[str]:
        pages = functions.get_paginator("list_function_event_invoke_configs")
        return [
            config["FunctionArn"].rpartition(":")[2]
            for page in pages.paginate(FunctionName="f", PaginationConfig={"PageSize": 2})
            for config in page["FunctionEventInvokeConfigs"]
        ]

    assert listed() == ["$LATEST", "1", "prod"]
    functions.delete_alias(FunctionName="f", Name="prod")
    functions.delete_function(FunctionName="f", Qualifier="1")
    assert listed() == ["$LATEST"]
    functions.delete_function_event_invoke_config(FunctionName="f")
    assert listed() == []


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        (
            {},
            "InvalidParameterValueException",
            "You must specify at least one of error handling or destination setting.",
        ),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": f"{QUEUE}.fifo"}}},
            "InvalidParameterValueException",
            f"The destination ARN {QUEUE}.fifo is invalid.",
        ),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:ec2:::x"}}},
            "InvalidParameterValueException",
            "The destination ARN arn:aws:ec2:::x is invalid.",
        ),
        (
            {"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:s3:::bucket"}}},
            "InvalidParameterValueException",
            "The destination ARN arn:aws:s3:::bucket is invalid.",
        ),
        (
            {
                "DestinationConfig": {
                    "OnFailure": {
                        "Destination": "arn:aws:lambda:us-east-1:000000000000:function:none"
                    }
                }
            },
            "InvalidParameterValueException",
            "The destination ARN arn:aws:lambda:us-east-1:000000000000:function:none is invalid.",
        ),
        (
            {
                "DestinationConfig": {
                    "OnFailure": {"Destination": "arn:aws:lambda:us-east-1:000000000000:function:f"}
                }
            },
            "InvalidParameterValueException",
            "You can't specify the function as a destination for itself.",
        ),
        (
            {"MaximumRetryAttempts": 3},
            "ValidationException",
            "1 validation error detected: Value '3' at 'maximumRetryAttempts' failed",
        ),
        (
            {"MaximumEventAgeInSeconds": 59},
            "ValidationException",
            "1 validation error detected: Value '59' at 'maximumEventAgeInSeconds' failed",
        ),
        (
            {"MaximumRetryAttempts": 0, "Qualifier": "9"},
            "ResourceNotFoundException",
            "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f:9",
        ),
    ],
)
def test_what_is_refused(account: Any, members: dict[str, Any], code: str, message: str) -> None:
    call = account.functions.put_function_event_invoke_config
    refusal = account.refused(call, FunctionName="f", **members)
    assert refusal[1] == code
    assert refusal[2].startswith(message)


def test_what_is_not_there(account: Any) -> None:
    functions = account.functions
    arn = "arn:aws:lambda:us-east-1:000000000000:function:other:$LATEST"
    missing = (
        404,
        "ResourceNotFoundException",
        f"The function {arn} doesn't have an EventInvokeConfig",
    )
    for call in (
        functions.get_function_event_invoke_config,
        functions.delete_function_event_invoke_config,
        functions.update_function_event_invoke_config,
    ):
        assert account.refused(call, FunctionName="other") == missing
