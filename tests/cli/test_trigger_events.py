"""The last records of a stream are found over its shards; samples are as Lambda sends records."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest

from tailrace.cli.trigger_events import Sample, last_records, sample_event
from tailrace.consumer.streams import StreamOf
from tailrace.delivery.ports import Position, Record, ShardInfo, ShardPage
from tailrace.errors import ResourceNotFoundException

TABLE = StreamOf("orders", "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/x", "r")


class Stream:
    """Shards of records, read a page at a time, with empty pages between."""

    arn = "arn"

    def __init__(self, shards: dict[str, tuple[str | None, list[int]]], gone: str = "") -> None:
        self._shards = shards
        self._gone = gone
        self._empty: set[tuple[str, int]] = set()
        self.read_of: set[str] = set()

    async def shards(self) -> Sequence[ShardInfo]:
        return [ShardInfo(name, parent, True) for name, (parent, _) in self._shards.items()]

    async def children(self, shard_id: str) -> Sequence[ShardInfo]:
        return [shard for shard in await self.shards() if shard.parent_id == shard_id]

    async def read(self, shard_id: str, position: Position, max_records: int) -> ShardPage:
        self.read_of.add(shard_id)
        if shard_id == self._gone:
            raise ResourceNotFoundException("gone")
        after = position.sequence or 0
        if (shard_id, after) not in self._empty:
            self._empty.add((shard_id, after))
            return ShardPage((), ended=False, behind_ms=1)
        left = [number for number in self._shards[shard_id][1] if number > after]
        records = [Record.of(number, number, {"n": number}) for number in left[:2]]
        is_open = shard_id.endswith("open")
        return ShardPage(records, ended=not is_open and len(left) <= 2, behind_ms=0)

    async def changed(self, shard_id: str, timeout_s: float) -> None: ...

    async def close(self) -> None: ...


LINEAGE: dict[str, tuple[str | None, list[int]]] = {
    "old": (None, [1, 2, 3]),
    "middle": ("old", [4, 6]),
    "a-open": ("middle", [7, 9, 11, 13]),
    "b-open": ("middle", [8]),
    "lost": ("aged out", [5]),
}


def last(stream: Stream, count: int, odd: bool = False) -> list[int]:
    accept = (lambda event: event["n"] % 2 == 1) if odd else None
    return [event["n"] for event in asyncio.run(last_records(stream, count, accept))]


@pytest.mark.parametrize("count", range(1, 12))
def test_the_last_are_found(count: int) -> None:
    assert (
        last(Stream(LINEAGE), count) == sorted(n for _, ns in LINEAGE.values() for n in ns)[-count:]
    )


def test_only_what_passes_counts() -> None:
    assert last(Stream(LINEAGE), 3, odd=True) == [9, 11, 13]
    assert last(Stream(LINEAGE), 6, odd=True) == [3, 5, 7, 9, 11, 13]


def test_older_shards_are_left_alone_when_they_cannot_matter() -> None:
    stream = Stream({"old": (None, [1]), "open": ("old", [2, 3])})
    assert last(stream, 2) == [2, 3]
    assert stream.read_of == {"open"}


def test_a_shard_that_ages_out_meanwhile_is_passed_over() -> None:
    assert last(Stream(LINEAGE, gone="middle"), 20) == [1, 2, 3, 5, 7, 8, 9, 11, 13]


class Tables:
    """A caller that knows one table."""

    def __init__(self, items: list[dict[str, Any]], view: str) -> None:
        table = {
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "n", "AttributeType": "N"},
            ],
            "KeySchema": [{"AttributeName": "pk"}, {"AttributeName": "n"}],
            "StreamSpecification": {"StreamViewType": view},
        }
        self._answers = {"DescribeTable": {"Table": table}, "Scan": {"Items": items}}

    async def call(self, target: str, params: dict[str, Any]) -> bytes:
        assert params["TableName"] == "orders"
        return json.dumps(self._answers[target.partition(".")[2]]).encode()


def sample(kind: Sample, view: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    event = asyncio.run(sample_event(Tables(items, view), TABLE, kind))
    (record,) = event["Records"]
    return record


@pytest.mark.parametrize(
    ("kind", "view", "images"),
    [
        (Sample.INSERT, "NEW_AND_OLD_IMAGES", {"NewImage"}),
        (Sample.MODIFY, "NEW_AND_OLD_IMAGES", {"NewImage", "OldImage"}),
        (Sample.REMOVE, "NEW_AND_OLD_IMAGES", {"OldImage"}),
        (Sample.REMOVE, "NEW_IMAGE", set()),
        (Sample.MODIFY, "OLD_IMAGE", {"OldImage"}),
        (Sample.MODIFY, "KEYS_ONLY", set()),
    ],
)
def test_a_sample_has_the_images_of_its_view(kind: Sample, view: str, images: set[str]) -> None:
    record = sample(kind, view, [])
    assert record["dynamodb"].keys() & {"NewImage", "OldImage"} == images
    assert record["dynamodb"]["Keys"] == {"pk": {"S": "sample"}, "n": {"N": "1"}}
    assert (record["eventName"], record["eventSourceARN"]) == (kind.name, TABLE.arn)


def test_a_sample_is_of_an_item_of_the_table() -> None:
    item = {"pk": {"S": "a"}, "n": {"N": "7"}, "total": {"N": "9.5"}}
    change = sample(Sample.INSERT, "NEW_AND_OLD_IMAGES", [item])["dynamodb"]
    assert change["NewImage"] == item
    assert change["Keys"] == {"pk": {"S": "a"}, "n": {"N": "7"}}


def test_a_sample_of_a_kinesis_stream() -> None:
    stream = StreamOf("s", "arn:aws:kinesis:r:1:stream/s", "r", is_kinesis=True)
    event = asyncio.run(sample_event(Tables([], ""), stream, Sample.INSERT))
    (record,) = event["Records"]
    assert base64.b64decode(record["kinesis"]["data"]) == b'{"sample":true}'
    assert record["eventSource"] == "aws:kinesis"
