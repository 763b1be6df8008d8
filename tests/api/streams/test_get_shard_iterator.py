"""GetShardIterator puts a reader where it asked to be, or says exactly why it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tailrace.errors import (
    ResourceNotFoundException,
    TrimmedDataAccessException,
    ValidationException,
)

if TYPE_CHECKING:
    from tests.api.conftest import StreamDesk

HOUR_US = 3_600_000_000
UNKNOWN = "shardId-00000000000000000001-00000001"
NUMBER = "1" + "0" * 20


def numbers(desk: StreamDesk, arn: str) -> list[str]:
    page = desk.call("GetRecords", ShardIterator=desk.only_iterator(arn))
    return [record["dynamodb"]["SequenceNumber"] for record in page["Records"]]


def found(desk: StreamDesk, arn: str, kind: str, **more: Any) -> list[str]:
    keys, _ = desk.read(desk.only_iterator(arn, kind, **more))
    return keys


def test_every_type(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    desk.put(table, "a", "b", "c")
    middle = numbers(desk, arn)[1]
    latest = desk.only_iterator(arn, "LATEST")
    desk.put(table, "d")
    assert found(desk, arn, "TRIM_HORIZON") == ["a", "b", "c", "d"]
    assert found(desk, arn, "AT_SEQUENCE_NUMBER", SequenceNumber=middle) == ["b", "c", "d"]
    assert found(desk, arn, "AFTER_SEQUENCE_NUMBER", SequenceNumber=middle) == ["c", "d"]
    assert desk.read(latest)[0] == ["d"]


def test_the_start_of_a_shard_and_numbers_between_records(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    desk.put(table, "a", "b")
    (shard,) = desk.shards(arn)
    start = shard["SequenceNumberRange"]["StartingSequenceNumber"]
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        assert found(desk, arn, kind, SequenceNumber=start) == ["a", "b"]
        between = str(int(numbers(desk, arn)[1]) - 1)
        assert found(desk, arn, kind, SequenceNumber=between) == ["b"]


def test_a_number_that_is_yet_to_come(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    desk.put(table, "a")
    last = numbers(desk, arn)[-1]
    following = desk.only_iterator(arn, "AFTER_SEQUENCE_NUMBER", SequenceNumber=last)
    assert desk.read(following)[0] == []
    desk.put(table, "b")
    assert desk.read(following)[0] == ["b"]


def test_by_time(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    start_s = desk.clock.now_us() / 1e6
    for key in ("a", "b", "c"):
        desk.put(table, key)
        desk.clock.advance(1_000_000)
    assert found(desk, arn, "AT_TIMESTAMP", Timestamp=start_s) == ["a", "b", "c"]
    assert found(desk, arn, "AT_TIMESTAMP", Timestamp=start_s + 0.001) == ["b", "c"]
    assert found(desk, arn, "AT_TIMESTAMP", Timestamp=int(start_s) + 2) == ["c"]
    assert found(desk, arn, "AT_TIMESTAMP", Timestamp=start_s + 3) == []
    for old in (0, -1, -1e300, start_s - 30 * 86_400):
        assert found(desk, arn, "AT_TIMESTAMP", Timestamp=old) == ["a", "b", "c"]


def test_a_time_before_the_horizon_is_the_horizon(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    start_s = desk.clock.now_us() / 1e6
    desk.put(table, "a")
    desk.clock.advance(23 * HOUR_US)
    desk.put(table, "b")
    desk.clock.advance(2 * HOUR_US)
    assert found(desk, arn, "AT_TIMESTAMP", Timestamp=start_s) == ["b"]


def test_a_time_in_the_future_is_refused(desk: StreamDesk) -> None:
    arn = desk.arn(desk.table())
    now_s = desk.clock.now_us() / 1e6
    assert found(desk, arn, "AT_TIMESTAMP", Timestamp=now_s) == []
    for future in (now_s + 0.001, 1e300):
        with pytest.raises(ValidationException, match="future"):
            found(desk, arn, "AT_TIMESTAMP", Timestamp=future)


def test_a_number_older_than_what_is_kept(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    desk.put(table, "a", "b")
    first, second = numbers(desk, arn)
    desk.clock.advance(25 * HOUR_US)
    for kept in (True, False):
        if not kept:
            desk.keep()
        with pytest.raises(TrimmedDataAccessException):
            found(desk, arn, "AT_SEQUENCE_NUMBER", SequenceNumber=second)
        with pytest.raises(TrimmedDataAccessException):
            found(desk, arn, "AFTER_SEQUENCE_NUMBER", SequenceNumber=first)


def test_a_reader_that_had_all_that_was_trimmed_goes_on(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    desk.put(table, "a")
    (last,) = numbers(desk, arn)
    desk.clock.advance(25 * HOUR_US)
    following = desk.only_iterator(arn, "AFTER_SEQUENCE_NUMBER", SequenceNumber=last)
    desk.put(table, "b")
    assert desk.read(following)[0] == ["b"]


def test_the_end_of_a_closed_shard_is_never_trimmed(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    desk.put(table, "a")
    desk.control("RotateShards", StreamArn=arn)
    closed, _ = desk.shards(arn)
    end = closed["SequenceNumberRange"]["EndingSequenceNumber"]
    following = desk.iterator(arn, closed["ShardId"], "AFTER_SEQUENCE_NUMBER", SequenceNumber=end)
    assert desk.read(following) == ([], None)


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("AT_SEQUENCE_NUMBER", {}),
        ("AFTER_SEQUENCE_NUMBER", {}),
        ("AFTER_SEQUENCE_NUMBER", {"SequenceNumber": NUMBER, "Timestamp": 1}),
        ("TRIM_HORIZON", {"SequenceNumber": NUMBER}),
        ("LATEST", {"SequenceNumber": NUMBER}),
        ("LATEST", {"Timestamp": 1}),
        ("AT_TIMESTAMP", {}),
        ("AT_TIMESTAMP", {"Timestamp": 1, "SequenceNumber": NUMBER}),
        ("AT_SEQUENCE_NUMBER", {"SequenceNumber": "9" * 21}),
        ("AT_SEQUENCE_NUMBER", {"SequenceNumber": "9" * 40}),
        ("AT_SEQUENCE_NUMBER", {"SequenceNumber": "x" * 21}),
        ("AT_SEQUENCE_NUMBER", {"SequenceNumber": "-" + "1" * 21}),
        ("AT_SEQUENCE_NUMBER", {"SequenceNumber": "١" * 21}),
    ],
)
def test_members_that_do_not_go_together(
    desk: StreamDesk, kind: str, members: dict[str, Any]
) -> None:
    arn = desk.arn(desk.table())
    with pytest.raises(ValidationException):
        desk.only_iterator(arn, kind, **members)


def test_what_is_not_there(desk: StreamDesk) -> None:
    arn = desk.arn(desk.table())
    with pytest.raises(ResourceNotFoundException) as refusal:
        desk.iterator(arn, UNKNOWN)
    assert refusal.value.message == "Requested resource not found: Shard does not exist"
    with pytest.raises(ResourceNotFoundException) as refusal:
        desk.iterator(f"{arn}0", UNKNOWN)
    assert refusal.value.message == f"Requested resource not found: Stream: {arn}0 not found"
    with pytest.raises(ValidationException):
        desk.iterator("z" * 40, UNKNOWN)


def test_a_shard_of_another_stream(desk: StreamDesk) -> None:
    first, second = desk.arn(desk.table("one")), desk.arn(desk.table("two"))
    (shard,) = desk.shards(second)
    with pytest.raises(ResourceNotFoundException):
        desk.iterator(first, shard["ShardId"])
