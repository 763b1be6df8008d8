"""An iterator comes back as it was issued, within its life, and nothing else is taken for one."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace import limits
from tailrace.errors import ExpiredIteratorException, ValidationException
from tailrace.streams.iterators import ShardIterator, check_age, issue, parse
from tailrace.streams.reader import Position, PositionKind

ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/t/stream/2026-09-17T12:47:38.000"
SECRET = b"s" * 32
NOW_US = 1_789_651_658_000_000
LIFE_US = limits.ITERATOR_LIFE_MS * 1000

numbers = st.integers(0, 2**63 - 1)
iterators = st.builds(
    ShardIterator,
    st.just(ARN),
    numbers,
    st.builds(Position, st.sampled_from(PositionKind), numbers, numbers),
    st.integers(0, 2**32 - 1),
)


def iterator(taken_us: int = NOW_US, generation: int = 0) -> ShardIterator:
    return ShardIterator(ARN, 7, Position(PositionKind.NEXT, 5, taken_us), generation)


@given(iterators)
def test_what_was_issued_comes_back(issued: ShardIterator) -> None:
    text = issue(issued, SECRET)
    assert text.startswith(f"{ARN}|1|")
    assert len(text) <= 2048
    assert parse(text, SECRET) == issued


@given(st.text(max_size=80))
def test_other_texts_are_invalid(text: str) -> None:
    for candidate in (text, f"{ARN}|1|{text}", f"{text}|1|{issue(iterator(), SECRET)[-60:]}"):
        with pytest.raises(ValidationException) as refusal:
            parse(candidate, SECRET)
        assert refusal.value.message == "Invalid ShardIterator"


@given(st.data())
def test_every_changed_character_is_noticed(data: st.DataObject) -> None:
    text = issue(iterator(), SECRET)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda char: char != text[place]))
    with pytest.raises(ValidationException):
        parse(text[:place] + other + text[place + 1 :], SECRET)


@given(st.integers(0, 60))
def test_every_missing_or_added_character_is_noticed(place: int) -> None:
    text = issue(iterator(), SECRET)
    for changed in (text[:place] + text[place + 1 :], text + "A", text + "=", " " + text):
        with pytest.raises(ValidationException):
            parse(changed, SECRET)


def test_another_secret_is_noticed() -> None:
    with pytest.raises(ValidationException):
        parse(issue(iterator(), SECRET), b"t" * 32)


def test_the_bytes_behind_the_code_cannot_be_chosen() -> None:
    forged = f"{ARN}|1|{base64.b64encode(bytes(45)).decode()}"
    with pytest.raises(ValidationException):
        parse(forged, SECRET)


@pytest.mark.parametrize("age_us", [-1_000_000, 0, LIFE_US])
def test_fifteen_minutes_are_its_life(age_us: int) -> None:
    check_age(iterator(), 0, NOW_US + age_us)


def test_then_it_has_expired() -> None:
    with pytest.raises(ExpiredIteratorException) as refusal:
        check_age(iterator(), 0, NOW_US + LIFE_US + 1)
    assert refusal.value.message == (
        "Iterator expired. The iterator was created at time Thu Sep 17 13:27:38 UTC 2026 while"
        " right now it is Thu Sep 17 13:42:38 UTC 2026 which is further in the future than the"
        " tolerated delay of 900000 milliseconds."
    )


def test_iterators_of_an_earlier_generation_have_expired() -> None:
    check_age(iterator(generation=2), 2, NOW_US)
    check_age(iterator(generation=2), 0, NOW_US)
    with pytest.raises(ExpiredIteratorException):
        check_age(iterator(generation=1), 2, NOW_US)
