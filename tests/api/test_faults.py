"""Refusals are given exactly as often as was asked for, to the calls they are meant for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from tailrace.api.faults import FAULT_CODES, Faults


def test_nothing_is_set_at_first() -> None:
    faults = Faults()
    assert not faults.active
    assert faults.refusal("GetItem") is None


@given(st.integers(0, 20), st.integers(0, 20))
def test_the_rule_for_one_operation_goes_before_the_rule_for_all(of_one: int, of_all: int) -> None:
    faults = Faults()
    faults.refuse("ThrottlingException", of_one, "GetItem")
    faults.refuse("InternalServerError", of_all)
    codes = [error.code for _ in range(60) if (error := faults.refusal("GetItem"))]
    assert codes == ["ThrottlingException"] * of_one + ["InternalServerError"] * of_all
    assert not faults.active


def test_every_code_makes_the_error_of_that_code() -> None:
    faults = Faults()
    for code in FAULT_CODES:
        faults.refuse(code, 1)
        error = faults.refusal("Query")
        assert error is not None
        assert error.code == code
        assert error.message


def test_threads_share_the_count() -> None:
    faults = Faults()
    faults.refuse("InternalServerError", 500)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(faults.refusal, ["PutItem"] * 1000))
    assert sum(error is not None for error in results) == 500


def test_the_trim_of_a_stream_never_goes_back() -> None:
    faults = Faults()
    for before in (5, 3, 9):
        faults.trim(1, before)
    assert faults.trimmed == {1: 9}
