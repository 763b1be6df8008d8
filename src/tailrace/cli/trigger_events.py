"""Events to try a function with: a stream's last records, or a record made up."""

from __future__ import annotations

import base64
import enum
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from tailrace.consumer.streams import StreamOf
from tailrace.delivery.ports import Position, Record, ShardInfo, Source
from tailrace.errors import ResourceNotFoundException
from tailrace.sources.caller import Caller

__all__ = ["Sample", "last_records", "sample_event"]

# Pages without records before a shard is taken to be at its tip: on AWS some are empty though more
# follows.
EMPTY_PAGES: Final = 3
_PAGE_RECORDS: Final = 1000
_PREFIX: Final = "DynamoDB_20120810."
_SEQUENCE: Final = "100000000000000000001"
_KEY_VALUES: Final[Mapping[str, Any]] = {
    "S": "sample",
    "N": "1",
    "B": base64.b64encode(b"sample").decode(),
}

_Accept: TypeAlias = Callable[[Mapping[str, Any]], bool]


class Sample(enum.Enum):
    """What happened to the item of a made-up record."""

    INSERT = "insert"
    MODIFY = "modify"
    REMOVE = "remove"


async def last_records(
    source: Source, count: int, accept: _Accept | None = None
) -> list[dict[str, Any]]:
    """The last records of a stream that pass, as entries of an event, oldest first.

    Streams are read forwards only, so all open shards are read whole, and shards before them as
    far as those have too few records.
    """
    shards = {shard.shard_id: shard for shard in await source.shards()}
    parents = {parent for shard in shards.values() for parent in shard.parents}
    found: list[Record] = []
    wanted = [shard for shard in shards.values() if shard.shard_id not in parents]
    seen: set[str] = set()
    while wanted:
        shard = wanted.pop()
        seen.add(shard.shard_id)
        last = await _last_of(source, shard, count, accept)
        found += last
        if len(last) < count:
            earlier = [shards[each] for each in shard.parents if each in shards]
            wanted += [each for each in earlier if each.shard_id not in seen]
    found.sort(key=lambda record: (record.created_ms, record.sequence))
    return [record.event for record in found[-count:]]


async def _last_of(
    source: Source, shard: ShardInfo, count: int, accept: _Accept | None
) -> Sequence[Record]:
    kept: deque[Record] = deque(maxlen=count)
    position, empty = Position(), 0
    while empty < EMPTY_PAGES:
        try:
            page = await source.read(shard.shard_id, position, _PAGE_RECORDS)
        except ResourceNotFoundException:
            break  # it aged out meanwhile
        kept.extend(record for record in page.records if accept is None or accept(record.event))
        if page.ended:
            break
        if page.records:
            position, empty = Position(sequence=page.records[-1].sequence), 0
        else:
            empty += 1
    return list(kept)


async def sample_event(caller: Caller, stream: StreamOf, kind: Sample) -> dict[str, Any]:
    """An event of one record: a table's first item as it may have changed, or one made up of the
    table's keys when there is none; of a Kinesis stream a small JSON document."""
    record = _kinesis_record(stream) if stream.is_kinesis else await _change(caller, stream, kind)
    return {"Records": [record]}


async def _change(caller: Caller, stream: StreamOf, kind: Sample) -> dict[str, Any]:
    body = await caller.call(_PREFIX + "DescribeTable", {"TableName": stream.name})
    table: dict[str, Any] = msgspec.json.decode(body)["Table"]
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    names = [key["AttributeName"] for key in table["KeySchema"]]
    body = await caller.call(_PREFIX + "Scan", {"TableName": stream.name, "Limit": 1})
    items: list[dict[str, Any]] = msgspec.json.decode(body).get("Items") or []
    item = items[0] if items else {name: {types[name]: _KEY_VALUES[types[name]]} for name in names}
    specification: dict[str, str] = table.get("StreamSpecification") or {}
    view = specification.get("StreamViewType", "NEW_AND_OLD_IMAGES")
    change: dict[str, Any] = {
        "ApproximateCreationDateTime": float(int(time.time())),
        "Keys": {name: item[name] for name in names},
        "SequenceNumber": _SEQUENCE,
        "SizeBytes": len(msgspec.json.encode(item)),
        "StreamViewType": view,
    }
    if kind is not Sample.INSERT and view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"):
        change["OldImage"] = item
    if kind is not Sample.REMOVE and view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
        change["NewImage"] = item
    return {
        "eventID": uuid.uuid4().hex,
        "eventName": kind.name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": stream.region,
        "dynamodb": change,
        "eventSourceARN": stream.arn,
    }


def _kinesis_record(stream: StreamOf) -> dict[str, Any]:
    shard = "shardId-000000000000"
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "sample",
            "sequenceNumber": _SEQUENCE,
            "data": base64.b64encode(b'{"sample":true}').decode(),
            "approximateArrivalTimestamp": round(time.time(), 3),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard}:{_SEQUENCE}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "",
        "awsRegion": stream.region,
        "eventSourceARN": stream.arn,
    }
