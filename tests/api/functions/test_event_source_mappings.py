"""Event source mappings are made, told, changed and deleted as Lambda does it, and refused in its
words."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

ARN = "arn:aws:lambda:us-east-1:000000000000:function"


def state(account: Any, uuid: str, wanted: str) -> dict[str, Any]:
    """A mapping when it is in a state."""
    deadline = time.monotonic() + 60
    while True:
        found = account.functions.get_event_source_mapping(UUID=uuid)
        if found["State"] == wanted:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.01)


def test_its_life(account: Any) -> None:
    functions = account.functions
    account.create("lived")
    stream = account.table("lived")
    made = functions.create_event_source_mapping(
        EventSourceArn=stream, FunctionName="lived", StartingPosition="LATEST", BatchSize=7
    )
    uuid = made["UUID"]
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert (made["State"], made["StateTransitionReason"]) == ("Creating", "User action")
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid)
    told = state(account, uuid, "Enabled")
    expected = {
        "UUID": uuid,
        "StartingPosition": "LATEST",
        "BatchSize": 7,
        "MaximumBatchingWindowInSeconds": 0,
        "ParallelizationFactor": 1,
        "EventSourceArn": stream,
        "FunctionArn": f"{ARN}:lived",
        "LastProcessingResult": "No records processed",
        "State": "Enabled",
        "StateTransitionReason": "User action",
        "DestinationConfig": {"OnFailure": {}},
        "MaximumRecordAgeInSeconds": -1,
        "BisectBatchOnFunctionError": False,
        "MaximumRetryAttempts": -1,
        "TumblingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
        "EventSourceMappingArn": (
            f"arn:aws:lambda:us-east-1:000000000000:event-source-mapping:{uuid}"
        ),
    }
    assert {name: told[name] for name in expected} == expected
    assert told.keys() - expected.keys() == {"LastModified", "ResponseMetadata"}
    disabled = functions.update_event_source_mapping(UUID=uuid, Enabled=False, BatchSize=9)
    assert (disabled["State"], disabled["BatchSize"]) == ("Disabling", 9)
    assert state(account, uuid, "Disabled")["BatchSize"] == 9
    enabled = functions.update_event_source_mapping(UUID=uuid, Enabled=True)
    assert (enabled["State"], enabled["BatchSize"]) == ("Enabling", 9)
    state(account, uuid, "Enabled")
    changed = functions.update_event_source_mapping(UUID=uuid, MaximumRetryAttempts=3)
    assert (changed["State"], changed["MaximumRetryAttempts"]) == ("Updating", 3)
    deleted = functions.delete_event_source_mapping(UUID=uuid)
    assert deleted["State"] == "Deleting"
    for call in (functions.get_event_source_mapping, functions.delete_event_source_mapping):
        assert account.refused(call, UUID=uuid) == (
            404,
            "ResourceNotFoundException",
            "The resource you requested does not exist.",
        )


def test_lists_by_stream_and_function(account: Any) -> None:
    functions = account.functions
    streams = [account.table(name) for name in ("list-a", "list-b")]
    for name in ("list-f", "list-g"):
        account.create(name, Publish=True)
        for stream in streams:
            functions.create_event_source_mapping(
                EventSourceArn=stream, FunctionName=name, StartingPosition="LATEST"
            )
    functions.create_event_source_mapping(
        EventSourceArn=streams[0], FunctionName="list-f:1", StartingPosition="LATEST"
    )

    def found(**members: Any) -> set[tuple[str, str]]:
        pages = functions.get_paginator("list_event_source_mappings").paginate(
            **members, PaginationConfig={"PageSize": 1}
        )
        return {
            (each["EventSourceArn"].split("/")[1], each["FunctionArn"].removeprefix(f"{ARN}:"))
            for page in pages
            for each in page["EventSourceMappings"]
        }

    assert found(FunctionName="list-f") == {("list-a", "list-f"), ("list-b", "list-f")}
    assert found(FunctionName="list-f:1") == {("list-a", "list-f:1")}
    assert found(EventSourceArn=streams[1]) == {("list-b", "list-f"), ("list-b", "list-g")}
    assert len(found()) >= 5


def test_one_for_each_stream_and_function(account: Any) -> None:
    account.create("once")
    stream = account.table("once")
    members = {"EventSourceArn": stream, "FunctionName": "once", "StartingPosition": "LATEST"}
    create = account.functions.create_event_source_mapping
    uuid = create(**members)["UUID"]
    assert account.refused(create, **members) == (
        409,
        "ResourceConflictException",
        (
            f'The event source arn (" {stream} ") and function (" once ") provided mapping already'
            f" exists. Please update or delete the existing mapping with UUID {uuid}"
        ),
    )
    account.functions.delete_event_source_mapping(UUID=uuid)
    assert create(**members)["UUID"] != uuid


BATCH_SIZE = (
    "1 validation error detected: Value '10001' at 'batchSize' failed to satisfy constraint:"
    " Member must have value less than or equal to 10000"
)
NO_POSITION = (
    "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint:"
    " Member must not be null."
)
NO_STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/none/stream/2026-09-17T14:00:00.000"
TOPIC = "arn:aws:sns:us-east-1:000000000000:topic.fifo"


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"StartingPosition": None}, "InvalidParameterValueException", NO_POSITION),
        (
            {"StartingPosition": "AT_TIMESTAMP"},
            "InvalidParameterValueException",
            "Unsupported starting position for arn type: {stream}",
        ),
        ({"BatchSize": 10_001}, "ValidationException", BATCH_SIZE),
        (
            {"MaximumRecordAgeInSeconds": 59},
            "InvalidParameterValueException",
            "MaximumRecordAgeInSeconds must be -1 or between 60 and 604800.",
        ),
        (
            {"TumblingWindowInSeconds": 60, "ParallelizationFactor": 2},
            "InvalidParameterValueException",
            "ParallelizationFactor must be 1 with TumblingWindowInSeconds.",
        ),
        (
            {
                "TumblingWindowInSeconds": 60,
                "FilterCriteria": {"Filters": [{"Pattern": '{"eventName":["INSERT"]}'}]},
            },
            "InvalidParameterValueException",
            "FilterCriteria cannot be used with TumblingWindowInSeconds.",
        ),
        (
            {"FilterCriteria": {"Filters": [{"Pattern": "[]"}]}},
            "InvalidParameterValueException",
            "Invalid filter pattern definition.",
        ),
        (
            {"FilterCriteria": {"Filters": [{}]}},
            "InvalidParameterValueException",
            "Invalid filter pattern definition.",
        ),
        (
            {"FunctionName": "none"},
            "InvalidParameterValueException",
            "Function does not exist",
        ),
        (
            {"FunctionName": "refused:7"},
            "InvalidParameterValueException",
            "Function does not exist",
        ),
        ({"EventSourceArn": None}, "InvalidParameterValueException", "Unrecognized event source."),
        (
            {"EventSourceArn": "arn:aws:rivers:us-east-1:000000000000:stream/x"},
            "InvalidParameterValueException",
            "Unrecognized event source.",
        ),
        (
            {"EventSourceArn": NO_STREAM},
            "InvalidParameterValueException",
            f"Stream not found: {NO_STREAM}",
        ),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": TOPIC}}},
            "InvalidParameterValueException",
            (
                "The provided destination config DestinationConfig(onFailure=OnFailure("
                f"destination={TOPIC})) is invalid."
            ),
        ),
        (
            {"DestinationConfig": {"OnSuccess": {"Destination": TOPIC}}},
            "InvalidParameterValueException",
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        ),
    ],
)
def test_what_is_refused(account: Any, members: dict[str, Any], code: str, message: str) -> None:
    try:
        account.create("refused")
        account.table("refused")
    except account.functions.exceptions.ResourceConflictException:
        pass
    described = account.tables.describe_table(TableName="refused")
    stream = described["Table"]["LatestStreamArn"]
    given = {"EventSourceArn": stream, "FunctionName": "refused", "StartingPosition": "LATEST"}
    wanted = {name: value for name, value in (given | members).items() if value is not None}
    status, got, told = account.refused(account.functions.create_event_source_mapping, **wanted)
    assert (status, got, told) == (400, code, message.format(stream=stream))
    assert not account.functions.list_event_source_mappings(EventSourceArn=stream)[
        "EventSourceMappings"
    ]


def test_a_change_takes_as_long_as_the_batch_in_hand(account: Any, tmp_path: Path) -> None:
    code = f"""
        import pathlib, time
        def handler(event, context):
            pathlib.Path({str(tmp_path / "began")!r}).touch()
            while not pathlib.Path({str(tmp_path / "go")!r}).exists():
                time.sleep(0.01)
    """
    functions = account.functions
    account.create("slow", code, Timeout=60)
    stream = account.table("slow")
    account.tables.put_item(TableName="slow", Item={"pk": {"S": "a"}})
    uuid = functions.create_event_source_mapping(
        EventSourceArn=stream, FunctionName="slow", StartingPosition="TRIM_HORIZON"
    )["UUID"]
    deadline = time.monotonic() + 60
    while not (tmp_path / "began").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    updated = functions.update_event_source_mapping(UUID=uuid, BatchSize=9)
    assert updated["State"] == "Updating"
    assert functions.get_event_source_mapping(UUID=uuid)["State"] == "Updating"
    disabled = functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    assert disabled["State"] == "Disabling"
    assert functions.get_event_source_mapping(UUID=uuid)["State"] == "Disabling"
    (tmp_path / "go").touch()
    assert state(account, uuid, "Disabled")["BatchSize"] == 9
    assert functions.update_event_source_mapping(UUID=uuid, Enabled=True)["State"] == "Enabling"
    assert state(account, uuid, "Enabled")["LastProcessingResult"] in ("No records processed", "OK")
    functions.delete_event_source_mapping(UUID=uuid)


def test_tags(account: Any) -> None:
    functions = account.functions
    account.create("labelled")
    made = functions.create_event_source_mapping(
        EventSourceArn=account.table("labelled"),
        FunctionName="labelled",
        StartingPosition="LATEST",
        Tags={"a": "1"},
    )
    arn = made["EventSourceMappingArn"]
    functions.tag_resource(Resource=arn, Tags={"b": "2", "c": "3"})
    functions.untag_resource(Resource=arn, TagKeys=["c", "d"])
    assert functions.list_tags(Resource=arn)["Tags"] == {"a": "1", "b": "2"}
    assert state(account, made["UUID"], "Enabled")["UUID"] == made["UUID"]
    too_many = {f"tag-{n}": "x" for n in range(49)}
    refusal = account.refused(functions.tag_resource, Resource=arn, Tags=too_many)
    assert refusal[:2] == (400, "InvalidParameterValueException")
    for other in (arn[:-1] + "x", arn.replace("000000000000", "000000000001")):
        assert account.refused(functions.list_tags, Resource=other)[0] in (400, 404)
    assert functions.list_tags(Resource=arn)["Tags"] == {"a": "1", "b": "2"}
