"""A mapping on a Kinesis stream delivers its records to a function, from a time on as well, and
gives up what fails with Kinesis's own words."""

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
from botocore.exceptions import ClientError

from tailrace.app import Tailrace
from tailrace.settings import Settings

STREAM = "arn:aws:kinesis:us-east-1:000000000000:stream/changes"
ROLE = "arn:aws:iam::000000000000:role/reader"
CODE = """
    import base64, os
    def handler(event, context):
        with open(os.environ["NOTES"], "a") as notes:
            for record in event["Records"]:
                data = base64.b64decode(record["kinesis"]["data"]).decode()
                notes.write(f"{data} {record['invokeIdentityArn']}\\n")
                if data == "poison":
                    raise ValueError(data)
"""


@pytest.fixture(scope="module")
def buckets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("buckets")


@pytest.fixture(scope="module")
def tailrace(buckets: Path) -> Iterator[Tailrace]:
    with Tailrace(Settings(port=0, s3_directory=buckets)) as running:
        yield running


@pytest.fixture(scope="module")
def kinesis(tailrace: Tailrace) -> Any:
    made = client(tailrace, "kinesis")
    made.create_stream(StreamName="changes", ShardCount=1)
    return made


@pytest.fixture(scope="module")
def functions(tailrace: Tailrace) -> Any:
    return client(tailrace, "lambda")


def client(tailrace: Tailrace, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=tailrace.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def create(functions: Any, name: str, notes: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("index.py", textwrap.dedent(CODE))
    functions.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=ROLE,
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
        Timeout=20,
        Environment={"Variables": {"NOTES": str(notes)}},
    )


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def seen(notes: Path) -> list[str]:
    return [line.split()[0] for line in notes.read_text().splitlines()] if notes.exists() else []


def test_records_reach_the_function(kinesis: Any, functions: Any, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    create(functions, "all", notes)
    put = {"StreamName": "changes", "PartitionKey": "p"}
    kinesis.put_record(**put, Data=b"a")
    uuid = functions.create_event_source_mapping(
        EventSourceArn=STREAM, FunctionName="all", StartingPosition="TRIM_HORIZON"
    )["UUID"]
    until(lambda: seen(notes) == ["a"])
    kinesis.put_record(**put, Data=b"b")
    until(lambda: seen(notes) == ["a", "b"])
    assert notes.read_text().split()[1] == ROLE
    functions.delete_event_source_mapping(UUID=uuid)


def test_from_a_time_on(kinesis: Any, functions: Any, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    create(functions, "since", notes)
    put = {"StreamName": "changes", "PartitionKey": "p"}
    kinesis.put_record(**put, Data=b"before")
    time.sleep(0.05)
    moment = time.time()
    kinesis.put_record(**put, Data=b"after")
    told = functions.create_event_source_mapping(
        EventSourceArn=STREAM,
        FunctionName="since",
        StartingPosition="AT_TIMESTAMP",
        StartingPositionTimestamp=moment,
    )
    assert told["StartingPosition"] == "AT_TIMESTAMP"
    assert abs(told["StartingPositionTimestamp"].timestamp() - moment) < 1
    until(lambda: seen(notes) == ["after"])
    functions.delete_event_source_mapping(UUID=told["UUID"])


def test_what_is_given_up(kinesis: Any, functions: Any, buckets: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    create(functions, "poisoned", notes)
    uuid = functions.create_event_source_mapping(
        EventSourceArn=STREAM,
        FunctionName="poisoned",
        StartingPosition="LATEST",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::kinesis"}},
    )["UUID"]
    until(lambda: _put_poison(kinesis, notes))
    kept = buckets / "kinesis" / "aws" / "lambda" / uuid
    until(lambda: bool(_files(kept)))
    document = json.loads(_files(kept)[0].read_bytes())
    assert document["KinesisBatchInfo"]["streamArn"] == STREAM
    (record, *_) = json.loads(document["payload"])["Records"]
    assert record["eventName"] == "aws:kinesis:record"


def _put_poison(kinesis: Any, notes: Path) -> bool:
    """Put a record until one comes after the mapping's beginning."""
    kinesis.put_record(StreamName="changes", PartitionKey="p", Data=b"poison")
    return bool(seen(notes))


def _files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and path.suffix != ".partial"]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            {"EventSourceArn": STREAM.replace("changes", "none")},
            f"Stream not found: {STREAM.replace('changes', 'none')}",
        ),
        (
            {"StartingPosition": "AT_TIMESTAMP"},
            "StartingPositionTimestamp must be given with the starting position AT_TIMESTAMP.",
        ),
    ],
)
def test_what_is_refused(
    kinesis: Any, functions: Any, tmp_path: Path, members: dict[str, Any], message: str
) -> None:
    try:
        create(functions, "refused", tmp_path)
    except functions.exceptions.ResourceConflictException:
        pass
    given = {"EventSourceArn": STREAM, "FunctionName": "refused", "StartingPosition": "LATEST"}
    with pytest.raises(ClientError) as caught:
        functions.create_event_source_mapping(**(given | members))
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("InvalidParameterValueException", message)
