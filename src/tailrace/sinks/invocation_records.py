"""Where records of asynchronous invocations go (invocation-async-retain-records.html): a queue, a
topic, a bucket or a directory that stands for one, an event bus."""

from __future__ import annotations

import asyncio
import datetime
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from tailrace.errors import TailraceError
from tailrace.sinks.aws_client import AwsClient

__all__ = [
    "BucketRecords",
    "BusRecords",
    "DirectoryRecords",
    "QueueRecords",
    "RecordTarget",
    "TopicRecords",
]


class RecordTarget(Protocol):
    """Takes records."""

    async def send(self, document: bytes, attributes: Mapping[str, str]) -> None:
        """Take a record, a JSON document, durably. `attributes` go beside it where a target has
        such. Raises TailraceError or OSError when it does not."""
        ...


def _attributes(given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Message attributes: numbers where they are numbers."""
    return {
        name: {"DataType": "Number" if value.isdigit() else "String", "StringValue": value}
        for name, value in given.items()
    }


class QueueRecords:
    """Sends records to an SQS queue, by its ARN."""

    def __init__(self, arn: str) -> None:
        _, _, _, region, account, name = arn.split(":", 5)
        self._queue = {"QueueName": name, "QueueOwnerAWSAccountId": account}
        self._client = AwsClient("sqs", region)

    async def send(self, document: bytes, attributes: Mapping[str, str]) -> None:
        """Send the record as a message."""
        members: dict[str, Any] = {"MessageBody": document.decode()}
        if attributes:
            members["MessageAttributes"] = _attributes(attributes)

        def work(client: Any) -> None:
            url = client.get_queue_url(**self._queue)["QueueUrl"]
            client.send_message(QueueUrl=url, **members)

        await self._client.call(work)


class TopicRecords:
    """Publishes records to an SNS topic, by its ARN."""

    def __init__(self, arn: str) -> None:
        self._arn = arn
        self._client = AwsClient("sns", arn.split(":")[3])

    async def send(self, document: bytes, attributes: Mapping[str, str]) -> None:
        """Publish the record."""
        members: dict[str, Any] = {"Message": document.decode()}
        if attributes:
            members["MessageAttributes"] = _attributes(attributes)

        def work(client: Any) -> None:
            client.publish(TopicArn=self._arn, **members)

        await self._client.call(work)


class BusRecords:
    """Puts records of a function's invocations, those that `succeeded` or the others, onto an
    EventBridge event bus, by its ARN, as the details of events."""

    def __init__(self, arn: str, function_arn: str, *, succeeded: bool) -> None:
        self._arn = arn
        self._function_arn = function_arn
        self._outcome = "Success" if succeeded else "Failure"
        self._client = AwsClient("events", arn.split(":")[3])

    async def send(self, document: bytes, attributes: Mapping[str, str]) -> None:
        """Put an event. Raises TailraceError when the bus refuses it."""
        del attributes
        entry = {
            "EventBusName": self._arn,
            "Source": "lambda",
            "DetailType": f"Lambda Function Invocation Result - {self._outcome}",
            "Resources": [self._arn, self._function_arn],
            "Detail": document.decode(),
        }

        def work(client: Any) -> None:
            reply: dict[str, Any] = client.put_events(Entries=[entry])
            if reply.get("FailedEntryCount"):
                raise TailraceError(f"the event bus refused an event: {reply['Entries'][0]}")

        await self._client.call(work)


def _key(function: str) -> str:
    """The key under which Lambda puts a function's record into a bucket."""
    now = datetime.datetime.now(datetime.UTC)
    moment = now.strftime("%Y-%m-%dT%H.%M.%S")
    return f"aws/lambda/async/{function}/{now:%Y/%m/%d}/{moment}-{uuid.uuid4()}"


class BucketRecords:
    """Puts a function's records into an S3 bucket."""

    def __init__(self, bucket: str, function: str) -> None:
        self._bucket = bucket
        self._function = function
        self._client = AwsClient("s3")

    async def send(self, document: bytes, attributes: Mapping[str, str]) -> None:
        """Put the record."""
        del attributes
        key = _key(self._function)

        def work(client: Any) -> None:
            client.put_object(Bucket=self._bucket, Key=key, Body=document)

        await self._client.call(work)


class DirectoryRecords:
    """Writes a function's records as files: keys of a bucket are paths below `directory`."""

    def __init__(self, directory: Path, function: str) -> None:
        self._directory = directory
        self._function = function

    async def send(self, document: bytes, attributes: Mapping[str, str]) -> None:
        """Write the record; it is on the disk when this returns."""
        del attributes
        await asyncio.to_thread(_write, self._directory / _key(self._function), document)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
