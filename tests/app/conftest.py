"""Clients of a running Tailrace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from tailrace.app import Tailrace

Connect = Callable[[Tailrace], Any]


@pytest.fixture
def connect() -> Connect:
    """A boto3 client of a running Tailrace's tables."""

    def made(tailrace: Tailrace) -> Any:
        return boto3.client(
            "dynamodb",
            endpoint_url=tailrace.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )

    return made


def create_table(client: Any, name: str, *, stream: bool = True) -> None:
    """A table with the key `pk`."""
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": stream, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        if stream
        else {"StreamEnabled": False},
    )
