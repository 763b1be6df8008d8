"""Proves that tables have tags, as many and of such keys as AWS allows."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.testing.calling import Caller

PREFIX = "arn:aws:dynamodb:us-east-1:000000000000:table/"
ARN = f"{PREFIX}things"


def tags(**values: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


def tag(caller: Caller, **values: str) -> None:
    caller.call("TagResource", ResourceArn=ARN, Tags=tags(**values))


def listed(caller: Caller) -> list[dict[str, str]]:
    answer = caller.call("ListTagsOfResource", ResourceArn=ARN)
    assert "NextToken" not in answer
    return answer["Tags"]


def test_tags_are_added_replaced_and_taken_away(caller: Caller) -> None:
    caller.create(Tags=tags(a="0"))
    tag(caller, b="1", c="2")
    tag(caller, a="3")
    assert listed(caller) == tags(a="3", b="1", c="2")
    caller.call("UntagResource", ResourceArn=ARN, TagKeys=["b", "absent"])
    assert listed(caller) == tags(a="3", c="2")


def test_fifty_are_the_most(caller: Caller) -> None:
    caller.create()
    many = {f"k{number}": "" for number in range(50)}
    tag(caller, **many)
    tag(caller, k1="again")
    refused = caller.refused("TagResource", ResourceArn=ARN, Tags=tags(k1="", more=""))
    assert (refused.code, refused.message) == (
        "ValidationException",
        "Number of Tags exceed the current limit for the provided ResourceArn",
    )
    assert len(listed(caller)) == 50


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "Atleast one Tag needs to be provided as Input."),
        (tags(a="|"), "The Tag Value provided is invalid, Value: |"),
        ([{"Key": "a|b", "Value": ""}], "The Tag Key provided is invalid, Key: a|b"),
        ([{"Key": "aws:x", "Value": ""}], "Tag Key cannot be prefixed with aws:, Key: aws:x"),
        (
            [*tags(a=""), *tags(a="")],
            "Duplicate Tag Keys provided as input: Duplicate Tag Key found a",
        ),
    ],
)
def test_tags_are_checked(caller: Caller, given: list[Any], message: str) -> None:
    caller.create()
    refused = caller.refused("TagResource", ResourceArn=ARN, Tags=given)
    assert (refused.code, refused.message) == ("ValidationException", message)


INVALID = "One or more parameter values were invalid: "


@pytest.mark.parametrize(
    ("arn", "code", "message"),
    [
        ("x", "ValidationException", f"{INVALID}ARNs must start with 'arn:': x"),
        (
            "arn:aws:s3:::x",
            "ValidationException",
            f"{INVALID}Provided Arn is not a DynamoDB resource arn: arn:aws:s3:::x",
        ),
        (
            f"{ARN}/index/i",
            "ValidationException",
            (
                f"{INVALID}Invalid resource arn provided, only table or stream is accepted."
                f" Provided resource arn: {ARN}/index/i"
            ),
        ),
        (
            ARN.replace("us-east-1", "eu-west-1"),
            "ValidationException",
            "Invalid TableArn: Invalid ResourceArn provided as input "
            + ARN.replace("us-east-1", "eu-west-1"),
        ),
        (
            f"{PREFIX}nowhere",
            "ResourceNotFoundException",
            f"Requested resource not found: ResourcArn: {PREFIX}nowhere not found",
        ),
    ],
)
def test_resources_are_checked(caller: Caller, arn: str, code: str, message: str) -> None:
    caller.create()
    for operation, more in (
        ("ListTagsOfResource", {}),
        ("TagResource", {"Tags": tags(a="")}),
        ("UntagResource", {"TagKeys": ["a"]}),
    ):
        refused = caller.refused(operation, ResourceArn=arn, **more)
        assert (refused.code, refused.message) == (code, message)


def test_another_account_is_none_of_ours(caller: Caller) -> None:
    arn = ARN.replace("000000000000", "111111111111")
    assert caller.refused("ListTagsOfResource", ResourceArn=arn).code == "AccessDeniedException"


def test_tags_outlive_a_restart(disk: Any) -> None:
    caller = disk.open()
    caller.create()
    tag(caller, a="1")
    assert listed(disk.open()) == tags(a="1")
