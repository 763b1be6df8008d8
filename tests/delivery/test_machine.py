"""The delivery machine does, event by event, what Lambda's event source mappings do."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.delivery import messages as m
from tailrace.delivery.batching import PAYLOAD_BYTES, lane_of
from tailrace.delivery.machine import IllegalEvent
from tailrace.delivery.ports import Position, Record
from tailrace.delivery.settings import OnTrimmed


def aged(sequence: int, at_ms: int) -> Record:
    return Record.of(sequence, at_ms, {})


def sized(sequence: int, size: int) -> Record:
    return Record(sequence, 0, size, b"{}")


def test_what_a_read_returned_is_one_batch_and_the_checkpoint_follows(script: Any) -> None:
    shard = script()
    assert shard.start() == ["read after start"]
    assert shard.page(1, 2, 3) == ["invoke 1..3 #1", "await after 3"]
    assert shard.ok() == ["save 3"]
    assert shard.page(4) == ["invoke 4 #1", "await after 4"]
    assert shard.ok() == ["save 4"]


def test_a_page_that_did_not_reach_the_tip_is_followed_by_a_read_at_once(script: Any) -> None:
    shard = script(batch_size=10)
    shard.start()
    assert shard.page(1, 2, behind_ms=900) == ["invoke 1..2 #1", "read after 2"]


def test_an_empty_page_changes_nothing_and_the_next_read_waits(script: Any) -> None:
    shard = script(position=Position(latest=True))
    assert shard.start() == ["read after tip"]
    assert shard.page() == ["await after tip"]


def test_batches_are_no_larger_than_the_batch_size(script: Any) -> None:
    shard = script(batch_size=2)
    shard.start()
    assert shard.page(1, 2, 3, 4, 5) == ["invoke 1..2 #1"]
    assert shard.ok() == ["invoke 3..4 #1", "await after 5", "save 2"]
    assert shard.ok() == ["invoke 5 #1", "save 4"]
    assert shard.ok() == ["save 5"]


def test_batches_are_no_larger_than_the_payload_limit(script: Any) -> None:
    shard = script(batch_size=100)
    shard.start()
    third = PAYLOAD_BYTES // 3
    effects = shard.page(*(sized(sequence, third) for sequence in range(1, 6)))
    assert effects == ["invoke 1..2 #1", "await after 5"]
    assert shard.ok() == ["invoke 3..4 #1", "save 2"]


def test_a_record_larger_than_the_payload_limit_goes_alone(script: Any) -> None:
    shard = script()
    shard.start()
    assert shard.page(sized(1, PAYLOAD_BYTES + 1), sized(2, 10))[0] == "invoke 1 #1"


def test_nothing_is_read_while_as_much_waits_as_may(script: Any) -> None:
    shard = script(batch_size=2)
    shard.start()
    shard.page(1)
    assert shard.page(2, 3, 4) == []
    assert shard.ok() == ["invoke 2..3 #1", "await after 4", "save 1"]


def test_a_window_gathers_until_it_runs_out(script: Any) -> None:
    shard = script(batch_size=10, maximum_batching_window_in_seconds=5)
    shard.start()
    shard.now_ms = 2_000
    assert shard.page(1) == ["await after 1", "wake at 5000"]
    assert shard.page(2) == ["await after 2"]
    assert shard.at(5_000) == ["invoke 1..2 #1"]


def test_a_window_is_cut_short_by_a_full_batch(script: Any) -> None:
    shard = script(batch_size=2, maximum_batching_window_in_seconds=5)
    shard.start()
    shard.page(1)
    assert shard.page(2, 3)[0] == "invoke 1..2 #1"


def test_a_window_is_cut_short_by_a_full_payload(script: Any) -> None:
    shard = script(batch_size=100, maximum_batching_window_in_seconds=5)
    shard.start()
    shard.page(sized(1, PAYLOAD_BYTES // 2))
    assert shard.page(sized(2, PAYLOAD_BYTES // 2))[0] == "invoke 1 #1"


def test_the_next_window_opens_when_the_invocation_ended(script: Any) -> None:
    shard = script(batch_size=10, maximum_batching_window_in_seconds=5)
    shard.start()
    shard.page(1)
    shard.at(5_000)
    shard.now_ms = 6_000
    shard.page(2)
    shard.now_ms = 7_500
    assert shard.ok() == ["save 1", "wake at 12500"]


def test_a_window_that_ran_out_empty_opens_anew(script: Any) -> None:
    shard = script(batch_size=10, maximum_batching_window_in_seconds=5)
    shard.start()
    shard.now_ms = 5_000
    assert "wake at 10000" in shard.page(1)


def test_the_end_of_a_shard_ends_its_window(script: Any) -> None:
    shard = script(batch_size=10, maximum_batching_window_in_seconds=5)
    shard.start()
    assert shard.page(1, ended=True) == ["invoke 1 #1"]
    assert shard.ok() == ["save 1 finished", "finish"]


def test_an_empty_closed_shard_is_finished_at_once(script: Any) -> None:
    shard = script()
    shard.start()
    assert shard.page(ended=True) == ["save None finished", "finish"]


def test_an_error_brings_the_same_batch_again_after_a_growing_delay(script: Any) -> None:
    shard = script()
    shard.start()
    shard.page(1, 2)
    assert shard.error() == ["wake at 200"]
    assert shard.at(200) == ["invoke 1..2 #2"]
    assert shard.error() == ["wake at 600"]
    assert shard.at(600) == ["invoke 1..2 #3"]
    assert shard.error() == ["wake at 1400"]
    assert len({invoke.batch.request_id for invoke in shard.batches}) == 1
    assert shard.state.tally.retries == 2


def test_the_delay_is_capped(script: Any) -> None:
    shard = script()
    shard.start()
    shard.page(1)
    for _ in range(40):
        (wake,) = shard.error()
        before, at_ms = shard.now_ms, int(wake.removeprefix("wake at "))
        shard.at(at_ms)
        assert at_ms - before <= 30_000
    assert shard.now_ms - before == 30_000


def test_other_records_wait_while_a_batch_is_retried(script: Any) -> None:
    shard = script(batch_size=1)
    shard.start()
    shard.page(1, 2)
    shard.error()
    assert shard.at(100) == ["wake at 200"]
    shard.at(200)
    assert shard.ok() == ["invoke 2 #1", "await after 2", "save 1"]


def test_when_the_retries_are_spent_the_batch_is_given_up(script: Any) -> None:
    shard = script(maximum_retry_attempts=1)
    shard.start()
    shard.page(1, 2)
    shard.error()
    shard.at(200)
    assert shard.error() == ["discard 1..2 RetryAttemptsExhausted after 2"]
    assert shard.kept() == ["save 2"]
    assert shard.state.tally.discarded == 2


def test_no_retries_at_all(script: Any) -> None:
    shard = script(maximum_retry_attempts=0)
    shard.start()
    shard.page(1)
    assert shard.error() == ["discard 1 RetryAttemptsExhausted after 1"]


def test_the_checkpoint_waits_for_the_on_failure_record(script: Any) -> None:
    shard = script(maximum_retry_attempts=0)
    shard.start()
    shard.page(1)
    shard.error()
    assert shard.tell(m.DiscardFailed(0, "full", 0)) == ["wake at 200"]
    assert shard.at(200) == ["discard 1 RetryAttemptsExhausted after 1"]
    assert shard.kept() == ["save 1"]


def test_an_unreachable_function_spends_no_retry(script: Any) -> None:
    shard = script(maximum_retry_attempts=0)
    shard.start()
    shard.page(1)
    assert shard.busy() == ["wake at 200"]
    assert shard.at(200) == ["invoke 1 #1"]
    assert shard.busy() == ["wake at 600"]
    assert len({invoke.batch.request_id for invoke in shard.batches}) == 1


def test_bisecting_halves_at_once_and_only_single_records_spend_retries(script: Any) -> None:
    shard = script(bisect_batch_on_function_error=True, maximum_retry_attempts=1)
    shard.start()
    shard.page(1, 2, 3, 4)
    assert shard.error() == ["invoke 1..2 #1"]
    assert shard.ok() == ["invoke 3..4 #1", "save 2"]
    assert shard.error() == ["invoke 3 #1"]
    assert shard.error() == ["wake at 200"]
    assert shard.at(200) == ["invoke 3 #2"]
    assert shard.error() == ["discard 3 RetryAttemptsExhausted after 2"]
    assert shard.kept() == ["invoke 4 #1", "save 3"]
    assert shard.ok() == ["save 4"]
    # The whole, two halves and two quarters: each its own request; the retry kept its own.
    ids = [invoke.batch.request_id for invoke in shard.batches]
    assert len(ids) == 6
    assert len(set(ids)) == 5


def test_reported_failures_move_the_checkpoint_to_just_before_the_lowest(script: Any) -> None:
    shard = script(maximum_retry_attempts=3)
    shard.start()
    shard.page(9, 10, 11, 100)
    assert shard.failed_at(100, 11) == ["invoke 11..100 #1", "save 10"]
    first, rest = shard.batches
    assert first.batch.request_id != rest.batch.request_id
    assert shard.state.tally.result == "OK"


def test_a_report_without_progress_is_a_failed_attempt(script: Any) -> None:
    shard = script(maximum_retry_attempts=1)
    shard.start()
    shard.page(1, 2)
    assert shard.failed_at(1, 2) == ["wake at 200"]
    shard.at(200)
    assert shard.failed_at(1) == ["discard 1..2 RetryAttemptsExhausted after 2"]
    assert shard.discards[0].reported


def test_progress_gives_a_fresh_budget(script: Any) -> None:
    shard = script(maximum_retry_attempts=1)
    shard.start()
    shard.page(1, 2, 3)
    shard.error()
    shard.at(200)
    assert shard.failed_at(2) == ["invoke 2..3 #1", "save 1"]
    assert shard.error() == ["wake at 400"]


def test_a_report_splits_what_bisecting_then_halves(script: Any) -> None:
    shard = script(bisect_batch_on_function_error=True)
    shard.start()
    shard.page(1, 2, 3, 4, 5)
    assert shard.failed_at(2) == ["invoke 2..5 #1", "save 1"]
    assert shard.failed_at(2) == ["invoke 2..3 #1"]


def test_a_report_of_a_record_that_is_not_in_the_batch_fails_it_whole(script: Any) -> None:
    shard = script()
    shard.start()
    shard.page(1, 2)
    assert shard.failed_at(2, 7) == ["wake at 200"]


def test_records_that_are_too_old_are_given_up_before_every_invocation(script: Any) -> None:
    shard = script(maximum_record_age_in_seconds=60)
    shard.now_ms = 100_000
    shard.start()
    effects = shard.page(aged(1, 39_000), aged(2, 39_999), aged(3, 40_000))
    assert effects == ["discard 1..2 RecordAgeExceeded after 0", "await after 3"]
    assert shard.kept() == ["invoke 3 #1", "save 2"]
    assert shard.error() == ["wake at 100200"]
    assert shard.at(100_200) == ["discard 3 RecordAgeExceeded after 1"]
    assert shard.kept() == ["save 3"]


def test_filtered_records_never_count_and_the_checkpoint_passes_them(script: Any) -> None:
    def odd(event: dict[str, Any]) -> bool:
        return int(event["dynamodb"]["SequenceNumber"]) % 2 == 1

    shard = script(accept=odd, batch_size=2)
    shard.start()
    assert shard.page(1, 2, 3, 4) == ["invoke 1..3 #1", "await after 4"]
    assert shard.page(6, 8) == ["await after 8"]
    assert shard.ok() == ["save 8"]
    assert shard.page(10, 11) == ["invoke 11 #1", "await after 11", "save 10"]
    assert shard.state.tally.filtered == 5


def test_records_that_were_read_before_are_passed_over(script: Any) -> None:
    shard = script(position=Position(sequence=5))
    assert shard.start() == ["read after 5"]
    assert shard.page(4, 5, 6) == ["invoke 6 #1", "await after 6"]


def test_a_failed_read_is_repeated_after_a_growing_delay(script: Any) -> None:
    shard = script()
    shard.start()
    assert shard.unread(m.ReadProblem.PASSING) == ["wake at 200"]
    assert shard.at(200) == ["read after start"]
    assert shard.unread(m.ReadProblem.PASSING) == ["wake at 600"]
    shard.at(600)
    shard.page()
    assert shard.unread(m.ReadProblem.PASSING) == ["wake at 800"]


def test_trimmed_records_are_skipped_and_counted(script: Any) -> None:
    shard = script(position=Position(sequence=5))
    shard.start()
    assert shard.unread(m.ReadProblem.TRIMMED) == ["lost: no read", "read after start"]
    assert shard.page(9) == ["invoke 9 #1", "await after 9"]
    assert shard.state.tally.gaps == 1


def test_trimmed_records_end_the_shard_when_that_is_the_policy(script: Any) -> None:
    shard = script(position=Position(sequence=5), on_trimmed=OnTrimmed.FAIL)
    shard.start()
    assert shard.unread(m.ReadProblem.TRIMMED) == ["halt: no read"]


def test_what_is_known_to_be_lost_counts_wherever_it_is_told(script: Any) -> None:
    begun = Position(latest=True, tip_ms=7, first=3)
    shard = script(position=begun)
    shard.start()
    assert shard.unread(m.ReadProblem.LOST)[0] == "lost: no read"
    assert shard.state.position == Position(latest=True, tip_ms=7)
    assert shard.state.tally.gaps == 1
    shard = script(position=begun, on_trimmed=OnTrimmed.FAIL)
    shard.start()
    assert shard.unread(m.ReadProblem.LOST) == ["halt: no read"]


def test_a_horizon_that_moves_on_loses_nothing(script: Any) -> None:
    shard = script(on_trimmed=OnTrimmed.FAIL)
    shard.start()
    assert shard.unread(m.ReadProblem.TRIMMED) == ["wake at 200"]


def test_a_shard_that_aged_out_is_finished_behind_the_gap(script: Any) -> None:
    shard = script(position=Position(sequence=5))
    shard.start()
    assert shard.unread(m.ReadProblem.GONE) == ["lost: no read", "save 5 finished", "finish"]


def test_stopping_waits_for_the_batch_in_hand_and_begins_nothing(script: Any) -> None:
    shard = script(batch_size=1)
    shard.start()
    shard.page(1, 2)
    assert shard.stop() == []
    assert shard.ok() == ["save 1", "stopped"]


def test_stopping_gives_a_waiting_retry_up_without_losing_it(script: Any) -> None:
    shard = script()
    shard.start()
    shard.page(1)
    shard.error()
    assert shard.stop() == ["wake at None", "stopped"]
    assert shard.state.saved is None


def test_lanes_go_on_while_one_retries_and_the_checkpoint_waits_for_it(script: Any) -> None:
    def keyed(sequence: int, key: str) -> Record:
        return Record.of(sequence, 0, {"dynamodb": {"Keys": {"pk": {"S": key}}}})

    first, second = (
        next(key for key in "abcdefgh" if lane_of(keyed(1, key).event, 2) == lane)
        for lane in (0, 1)
    )
    shard = script(parallelization_factor=2)
    shard.start()
    page = keyed(1, first), keyed(2, second), keyed(3, first), keyed(4, second)
    assert shard.page(*page) == ["invoke 1..3 #1", "invoke 2..4 #1 lane 1", "await after 4"]
    assert shard.error(lane=0) == ["wake at 200"]
    assert shard.ok(lane=1) == []
    assert shard.page(keyed(5, second))[0] == "invoke 5 #1 lane 1"
    assert shard.ok(lane=1) == []
    assert shard.at(200) == ["invoke 1..3 #2"]
    assert shard.failed_at(3, lane=0) == ["invoke 3 #1", "save 2"]
    assert shard.ok(lane=0) == ["save 5"]


def test_what_cannot_happen_is_refused(script: Any) -> None:
    shard = script()
    with pytest.raises(IllegalEvent, match="PageRead while reading is fresh"):
        shard.page(1)
    shard.start()
    with pytest.raises(IllegalEvent, match="Answered for a lane that is idle"):
        shard.ok()
