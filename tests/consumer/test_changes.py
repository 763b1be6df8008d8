"""Values become what boto3 makes of them, and go back unchanged."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import Binary as BotoBinary
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.consumer import Binary, deserialize, serialize

NUMBERS = st.integers(-(10**37), 10**37).map(Decimal) | st.decimals(
    -1_000_000, 1_000_000, places=6, allow_nan=False
).map(lambda number: number.normalize())
SCALARS = st.none() | st.booleans() | st.text(max_size=9) | NUMBERS | st.binary(max_size=9)
SETS = st.one_of(
    st.sets(st.text(max_size=5), min_size=1, max_size=4),
    st.sets(NUMBERS, min_size=1, max_size=4),
    st.sets(st.binary(max_size=5), min_size=1, max_size=4),
)
VALUES = st.recursive(
    SCALARS | SETS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


def on_the_wire(value: Any) -> Any:
    """What boto3's serializer gives, as JSON has it: bytes in base64."""
    if isinstance(value, dict):
        return {name: on_the_wire(member) for name, member in value.items()}
    if isinstance(value, list):
        return [on_the_wire(member) for member in value]
    if isinstance(value, (bytes, BotoBinary)):
        content = value.value if isinstance(value, BotoBinary) else value
        return base64.b64encode(bytes(content)).decode()
    return value


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_values_are_boto3s(value: Any) -> None:
    wire = TypeSerializer().serialize(value)
    assert deserialize(on_the_wire(wire)) == TypeDeserializer().deserialize(wire)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_values_go_there_and_back(value: Any) -> None:
    assert deserialize(serialize(value)) == value


def test_kinds_of_values() -> None:
    assert deserialize({"N": "1.50"}) == Decimal("1.5")
    assert deserialize({"B": "AAE="}) == Binary(b"\x00\x01") == b"\x00\x01"
    assert deserialize({"BS": ["AAE="]}) == {Binary(b"\x00\x01")}
    assert deserialize({"NULL": True}) is None
    assert deserialize({"M": {"a": {"L": [{"BOOL": False}]}}}) == {"a": [False]}
    assert bytes(Binary(b"ab")) == b"ab"
    assert len(Binary(b"ab")) == 2
    assert repr(Binary(b"ab")) == "Binary(b'ab')"


@pytest.mark.parametrize("value", [{}, {"X": "1"}, {"S": "a", "N": "1"}])
def test_what_is_no_value_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        deserialize(value)


@pytest.mark.parametrize("value", [1.5, set(), {1, "a"}, {None}, object()])
def test_what_has_no_type_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        serialize(value)


def test_numbers_are_never_rounded() -> None:
    with pytest.raises(ArithmeticError):
        serialize(Decimal("1." + "1" * 40))
