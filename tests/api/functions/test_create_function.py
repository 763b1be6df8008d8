"""CreateFunction keeps code and settings, tells them back, and refuses what Lambda refuses."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest


def test_the_reply_tells_all_that_was_given(account: Any, make_zip: Any) -> None:
    archive = make_zip("def handler(event, context): pass")
    reply = account.create(
        "told",
        Code={"ZipFile": archive},
        Description="about it",
        MemorySize=256,
        Timeout=9,
        Environment={"Variables": {"NAME": "b"}},
        TracingConfig={"Mode": "Active"},
        Tags={"team": "rivers"},
    )
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert reply["FunctionArn"] == "arn:aws:lambda:us-east-1:000000000000:function:told"
    assert (reply["State"], reply["StateReasonCode"]) == ("Pending", "Creating")
    digest = base64.b64encode(hashlib.sha256(archive).digest()).decode()
    assert (reply["CodeSha256"], reply["CodeSize"]) == (digest, len(archive))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", reply["LastModified"])
    kept = account.functions.get_function(FunctionName="told")
    configuration = kept["Configuration"]
    assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Successful")
    assert configuration["Version"] == "$LATEST"
    assert (configuration["MemorySize"], configuration["Timeout"]) == (256, 9)
    assert configuration["Environment"] == {"Variables": {"NAME": "b"}}
    assert configuration["TracingConfig"] == {"Mode": "Active"}
    assert configuration["Description"] == "about it"
    assert kept["Tags"] == {"team": "rivers"}


def test_publishing_at_once_gives_version_one(account: Any) -> None:
    reply = account.create("published", Publish=True)
    assert (reply["Version"], reply["State"]) == ("1", "Active")
    assert reply["FunctionArn"].endswith(":function:published:1")


def test_a_directory_may_stand_for_code(account: Any, tmp_path: Path) -> None:
    index = tmp_path / "index.py"
    index.write_text("def handler(event, context): return 'first'")
    code = {"S3Bucket": "hot-reload", "S3Key": str(tmp_path)}
    account.create("reloaded", Code=code)
    assert account.invoke("reloaded") == "first"
    index.write_text("def handler(event, context): return 'and second'")
    answers = {account.invoke("reloaded") for _ in range(50)}
    assert "and second" in answers


def test_a_name_is_taken_once(account: Any) -> None:
    account.create("taken")
    assert account.refused(account.create, name="taken") == (
        409,
        "ResourceConflictException",
        "Function already exist: taken",
    )


def _evil(name: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr(name, "x = 1")
    return archive.getvalue()


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        (
            {"Code": {"ZipFile": b"no zip"}},
            "InvalidParameterValueException",
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
        ),
        (
            {"Code": {"ZipFile": _evil("../outside.py")}},
            "InvalidParameterValueException",
            "A file's name leads out of the zip file: ../outside.py",
        ),
        (
            {"Code": {"ZipFile": _evil("/etc/outside.py")}},
            "InvalidParameterValueException",
            "A file's name leads out of the zip file: /etc/outside.py",
        ),
        (
            {"Code": {}},
            "InvalidParameterValueException",
            "Please provide a source for function code.",
        ),
        (
            {"Code": {"S3Bucket": "hot-reload", "S3Key": "not/absolute"}},
            "InvalidParameterValueException",
            (
                "The key of an object in hot-reload is the absolute path of a directory; there is"
                " no directory not/absolute"
            ),
        ),
        (
            {"Code": {"S3Bucket": "some-bucket", "S3Key": "code.zip"}},
            "InvalidParameterValueException",
            (
                "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The"
                " specified key does not exist."
            ),
        ),
        (
            {"Runtime": None},
            "InvalidParameterValueException",
            (
                "Runtime and Handler are mandatory parameters for functions created with deployment"
                " packages."
            ),
        ),
        (
            {"Environment": {"Variables": {"AWS_REGION": "x"}}},
            "InvalidParameterValueException",
            (
                "Lambda was unable to configure your environment variables because the environment"
                " variables you have provided contains reserved keys that are currently not"
                " supported for modification. Reserved keys used in this request: AWS_REGION"
            ),
        ),
        (
            {"Role": "nobody"},
            "ValidationException",
            (
                "1 validation error detected: Value 'nobody' at 'role' failed to satisfy"
                " constraint: Member must satisfy regular expression pattern:"
                r" arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"
            ),
        ),
        (
            {"MemorySize": 1},
            "ValidationException",
            (
                "1 validation error detected: Value '1' at 'memorySize' failed to satisfy"
                " constraint: Member must have value greater than or equal to 128"
            ),
        ),
    ],
)
def test_what_is_refused(account: Any, members: dict[str, Any], code: str, message: str) -> None:
    given = {name: value for name, value in members.items() if value is not None}
    if "Runtime" in members:
        given["Runtime"] = None
    status, got, told = account.refused(account.create, name="refused", **given)
    assert (status, got, told) == (400, code, message)
    missing = account.refused(account.functions.get_function, FunctionName="refused")
    arn = "arn:aws:lambda:us-east-1:000000000000:function:refused"
    assert missing == (404, "ResourceNotFoundException", f"Function not found: {arn}")


def test_too_much_environment_is_refused(account: Any) -> None:
    variables = {"Variables": {"LONG": "x" * 4096}}
    _, code, message = account.refused(account.create, name="e", Environment=variables)
    assert code == "InvalidParameterValueException"
    assert "exceeded the 4KB limit. String measured: {" in message


def test_code_may_be_fetched_again(account: Any, make_zip: Any, tailrace: Any) -> None:
    import urllib.request

    archive = make_zip("def handler(event, context): return 'mine'")
    account.create("fetched", Code={"ZipFile": archive})
    location = account.functions.get_function(FunctionName="fetched")["Code"]["Location"]
    assert location.startswith(tailrace.endpoint_url)
    with urllib.request.urlopen(location, timeout=10) as response:
        assert response.read() == archive
