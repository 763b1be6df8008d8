"""Records of batches that were given up reach queues, topics, buckets and directories whole."""

from __future__ import annotations

import asyncio
import datetime
import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.stub import ANY, Stubber

from tailrace.delivery.ports import Batch, Record
from tailrace.sinks.failures import (
    BucketDestination,
    DirectoryDestination,
    QueueDestination,
    TopicDestination,
    object_key,
)

EVENT = {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": "é"}}}}
BATCH = Batch("request", "arn", "shardId-1", [Record.of(1, 0, EVENT)], 2)
DOCUMENT = json.dumps({"version": "1.0"}).encode()
NOW = datetime.datetime(2026, 9, 17, 14, 7, 38, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def stubbed(service: str) -> tuple[Any, Stubber]:
    session: Any = botocore.session.Session()
    client = session.create_client(service, region_name="us-east-1")
    return client, Stubber(client)


def same(text: str) -> dict[str, Any]:
    document = json.loads(text)
    return {**document, "payload": json.loads(document["payload"])}


def test_keys_are_lambdas() -> None:
    assert object_key("mapping", BATCH, NOW, "name") == (
        "aws/lambda/mapping/shardId-1/2026/09/17/2026-09-17T14.07.38-name"
    )


def test_a_directory_gets_a_file_with_the_event(tmp_path: Path) -> None:
    destination = DirectoryDestination(tmp_path, "mapping")
    asyncio.run(destination.send(DOCUMENT, BATCH))
    asyncio.run(destination.send(DOCUMENT, BATCH))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    for path in files:
        assert path.is_relative_to(tmp_path / "aws" / "lambda" / "mapping" / "shardId-1")
        assert same(path.read_text()) == {"version": "1.0", "payload": {"Records": [EVENT]}}


def test_a_queue_gets_a_message() -> None:
    destination = QueueDestination("arn:aws:sqs:us-east-1:123456789012:failed")
    client, stub = stubbed("sqs")
    url = "https://sqs/123456789012/failed"
    asked = {"QueueName": "failed", "QueueOwnerAWSAccountId": "123456789012"}
    stub.add_response("get_queue_url", {"QueueUrl": url}, asked)
    message = {"QueueUrl": url, "MessageBody": DOCUMENT.decode()}
    stub.add_response("send_message", {}, message)
    destination._client._made = client
    with stub:
        asyncio.run(destination.send(DOCUMENT, BATCH))
        stub.assert_no_pending_responses()


def test_a_topic_gets_a_notification() -> None:
    arn = "arn:aws:sns:us-east-1:123456789012:failed"
    destination = TopicDestination(arn)
    client, stub = stubbed("sns")
    stub.add_response("publish", {}, {"TopicArn": arn, "Message": DOCUMENT.decode()})
    destination._client._made = client
    with stub:
        asyncio.run(destination.send(DOCUMENT, BATCH))
        stub.assert_no_pending_responses()


def test_a_bucket_gets_an_object_with_the_event() -> None:
    destination = BucketDestination("failed", "mapping")
    client, stub = stubbed("s3")
    stub.add_response("put_object", {}, {"Bucket": "failed", "Key": ANY, "Body": ANY})
    seen: list[dict[str, Any]] = []
    client.meta.events.register(
        "provide-client-params.s3.PutObject", lambda params, **_: seen.append(dict(params))
    )
    destination._client._made = client
    with stub:
        asyncio.run(destination.send(DOCUMENT, BATCH))
    (params,) = seen
    assert params["Key"].startswith("aws/lambda/mapping/shardId-1/")
    assert same(bytes(params["Body"]).decode()) == {
        "version": "1.0",
        "payload": {"Records": [EVENT]},
    }


def test_a_client_is_made_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    destination = TopicDestination("arn:aws:sns:us-east-1:123456789012:failed")
    with pytest.raises(Exception, match="Could not connect"):
        asyncio.run(destination.send(DOCUMENT, BATCH))
