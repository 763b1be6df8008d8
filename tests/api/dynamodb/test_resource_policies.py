"""Proves that policies are kept with revisions, and that revisions guard them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tailrace.testing.calling import Caller

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/things"
NOT_FOUND = "Resource-based policy not found for the provided ResourceArn: "
INVALID = "One or more parameter values were invalid: "


def policy(action: str = "dynamodb:GetItem") -> str:
    statement = {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": ARN}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def put(caller: Caller, text: str, **more: Any) -> str:
    return caller.call("PutResourcePolicy", ResourceArn=ARN, Policy=text, **more)["RevisionId"]


def get(caller: Caller, arn: str = ARN) -> dict[str, Any]:
    return caller.call("GetResourcePolicy", ResourceArn=arn)


def test_a_policy_is_kept_until_it_is_deleted(caller: Caller) -> None:
    caller.create()
    refused = caller.refused("GetResourcePolicy", ResourceArn=ARN)
    assert (refused.code, refused.message) == ("PolicyNotFoundException", NOT_FOUND + ARN)
    revision = put(caller, policy())
    assert get(caller) == {"Policy": policy(), "RevisionId": revision}
    assert caller.call("DeleteResourcePolicy", ResourceArn=ARN) == {"RevisionId": revision}
    assert caller.call("DeleteResourcePolicy", ResourceArn=ARN) == {}
    assert caller.refused("GetResourcePolicy", ResourceArn=ARN).code == "PolicyNotFoundException"


def test_revisions_grow_with_changes_only(caller: Caller) -> None:
    caller.create()
    first = put(caller, policy())
    assert put(caller, policy()) == first
    assert int(put(caller, policy("dynamodb:PutItem"))) > int(first)


def test_a_revision_that_is_expected_must_be_there(caller: Caller) -> None:
    caller.create()
    first = put(caller, policy(), ExpectedRevisionId="NO_POLICY")
    other = policy("dynamodb:PutItem")
    for expected in ("NO_POLICY", "1"):
        refused = caller.refused(
            "PutResourcePolicy", ResourceArn=ARN, Policy=other, ExpectedRevisionId=expected
        )
        assert refused.code == "PolicyNotFoundException"
        assert refused.message.endswith(f"revision id {first}.")
    put(caller, other, ExpectedRevisionId=first)
    refused = caller.refused("DeleteResourcePolicy", ResourceArn=ARN, ExpectedRevisionId=first)
    assert refused.code == "PolicyNotFoundException"
    assert get(caller)["Policy"] == other


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "Invalid policy document: This policy contains invalid Json"),
        ("[]", "Invalid policy document: This policy contains invalid Json"),
        (
            '{"Statement": []}',
            "Invalid policy document: Could not parse the policy: Statement is empty!",
        ),
        (
            '{"Statement": [{"Effect": "Allow"}]}',
            "Invalid policy document: Missing required field Resource",
        ),
        (json.dumps("x" * 20_480), "Maximum policy size of 20480 bytes exceeded"),
    ],
)
def test_policies_are_documents(caller: Caller, text: str, problem: str) -> None:
    caller.create()
    refused = caller.refused("PutResourcePolicy", ResourceArn=ARN, Policy=text)
    assert (refused.code, refused.message) == ("ValidationException", INVALID + problem)


def test_a_stream_has_a_policy_of_its_own(caller: Caller) -> None:
    stream = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    table = caller.create(StreamSpecification=stream)
    assert table.stream is not None
    arn = table.stream.arn
    caller.call("PutResourcePolicy", ResourceArn=arn, Policy=policy())
    assert get(caller, arn)["Policy"] == policy()
    assert caller.refused("GetResourcePolicy", ResourceArn=ARN).code == "PolicyNotFoundException"


def test_resources_must_exist_and_be_ones_own(caller: Caller) -> None:
    refused = caller.refused("GetResourcePolicy", ResourceArn=ARN)
    assert (refused.code, refused.message) == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: things not found",
    )
    for part, other in (("us-east-1", "eu-west-1"), ("000000000000", "111111111111")):
        arn = ARN.replace(part, other)
        assert caller.refused("GetResourcePolicy", ResourceArn=arn).code == "ValidationException"
