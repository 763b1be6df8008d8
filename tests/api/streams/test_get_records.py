"""GetRecords serves each record once, ends exactly at a closed shard's end, loses none unseen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrace import limits
from tailrace.errors import (
    ExpiredIteratorException,
    ResourceNotFoundException,
    TrimmedDataAccessException,
    ValidationException,
)
from tailrace.wire.call import Scope

if TYPE_CHECKING:
    from tests.api.conftest import StreamDesk

SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US


def keys(count: int) -> list[str]:
    return [f"k{number:04d}" for number in range(count)]


def drained(desk: StreamDesk, iterator: str | None, limit: int) -> list[list[str]]:
    """The pages up to the end of the shard, or to the first empty one."""
    pages: list[list[str]] = []
    while iterator is not None and (not pages or pages[-1]):
        page, iterator = desk.read(iterator, limit)
        pages.append(page)
    return pages


def test_pages_follow_each_other(desk: StreamDesk) -> None:
    table = desk.table()
    desk.put(table, *keys(10))
    pages = drained(desk, desk.only_iterator(desk.arn(table)), 4)
    assert pages == [keys(10)[:4], keys(10)[4:8], keys(10)[8:], []]


def test_a_record_is_whole(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    desk.put(table, "a", n=1)
    desk.put(table, "a", n=2)
    _, record = desk.call("GetRecords", ShardIterator=desk.only_iterator(arn))["Records"]
    assert record["eventName"] == "MODIFY"
    assert record["dynamodb"]["OldImage"] == {"pk": {"S": "a"}, "n": {"N": "1"}}
    assert record["dynamodb"]["NewImage"] == {"pk": {"S": "a"}, "n": {"N": "2"}}


def test_records_is_there_when_it_is_empty(desk: StreamDesk) -> None:
    arn = desk.arn(desk.table())
    page = desk.call("GetRecords", ShardIterator=desk.only_iterator(arn))
    assert page["Records"] == []
    assert page["NextShardIterator"].startswith(f"{arn}|1|")


@pytest.mark.parametrize("kind", ["TRIM_HORIZON", "LATEST"])
def test_an_idle_shard_can_be_polled_for_days(desk: StreamDesk, kind: str) -> None:
    table = desk.table()
    iterator: str | None = desk.only_iterator(desk.arn(table), kind)
    for _ in range(300):
        desk.clock.advance(10 * 60 * SECOND_US)
        desk.keep()
        assert iterator is not None
        found, iterator = desk.read(iterator)
        assert found == []
    desk.put(table, "a")
    assert iterator is not None
    assert desk.read(iterator)[0] == ["a"]


def test_the_last_page_of_a_closed_shard_has_no_next_iterator(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    desk.put(table, *keys(4))
    iterator = desk.only_iterator(arn)
    at_the_tip = desk.only_iterator(arn, "LATEST")
    desk.control("RotateShards", StreamArn=arn)
    first, following = desk.read(iterator, 2)
    assert first == keys(4)[:2]
    assert following is not None
    assert desk.read(following, 2) == (keys(4)[2:], None)
    assert desk.read(at_the_tip) == ([], None)


def test_an_empty_closed_shard_ends_at_once(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    desk.disable(table)
    page = desk.call("GetRecords", ShardIterator=desk.only_iterator(arn))
    assert page == {"Records": []}


def test_a_disabled_stream_is_read_for_a_day(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    desk.put(table, "a")
    desk.delete(table)
    desk.clock.advance(24 * HOUR_US - SECOND_US)
    assert desk.read(desk.only_iterator(arn)) == (["a"], None)


def test_at_most_a_thousand_records(desk: StreamDesk) -> None:
    table = desk.table()
    desk.put(table, *keys(1001))
    first, following = desk.read(desk.only_iterator(desk.arn(table)))
    assert first == keys(1001)[:1000]
    assert following is not None
    assert desk.read(following)[0] == keys(1001)[1000:]


def test_at_most_a_megabyte_of_records(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    desk.put(table, *keys(20), filling="x" * 100_000)
    iterator: str | None = desk.only_iterator(arn)
    seen: list[str] = []
    while len(seen) < 20:
        assert iterator is not None
        page = desk.call("GetRecords", ShardIterator=iterator)
        assert (
            0 < len(json.dumps(page["Records"], separators=(",", ":"))) <= limits.STREAM_PAGE_BYTES
        )
        seen += [record["dynamodb"]["Keys"]["pk"]["S"] for record in page["Records"]]
        iterator = page.get("NextShardIterator")
    assert seen == keys(20)


@pytest.mark.parametrize("limit", [1001, 10**12])
def test_more_than_a_page_may_hold(desk: StreamDesk, limit: int) -> None:
    iterator = desk.only_iterator(desk.arn(desk.table()))
    with pytest.raises(ValidationException, match="less than or equal to 1000"):
        desk.read(iterator, limit)


def test_iterators_expire_after_fifteen_minutes(desk: StreamDesk) -> None:
    iterator = desk.only_iterator(desk.arn(desk.table()))
    desk.clock.advance(15 * 60 * SECOND_US)
    _, following = desk.read(iterator)
    desk.clock.advance(1)
    with pytest.raises(ExpiredIteratorException):
        desk.read(iterator)
    assert following is not None
    assert desk.read(following)[0] == []


def test_what_is_no_iterator(desk: StreamDesk) -> None:
    desk.table()
    for text in ("x", "|1|", "arn|1|AAAA", "a|b"):
        with pytest.raises(ValidationException) as refusal:
            desk.read(text)
        assert refusal.value.message == "Invalid ShardIterator"


@pytest.mark.parametrize("scope", [Scope("1" * 12, "us-east-1"), Scope("0" * 12, "eu-west-1")])
def test_others_iterators_lead_nowhere(desk: StreamDesk, scope: Scope) -> None:
    iterator = desk.only_iterator(desk.arn(desk.table()))
    desk.scope = scope
    with pytest.raises(ResourceNotFoundException):
        desk.read(iterator)


def with_retention(desk: StreamDesk, retention_ms: int) -> None:
    desk.service = msgspec.structs.replace(desk.service, stream_retention_ms=retention_ms)


@pytest.mark.parametrize("removed", [False, True])
def test_a_reader_overtaken_by_trimming_is_told_so(desk: StreamDesk, removed: bool) -> None:
    with_retention(desk, 60_000)
    table = desk.table()
    desk.put(table, "a", "b", "c")
    _, following = desk.read(desk.only_iterator(desk.arn(table)), 1)
    at_the_tip = desk.only_iterator(desk.arn(table), "LATEST")
    desk.put(table, "d")
    desk.clock.advance(61 * SECOND_US)
    desk.put(table, "e")
    if removed:
        desk.keep()
    for overtaken in (following, at_the_tip):
        assert overtaken is not None
        with pytest.raises(TrimmedDataAccessException):
            desk.read(overtaken)
    assert desk.read(desk.only_iterator(desk.arn(table)))[0] == ["e"]


def test_old_records_are_not_served_though_the_store_has_them(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    desk.put(table, "a", "b")
    desk.clock.advance(23 * HOUR_US)
    desk.put(table, "c")
    (shard_id,) = desk.engine.catalog().shards
    desk.clock.advance(2 * HOUR_US)
    assert desk.read(desk.only_iterator(arn))[0] == ["c"]
    assert len(desk.engine.log.read(shard_id, 0, 10, 10**6).records) == 3


def test_a_shard_that_aged_out_is_not_found(desk: StreamDesk) -> None:
    with_retention(desk, 60_000)
    arn = desk.arn(desk.table())
    iterator = desk.only_iterator(arn)
    desk.control("RotateShards", StreamArn=arn)
    desk.clock.advance(61 * SECOND_US)
    for _ in range(2):
        with pytest.raises(ResourceNotFoundException) as refusal:
            desk.read(iterator)
        assert refusal.value.message == "Requested resource not found: Shard does not exist"
        desk.keep()


def walk(desk: StreamDesk, arn: str, limit: int) -> list[str]:
    """All keys in the stream, each shard to its end, parents before children."""
    found: list[str] = []
    for shard in desk.shards(arn):
        for page in drained(desk, desk.iterator(arn, shard["ShardId"]), limit):
            found += page
    return found


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    story=st.lists(st.sampled_from(["put", "rotate", "split", "time"]), max_size=30),
    partitions=st.integers(1, 4),
    limit=st.integers(1, 5),
)
def test_every_change_is_read_exactly_once_and_in_order(
    desk: StreamDesk, story: list[str], partitions: int, limit: int
) -> None:
    desk = type(desk)()
    table = desk.table(partitions=partitions)
    arn = desk.arn(table)
    written: list[tuple[str, int]] = []
    for step, action in enumerate(story):
        if action == "put":
            written.append((f"k{step % 5}", step))
            desk.put(table, f"k{step % 5}", step=step)
        elif action == "time":
            desk.clock.advance(60 * SECOND_US)
        else:
            one = desk.shards(arn)[-1]
            name = "RotateShards" if action == "rotate" else "SplitShards"
            desk.control(name, StreamArn=arn, ShardId=one["ShardId"])
    read = walk(desk, arn, limit)
    assert sorted(read) == sorted(key for key, _ in written)
    steps = steps_by_key(desk, arn)
    for key, of_key in steps.items():
        assert of_key == [step for other, step in written if other == key]


def steps_by_key(desk: StreamDesk, arn: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for shard in desk.shards(arn):
        page = desk.call("GetRecords", ShardIterator=desk.iterator(arn, shard["ShardId"]))
        for record in page["Records"]:
            image: dict[str, Any] = record["dynamodb"]["NewImage"]
            found.setdefault(image["pk"]["S"], []).append(int(image["step"]["N"]))
    return found
