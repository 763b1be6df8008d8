"""Versions stay what they were; aliases lead to them, and share calls out by weight."""

from __future__ import annotations

from typing import Any

ARN = "arn:aws:lambda:us-east-1:000000000000:function"


def test_a_version_stays_what_it_was(account: Any, make_zip: Any) -> None:
    functions = account.functions
    account.create("steady", "def handler(event, context): return 1")
    first = functions.publish_version(FunctionName="steady", Description="the first")
    assert (first["Version"], first["Description"]) == ("1", "the first")
    assert first["FunctionArn"] == f"{ARN}:steady:1"
    assert functions.publish_version(FunctionName="steady")["Version"] == "1"
    functions.update_function_code(
        FunctionName="steady", ZipFile=make_zip("def handler(event, context): return 2")
    )
    assert functions.publish_version(FunctionName="steady")["Version"] == "2"
    answers = [account.invoke("steady", Qualifier=name) for name in ("1", "2", "$LATEST")]
    assert answers == [1, 2, 2]
    versions = functions.list_versions_by_function(FunctionName="steady")["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST", "1", "2"]
    refusal = account.refused(
        functions.publish_version, FunctionName="steady", CodeSha256=first["CodeSha256"]
    )
    assert refusal[:2] == (400, "InvalidParameterValueException")
    assert "is different from current CodeSHA256 in $LATEST" in refusal[2]


def test_an_alias_leads_to_its_version(account: Any) -> None:
    functions = account.functions
    account.create("aliased", Publish=True)
    made = functions.create_alias(
        FunctionName="aliased", Name="live", FunctionVersion="1", Description="what runs"
    )
    arn = f"{ARN}:aliased:live"
    assert (made["AliasArn"], made["FunctionVersion"]) == (arn, "1")
    answer = account.invoke("aliased:live")
    assert (answer["version"], answer["arn"]) == ("1", arn)
    changed = functions.update_alias(FunctionName="aliased", Name="live", FunctionVersion="$LATEST")
    assert (changed["FunctionVersion"], changed["Description"]) == ("$LATEST", "what runs")
    assert account.invoke("aliased", Qualifier="live")["version"] == "$LATEST"
    found = functions.get_alias(FunctionName="aliased", Name="live")
    assert found["RevisionId"] == changed["RevisionId"] != made["RevisionId"]
    listed = functions.list_aliases(FunctionName="aliased", FunctionVersion="$LATEST")["Aliases"]
    assert [alias["Name"] for alias in listed] == ["live"]
    assert not functions.list_aliases(FunctionName="aliased", FunctionVersion="1")["Aliases"]
    functions.delete_alias(FunctionName="aliased", Name="live")
    functions.delete_alias(FunctionName="aliased", Name="live")
    assert account.refused(functions.get_alias, FunctionName="aliased", Name="live") == (
        404,
        "ResourceNotFoundException",
        f"Cannot find alias arn: {arn}",
    )


def test_weights_share_the_calls_out(account: Any, make_zip: Any) -> None:
    functions = account.functions
    account.create("shared", "def handler(event, context): return 1", Publish=True)
    functions.update_function_code(
        FunctionName="shared",
        ZipFile=make_zip("def handler(event, context): return 2"),
        Publish=True,
    )
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    functions.create_alias(
        FunctionName="shared", Name="both", FunctionVersion="1", RoutingConfig=weights
    )
    assert {account.invoke("shared:both") for _ in range(60)} == {1, 2}


def test_what_is_refused(account: Any) -> None:
    functions = account.functions
    account.create("strict", Publish=True)
    alias = {"FunctionName": "strict", "Name": "live", "FunctionVersion": "1"}
    functions.create_alias(**alias)
    assert account.refused(functions.create_alias, **alias) == (
        409,
        "ResourceConflictException",
        f"Alias already exists: {ARN}:strict:live",
    )
    refusal = account.refused(
        functions.create_alias, **(alias | {"Name": "x", "FunctionVersion": "9"})
    )
    assert refusal == (
        404,
        "ResourceNotFoundException",
        f"Function not found: {ARN}:strict:9",
    )
    refusal = account.refused(functions.create_alias, **(alias | {"Name": "123"}))
    assert refusal[:2] == (400, "ValidationException")
    refusal = account.refused(functions.update_alias, **alias, RevisionId="older")
    assert refusal[:2] == (412, "PreconditionFailedException")
