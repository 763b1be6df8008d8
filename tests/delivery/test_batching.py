"""Batches fit their limits, halves lose nothing, and an item keeps its lane."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tailrace.delivery.batching import PAYLOAD_BYTES, halves, lane_of, take, window_end
from tailrace.delivery.ports import Record


def sized(sizes: list[int]) -> tuple[Record, ...]:
    return tuple(Record(at, 0, size, b"{}") for at, size in enumerate(sizes, 1))


@given(st.lists(st.integers(1, PAYLOAD_BYTES // 2), min_size=1, max_size=12), st.integers(1, 12))
def test_a_batch_is_the_longest_beginning_that_fits(sizes: list[int], most: int) -> None:
    records = sized(sizes)
    taken = take(records, most)
    assert taken == records[: len(taken)]
    payload = len('{"Records":[]}') + sum(record.size + 1 for record in taken)
    assert len(taken) == 1 or payload <= PAYLOAD_BYTES
    if len(taken) < min(most, len(records)):
        assert payload + records[len(taken)].size + 1 > PAYLOAD_BYTES


@given(st.integers(2, 50))
def test_halves_are_both_there_and_nothing_is_lost(count: int) -> None:
    records = sized([1] * count)
    left, right = halves(records)
    assert left + right == records
    assert abs(len(left) - len(right)) <= 1


@given(st.integers(0, 10**6), st.integers(1, 10**5), st.integers(0, 10**6))
def test_a_window_ends_within_its_length(opened: int, length: int, later: int) -> None:
    now = opened + later
    end = window_end(opened, length, now)
    assert now < end <= now + length
    assert (end - opened) % length == 0


def test_an_item_keeps_its_lane_and_all_lanes_are_used() -> None:
    def lane(keys: dict[str, object]) -> int:
        return lane_of({"dynamodb": {"Keys": keys}}, 4)

    assert lane({"a": {"S": "x"}, "b": {"N": "1"}}) == lane({"b": {"N": "1"}, "a": {"S": "x"}})
    counts = [0] * 4
    for number in range(1000):
        counts[lane({"pk": {"S": f"user-{number}"}})] += 1
    assert min(counts) > 150


def test_a_kinesis_record_has_the_lane_of_its_partition_key() -> None:
    first, second = (
        {"kinesis": {"partitionKey": "a", "sequenceNumber": number}} for number in "12"
    )
    assert lane_of(first, 10) == lane_of(second, 10)
