"""Proves that numbers are canonical, bounded, exact in sums, and ordered by their bytes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import ValidationException
from tailrace.model import numbers
from tailrace.model.numbers import canonical_number, number_size, sort_bytes

legal = st.builds(
    lambda digits, exponent, sign: f"{sign}{digits}E{exponent}",
    st.integers(0, 10**38 - 1),
    st.integers(-130, 87),
    st.sampled_from(["", "-", "+"]),
)


@given(legal)
def test_canonical_text_means_the_same_number_and_is_its_own_canonical_text(text: str) -> None:
    canonical = canonical_number(text)
    assert Decimal(canonical) == Decimal(text)
    assert canonical_number(canonical) == canonical


@given(legal, legal)
def test_equal_numbers_have_equal_texts_and_bytes_are_in_the_order_of_the_numbers(
    one: str, two: str
) -> None:
    first, second = canonical_number(one), canonical_number(two)
    assert (first == second) == (Decimal(one) == Decimal(two))
    assert (sort_bytes(first) < sort_bytes(second)) == (Decimal(one) < Decimal(two))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0e7", "0"),
        ("0e999999999", "0"),
        ("00", "0"),
        ("007", "7"),
        ("+5", "5"),
        ("1.", "1"),
        (".5", "0.5"),
        ("-.5e1", "-5"),
        ("1.50", "1.5"),
        ("1E5", "100000"),
        ("1e0000000000000001", "10"),
        (f"1e{'0' * 5000}2", "100"),
        (f"1e-{'0' * 5000}2", "0.01"),
        ("1" + "0" * 125, "1" + "0" * 125),
        ("0" * 500 + "1", "1"),
        ("1e-130", "0." + "0" * 129 + "1"),
        ("9" * 38 + "e88", "9" * 38 + "0" * 88),
    ],
)
def test_every_spelling_has_one_canonical_text(text: str, canonical: str) -> None:
    assert canonical_number(text) == canonical


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The parameter cannot be converted to a numeric value"),
        *(
            (text, f"The parameter cannot be converted to a numeric value: {text}")
            for text in ["a", " 1", "1 ", "1_000", "٣", ".", "1e", "0x10", "NaN", "Infinity", "--1"]
        ),
        ("1e9999999999", "The parameter cannot be converted to a numeric value: 1e9999999999"),
        *(
            (
                text,
                (
                    "Number overflow. Attempting to store a number with magnitude larger than"
                    " supported range"
                ),
            )
            for text in ["1e126", "-1e126", "1e999999999", "1" + "0" * 500]
        ),
        *(
            (
                text,
                (
                    "Number underflow. Attempting to store a number with magnitude smaller than"
                    " supported range"
                ),
            )
            for text in ["1e-131", "-1e-131", "1e-999999999", "0." + "0" * 500 + "1"]
        ),
        *(
            (text, "Attempting to store more than 38 significant digits in a Number")
            for text in ["1" * 39, "-1." + "1" * 38, "1" * 500]
        ),
    ],
)
def test_numbers_that_cannot_be_stored_are_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(ValidationException) as caught:
        canonical_number(text)
    assert caught.value.message == message


@given(st.text(alphabet="0123456789+-.eE ", max_size=12))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        canonical = canonical_number(text)
    except ValidationException:
        return
    assert Decimal(canonical) == Decimal(text)


@given(legal, legal)
def test_sums_and_differences_are_exact_or_refused(one: str, two: str) -> None:
    first, second = canonical_number(one), canonical_number(two)
    for sign, combine in ((1, numbers.add), (-1, numbers.subtract)):
        exact = Decimal(f"{_scaled(first) + sign * _scaled(second)}E-168")
        try:
            text = combine(first, second)
        except ValidationException:
            with pytest.raises(ValidationException):
                numbers.checked(exact)
        else:
            assert canonical_number(text) == text
            assert Decimal(text) == exact


def _scaled(text: str) -> int:
    """A canonical number as a whole number of units of its 168th decimal place, which none has."""
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(168, "0"))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 1),
        ("7", 2),
        ("42", 2),
        ("123", 3),
        ("-5", 3),
        ("1.5", 3),
        ("0.5", 2),
        ("-12.345", 5),
        ("100", 2),
        ("1010", 3),
        ("100.5", 4),
        ("0.0000001", 2),
        ("1" + "0" * 125, 2),
    ],
)
def test_size_counts_digits_in_pairs_and_the_minus_sign(text: str, size: int) -> None:
    assert number_size(text) == size
