"""The Lambda API is for those who sign their requests, and never for a web page."""

from __future__ import annotations

import http.client
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tailrace.app import Tailrace
from tailrace.settings import Settings

OWNER, SECRET = "AKIDOWNER", "owner's secret"
CODE = """
import boto3
def handler(event, context):
    return boto3.client("dynamodb").list_tables()["TableNames"]
"""


@pytest.fixture(scope="module")
def guarded() -> Iterator[Tailrace]:
    with Tailrace(Settings(port=0, credentials={OWNER: SECRET})) as running:
        yield running


def client(tailrace: Tailrace, service: str, key: str = OWNER, secret: str = SECRET) -> Any:
    return boto3.client(
        service,
        endpoint_url=tailrace.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )


def archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as files:
        files.writestr("index.py", CODE)
    return content.getvalue()


def test_signatures_are_checked(guarded: Tailrace) -> None:
    functions = client(guarded, "lambda")
    client(guarded, "dynamodb").create_table(
        TableName="mine",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    functions.create_function(
        FunctionName="listing",
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="index.handler",
        Code={"ZipFile": archive()},
        Timeout=20,
        MemorySize=512,
    )
    # The function signs, too: it is given the owner's key.
    reply = functions.invoke(FunctionName="listing")
    assert json.loads(reply["Payload"].read()) == ["mine"]
    # Colons and slashes in the path, and a query, are covered by the signature as they are sent.
    arn = "arn:aws:lambda:us-east-1:000000000000:function:listing"
    assert functions.list_tags(Resource=arn)["Tags"] == {}
    assert functions.get_function(FunctionName=arn, Qualifier="$LATEST")["Configuration"]
    for key, secret, code in (
        (OWNER, "guessed", "InvalidSignatureException"),
        ("AKIDOTHER", SECRET, "UnrecognizedClientException"),
    ):
        with pytest.raises(ClientError) as caught:
            client(guarded, "lambda", key, secret).invoke(FunctionName="listing")
        error = caught.value.response
        assert error["Error"]["Code"] == code
        assert error["ResponseMetadata"]["HTTPStatusCode"] == 403


UNSIGNED: dict[str, str] = {}
LOOKS_SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260917/us-east-1/lambda/aws4_request"
}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (UNSIGNED, "MissingAuthenticationTokenException"),
        ({**LOOKS_SIGNED, "Origin": "https://example.com"}, "AccessDeniedException"),
        ({**LOOKS_SIGNED, "Sec-Fetch-Site": "cross-site"}, "AccessDeniedException"),
        ({**LOOKS_SIGNED, "Host": "rebound.example.com"}, "AccessDeniedException"),
    ],
)
def test_web_pages_cannot_run_programs(
    tailrace: Tailrace, headers: dict[str, str], code: str
) -> None:
    assert post(tailrace, headers) == (403, code)


def test_who_looks_signed_may_where_no_credentials_are_configured(tailrace: Tailrace) -> None:
    assert post(tailrace, LOOKS_SIGNED) == (400, "ValidationException")
    assert post(tailrace, {**LOOKS_SIGNED, "Host": "localhost:1"})[1] == "ValidationException"


def test_a_body_over_the_limit_is_not_read_to_its_end(tailrace: Tailrace) -> None:
    status, code = post(tailrace, LOOKS_SIGNED, b"x" * 70_167_212)
    assert (status, code) == (413, "RequestEntityTooLargeException")


def test_what_is_no_json_and_what_is_no_operation(tailrace: Tailrace) -> None:
    assert post(tailrace, LOOKS_SIGNED, b"{") == (400, "InvalidRequestContentException")
    status, _ = post(tailrace, LOOKS_SIGNED, path="/2015-03-31/rivers")
    assert status == 400


def post(
    tailrace: Tailrace,
    headers: dict[str, str],
    body: bytes = b"{}",
    path: str = "/2015-03-31/functions",
) -> tuple[int, str | None]:
    """Status and error of a request with exactly these headers."""
    port = int(tailrace.endpoint_url.rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        response.read()
        return response.status, response.getheader("x-amzn-ErrorType")
    finally:
        connection.close()
