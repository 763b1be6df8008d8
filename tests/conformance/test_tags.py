"""TagResource, UntagResource and ListTagsOfResource."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import definitions, keys

INVALID = "One or more parameter values were invalid: "


def tags(**values: str) -> list[Json]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


@pytest.fixture
def tagged(db: Client) -> str:
    """The ARN of a table with the tag `a`."""
    definition = {"AttributeDefinitions": definitions(("a", "S")), "KeySchema": keys("a")}
    return db.describe(db.new_table(**definition, Tags=tags(a="0")))["TableArn"]


@pytest.fixture(scope="module")
def arn(db: Client, simple: str) -> str:
    return db.describe(simple)["TableArn"]


@pytest.fixture
def listed(db: Client) -> Callable[[str], dict[str, str]]:
    def found(resource: str) -> dict[str, str]:
        answer = db.call("ListTagsOfResource", {"ResourceArn": resource})
        return {tag["Key"]: tag["Value"] for tag in answer["Tags"]}

    return found


def test_tags_are_added_replaced_and_taken_away(
    db: Client, tagged: str, listed: Callable[[str], dict[str, str]]
) -> None:
    assert listed(tagged) == {"a": "0"}
    more = tags(b="", c="x y_.:/=+-@")
    assert db.call("TagResource", {"ResourceArn": tagged, "Tags": more}) == {}
    db.call("TagResource", {"ResourceArn": tagged, "Tags": tags(a="1")})
    assert listed(tagged) == {"a": "1", "b": "", "c": "x y_.:/=+-@"}
    gone = {"ResourceArn": tagged, "TagKeys": ["b", "absent"]}
    assert db.call("UntagResource", gone) == {}
    assert listed(tagged) == {"a": "1", "c": "x y_.:/=+-@"}


def test_fifty_are_the_most(
    db: Client, refuses: Refuses, tagged: str, listed: Callable[[str], dict[str, str]]
) -> None:
    many = [{"Key": f"k{place}", "Value": ""} for place in range(49)]
    db.call("TagResource", {"ResourceArn": tagged, "Tags": many})
    message = "Number of Tags exceed the current limit for the provided ResourceArn"
    refuses("TagResource", {"ResourceArn": tagged, "Tags": tags(k0="", more="")}, message)
    assert len(listed(tagged)) == 50


WRONG: dict[str, tuple[list[Json], str]] = {
    "none": ([], "Atleast one Tag needs to be provided as Input."),
    "a value of other characters": (tags(a="|"), "The Tag Value provided is invalid, Value: |"),
    "a key of other characters": (
        [{"Key": "a|b", "Value": ""}],
        "The Tag Key provided is invalid, Key: a|b",
    ),
    "a key of the service's own": (
        [{"Key": "aws:x", "Value": ""}],
        "Tag Key cannot be prefixed with aws:, Key: aws:x",
    ),
    "a key twice": (
        [*tags(a=""), *tags(a="")],
        "Duplicate Tag Keys provided as input: Duplicate Tag Key found a",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_tags_are_checked(refuses: Refuses, arn: str, case: str) -> None:
    given, message = WRONG[case]
    refuses("TagResource", {"ResourceArn": arn, "Tags": given}, message)


LENGTHS: dict[str, tuple[Json, str]] = {
    "an empty key": ({"Key": "", "Value": ""}, "tags.1.member.key"),
    "a long key": ({"Key": "k" * 129, "Value": ""}, "tags.1.member.key"),
    "a long value": ({"Key": "k", "Value": "v" * 257}, "tags.1.member.value"),
}


@pytest.mark.parametrize("case", LENGTHS)
def test_keys_and_values_have_lengths(db: Client, arn: str, case: str) -> None:
    tag, place = LENGTHS[case]
    answer = db.send("TagResource", {"ResourceArn": arn, "Tags": [tag]})
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert f" at '{place}' failed to satisfy constraint: Member must have length" in answer.message


def test_keys_to_take_away_are_named(refuses: Refuses, arn: str) -> None:
    message = "Atleast one Tag Key needs to be provided as Input."
    refuses("UntagResource", {"ResourceArn": arn, "TagKeys": []}, message)


RESOURCES = {
    "x": f"{INVALID}ARNs must start with 'arn:': x",
    "arn:aws:s3:::x": f"{INVALID}Provided Arn is not a DynamoDB resource arn: arn:aws:s3:::x",
}


@pytest.mark.parametrize("resource", RESOURCES)
def test_what_is_no_resource(refuses: Refuses, resource: str) -> None:
    for operation, more in (
        ("ListTagsOfResource", {}),
        ("TagResource", {"Tags": tags(a="")}),
        ("UntagResource", {"TagKeys": ["a"]}),
    ):
        refuses(operation, {"ResourceArn": resource, **more}, RESOURCES[resource])


def test_resources_that_are_not_there(refuses: Refuses, arn: str) -> None:
    absent = f"{arn.rpartition('/')[0]}/no-such-table"
    message = f"Requested resource not found: ResourcArn: {absent} not found"
    refuses("ListTagsOfResource", {"ResourceArn": absent}, message, "ResourceNotFoundException")
    index = f"{arn}/index/i"
    message = (
        f"{INVALID}Invalid resource arn provided, only table or stream is accepted. Provided"
        f" resource arn: {index}"
    )
    refuses("ListTagsOfResource", {"ResourceArn": index}, message)
