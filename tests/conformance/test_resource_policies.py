"""PutResourcePolicy, GetResourcePolicy and DeleteResourcePolicy: documents with revisions."""

from __future__ import annotations

import json

import pytest

from tests.conformance.client import Client
from tests.conformance.conftest import Refuses
from tests.conformance.shapes import definitions, keys

NOT_FOUND = "Resource-based policy not found for the provided ResourceArn: "
INVALID = "One or more parameter values were invalid: "
MISSING = "PolicyNotFoundException"


def policy(arn: str, action: str = "dynamodb:GetItem") -> str:
    account = arn.split(":")[4]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": action,
        "Resource": arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def arn(db: Client) -> str:
    """The ARN of a new table."""
    definition = {"AttributeDefinitions": definitions(("a", "S")), "KeySchema": keys("a")}
    return db.describe(db.new_table(**definition))["TableArn"]


def test_a_policy_is_kept_until_it_is_deleted(db: Client, refuses: Refuses, arn: str) -> None:
    resource = {"ResourceArn": arn}
    refuses("GetResourcePolicy", resource, NOT_FOUND + arn, MISSING)
    answer = db.call("PutResourcePolicy", {**resource, "Policy": policy(arn)})
    assert set(answer) == {"RevisionId"}
    found = db.call("GetResourcePolicy", resource)
    assert found["RevisionId"] == answer["RevisionId"]
    assert json.loads(found["Policy"]) == json.loads(policy(arn))
    assert db.call("DeleteResourcePolicy", resource) == answer
    assert db.call("DeleteResourcePolicy", resource) == {}
    refuses("GetResourcePolicy", resource, NOT_FOUND + arn, MISSING)


def test_revisions_change_with_policies(db: Client, arn: str) -> None:
    first = db.call("PutResourcePolicy", {"ResourceArn": arn, "Policy": policy(arn)})
    again = db.call("PutResourcePolicy", {"ResourceArn": arn, "Policy": policy(arn)})
    assert again == first
    other = {"ResourceArn": arn, "Policy": policy(arn, "dynamodb:PutItem")}
    assert db.call("PutResourcePolicy", other) != first


def test_a_revision_that_is_expected_must_be_there(db: Client, arn: str) -> None:
    body = {"ResourceArn": arn, "Policy": policy(arn)}
    first = db.call("PutResourcePolicy", {**body, "ExpectedRevisionId": "NO_POLICY"})
    other = {"ResourceArn": arn, "Policy": policy(arn, "dynamodb:PutItem")}
    for expected in ("NO_POLICY", "1"):
        answer = db.send("PutResourcePolicy", {**other, "ExpectedRevisionId": expected})
        assert (answer.status, answer.code) == (400, MISSING)
    gone = db.send("DeleteResourcePolicy", {"ResourceArn": arn, "ExpectedRevisionId": "1"})
    assert (gone.status, gone.code) == (400, MISSING)
    db.call("PutResourcePolicy", {**other, "ExpectedRevisionId": first["RevisionId"]})
    found = db.call("GetResourcePolicy", {"ResourceArn": arn})
    assert json.loads(found["Policy"]) == json.loads(other["Policy"])


DOCUMENTS = {
    "{": "Invalid policy document: This policy contains invalid Json",
    "[]": "Invalid policy document: This policy contains invalid Json",
    '{"Statement": []}': (
        "Invalid policy document: Could not parse the policy: Statement is empty!"
    ),
    '{"Statement": [{"Effect": "Allow"}]}': (
        "Invalid policy document: Missing required field Resource"
    ),
}


@pytest.mark.parametrize("text", DOCUMENTS)
def test_policies_are_documents(db: Client, refuses: Refuses, simple: str, text: str) -> None:
    arn = db.describe(simple)["TableArn"]
    body = {"ResourceArn": arn, "Policy": text}
    refuses("PutResourcePolicy", body, INVALID + DOCUMENTS[text])


def test_policies_have_a_size(db: Client, refuses: Refuses, simple: str) -> None:
    arn = db.describe(simple)["TableArn"]
    body = {"ResourceArn": arn, "Policy": json.dumps("x" * 20_480)}
    refuses("PutResourcePolicy", body, f"{INVALID}Maximum policy size of 20480 bytes exceeded")


def test_tables_that_are_not_there(db: Client, refuses: Refuses, simple: str) -> None:
    absent = f"{db.describe(simple)['TableArn'].rpartition('/')[0]}/no-such-table"
    message = "Requested resource not found: Table: no-such-table not found"
    refuses("GetResourcePolicy", {"ResourceArn": absent}, message, "ResourceNotFoundException")
    refuses("GetResourcePolicy", {"ResourceArn": "x"}, f"{INVALID}ARNs must start with 'arn:': x")
