"""Powertools' batch processor, event classes and logger run unmodified behind a mapping."""

from __future__ import annotations

import io
import json
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tailrace.app import Tailrace
from tailrace.settings import Settings

WAIT_S = 60.0
HANDLER = """
    import json, os
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.utilities.batch import (
        BatchProcessor, EventType, process_partial_response,
    )
    from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    logger = Logger(service="orders")
    processor = BatchProcessor(event_type=EventType.DynamoDBStreams)

    def handle(record: DynamoDBRecord):
        order = record.dynamodb.new_image
        mended = os.path.exists(os.environ["NOTES"] + ".mended")
        note = [order["pk"], str(order["total"]), sorted(order["tags"]), mended]
        with open(os.environ["NOTES"], "a") as notes:
            notes.write(json.dumps(note) + "\\n")
        if order["pk"] == "b" and not mended:
            raise ValueError("not yet")

    @logger.inject_lambda_context
    def handler(event, context: LambdaContext):
        logger.info("batch")
        return process_partial_response(
            event=event, record_handler=handle, processor=processor, context=context
        )

    @event_source(data_class=DynamoDBStreamEvent)
    def names(event: DynamoDBStreamEvent, context: LambdaContext):
        return [record.event_name.name for record in event.records]
"""


@pytest.fixture
def tailrace() -> Iterator[Tailrace]:
    with Tailrace(Settings(port=0)) as running:
        yield running


def client(tailrace: Tailrace, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=tailrace.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def code() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("index.py", textwrap.dedent(HANDLER))
    return archive.getvalue()


def test_failed_records_come_again_and_nothing_is_skipped(
    tailrace: Tailrace, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    tables, functions = client(tailrace, "dynamodb"), client(tailrace, "lambda")
    stream = tables.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]["LatestStreamArn"]
    for key in "abc":
        item = {"pk": {"S": key}, "total": {"N": "12.5"}, "tags": {"SS": ["y", "x"]}}
        tables.put_item(TableName="orders", Item=item)
    functions.create_function(
        FunctionName="orders",
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="index.handler",
        Code={"ZipFile": code()},
        Timeout=30,
        MemorySize=512,
        Environment={"Variables": {"NOTES": str(notes)}},
    )
    functions.create_event_source_mapping(
        EventSourceArn=stream,
        FunctionName="orders",
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    until(lambda: notes.exists() and notes.read_text().count('"b"') >= 2)
    (tmp_path / "notes.mended").touch()
    rest = ["12.5", ["x", "y"]]
    until(lambda: handled(notes)[-2:] == [["b", *rest, True], ["c", *rest, True]])
    first, *others = handled(notes)
    assert first == ["a", *rest, False]
    assert "a" not in [key for key, *_ in others]
    event = {"Records": [{"eventName": "INSERT"}, {"eventName": "REMOVE"}]}
    functions.update_function_configuration(FunctionName="orders", Handler="index.names")
    reply = functions.invoke(FunctionName="orders", Payload=json.dumps(event).encode())
    assert json.loads(reply["Payload"].read()) == ["INSERT", "REMOVE"]


def handled(notes: Path) -> list[list[Any]]:
    """What the handler noted; a line that is just being written is left out."""
    return [json.loads(line) for line in notes.read_text().split("\n")[:-1]]
