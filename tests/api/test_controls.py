"""Each control makes happen what it says, to nothing else, and refuses what makes no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tailrace.api.controls import CONTROLS, run_control
from tailrace.api.faults import Faults
from tailrace.api.operation import Context
from tailrace.clock import SystemClock
from tailrace.errors import (
    ExpiredIteratorException,
    ResourceNotFoundException,
    TrimmedDataAccessException,
    UnknownOperationException,
    ValidationException,
)

if TYPE_CHECKING:
    from tests.api.conftest import StreamDesk

SECOND_US = 1_000_000


def test_time_moves_for_all_that_asks_the_clock(desk: StreamDesk) -> None:
    before = desk.clock.now_us()
    assert desk.control("AdvanceClock", Milliseconds=1500) == {"Now": 1_789_651_659.5}
    assert desk.clock.now_us() == before + 1_500_000


def test_a_real_clock_cannot_be_moved(desk: StreamDesk) -> None:
    desk.service = msgspec.structs.replace(desk.service, clock=SystemClock())
    with pytest.raises(ValidationException, match="cannot be moved"):
        desk.control("AdvanceClock", Milliseconds=1)


def test_time_ends_before_the_clock_values_do(desk: StreamDesk) -> None:
    with pytest.raises(ValidationException, match="2099"):
        desk.control("AdvanceClock", Milliseconds=100 * 365 * 86_400_000)


def test_rotating_answers_with_the_children(desk: StreamDesk) -> None:
    arn = desk.arn(desk.table(partitions=2))
    old = [shard["ShardId"] for shard in desk.shards(arn)]
    children = desk.control("RotateShards", StreamArn=arn)["Shards"]
    assert [shard["ParentShardId"] for shard in children] == old
    assert children == desk.shards(arn)[2:]


def test_one_shard_is_rotated_or_split(desk: StreamDesk) -> None:
    arn = desk.arn(desk.table(partitions=2))
    first, second = (shard["ShardId"] for shard in desk.shards(arn))
    (child,) = desk.control("RotateShards", StreamArn=arn, ShardId=first)["Shards"]
    assert child["ParentShardId"] == first
    twins = desk.control("SplitShards", StreamArn=arn, ShardId=second)["Shards"]
    assert [shard["ParentShardId"] for shard in twins] == [second, second]
    with pytest.raises(ValidationException, match="is closed"):
        desk.control("SplitShards", StreamArn=arn, ShardId=second)
    with pytest.raises(ResourceNotFoundException):
        desk.control("RotateShards", StreamArn=arn, ShardId=first + "0")


def test_trimming_all_overtakes_readers(desk: StreamDesk) -> None:
    table, other = desk.table(), desk.table("others")
    arn = desk.arn(table)
    desk.put(table, "a", "b")
    desk.put(other, "x")
    _, behind = desk.read(desk.only_iterator(arn), 1)
    at_the_tip = desk.only_iterator(arn, "LATEST")
    desk.control("TrimStream", StreamArn=arn)
    assert behind is not None
    with pytest.raises(TrimmedDataAccessException):
        desk.read(behind)
    desk.put(table, "c")
    assert desk.read(at_the_tip)[0] == ["c"]
    assert desk.read(desk.only_iterator(arn))[0] == ["c"]
    assert desk.read(desk.only_iterator(desk.arn(other)))[0] == ["x"]


def test_trimming_overtakes_a_reader_that_waited_at_the_tip(desk: StreamDesk) -> None:
    table = desk.table()
    waiting = desk.only_iterator(desk.arn(table), "LATEST")
    desk.put(table, "a")
    desk.control("TrimStream", StreamArn=desk.arn(table))
    with pytest.raises(TrimmedDataAccessException):
        desk.read(waiting)


def test_trimming_below_a_number_or_an_age(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    for key in ("a", "b", "c"):
        desk.put(table, key)
        desk.clock.advance(10 * SECOND_US)
    page = desk.call("GetRecords", ShardIterator=desk.only_iterator(arn))
    second = page["Records"][1]["dynamodb"]["SequenceNumber"]
    answer = desk.control("TrimStream", StreamArn=arn, SequenceNumber=second)
    assert answer == {"SequenceNumber": second}
    assert desk.read(desk.only_iterator(arn))[0] == ["b", "c"]
    desk.control("TrimStream", StreamArn=arn, OlderThanMilliseconds=15_000)
    assert desk.read(desk.only_iterator(arn))[0] == ["c"]
    desk.control("TrimStream", StreamArn=arn, SequenceNumber=second)
    assert desk.read(desk.only_iterator(arn))[0] == ["c"], "what was trimmed stays so"


def test_trimming_past_a_closed_shard_hides_it(desk: StreamDesk) -> None:
    table = desk.table()
    arn = desk.arn(table)
    desk.put(table, "a")
    iterator = desk.only_iterator(arn)
    (child,) = desk.control("RotateShards", StreamArn=arn)["Shards"]
    desk.put(table, "b")
    desk.control("TrimStream", StreamArn=arn)
    assert desk.shards(arn) == [child]
    with pytest.raises(ResourceNotFoundException):
        desk.read(iterator)


def test_iterators_expire_at_once_and_new_ones_do_not(desk: StreamDesk) -> None:
    arn = desk.arn(desk.table())
    old = desk.only_iterator(arn)
    desk.control("ExpireIterators")
    with pytest.raises(ExpiredIteratorException):
        desk.read(old)
    _, following = desk.read(desk.only_iterator(arn))
    assert following is not None
    desk.read(following)


def test_children_are_listed_late(desk: StreamDesk) -> None:
    arn = desk.arn(desk.table())
    (parent,) = desk.shards(arn)
    desk.control("DelayShards", ChildrenMilliseconds=5000)
    desk.control("RotateShards", StreamArn=arn)
    (seen,) = desk.shards(arn)
    assert "EndingSequenceNumber" in seen["SequenceNumberRange"]
    assert desk.read(desk.iterator(arn, parent["ShardId"])) == ([], None)
    desk.clock.advance(5 * SECOND_US)
    assert len(desk.shards(arn)) == 2


def test_a_child_is_listed_beside_a_parent_that_looks_open(desk: StreamDesk) -> None:
    arn = desk.arn(desk.table())
    desk.control("DelayShards", EndsMilliseconds=5000)
    desk.control("RotateShards", StreamArn=arn)
    parent, child = desk.shards(arn)
    assert child["ParentShardId"] == parent["ShardId"]
    assert "EndingSequenceNumber" not in parent["SequenceNumberRange"]
    desk.clock.advance(5 * SECOND_US)
    assert "EndingSequenceNumber" in desk.shards(arn)[0]["SequenceNumberRange"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ThrottleCalls", "ProvisionedThroughputExceededException"),
        ("FailCalls", "InternalServerError"),
    ],
)
def test_the_next_calls_are_refused(desk: StreamDesk, name: str, code: str) -> None:
    faults = desk.service.faults
    assert not faults.active
    desk.control(name, Calls=1, Operation="GetRecords")
    assert faults.active
    assert faults.refusal("PutItem") is None
    refusal = faults.refusal("GetRecords")
    assert refusal is not None
    assert refusal.code == code
    assert faults.refusal("GetRecords") is None
    assert not faults.active


def test_a_call_may_meet_a_transaction(desk: StreamDesk) -> None:
    desk.control("FailCalls", Calls=1, Operation="PutItem", Code="TransactionConflictException")
    refusal = desk.service.faults.refusal("PutItem")
    assert refusal is not None
    assert refusal.code == "TransactionConflictException"
    assert refusal.message == "Transaction is ongoing for the item"


def test_refusals_are_taken_back(desk: StreamDesk) -> None:
    desk.control("FailCalls", Calls=100)
    desk.control("ThrottleCalls", Calls=5, Operation="PutItem", Code="ThrottlingException")
    desk.control("DelayShards", ChildrenMilliseconds=5000, EndsMilliseconds=5000)
    desk.control("ClearFaults")
    faults = desk.service.faults
    assert not faults.active
    assert faults.refusal("PutItem") is None
    assert (faults.child_delay_us, faults.end_delay_us) == (0, 0)


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("AdvanceClock", {}),
        ("AdvanceClock", {"Milliseconds": -1}),
        ("AdvanceClock", {"Milliseconds": 1.5}),
        ("AdvanceClock", {"Seconds": 1, "Milliseconds": 1}),
        ("ExpireIterators", {"StreamArn": "x"}),
        ("FailCalls", {"Calls": -1}),
        ("FailCalls", {"Calls": 1, "Code": "Teapot"}),
        ("RotateShards", {"StreamArn": "short"}),
        ("TrimStream", {"StreamArn": "x" * 40}),
    ],
)
def test_bad_input(desk: StreamDesk, name: str, members: dict[str, Any]) -> None:
    with pytest.raises(ValidationException):
        desk.control(name, **members)


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"null", b'{"Milliseconds":"1"}'])
def test_bodies_that_are_no_input(desk: StreamDesk, body: bytes) -> None:
    with pytest.raises(ValidationException):
        run_control(Context(desk.service, desk.scope), "AdvanceClock", body)


def test_an_empty_body_is_no_parameters(desk: StreamDesk) -> None:
    assert run_control(Context(desk.service, desk.scope), "ExpireIterators", b"") == b"{}"


def test_an_unknown_control(desk: StreamDesk) -> None:
    with pytest.raises(UnknownOperationException):
        desk.control("Explode")


def test_controls_are_registered_by_their_names() -> None:
    assert all(name == operation.name for name, operation in CONTROLS.items())


def test_transitions_take_as_long_as_was_said_until_that_is_taken_back(desk: StreamDesk) -> None:
    faults = desk.service.faults
    desk.control("SetTransitionTime", Milliseconds=1500)
    assert faults.transition_us == 1_500_000
    desk.control("ClearFaults")
    assert faults.transition_us == 0
    configured = Faults(7)
    configured.transition_us = 9
    configured.clear()
    assert configured.transition_us == 7
    with pytest.raises(ValidationException):
        desk.control("SetTransitionTime", Milliseconds=-1)
