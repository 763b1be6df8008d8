"""A running Tailrace for each test module, and what a user of the Lambda API has: boto3."""

from __future__ import annotations

import io
import json
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tailrace.app import Tailrace
from tailrace.settings import Settings

ROLE = "arn:aws:iam::000000000000:role/anything"
ECHO = """
    import os
    def handler(event, context):
        return {
            "event": event,
            "version": context.function_version,
            "arn": context.invoked_function_arn,
            "setting": os.environ.get("SETTING"),
        }
"""


def zipped(code: str, **files: str) -> bytes:
    """A zip file with `index.py`, and with other files by their names without suffix."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("index.py", textwrap.dedent(code))
        for name, text in files.items():
            content.writestr(f"{name}.py", textwrap.dedent(text))
    return archive.getvalue()


class Account:
    """One user of a server: clients, and the calls that tests make all the time."""

    def __init__(self, tailrace: Tailrace, key: str = "test", secret: str = "test") -> None:
        self.tailrace = tailrace
        connection: dict[str, Any] = {
            "endpoint_url": tailrace.endpoint_url,
            "region_name": "us-east-1",
            "aws_access_key_id": key,
            "aws_secret_access_key": secret,
            "config": Config(
                retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=60
            ),
        }
        self.functions = boto3.client("lambda", **connection)
        self.tables = boto3.client("dynamodb", **connection)

    def create(self, name: str, code: str = ECHO, **more: Any) -> dict[str, Any]:
        """A new function of the code of `index.handler`."""
        given = {
            "FunctionName": name,
            "Runtime": "python3.11",
            "Role": ROLE,
            "Handler": "index.handler",
            "Code": {"ZipFile": zipped(code)},
            "Timeout": 20,
        }
        return self.functions.create_function(**(given | more))

    def invoke(self, name: str, event: Any = None, **more: Any) -> Any:
        """What a function returns."""
        reply = self.functions.invoke(FunctionName=name, Payload=json.dumps(event).encode(), **more)
        answer = json.loads(reply["Payload"].read())
        assert "FunctionError" not in reply, answer
        return answer

    def table(self, name: str) -> str:
        """A new table with a stream, of one shard; the stream's ARN."""
        description = self.tables.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            StreamSpecification={
                "StreamEnabled": True,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        )
        return description["TableDescription"]["LatestStreamArn"]

    def refused(self, call: Callable[..., Any], **members: Any) -> tuple[int, str, str]:
        """Status, code and message of a call that must fail."""
        with pytest.raises(ClientError) as caught:
            call(**members)
        error = caught.value.response
        status = error["ResponseMetadata"]["HTTPStatusCode"]
        return status, error["Error"]["Code"], error["Error"]["Message"]


@pytest.fixture(scope="module")
def tailrace() -> Iterator[Tailrace]:
    with Tailrace(Settings(port=0)) as running:
        yield running


@pytest.fixture(scope="module")
def account(tailrace: Tailrace) -> Account:
    return Account(tailrace)


@pytest.fixture(scope="session")
def make_zip() -> Callable[..., bytes]:
    return zipped
