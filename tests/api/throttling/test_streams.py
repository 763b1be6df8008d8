"""Streams are described, listed and read no faster than AWS allows, and by two readers a shard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tailrace.wire.call import Scope

if TYPE_CHECKING:
    from conftest import Throttled

RATE = "Rate exceeded"
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


class Reading:
    """A stream's first shard and a reader's place in it."""

    def __init__(self, caller: Throttled, arn: str, shard: str) -> None:
        self._caller = caller
        self._asked = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        self.iterator = self.fresh()

    def fresh(self) -> str:
        # Two iterators that are issued at different times differ.
        self._caller.wait(0.001)
        return self._caller.call("GetShardIterator", **self._asked)["ShardIterator"]

    def read(self) -> list[dict[str, Any]]:
        self._caller.wait(0.001)
        page = self._caller.call("GetRecords", ShardIterator=self.iterator)
        self.iterator = page["NextShardIterator"]
        return page["Records"]

    def refused(self) -> tuple[str, str]:
        refusal = self._caller.refused("GetRecords", ShardIterator=self.iterator)
        return refusal.code, refusal.message


def stream_of(caller: Throttled, **more: Any) -> str:
    arn = caller.create(StreamSpecification=STREAM, **more).stream
    assert arn is not None
    return arn.arn


def readers(caller: Throttled, count: int) -> list[Reading]:
    arn = stream_of(caller)
    shard = caller.call("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"][0]
    return [Reading(caller, arn, shard["ShardId"]) for _ in range(count)]


@pytest.mark.parametrize(("operation", "calls"), [("DescribeStream", 10), ("ListStreams", 5)])
def test_calls_of_an_account_have_a_rate(throttled: Throttled, operation: str, calls: int) -> None:
    arn = stream_of(throttled)
    asked = {"StreamArn": arn} if operation == "DescribeStream" else {}
    for _ in range(3):
        for _ in range(calls):
            throttled.call(operation, **asked)
        refusal = throttled.refused(operation, **asked)
        assert (refusal.code, refusal.message) == ("LimitExceededException", RATE)
        throttled.wait(1)


def test_a_shard_is_read_five_times_a_second(throttled: Throttled) -> None:
    (reader,) = readers(throttled, 1)
    for _ in range(5):
        reader.read()
    assert reader.refused() == ("LimitExceededException", RATE)
    throttled.wait(0.195)  # reading took five milliseconds
    reader.read()
    assert reader.refused() == ("LimitExceededException", RATE)


def test_a_third_reader_within_a_second_is_refused(throttled: Throttled) -> None:
    first, second, third = readers(throttled, 3)
    first.read()
    second.read()
    assert third.refused() == ("ProvisionedThroughputExceededException", RATE)
    throttled.wait(0.5)
    first.read()
    throttled.wait(0.5)  # the second did not come again
    third.read()
    assert second.refused() == ("ProvisionedThroughputExceededException", RATE)
    first.read()


def test_a_reader_may_come_again_with_the_same_iterator(throttled: Throttled) -> None:
    first, second = readers(throttled, 2)
    second.read()
    again = first.iterator
    for _ in range(3):
        first.iterator = again
        first.read()


def test_a_shard_gives_two_megabytes_a_second(throttled: Throttled) -> None:
    arn = stream_of(throttled, BillingMode="PAY_PER_REQUEST")
    # Which shard an item goes to is its key's affair; one item goes to one shard.
    for count in range(9):
        throttled.put("k", text={"S": f"{count}" + "x" * 390_000})
    shards = throttled.call("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"]
    (reader,) = [
        each
        for each in (Reading(throttled, arn, shard["ShardId"]) for shard in shards)
        if throttled.call("GetRecords", ShardIterator=each.fresh(), Limit=1)["Records"]
    ]
    throttled.wait(2)
    size = 0
    for _ in range(4):
        before = reader.iterator
        refused = size > 2 * 1024 * 1024
        if refused:
            assert reader.refused() == ("ProvisionedThroughputExceededException", RATE)
            break
        size += sum(each["dynamodb"]["SizeBytes"] for each in reader.read())
        assert reader.iterator != before
    assert 2 * 1024 * 1024 < size < 4 * 1024 * 1024
    throttled.wait(1)
    assert reader.read()


def test_the_store_reads_its_own_captures_as_it_likes(throttled: Throttled) -> None:
    throttled.create()
    throttled.call(
        "UpdateContinuousBackups",
        TableName="things",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    (capture,) = throttled.table().captures
    throttled.scope = Scope(capture.account, capture.region)
    shards = throttled.call("DescribeStream", StreamArn=capture.arn)["StreamDescription"]["Shards"]
    reader = Reading(throttled, capture.arn, shards[0]["ShardId"])
    for _ in range(20):
        reader.read()


def test_shards_are_read_independently(throttled: Throttled) -> None:
    arn = stream_of(throttled)
    shards = throttled.call("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"]
    assert len(shards) > 1
    for shard in shards:
        reader = Reading(throttled, arn, shard["ShardId"])
        for _ in range(5):
            reader.read()
