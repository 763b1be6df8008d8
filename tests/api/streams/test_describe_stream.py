"""DescribeStream shows a stream and its tree of shards, page by page and by parent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tailrace.errors import ResourceNotFoundException, ValidationException
from tailrace.wire.call import Scope

if TYPE_CHECKING:
    from tests.api.conftest import StreamDesk

HOUR_US = 3_600_000_000
UNKNOWN = "shardId-00000000000000000001-00000001"


def described(desk: StreamDesk, arn: str, **members: Any) -> dict[str, Any]:
    return desk.call("DescribeStream", StreamArn=arn, **members)["StreamDescription"]


def children(desk: StreamDesk, arn: str, shard_id: str) -> list[str]:
    chosen = {"Type": "CHILD_SHARDS", "ShardId": shard_id}
    return [shard["ShardId"] for shard in described(desk, arn, ShardFilter=chosen)["Shards"]]


def test_a_whole_description(desk: StreamDesk) -> None:
    table = desk.table(sort=True)
    assert table.stream is not None
    (shard,) = desk.engine.catalog().shards.values()
    assert described(desk, table.stream.arn) == {
        "StreamArn": table.stream.arn,
        "StreamLabel": table.stream.label,
        "StreamStatus": "ENABLED",
        "StreamViewType": "NEW_AND_OLD_IMAGES",
        "CreationRequestDateTime": 1_789_651_658.0,
        "TableName": "things",
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "Shards": [
            {
                "ShardId": shard.name,
                "SequenceNumberRange": {"StartingSequenceNumber": str(10**20 + shard.start)},
            }
        ],
    }


def test_rotation_closes_a_shard_and_names_it_as_the_parent(desk: StreamDesk) -> None:
    arn = desk.arn(desk.table())
    desk.control("RotateShards", StreamArn=arn)
    parent, child = desk.shards(arn)
    assert child["ParentShardId"] == parent["ShardId"]
    assert "EndingSequenceNumber" not in child["SequenceNumberRange"]
    end = int(parent["SequenceNumberRange"]["EndingSequenceNumber"])
    assert int(child["SequenceNumberRange"]["StartingSequenceNumber"]) > end
    assert end >= int(parent["SequenceNumberRange"]["StartingSequenceNumber"])


def test_records_lie_within_the_range_of_their_shard(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    desk.put(table, "a", "b")
    desk.control("RotateShards", StreamArn=arn)
    desk.put(table, "c")
    for shard in desk.shards(arn):
        page = desk.call("GetRecords", ShardIterator=desk.iterator(arn, shard["ShardId"]))
        between = shard["SequenceNumberRange"]
        for record in page["Records"]:
            number = int(record["dynamodb"]["SequenceNumber"])
            assert int(between["StartingSequenceNumber"]) <= number
            assert number <= int(between.get("EndingSequenceNumber", 10**40))


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
def test_pages_hold_each_shard_once_in_order(desk: StreamDesk, limit: int) -> None:
    arn = desk.arn(desk.table(partitions=4))
    desk.control("RotateShards", StreamArn=arn)
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = described(desk, arn, Limit=limit, **cursor)
        names += [shard["ShardId"] for shard in page["Shards"]]
        if "LastEvaluatedShardId" not in page:
            break
        assert page["LastEvaluatedShardId"] == names[-1]
        cursor = {"ExclusiveStartShardId": names[-1]}
    assert len(names) == 8
    assert names == sorted(set(names))


def test_behind_the_last_shard_and_behind_an_unknown_one_there_is_none(desk: StreamDesk) -> None:
    arn = desk.arn(desk.table())
    (shard,) = desk.shards(arn)
    for cursor in (shard["ShardId"], UNKNOWN):
        assert described(desk, arn, ExclusiveStartShardId=cursor)["Shards"] == []


def test_the_children_of_a_shard(desk: StreamDesk) -> None:
    arn = desk.arn(desk.table(partitions=2))
    first, second = (shard["ShardId"] for shard in desk.shards(arn))
    desk.control("SplitShards", StreamArn=arn, ShardId=first)
    desk.control("RotateShards", StreamArn=arn, ShardId=second)
    assert len(children(desk, arn, first)) == 2
    (leaf,) = children(desk, arn, second)
    assert children(desk, arn, leaf) == []
    assert children(desk, arn, UNKNOWN) == []


def test_the_children_of_a_shard_that_has_aged_out(desk: StreamDesk) -> None:
    arn = desk.arn(desk.table())
    (parent,) = desk.shards(arn)
    desk.control("RotateShards", StreamArn=arn)
    desk.clock.advance(25 * HOUR_US)
    (child,) = desk.shards(arn)
    assert child["ParentShardId"] == parent["ShardId"]
    assert children(desk, arn, parent["ShardId"]) == [child["ShardId"]]


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"Type": "CHILD_SHARDS"},
        {"ShardId": UNKNOWN},
        {"Type": "PARENTS", "ShardId": UNKNOWN},
        {"Type": "CHILD_SHARDS", "ShardId": "shardId-1"},
    ],
)
def test_filters_that_are_none(desk: StreamDesk, chosen: dict[str, str]) -> None:
    arn = desk.arn(desk.table())
    with pytest.raises(ValidationException, match=r"ShardFilter\.ShardId"):
        described(desk, arn, ShardFilter=chosen)


def test_disabling_closes_all_shards(desk: StreamDesk) -> None:
    table = desk.table(partitions=4)
    arn = desk.arn(table)
    desk.disable(table)
    description = described(desk, arn)
    assert description["StreamStatus"] == "DISABLED"
    ranges = [shard["SequenceNumberRange"] for shard in description["Shards"]]
    assert len(ranges) == 4
    assert all("EndingSequenceNumber" in numbers for numbers in ranges)


def test_an_old_stream_stays_beside_the_new_one_for_a_day(desk: StreamDesk) -> None:
    table = desk.table()
    old = desk.arn(table)
    desk.disable(table)
    new = desk.arn(desk.enable(table))
    assert new != old
    desk.clock.advance(24 * HOUR_US)
    assert described(desk, old)["StreamStatus"] == "DISABLED"
    desk.clock.advance(1_000)
    with pytest.raises(ResourceNotFoundException):
        described(desk, old)
    assert described(desk, new)["StreamStatus"] == "ENABLED"


def test_shards_are_gone_when_they_have_aged_out_whatever_the_store_still_has(
    desk: StreamDesk,
) -> None:
    arn = desk.arn(desk.table())
    desk.control("RotateShards", StreamArn=arn)
    desk.clock.advance(24 * HOUR_US)
    assert len(desk.shards(arn)) == 2
    desk.clock.advance(1_000)
    assert len(desk.shards(arn)) == 1
    desk.keep()
    assert len(desk.shards(arn)) == 1


def test_a_stream_that_is_not_there(desk: StreamDesk) -> None:
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000"
    with pytest.raises(ResourceNotFoundException) as refusal:
        described(desk, arn)
    assert refusal.value.message == f"Requested resource not found: Stream: {arn} not found"


@pytest.mark.parametrize("scope", [Scope("1" * 12, "us-east-1"), Scope("0" * 12, "eu-west-1")])
def test_others_streams_are_not_there(desk: StreamDesk, scope: Scope) -> None:
    arn = desk.arn(desk.table())
    desk.scope = scope
    with pytest.raises(ResourceNotFoundException):
        described(desk, arn)


def test_bad_input(desk: StreamDesk) -> None:
    arn = desk.arn(desk.table())
    with pytest.raises(ValidationException):
        described(desk, "x" * 40)
    with pytest.raises(ValidationException, match="less than or equal to 100"):
        described(desk, arn, Limit=101)
    with pytest.raises(ValidationException):
        described(desk, arn, ExclusiveStartShardId="y" * 30)
