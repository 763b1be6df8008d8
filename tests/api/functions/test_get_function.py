"""Functions are found by any form of their name, listed page by page, tagged and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tailrace.app import Tailrace
from tailrace.settings import Settings

ARN = "arn:aws:lambda:us-east-1:000000000000:function"


@pytest.fixture(scope="module")
def tailrace() -> Iterator[Tailrace]:
    with Tailrace(Settings(port=0)) as running:
        yield running


@pytest.mark.parametrize("name", ["named", f"{ARN}:named", "000000000000:function:named"])
def test_all_forms_of_a_name(account: Any, name: str) -> None:
    if name == "named":
        account.create("named")
    found = account.functions.get_function(FunctionName=name)["Configuration"]
    assert (found["FunctionName"], found["FunctionArn"]) == ("named", f"{ARN}:named")
    found = account.functions.get_function_configuration(FunctionName=f"{name}:$LATEST")
    assert found["FunctionArn"] == f"{ARN}:named:$LATEST"


@pytest.mark.parametrize(
    ("members", "status", "code", "message"),
    [
        (
            {"FunctionName": "arn:aws:lambda:eu-west-1:000000000000:function:named"},
            404,
            "ResourceNotFoundException",
            "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
        ),
        (
            {"FunctionName": "named", "Qualifier": "7"},
            404,
            "ResourceNotFoundException",
            f"Function not found: {ARN}:named:7",
        ),
        (
            {"FunctionName": "named:6", "Qualifier": "7"},
            400,
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.",
        ),
        (
            {"FunctionName": "111111111111:function:named"},
            404,
            "ResourceNotFoundException",
            "Function not found: arn:aws:lambda:us-east-1:111111111111:function:named",
        ),
    ],
)
def test_what_is_not_there(
    account: Any, members: dict[str, str], status: int, code: str, message: str
) -> None:
    refusal = account.refused(account.functions.get_function, **members)
    assert refusal == (status, code, message)


def test_a_name_of_another_form(account: Any) -> None:
    status, code, message = account.refused(
        account.functions.get_function, FunctionName="not a name"
    )
    assert (status, code) == (400, "ValidationException")
    assert message.startswith(
        "1 validation error detected: Value 'not a name' at 'functionName' failed to satisfy"
        " constraint: Member must satisfy regular expression pattern:"
    )


def test_lists_come_in_pages(account: Any) -> None:
    for name in ("list-a", "list-b", "list-c"):
        account.create(name, Publish=True)
    pages = account.functions.get_paginator("list_functions").paginate(
        PaginationConfig={"PageSize": 2}
    )
    names = [function["FunctionName"] for page in pages for function in page["Functions"]]
    assert [name for name in names if name.startswith("list-")] == ["list-a", "list-b", "list-c"]
    everything = account.functions.list_functions(FunctionVersion="ALL")["Functions"]
    arns = [each["FunctionArn"] for each in everything if each["FunctionName"] == "list-a"]
    assert arns == [f"{ARN}:list-a:$LATEST", f"{ARN}:list-a:1"]
    refusal = account.refused(account.functions.list_functions, Marker="no marker")
    assert refusal[:2] == (400, "InvalidParameterValueException")
    refusal = account.refused(account.functions.list_functions, MaxItems=0)
    assert refusal[1] == "ValidationException"


def test_tags(account: Any) -> None:
    arn = account.create("tagged", Tags={"a": "1", "b": "2"})["FunctionArn"]
    account.functions.tag_resource(Resource=arn, Tags={"b": "3", "c": "4"})
    account.functions.untag_resource(Resource=arn, TagKeys=["a", "c"])
    assert account.functions.list_tags(Resource=arn)["Tags"] == {"b": "3"}


def test_concurrency(account: Any) -> None:
    account.create("limited")
    functions = account.functions
    functions.put_function_concurrency(FunctionName="limited", ReservedConcurrentExecutions=0)
    assert account.refused(functions.invoke, FunctionName="limited")[:2] == (
        429,
        "TooManyRequestsException",
    )
    kept = functions.get_function_concurrency(FunctionName="limited")
    assert kept["ReservedConcurrentExecutions"] == 0
    functions.delete_function_concurrency(FunctionName="limited")
    kept = functions.get_function_concurrency(FunctionName="limited")
    assert "ReservedConcurrentExecutions" not in kept
    assert account.invoke("limited", 1)["event"] == 1


def test_what_is_deleted_is_gone(account: Any) -> None:
    functions = account.functions
    account.create("deleted", Publish=True)
    functions.create_alias(FunctionName="deleted", Name="live", FunctionVersion="1")
    refusal = account.refused(
        functions.delete_function, FunctionName="deleted", Qualifier="$LATEST"
    )
    assert refusal == (
        400,
        "InvalidParameterValueException",
        "$LATEST version cannot be deleted without deleting the function.",
    )
    used = account.refused(functions.delete_function, FunctionName="deleted", Qualifier="1")
    assert used[:2] == (409, "ResourceConflictException")
    functions.delete_alias(FunctionName="deleted", Name="live")
    functions.delete_function(FunctionName="deleted", Qualifier="1")
    versions = functions.list_versions_by_function(FunctionName="deleted")["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST"]
    reply = functions.delete_function(FunctionName="deleted")
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 204
    for call in (functions.get_function, functions.delete_function, functions.invoke):
        assert account.refused(call, FunctionName="deleted")[0] == 404
