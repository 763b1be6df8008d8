"""Items become plain documents without loss, and keys become ids without collision."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.sinks.documents import ID_BYTES, document_id, plain_value


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"S": "x"}, "x"),
        ({"N": "7"}, 7),
        ({"N": "-7"}, -7),
        ({"N": "9223372036854775807"}, 9223372036854775807),
        ({"N": "9223372036854775808"}, "9223372036854775808"),
        ({"N": "9223372036854775809"}, "9223372036854775809"),
        ({"N": "0.1"}, 0.1),
        ({"N": "0.1234567890123456789"}, "0.1234567890123456789"),
        ({"N": "1" + "0" * 125}, 1e125),
        ({"B": "AA=="}, "AA=="),
        ({"BOOL": True}, True),
        ({"NULL": True}, None),
        ({"SS": ["a"]}, ["a"]),
        ({"NS": ["1", "2.5"]}, [1, 2.5]),
        ({"BS": ["AA=="]}, ["AA=="]),
        ({"L": [{"N": "1"}, {"L": []}]}, [1, []]),
        ({"M": {"a": {"M": {}}}}, {"a": {}}),
    ],
)
def test_plain_values(value: dict[str, Any], plain: Any) -> None:
    found = plain_value(value)
    assert (found, type(found)) == (plain, type(plain))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10).map(lambda d: format(d, "f")))
def test_no_number_changes_its_value(text: str) -> None:
    plain = plain_value({"N": text})
    assert Decimal(plain if isinstance(plain, str) else repr(plain)) == Decimal(text)


KEY_TEXT = st.text(alphabet="a|%7C5:\\", max_size=6)


@given(KEY_TEXT, KEY_TEXT, KEY_TEXT, KEY_TEXT)
def test_composite_keys_have_the_same_id_only_when_they_are_the_same(
    a: str, b: str, c: str, d: str
) -> None:
    one = document_id({"pk": {"S": a}, "sk": {"S": b}})
    other = document_id({"sk": {"S": d}, "pk": {"S": c}})
    assert (one == other) == ((a, b) == (c, d))


def test_a_simple_key_is_its_id() -> None:
    assert document_id({"pk": {"S": "a|b%"}}) == "a|b%"
    assert document_id({"pk": {"N": "7"}}) == "7"


def test_long_keys_are_hashed_and_no_key_passes_for_a_hash() -> None:
    long = document_id({"pk": {"S": "é" * 300}})
    assert len(long.encode()) <= ID_BYTES
    assert document_id({"pk": {"S": long}}) != long
    assert document_id({"pk": {"S": "x" * ID_BYTES}}) == "x" * ID_BYTES
