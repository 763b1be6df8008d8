"""Proves that the AWS command line works unmodified: tables, waiters, items, pages, refusals,
streams, Kinesis and functions."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.app import Tailrace
from tailrace.settings import Settings

pytest.importorskip("awscli")

_RUN_S = 60
_KEY = {"pk": {"S": "a"}, "n": {"N": "1"}}
_NOTES = (
    *("--table-name", "Notes", "--attribute-definitions", "AttributeName=pk,AttributeType=S"),
    *("--key-schema", "AttributeName=pk,KeyType=HASH", "--billing-mode", "PAY_PER_REQUEST"),
    *("--stream-specification", "StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES"),
)


class _Cli:
    def __init__(self, endpoint_url: str, home: Path) -> None:
        self._environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(home),
            "AWS_ENDPOINT_URL": endpoint_url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_DEFAULT_OUTPUT": "json",
        }
        self._home = home

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "awscli", *arguments],
            cwd=self._home,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_RUN_S,
            check=False,
        )

    def __call__(self, *arguments: str) -> Any:
        """What a command answers. Fails with what it said if it fails."""
        ended = self.run(*arguments)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout or "null")


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Cli]:
    with Tailrace(Settings(port=0)) as running:
        cli = _Cli(running.endpoint_url, tmp_path_factory.mktemp("cli"))
        cli(
            *("dynamodb", "create-table", "--table-name", "Trips"),
            *("--attribute-definitions", "AttributeName=pk,AttributeType=S"),
            "AttributeName=n,AttributeType=N",
            *("--key-schema", "AttributeName=pk,KeyType=HASH", "AttributeName=n,KeyType=RANGE"),
            *("--billing-mode", "PAY_PER_REQUEST"),
            *("--stream-specification", "StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES"),
        )
        cli("dynamodb", "wait", "table-exists", "--table-name", "Trips")
        yield cli


def _on_trips(command: str, *arguments: str) -> tuple[str, ...]:
    return ("dynamodb", command, "--table-name", "Trips", *arguments)


def test_items_pages_and_streams(aws: _Cli):
    item = {**_KEY, "title": {"S": "Ä ☃ 𝄞"}, "data": {"B": "raw"}, "words": {"SS": ["x", "y"]}}
    aws(*_on_trips("put-item", "--item", json.dumps(item)))
    assert aws(*_on_trips("get-item", "--key", json.dumps(_KEY)))["Item"] == {
        **item,
        # This command line takes bytes as they are, and shows them in base64.
        "data": {"B": "cmF3"},
    }
    puts = [{"PutRequest": {"Item": {"pk": {"S": "b"}, "n": {"N": str(n)}}}} for n in range(2, 12)]
    assert aws("dynamodb", "batch-write-item", "--request-items", json.dumps({"Trips": puts})) == {
        "UnprocessedItems": {}
    }
    query = ("query", "--key-condition-expression", "pk = :pk", "--no-scan-index-forward")
    values = ("--expression-attribute-values", '{":pk": {"S": "b"}}')
    pages = ("--page-size", "3", "--query", "Items[].n.N")
    assert aws(*_on_trips(*query, *values, *pages)) == [str(n) for n in range(11, 1, -1)]
    statement = """DELETE FROM "Trips" WHERE pk = 'b' AND n = 2 RETURNING ALL OLD *"""
    deleted = aws("dynamodb", "execute-statement", "--statement", statement)["Items"]
    assert deleted == [{"pk": {"S": "b"}, "n": {"N": "2"}}]
    assert sorted(_events(aws)) == ["INSERT"] * 11 + ["REMOVE"]


def _events(aws: _Cli) -> list[str]:
    streams = "dynamodbstreams"
    (stream,) = aws(streams, "list-streams", "--table-name", "Trips")["Streams"]
    at_stream = ("--stream-arn", stream["StreamArn"])
    described = aws(streams, "describe-stream", *at_stream)["StreamDescription"]
    assert described["StreamStatus"] == "ENABLED"
    found: list[str] = []
    for shard in described["Shards"]:
        at_shard = ("--shard-id", shard["ShardId"], "--shard-iterator-type", "TRIM_HORIZON")
        begun = aws(streams, "get-shard-iterator", *at_stream, *at_shard)
        page = aws(streams, "get-records", "--shard-iterator", begun["ShardIterator"])
        found += [record["eventName"] for record in page["Records"]]
    return found


def test_refusals_are_said_on_standard_error(aws: _Cli):
    missing = aws.run("dynamodb", "describe-table", "--table-name", "Missing")
    assert missing.returncode != 0
    assert missing.stderr.strip().endswith(
        "(ResourceNotFoundException) when calling the DescribeTable operation:"
        " Requested resource not found: Table: Missing not found"
    )
    item = json.dumps({"pk": {"S": "c"}, "n": {"N": "1"}})
    refused = aws.run(
        *_on_trips("put-item", "--item", item, "--condition-expression", "attribute_exists(pk)")
    )
    assert refused.returncode != 0
    assert "(ConditionalCheckFailedException)" in refused.stderr


def test_kinesis(aws: _Cli):
    stream = ("--stream-name", "changes")
    aws("kinesis", "create-stream", *stream, "--shard-count", "1")
    aws("kinesis", "wait", "stream-exists", *stream)
    put = aws("kinesis", "put-record", *stream, "--partition-key", "a", "--data", "raw")
    at_start = ("--shard-id", put["ShardId"], "--shard-iterator-type", "TRIM_HORIZON")
    begun = aws("kinesis", "get-shard-iterator", *stream, *at_start)
    (record,) = aws("kinesis", "get-records", "--shard-iterator", begun["ShardIterator"])["Records"]
    assert (record["PartitionKey"], record["SequenceNumber"]) == ("a", put["SequenceNumber"])
    assert record["Data"] == "cmF3"


def test_a_function_on_a_tables_changes(aws: _Cli, tmp_path: Path):
    (tmp_path / "index.py").write_text(
        "import json, os\n"
        "def handler(event, context):\n"
        "    with open(os.environ['SEEN'], 'a') as seen:\n"
        "        for record in event.get('Records', []):\n"
        "            seen.write(record['eventName'] + '\\n')\n"
        "    print('called')\n"
        "    return len(event.get('Records', []))\n"
    )
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.write(tmp_path / "index.py", "index.py")
    seen = tmp_path / "seen"
    named = ("--function-name", "notes")
    made = aws(
        *("lambda", "create-function", *named, "--runtime", "python3.12"),
        *("--handler", "index.handler", "--role", "arn:aws:iam::000000000000:role/any"),
        *("--zip-file", f"fileb://{tmp_path / 'code.zip'}"),
        *("--environment", f"Variables={{SEEN={seen}}}"),
    )
    assert (made["State"], made["Version"]) == ("Pending", "$LATEST")
    # Waiters pause for seconds, but only while there is something to wait for.
    assert aws.run("lambda", "wait", "function-active-v2", *named).returncode == 0
    aws("kinesis", "create-stream", "--stream-name", "notes", "--shard-count", "1")
    source = ("--query", "StreamDescription.StreamARN", "--stream-name", "notes")
    arn = aws("kinesis", "describe-stream", *source)
    at_start = ("--event-source-arn", arn, "--starting-position", "TRIM_HORIZON")
    mapped = aws("lambda", "create-event-source-mapping", *named, *at_start, "--batch-size", "10")
    assert (mapped["State"], mapped["BatchSize"]) == ("Creating", 10)
    aws("dynamodb", "create-table", *_NOTES)
    query = ("--table-name", "Notes", "--query", "Table.LatestStreamArn")
    stream = aws("dynamodb", "describe-table", *query)
    at_start = ("--event-source-arn", stream, "--starting-position", "TRIM_HORIZON")
    uuid = aws("lambda", "create-event-source-mapping", *named, *at_start)["UUID"]
    aws("dynamodb", "put-item", "--table-name", "Notes", "--item", '{"pk": {"S": "a"}}')
    deadline = time.monotonic() + _RUN_S
    while not seen.exists() or seen.read_text() != "INSERT\n":
        assert time.monotonic() < deadline, aws(
            "lambda", "get-event-source-mapping", "--uuid", uuid
        )
        time.sleep(0.02)
    told = aws("lambda", "get-event-source-mapping", "--uuid", uuid)
    assert (told["State"], told["EventSourceArn"]) == ("Enabled", stream)
    listed = aws("lambda", "list-event-source-mappings", *named)["EventSourceMappings"]
    assert {each["EventSourceArn"] for each in listed} == {arn, stream}
    event = ("--payload", '{"Records": [{"eventName": "X"}]}')
    called = aws(
        *("lambda", "invoke", *named, *event, "--log-type", "Tail"),
        str(tmp_path / "answer.json"),
    )
    assert (called["StatusCode"], (tmp_path / "answer.json").read_text()) == (200, "1")
    assert "called" in base64.b64decode(called["LogResult"]).decode()
    assert aws("lambda", "delete-event-source-mapping", "--uuid", uuid)["State"] == "Deleting"
    gone = aws.run("lambda", "get-function", "--function-name", "nowhere")
    assert "(ResourceNotFoundException)" in gone.stderr
