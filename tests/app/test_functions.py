"""Functions get their streams' changes as Lambda's event source mappings deliver them: retried,
halved, given up, filtered, resumed after a restart."""

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

WAIT_S = 30.0


def zipped(code: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("index.py", textwrap.dedent(code))
    return archive.getvalue()


class User:
    """Someone who uses a server through boto3."""

    def __init__(self, tailrace: Tailrace, key: str = "test", secret: str = "test") -> None:
        connection: dict[str, Any] = {
            "endpoint_url": tailrace.endpoint_url,
            "region_name": "us-east-1",
            "aws_access_key_id": key,
            "aws_secret_access_key": secret,
        }
        self.functions = boto3.client("lambda", **connection)
        self.tables = boto3.client("dynamodb", **connection)

    def table(self, name: str) -> str:
        return self.tables.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            StreamSpecification={
                "StreamEnabled": True,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        )["TableDescription"]["LatestStreamArn"]

    def function(self, name: str, code: str, **more: Any) -> None:
        given = {
            "FunctionName": name,
            "Runtime": "python3.11",
            "Role": "arn:aws:iam::000000000000:role/any",
            "Handler": "index.handler",
            "Code": {"ZipFile": zipped(code)},
            "Timeout": 20,
        }
        self.functions.create_function(**(given | more))

    def map(self, stream: str, function: str, **more: Any) -> str:
        given = {
            "EventSourceArn": stream,
            "FunctionName": function,
            "StartingPosition": "TRIM_HORIZON",
        }
        return self.functions.create_event_source_mapping(**(given | more))["UUID"]

    def put(self, table: str, *keys: str) -> None:
        for key in keys:
            self.tables.put_item(TableName=table, Item={"pk": {"S": key}})


def until(holds: Callable[[], Any]) -> Any:
    """What a condition gives when it holds."""
    deadline = time.monotonic() + WAIT_S
    while not (found := holds()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
    return found


# Writes the keys of each batch as a line, then does what the test wants.
NOTING = """
    import json, os
    def handler(event, context):
        keys = [record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]]
        with open(os.environ["NOTES"], "a") as notes:
            notes.write(json.dumps([context.aws_request_id, keys]) + "\\n")
"""


class Notes:
    """What a noting function wrote."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environment = {"Variables": {"NOTES": str(path)}}

    def batches(self) -> list[tuple[str, list[str]]]:
        if not self.path.exists():
            return []
        return [tuple(json.loads(line)) for line in self.path.read_text().splitlines()]

    def keys(self) -> list[str]:
        return [key for _, keys in self.batches() for key in keys]


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path / "notes")


@pytest.fixture(scope="module")
def buckets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("buckets")


@pytest.fixture(scope="module")
def user(buckets: Path) -> Iterator[User]:
    with Tailrace(Settings(port=0, s3_directory=buckets)) as tailrace:
        yield User(tailrace)


def test_a_function_writes_back_into_a_table(user: User) -> None:
    stream = user.table("orders")
    user.table("totals")
    code = """
        import boto3
        totals = boto3.resource("dynamodb").Table("totals")
        def handler(event, context):
            for record in event["Records"]:
                totals.update_item(
                    Key={"pk": record["eventName"]},
                    UpdateExpression="ADD things :one",
                    ExpressionAttributeValues={":one": 1},
                )
    """
    user.function("count", code, MemorySize=512)
    uuid = user.map(stream, "count")
    user.put("orders", *(f"order-{n}" for n in range(10)))
    user.tables.delete_item(TableName="orders", Key={"pk": {"S": "order-3"}})

    def totals() -> dict[str, str]:
        items = user.tables.scan(TableName="totals")["Items"]
        return {item["pk"]["S"]: item["things"]["N"] for item in items}

    until(lambda: totals() == {"INSERT": "10", "REMOVE": "1"})
    told = user.functions.get_event_source_mapping(UUID=uuid)
    assert (told["State"], told["LastProcessingResult"]) == ("Enabled", "OK")


def test_the_same_batch_comes_again_with_the_same_id_until_it_succeeds(
    user: User, notes: Notes
) -> None:
    stream = user.table("retried")
    user.put("retried", "a", "b")
    code = NOTING + "        if len(open(os.environ['NOTES']).readlines()) < 3: 1 / 0\n"
    user.function("retried", code, Environment=notes.environment)
    user.map(stream, "retried")
    batches = until(lambda: len(notes.batches()) == 3 and notes.batches())
    assert batches == [batches[0]] * 3
    assert batches[0][1] == ["a", "b"]


def test_a_batch_is_halved_and_the_poison_given_up(user: User, notes: Notes, buckets: Path) -> None:
    stream = user.table("halved")
    user.put("halved", "a", "b", "poison", "d")
    code = NOTING + "        if 'poison' in keys: 1 / 0\n"
    user.function("halved", code, Environment=notes.environment)
    uuid = user.map(
        stream,
        "halved",
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::given-up"}},
    )
    until(lambda: [keys for _, keys in notes.batches()][-1:] == [["d"]])
    keys = [keys for _, keys in notes.batches()]
    whole, left, right, first, again, last = keys
    assert (whole, left, right) == (["a", "b", "poison", "d"], ["a", "b"], ["poison", "d"])
    assert (first, again, last) == (["poison"], ["poison"], ["d"])
    kept = (buckets / "given-up" / "aws" / "lambda" / uuid).rglob("*")
    (path,) = [path for path in kept if path.is_file()]
    document = json.loads(path.read_bytes())
    assert document["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert document["requestContext"]["approximateInvokeCount"] == 2
    assert document["requestContext"]["functionArn"].endswith(":function:halved")
    assert document["DDBStreamBatchInfo"]["batchSize"] == 1
    (record,) = json.loads(document["payload"])["Records"]
    assert record["dynamodb"]["Keys"] == {"pk": {"S": "poison"}}


def test_reported_records_come_again(user: User, notes: Notes) -> None:
    stream = user.table("partial")
    user.put("partial", "a", "b", "c")
    code = NOTING + (
        "        if keys[0] == 'a':\n"
        "            failed = event['Records'][1]['dynamodb']['SequenceNumber']\n"
        "            return {'batchItemFailures': [{'itemIdentifier': failed}]}\n"
    )
    user.function("partial", code, Environment=notes.environment)
    user.map(stream, "partial", FunctionResponseTypes=["ReportBatchItemFailures"])
    batches = until(lambda: len(notes.batches()) == 2 and notes.batches())
    assert [keys for _, keys in batches] == [["a", "b", "c"], ["b", "c"]]


def test_filters_choose_what_the_function_gets(user: User, notes: Notes) -> None:
    stream = user.table("filtered")
    user.put("filtered", "apple", "pear", "apricot")
    user.function("filtered", NOTING, Environment=notes.environment)
    pattern = json.dumps({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "ap"}]}}}})
    criteria = {"Filters": [{"Pattern": pattern}]}
    uuid = user.map(stream, "filtered", FilterCriteria=criteria)
    until(lambda: notes.keys() == ["apple", "apricot"])
    told = user.functions.get_event_source_mapping(UUID=uuid)
    assert told["FilterCriteria"] == criteria
    user.functions.update_event_source_mapping(UUID=uuid, FilterCriteria={})
    user.put("filtered", "plum")
    until(lambda: notes.keys() == ["apple", "apricot", "plum"])
    assert "FilterCriteria" not in user.functions.get_event_source_mapping(UUID=uuid)


def test_a_window_keeps_its_state_from_call_to_call(user: User, notes: Notes) -> None:
    stream = user.table("windowed")
    user.put("windowed", *"abcde")
    code = """
        import json, os
        def handler(event, context):
            seen = event["state"].get("seen", [])
            if event["isFinalInvokeForWindow"]:
                with open(os.environ["NOTES"], "a") as notes:
                    notes.write(json.dumps([event["window"]["start"], seen]) + "\\n")
            keys = [record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]]
            return {"state": {"seen": seen + keys}}
    """
    user.function("windowed", code, Environment=notes.environment)
    user.map(stream, "windowed", TumblingWindowInSeconds=1, BatchSize=2)
    until(lambda: notes.keys() == list("abcde"))
    starts = [start for start, _ in notes.batches()]
    assert starts == sorted(set(starts))


def test_a_timeout_fails_the_batch(user: User, notes: Notes) -> None:
    stream = user.table("slow")
    user.put("slow", "a")
    code = NOTING + (
        "        import time\n"
        "        if len(open(os.environ['NOTES']).readlines()) == 1: time.sleep(60)\n"
    )
    user.function("slow", code, Environment=notes.environment, Timeout=1)
    uuid = user.map(stream, "slow")
    until(lambda: len(notes.batches()) == 2)
    until(lambda: _result(user, uuid) == "OK")


def test_a_failing_function_is_told_of(user: User) -> None:
    stream = user.table("failing")
    user.put("failing", "a")
    user.function("failing", "def handler(event, context): 1 / 0")
    uuid = user.map(stream, "failing")
    until(lambda: _result(user, uuid) == "PROBLEM: Function call failed")
    user.functions.delete_event_source_mapping(UUID=uuid)


def _result(user: User, uuid: str) -> str:
    return user.functions.get_event_source_mapping(UUID=uuid)["LastProcessingResult"]


def test_a_disabled_mapping_keeps_its_place(user: User, notes: Notes) -> None:
    stream = user.table("paused")
    user.function("paused", NOTING, Environment=notes.environment)
    uuid = user.map(stream, "paused")
    user.put("paused", "a")
    until(lambda: notes.keys() == ["a"])
    user.functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    read = user.functions.get_event_source_mapping
    until(lambda: read(UUID=uuid)["State"] == "Disabled")
    user.put("paused", "b")
    user.functions.update_event_source_mapping(UUID=uuid, Enabled=True)
    until(lambda: notes.keys() == ["a", "b"])


def test_a_function_that_comes_late_gets_what_it_missed(user: User, notes: Notes) -> None:
    stream = user.table("late")
    user.function("late", "def handler(event, context): 1 / 0")
    uuid = user.map(stream, "late")
    user.functions.delete_function(FunctionName="late")
    user.put("late", "a")
    user.function("late", NOTING, Environment=notes.environment)
    until(lambda: notes.keys() == ["a"])
    until(lambda: _result(user, uuid) == "OK")


def test_everything_is_there_after_a_restart(tmp_path: Path, notes: Notes) -> None:
    settings = Settings(port=0, data=tmp_path / "data")
    with Tailrace(settings) as tailrace:
        user = User(tailrace)
        stream = user.table("things")
        user.function("noting", NOTING, Environment=notes.environment, Publish=True)
        user.functions.create_alias(FunctionName="noting", Name="live", FunctionVersion="1")
        uuid = user.map(stream, "noting:live")
        user.put("things", "a", "b")
        until(lambda: notes.keys() == ["a", "b"])
    with Tailrace(settings) as tailrace:
        user = User(tailrace)
        user.put("things", "c")
        until(lambda: notes.keys() == ["a", "b", "c"])
        told = user.functions.get_event_source_mapping(UUID=uuid)
        assert (told["EventSourceArn"], told["State"]) == (stream, "Enabled")
        assert told["FunctionArn"].endswith(":function:noting:live")
        versions = user.functions.list_versions_by_function(FunctionName="noting")["Versions"]
        assert [version["Version"] for version in versions] == ["$LATEST", "1"]
        user.functions.delete_event_source_mapping(UUID=uuid)
        user.functions.delete_function(FunctionName="noting")
    with Tailrace(settings) as tailrace:
        user = User(tailrace)
        assert not user.functions.list_functions()["Functions"]
        assert not user.functions.list_event_source_mappings()["EventSourceMappings"]
        assert not list((settings.data or tmp_path).glob("functions/*"))


def test_any_program_may_be_a_function(user: User) -> None:
    bootstrap = """\
        #!/bin/sh
        exec python3 -c '
        import os, urllib.request as http
        base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation"
        while True:
            event = http.urlopen(base + "/next")
            request_id = event.headers["Lambda-Runtime-Aws-Request-Id"]
            http.urlopen(base + f"/{request_id}/response", event.read())
        '
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        content.writestr(entry, textwrap.dedent(bootstrap))
    given = {"Code": {"ZipFile": archive.getvalue()}, "Handler": "any"}
    user.function("program", "", Runtime="provided.al2023", **given)
    reply = user.functions.invoke(FunctionName="program", Payload=b'{"a":1}')
    assert json.loads(reply["Payload"].read()) == {"a": 1}
