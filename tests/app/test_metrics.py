"""`/metrics` tells where triggers of the server stand."""

from __future__ import annotations

import urllib.request
from typing import Any

import boto3

from tailrace.app import Tailrace
from tailrace.settings import Settings


def scraped(tailrace: Tailrace) -> str:
    with urllib.request.urlopen(f"{tailrace.endpoint_url}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return str(answer.read().decode())


def test_triggers_are_measured() -> None:
    def handle(event: Any, context: Any) -> None: ...

    with Tailrace(Settings(port=0)) as tailrace:
        assert "tailrace_records_total{" not in scraped(tailrace)
        client: Any = boto3.client(
            "dynamodb",
            endpoint_url=tailrace.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        made = client.create_table(
            TableName="things",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        )
        arn = made["TableDescription"]["LatestStreamArn"]
        trigger = tailrace.on_change("things", handle)
        client.put_item(TableName="things", Item={"pk": {"S": "a"}})
        trigger.wait_until_caught_up(10)
        labels = f'kind="trigger",consumer="handle",stream="{arn}"'
        assert f"tailrace_records_total{{{labels}}} 1" in scraped(tailrace).splitlines()
