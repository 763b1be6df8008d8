"""Channels carry a stream's records into buckets: whole, in objects named as asked, and what is not
of their format apart."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.app import Tailrace
from tailrace.clock import ManualClock
from tailrace.engines.buckets import DirectoryBuckets
from tailrace.settings import Settings
from tailrace.tables import kinesis_channels
from tailrace.testing.calling import Caller
from tests.api.kinesis.conftest import client_of

ACCOUNT = "000000000000"
STREAM = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/orders"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/delivery"
SECOND_US = 1_000_000
INVALID = "InvalidArgumentException"


class Desk:
    """A store with the on-demand stream `orders`, and a bucket."""

    def __init__(self, data: Path | None, directory: Path) -> None:
        self.caller = Caller(data)
        self.directory = directory
        self.call(
            "CreateStream", StreamName="orders", StreamModeDetails={"StreamMode": "ON_DEMAND"}
        )

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        return self.caller.call(f"Kinesis_20131202.{operation}", **members)

    def refused(self, operation: str, **members: Any) -> str:
        return self.caller.refused(f"Kinesis_20131202.{operation}", **members).code

    def put(self, *data: bytes) -> None:
        for each in data:
            encoded = base64.b64encode(each).decode()
            self.call(
                "PutRecord", StreamName="orders", Data=encoded, PartitionKey=encoded[:99] or "k"
            )

    def create(self, name: str = "lake", **more: Any) -> dict[str, Any]:
        return self.call("CreateChannel", **channel(name, **more))["ChannelDescription"]

    def wait(self, seconds: float) -> None:
        """Let time pass and do what is due then."""
        self.caller.clock.advance(round(seconds * SECOND_US))
        buckets = DirectoryBuckets(self.directory)
        while kinesis_channels.advance(self.caller.engine, buckets, self.caller.clock.now_us()):
            pass

    def objects(self) -> dict[str, bytes]:
        root = self.directory / "lake"
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }

    def lines(self) -> list[str]:
        return sorted(line for data in self.objects().values() for line in data.decode().split())


def channel(name: str, form: str = "JSON", stream: str = STREAM, **more: Any) -> dict[str, Any]:
    storage = {
        "BucketARN": "arn:aws:s3:::lake",
        "ExpectedBucketOwner": ACCOUNT,
        "CompressionType": more.pop("compression", "NONE"),
    }
    if "template" in more:
        storage["OutputKeyTemplate"] = more.pop("template")
    destination = {"StorageConfiguration": storage, **more.pop("destination", {})}
    source = {"StreamARN": stream, "RecordConfiguration": {"RecordFormatType": form}}
    return {
        "ChannelName": name,
        "ServiceExecutionRoleARN": ROLE,
        "StreamConfigurationList": [source],
        "S3DestinationConfiguration": destination,
        **more,
    }


@pytest.fixture(params=["memory", "sqlite"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "buckets" / "lake").mkdir(parents=True)
    data = tmp_path / "data" if request.param == "sqlite" else None
    made = Desk(data, tmp_path / "buckets")
    yield made
    made.caller.close()


def test_records_go_into_objects_when_they_have_waited(desk: Desk) -> None:
    desk.put(b'"before"')
    made = desk.create()
    desk.put(*(b"%d" % n for n in range(50)))
    desk.wait(299)
    assert desk.objects() == {}
    desk.wait(1)
    ((key, data),) = desk.objects().items()
    assert sorted(data.split(), key=int) == [b"%d" % n for n in range(50)]
    name, identity = made["ChannelName"], made["ChannelId"]
    assert key.startswith(f"kinesis-channel/{name}/{identity}/2026/")
    assert key.endswith(".json")
    desk.put(b"50")
    desk.wait(300)
    assert len(desk.objects()) == 2
    desk.wait(3000)
    assert len(desk.objects()) == 2, "there was nothing more"
    assert desk.lines() == sorted(str(n) for n in range(51))


def test_shards_are_followed(desk: Desk) -> None:
    desk.create()
    committed = {"Status": "ENABLED"}
    desk.call("UpdateAccountSettings", MinimumThroughputBillingCommitment=committed)
    for n in range(3):
        desk.put(*(b"%d%d" % (n + 1, k) for k in range(10)))
        warm = {"StreamName": "orders", "WarmThroughputMiBps": (8, 4, 6)[n]}
        desk.call("UpdateStreamWarmThroughput", **warm)
    desk.wait(300)
    assert desk.lines() == [f"{n}{k}" for n in (1, 2, 3) for k in range(10)]


def test_large_deliveries_are_cut(desk: Desk) -> None:
    desk.create(form="BYTE_ARRAY")
    for n in range(10):
        desk.put(bytes([n]) * 1_000_000)
    desk.wait(301)
    assert [len(data) // 1_000_000 for data in desk.objects().values()] == [9, 1]


def test_what_is_not_of_the_format_goes_elsewhere(desk: Desk) -> None:
    letters = {
        "BucketARN": "arn:aws:s3:::lake",
        "ExpectedBucketOwner": ACCOUNT,
        "ErrorOutputPrefix": "errors/",
    }
    desk.create(destination={"DeadLetterQueueS3Configuration": letters})
    desk.create("texts", form="STRING", template="texts/!{channel-name}!{extension}")
    desk.put(b'{"a":1}', b"no json", b"\xff")
    desk.wait(300)
    objects = desk.objects()
    (errors,) = (data for key, data in objects.items() if key.startswith("errors/"))
    told = [json.loads(line) for line in errors.splitlines()]
    assert [set(each) for each in told] == [{"shardId", "sequenceNumber", "errorMessage"}] * 2
    (texts,) = (data for key, data in objects.items() if key.startswith("texts/texts-"))
    assert sorted(texts.splitlines()) == [b"no json", b'{"a":1}']
    assert any(key.startswith("kinesis-channel-errors/texts/") for key in objects)


def test_objects_are_compressed_and_named_as_asked(desk: Desk) -> None:
    template = "year=!{yyyy}/!{channel-id}/!{HH}!{mm}!{extension}"
    made = desk.create(compression="GZIP", template=template, form="BYTE_ARRAY")
    desk.put(b"\0\1", b"\2")
    desk.wait(300)
    ((key, data),) = desk.objects().items()
    assert sorted(gzip.decompress(data)) == [0, 1, 2]
    assert key.startswith(f"year=2026/{made['ChannelId']}/")
    assert key.endswith(".bin.gz")


def test_a_channel_that_cannot_write_says_so_and_goes_on_later(desk: Desk) -> None:
    made = desk.create()
    (desk.directory / "lake").rename(desk.directory / "away")
    desk.put(b"1")
    desk.wait(300)
    described = desk.call("DescribeChannel", ChannelARN=made["ChannelARN"])["ChannelDescription"]
    assert described["ChannelStatus"] == "FAILED"
    assert described["ChannelStatusReason"]
    (desk.directory / "away").rename(desk.directory / "lake")
    desk.wait(59)
    assert desk.objects() == {}
    desk.wait(1)
    assert desk.lines() == ["1"]
    described = desk.call("DescribeChannel", ChannelARN=made["ChannelARN"])["ChannelDescription"]
    assert described["ChannelStatus"] == "ACTIVE"


def test_a_channel_is_described_changed_listed_and_removed(desk: Desk) -> None:
    made = desk.create(Tags={"a": "b"})
    assert made["ChannelStatus"] == "CREATING"
    assert made["S3DestinationConfiguration"]["DataFreshnessInSeconds"] == 300
    assert made["LoggingConfiguration"] == {"CloudWatchLogs": {"Enabled": False}}
    arn = made["ChannelARN"]
    described = desk.call("DescribeChannel", ChannelARN=arn)["ChannelDescription"]
    assert described == {**made, "ChannelStatus": "ACTIVE"}
    updated = desk.call(
        "UpdateChannel",
        ChannelARN=arn,
        S3DestinationConfiguration={"DataFreshnessInSeconds": 900},
        LoggingConfiguration={"CloudWatchLogs": {"Enabled": True}},
    )["ChannelDescription"]
    assert updated["ChannelStatus"] == "UPDATING"
    assert updated["S3DestinationConfiguration"]["DataFreshnessInSeconds"] == 900
    logs = updated["LoggingConfiguration"]["CloudWatchLogs"]
    assert logs["LogGroupName"] == f"/aws/kinesis/lake/{made['ChannelId']}"
    desk.put(b"1")
    desk.wait(899)
    assert desk.objects() == {}
    desk.wait(1)
    assert desk.lines() == ["1"]
    desk.call("TagResource", ResourceARN=arn, Tags={"c": "d"})
    tags = desk.call("ListTagsForResource", ResourceARN=arn)["Tags"]
    assert tags == [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}]
    desk.create("more")
    page = desk.call("ListChannels", MaxResults=1)
    rest = desk.call("ListChannels", NextToken=page["NextToken"])
    names = [c["ChannelName"] for c in page["ChannelSummaries"] + rest["ChannelSummaries"]]
    assert names == ["lake", "more"]
    other = [{"StreamARN": STREAM + "x"}]
    assert desk.call("ListChannels", StreamFilter=other)["ChannelSummaries"] == []
    summary = desk.call("DescribeStreamSummary", StreamName="orders")["StreamDescriptionSummary"]
    assert summary["ChannelCount"] == 2
    assert desk.refused("DeleteStream", StreamName="orders") == "ResourceInUseException"
    desk.call("DeleteChannel", ChannelARN=arn)
    assert desk.refused("DescribeChannel", ChannelARN=arn) == "ResourceNotFoundException"
    desk.put(b"2")
    desk.wait(300)
    assert len(desk.objects()) == 2, "the other channel's"


@pytest.mark.parametrize(
    "changed",
    [
        {"form": "GSR_JSON"},
        {"compression": "ZSTD"},
        {"template": "a/!{unknown}"},
        {"template": "../!{mm}"},
        {"template": "/a!{mm}"},
        {"template": "a/!{mm}/"},
        {"destination": {"DataFreshnessInSeconds": 299}},
        {"destination": {"DataFreshnessInSeconds": 901}},
        {"S3DestinationConfiguration": None},
        {"stream": STREAM.replace("orders", "provisioned")},
    ],
)
def test_what_channels_refuse(desk: Desk, changed: dict[str, Any]) -> None:
    desk.call("CreateStream", StreamName="provisioned", ShardCount=1)
    assert desk.refused("CreateChannel", **channel("lake", **changed)) == INVALID
    assert desk.call("ListChannels")["ChannelSummaries"] == []


def test_names_are_taken_once_and_streams_must_be_there(desk: Desk) -> None:
    desk.create()
    assert desk.refused("CreateChannel", **channel("lake")) == "ResourceInUseException"
    missing = channel("more", stream=STREAM + "x")
    assert desk.refused("CreateChannel", **missing) == "ResourceNotFoundException"


def test_a_running_server_carries_records_into_its_buckets(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    clock = ManualClock()
    with Tailrace(Settings(port=0, s3_directory=tmp_path), clock=clock) as running:
        client = client_of(running.endpoint_url)
        client.create_stream(StreamName="orders", StreamModeDetails={"StreamMode": "ON_DEMAND"})
        client.create_channel(**channel("lake"))
        client.put_record(StreamName="orders", Data=b"1", PartitionKey="k")
        clock.advance(301 * SECOND_US)
        deadline = time.monotonic() + 30
        while not list((tmp_path / "lake").rglob("*.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
    (written,) = (tmp_path / "lake").rglob("*.json")
    assert written.read_bytes() == b"1\n"
