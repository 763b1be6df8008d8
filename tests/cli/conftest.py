"""A running server, its tables, and the command line as processes of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tailrace.app import Tailrace
from tailrace.settings import Settings

Run = Callable[..., "subprocess.Popen[str]"]


class Endpoint:
    """A server's tables by boto3."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client: Any = boto3.client(
            "dynamodb",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )

    def make(self, name: str) -> str:
        """A table with a stream; the stream's ARN."""
        made = self.client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        return str(made["TableDescription"]["LatestStreamArn"])

    def put(self, table: str, name: str, value: str = "x") -> None:
        item = {"pk": {"S": name}, "v": {"S": value}}
        self.client.put_item(TableName=table, Item=item)


@pytest.fixture(scope="module")
def server() -> Iterator[Tailrace]:
    with Tailrace(Settings(port=0, test_controls=True)) as running:
        yield running


@pytest.fixture(scope="module")
def endpoint(server: Tailrace) -> Endpoint:
    return Endpoint(server.endpoint_url)


@pytest.fixture
def run(endpoint: Endpoint, tmp_path: Path) -> Iterator[Run]:
    """`run("consume", ...)` starts the command line in a directory of the test's own."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tailrace", *arguments],
            cwd=tmp_path,
            env={**os.environ, "AWS_ENDPOINT_URL": endpoint.url, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
