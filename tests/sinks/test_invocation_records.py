"""Records of asynchronous invocations reach queues, topics, buses, buckets and directories."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.stub import ANY, Stubber

from tailrace.errors import TailraceError
from tailrace.sinks.invocation_records import (
    BucketRecords,
    BusRecords,
    DirectoryRecords,
    QueueRecords,
    TopicRecords,
)

DOCUMENT = json.dumps({"version": "1.0", "é": 1}).encode()
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST"
KEY = r"aws/lambda/async/f/\d{4}/\d\d/\d\d/\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d-[0-9a-f-]{36}"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def send(target: Any, service: str, *answers: tuple[str, Any, Any], **attributes: str) -> None:
    """Send the document with a client that expects these calls."""
    session: Any = botocore.session.Session()
    client = session.create_client(service, region_name="us-east-1")
    stub = Stubber(client)
    for name, answer, asked in answers:
        stub.add_response(name, answer, asked)
    target._client._made = client
    with stub:
        asyncio.run(target.send(DOCUMENT, attributes))
        stub.assert_no_pending_responses()


@pytest.mark.parametrize("attributes", [{}, {"RequestID": "r", "ErrorCode": "200"}])
def test_a_queue_gets_a_message(attributes: dict[str, str]) -> None:
    url = "https://sqs/123456789012/queue"
    asked = {"QueueName": "queue", "QueueOwnerAWSAccountId": "123456789012"}
    message: dict[str, Any] = {"QueueUrl": url, "MessageBody": DOCUMENT.decode()}
    if attributes:
        message["MessageAttributes"] = {
            "RequestID": {"DataType": "String", "StringValue": "r"},
            "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        }
    send(
        QueueRecords("arn:aws:sqs:us-east-1:123456789012:queue"),
        "sqs",
        ("get_queue_url", {"QueueUrl": url}, asked),
        ("send_message", {}, message),
        **attributes,
    )


def test_a_topic_gets_a_notification() -> None:
    arn = "arn:aws:sns:us-east-1:123456789012:topic"
    attributes = {"A": {"DataType": "String", "StringValue": "b"}}
    asked = {"TopicArn": arn, "Message": DOCUMENT.decode(), "MessageAttributes": attributes}
    send(TopicRecords(arn), "sns", ("publish", {}, asked), A="b")


@pytest.mark.parametrize(("succeeded", "word"), [(True, "Success"), (False, "Failure")])
def test_a_bus_gets_an_event(succeeded: bool, word: str) -> None:
    arn = "arn:aws:events:us-east-1:123456789012:event-bus/default"
    entry = {
        "EventBusName": arn,
        "Source": "lambda",
        "DetailType": f"Lambda Function Invocation Result - {word}",
        "Resources": [arn, FUNCTION],
        "Detail": DOCUMENT.decode(),
    }
    target = BusRecords(arn, FUNCTION, succeeded=succeeded)
    send(target, "events", ("put_events", {"FailedEntryCount": 0}, {"Entries": [entry]}))
    refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}
    with pytest.raises(TailraceError, match="InternalFailure"):
        send(target, "events", ("put_events", refused, {"Entries": ANY}))


def test_a_bucket_gets_an_object() -> None:
    asked = {"Bucket": "bucket", "Key": ANY, "Body": DOCUMENT}
    send(BucketRecords("bucket", "f"), "s3", ("put_object", {}, asked))


def test_a_directory_gets_files(tmp_path: Path) -> None:
    for _ in range(2):
        asyncio.run(DirectoryRecords(tmp_path, "f").send(DOCUMENT, {}))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    for path in files:
        assert re.fullmatch(KEY, str(path.relative_to(tmp_path)))
        assert path.read_bytes() == DOCUMENT
