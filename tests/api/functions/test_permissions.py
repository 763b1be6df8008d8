"""Statements of who may call a function are added, told and removed as on Lambda."""

from __future__ import annotations

import json
from typing import Any

import pytest

ARN = "arn:aws:lambda:us-east-1:000000000000:function"
S3 = "s3.amazonaws.com"
BUCKET = "arn:aws:s3:::bucket"


def add(account: Any, name: str, sid: str, **more: Any) -> dict[str, Any]:
    given = {"Action": "lambda:InvokeFunction", "Principal": S3} | more
    reply = account.functions.add_permission(FunctionName=name, StatementId=sid, **given)
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 201
    return json.loads(reply["Statement"])


def sids(account: Any, name: str, **more: Any) -> list[str]:
    reply = account.functions.get_policy(FunctionName=name, **more)
    document = json.loads(reply["Policy"])
    assert (document["Version"], document["Id"]) == ("2012-10-17", "default")
    return [each["Sid"] for each in document["Statement"]]


def test_statements_come_and_go(account: Any) -> None:
    functions = account.functions
    account.create("permitted")
    first = add(account, "permitted", "one", SourceArn=BUCKET, SourceAccount="123456789012")
    assert first == {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"Service": S3},
        "Action": "lambda:InvokeFunction",
        "Resource": f"{ARN}:permitted",
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": "123456789012"},
            "ArnLike": {"AWS:SourceArn": BUCKET},
        },
    }
    revision = functions.get_policy(FunctionName="permitted")["RevisionId"]
    add(account, "permitted", "two", RevisionId=revision)
    assert sids(account, "permitted") == ["one", "two"]
    functions.remove_permission(FunctionName="permitted", StatementId="one")
    assert sids(account, "permitted") == ["two"]
    functions.remove_permission(FunctionName="permitted", StatementId="two")
    assert account.refused(functions.get_policy, FunctionName="permitted")[:2] == (
        404,
        "ResourceNotFoundException",
    )


@pytest.mark.parametrize(
    ("principal", "told"),
    [
        ("123456789012", {"AWS": "arn:aws:iam::123456789012:root"}),
        ("arn:aws:iam::123456789012:role/r", {"AWS": "arn:aws:iam::123456789012:role/r"}),
        ("*", "*"),
        ("events.amazonaws.com", {"Service": "events.amazonaws.com"}),
    ],
)
def test_principals(account: Any, principal: str, told: Any) -> None:
    name = "principal"
    account.create(name)
    try:
        assert add(account, name, "one", Principal=principal)["Principal"] == told
    finally:
        account.functions.delete_function(FunctionName=name)


def test_versions_and_aliases_have_their_own(account: Any) -> None:
    functions = account.functions
    account.create("qualified")
    functions.publish_version(FunctionName="qualified")
    functions.create_alias(FunctionName="qualified", Name="prod", FunctionVersion="1")
    assert add(account, "qualified", "own", Qualifier="prod")["Resource"] == f"{ARN}:qualified:prod"
    add(account, "qualified", "own", Qualifier="1")
    add(account, "qualified:1", "other")
    assert sids(account, "qualified", Qualifier="1") == ["own", "other"]
    assert account.refused(functions.get_policy, FunctionName="qualified")[0] == 404
    functions.delete_alias(FunctionName="qualified", Name="prod")
    functions.create_alias(FunctionName="qualified", Name="prod", FunctionVersion="1")
    found = account.refused(functions.get_policy, FunctionName="qualified", Qualifier="prod")
    assert found[0] == 404


def test_what_is_refused(account: Any) -> None:
    functions = account.functions
    account.create("guarded")
    add(account, "guarded", "one")
    given = {"FunctionName": "guarded", "Action": "lambda:InvokeFunction", "Principal": S3}
    refused = account.refused(functions.add_permission, StatementId="one", **given)
    assert refused[:2] == (409, "ResourceConflictException")
    refused = account.refused(
        functions.add_permission, StatementId="two", RevisionId="other", **given
    )
    assert refused[:2] == (412, "PreconditionFailedException")
    refused = account.refused(functions.add_permission, StatementId="two", Qualifier="9", **given)
    assert refused[:2] == (404, "ResourceNotFoundException")
    latest = {"StatementId": "two", "Qualifier": "$LATEST", **given}
    assert account.refused(functions.add_permission, **latest)[0] == 400
    bad = given | {"Principal": "nobody", "StatementId": "two"}
    refused = account.refused(functions.add_permission, **bad)
    assert refused[:2] == (400, "InvalidParameterValueException")
    refused = account.refused(
        functions.remove_permission, FunctionName="guarded", StatementId="two"
    )
    assert refused[2] == "Statement two is not found in resource policy."
    assert sids(account, "guarded") == ["one"]


def test_a_policy_has_its_bounds(account: Any) -> None:
    account.create("bounded")
    long = {"SourceArn": BUCKET + "/" + "x" * 800}
    given = {"FunctionName": "bounded", "Action": "lambda:InvokeFunction", "Principal": S3, **long}
    for number in range(19):
        account.functions.add_permission(StatementId=f"s{number}", **given)
    refused = account.refused(account.functions.add_permission, StatementId="last", **given)
    assert refused[:2] == (400, "PolicyLengthExceededException")
    assert len(sids(account, "bounded")) == 19
