"""Buckets never give more than their rate and what they saved up, and give all of that."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace import limits
from tailrace.api.throttling.buckets import Bucket, Buckets

SECOND_US = 1_000_000


@settings(max_examples=60)
@given(
    st.integers(1, 20),
    st.integers(1, 5),
    st.lists(st.tuples(st.integers(0, 3 * SECOND_US), st.sampled_from([0.5, 1, 2, 7]))),
)
def test_what_is_taken_is_never_more_than_rate_and_savings_and_one_debt(
    per_s: int, saved_s: int, takes: list[tuple[int, float]]
) -> None:
    buckets, bucket = Buckets(), Bucket(("b",), per_s, saved_s)
    now_us, taken, most = 0, 0.0, 0.0
    for pause_us, units in takes:
        now_us += pause_us
        if buckets.take([(bucket, units)], now_us) is None:
            taken += units
            most = max(most, units)
        assert taken <= per_s * (saved_s + now_us / SECOND_US) + most


@given(st.integers(1, 50), st.integers(1, 300))
def test_whole_units_are_given_as_long_as_there_are_some(per_s: int, idle_s: int) -> None:
    buckets, bucket = Buckets(), Bucket(("b",), per_s, limits.BURST_S, since_us=0)
    now_us = idle_s * SECOND_US
    held = per_s * min(limits.BURST_S, 1 + idle_s)
    assert buckets.level(bucket, now_us) == held
    buckets.charge([(bucket, held - 1)], now_us)
    assert buckets.take([(bucket, 1)], now_us) is None
    assert buckets.take([(bucket, 1)], now_us) is bucket
    # One unit's time later, to the microsecond, there is one again.
    unit_us = -(-SECOND_US // per_s)
    assert buckets.take([(bucket, 1)], now_us + unit_us - 1) is bucket
    assert buckets.take([(bucket, 1)], now_us + unit_us) is None


def test_debt_is_paid_before_anything_is_given() -> None:
    buckets, bucket = Buckets(), Bucket(("b",), 10, 1)
    assert buckets.take([(bucket, 35)], 0) is None
    assert buckets.level(bucket, 0) == -25
    assert buckets.take([(bucket, 0.5)], 2_500_000) is bucket
    assert buckets.take([(bucket, 0.5)], 2_550_000) is None


def test_of_several_buckets_all_give_or_none() -> None:
    buckets = Buckets()
    full, empty = Bucket(("full",), 1, 1), Bucket(("empty",), 1, 1)
    buckets.charge([(empty, 1)], 0)
    assert buckets.take([(full, 1), (empty, 1)], 0) is empty
    assert buckets.level(full, 0) == 1


def test_a_clock_that_goes_back_fills_nothing() -> None:
    buckets, bucket = Buckets(), Bucket(("b",), 1, 10)
    buckets.charge([(bucket, 10)], SECOND_US)
    buckets.charge([(bucket, 0)], 0)
    assert buckets.level(bucket, SECOND_US) == 0


def test_the_number_of_levels_is_bounded() -> None:
    buckets = Buckets()
    for place in range(limits.THROTTLE_BUCKETS + 1):
        buckets.charge([(Bucket((place,), 1, 1), 1)], 0)
    assert buckets.level(Bucket((0,), 1, 1), 0) == 1
    assert buckets.level(Bucket((1,), 1, 1), 0) == 0
