"""Where records of batches that were given up go: a queue, a topic, a bucket, or a directory that
stands for one."""

from __future__ import annotations

import asyncio
import datetime
import os
import uuid
from pathlib import Path
from typing import Any, Final

import msgspec

from tailrace.delivery.events import event_of
from tailrace.delivery.ports import Batch
from tailrace.sinks.aws_client import AwsClient

__all__ = ["BucketDestination", "DirectoryDestination", "QueueDestination", "TopicDestination"]

_encode: Final = msgspec.json.encode


def object_key(mapping: str, batch: Batch, now: datetime.datetime, name: str) -> str:
    """The key under which Lambda puts a record into a bucket."""
    moment = now.strftime("%Y-%m-%dT%H.%M.%S")
    return f"aws/lambda/{mapping}/{batch.shard_id}/{now:%Y/%m/%d}/{moment}-{name}"


def with_payload(document: bytes, batch: Batch) -> bytes:
    """The record with the event that failed, which buckets get besides."""
    members: dict[str, Any] = msgspec.json.decode(document)
    return _encode({**members, "payload": _encode(event_of(batch)).decode()})


class DirectoryDestination:
    """Writes each record, with its event, as a file: keys of a bucket are paths below
    `directory`."""

    def __init__(self, directory: Path, mapping: str) -> None:
        self._directory = directory
        self._mapping = mapping

    async def send(self, document: bytes, batch: Batch) -> None:
        """Write the record; it is on the disk when this returns."""
        now = datetime.datetime.now(datetime.UTC)
        key = object_key(self._mapping, batch, now, str(uuid.uuid4()))
        await asyncio.to_thread(_write, self._directory / key, with_payload(document, batch))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


class QueueDestination:
    """Sends records to an SQS queue, by its ARN."""

    def __init__(self, arn: str) -> None:
        _, _, _, region, account, name = arn.split(":", 5)
        self._queue = {"QueueName": name, "QueueOwnerAWSAccountId": account}
        self._client = AwsClient("sqs", region)

    async def send(self, document: bytes, batch: Batch) -> None:
        """Send the record as a message."""
        del batch

        def work(client: Any) -> None:
            url = client.get_queue_url(**self._queue)["QueueUrl"]
            client.send_message(QueueUrl=url, MessageBody=document.decode())

        await self._client.call(work)


class TopicDestination:
    """Publishes records to an SNS topic, by its ARN."""

    def __init__(self, arn: str) -> None:
        self._arn = arn
        self._client = AwsClient("sns", arn.split(":")[3])

    async def send(self, document: bytes, batch: Batch) -> None:
        """Publish the record."""
        del batch

        def work(client: Any) -> None:
            client.publish(TopicArn=self._arn, Message=document.decode())

        await self._client.call(work)


class BucketDestination:
    """Puts records, with their events, into an S3 bucket."""

    def __init__(self, bucket: str, mapping: str) -> None:
        self._bucket = bucket
        self._mapping = mapping
        self._client = AwsClient("s3", None)

    async def send(self, document: bytes, batch: Batch) -> None:
        """Put the record."""
        now = datetime.datetime.now(datetime.UTC)
        key = object_key(self._mapping, batch, now, str(uuid.uuid4()))
        content = with_payload(document, batch)

        def work(client: Any) -> None:
            client.put_object(Bucket=self._bucket, Key=key, Body=content)

        await self._client.call(work)
